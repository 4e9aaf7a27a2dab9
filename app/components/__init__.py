"""Parts of pages: each shows one thing."""
