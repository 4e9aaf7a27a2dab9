"""Methods of reading an ad: a block of data in; a value, its evidence, outcome, cost and provenance out."""
