"""Pure statistics on counts: plain values in, plain values out."""
