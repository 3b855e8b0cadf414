"""Multi-label: several classes may be true at once, and what one costs depends on the others."""
