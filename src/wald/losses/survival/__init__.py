"""Survival: the time until an event, some of it unseen."""
