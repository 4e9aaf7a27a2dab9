"""One handler per phase: parse, call one use case, hand on."""
