"""The Contextual Data Model, read side: what a brandspace can be asked. Pages and the API call the same functions.

Every function takes ``(database, principal, …)``, reads under row-level security and returns frozen dataclasses.
"""
