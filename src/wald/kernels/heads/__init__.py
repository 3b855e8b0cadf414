"""Losses of the scores of a linear head, without the matrix of all scores."""

from .distillation import linear_distillation as linear_distillation
from .linear_loss import linear as linear
from .output import LinearOutput as LinearOutput
from .planning import linear_plan as linear_plan
from .policy import PolicyOutput as PolicyOutput, linear_policy as linear_policy
from .preference import PreferenceOutput as PreferenceOutput, linear_preference as linear_preference
