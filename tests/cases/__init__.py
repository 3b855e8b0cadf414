"""Cases of which the truth is known: what must be found in each, and what must not."""
