"""Webhooks: what becomes of an organisation's requests, told to its own servers. Signed, retried, guarded."""
