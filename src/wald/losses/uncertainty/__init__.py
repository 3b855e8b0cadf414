"""Uncertainty: how sure a prediction is, and inputs that belong to no class."""
