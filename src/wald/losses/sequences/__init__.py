"""Sequences: what is said, without knowing when."""
