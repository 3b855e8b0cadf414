"""A student and its teacher: how far their linear heads are from each other."""

from .loss import linear_distillation as linear_distillation
