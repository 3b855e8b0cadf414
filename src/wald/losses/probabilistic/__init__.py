"""Probabilistic regression: likelihoods, and scores of forecasts."""
