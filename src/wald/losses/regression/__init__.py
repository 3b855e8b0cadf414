"""Regression: a number, judged by its error, its ratio or its place in the distribution."""
