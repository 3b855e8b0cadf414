"""Ordinal: classes in an order, where far off is worse than near."""
