"""Fairness: scores do not depend on a group, or err no more in one than in another."""
