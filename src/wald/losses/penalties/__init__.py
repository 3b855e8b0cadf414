"""Penalties: terms that are added to a loss."""
