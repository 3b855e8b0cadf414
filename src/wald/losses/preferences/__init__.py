"""Preferences: a chosen answer and a rejected one."""
