"""Customers: who may come in, what they may do, and what was done.

Every change asks for the permission it needs and leaves an audit row in its own transaction.
"""
