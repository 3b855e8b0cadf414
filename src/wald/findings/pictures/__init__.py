"""How each kind of figure is drawn on a matplotlib canvas. matplotlib itself is imported by `draw` alone."""
