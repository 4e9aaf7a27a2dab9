"""The three phases as functions of a message and the ports they need."""
