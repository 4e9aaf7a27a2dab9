"""What an organisation makes of the shared record for itself: its brandspaces and its corrections.

Every change asks for the permission it needs and leaves an audit row in its own transaction.
"""
