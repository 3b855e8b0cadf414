"""Robustness: the model holds under attacks, in new domains and environments."""
