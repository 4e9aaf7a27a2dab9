"""The trade's nouns as plain, frozen values. Standard library only; no input or output."""
