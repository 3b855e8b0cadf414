"""The tokens that a policy took: a loss of them by way of a linear head."""

from .loss import PolicyOutput as PolicyOutput, linear_policy as linear_policy
