"""Acquisition engines: every source maps to one AdRecord."""
