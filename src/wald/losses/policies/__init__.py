"""Policies: actions, and what they earned."""
