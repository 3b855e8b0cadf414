"""Chosen and rejected answers: a loss of them by way of a linear head."""

from .loss import PreferenceOutput as PreferenceOutput, linear_preference as linear_preference
