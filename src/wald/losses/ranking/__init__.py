"""Ranking: what is relevant comes first."""
