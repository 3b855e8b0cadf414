"""Margins: a score that leads far enough costs nothing, or next to nothing; decisions in place of probabilities."""
