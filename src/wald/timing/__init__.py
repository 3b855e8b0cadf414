"""Floor 3: how fast a loss is, and how much memory it takes, beside its floor and its rivals."""

# What is timed is what a user runs, faster implementations included.
from .. import kernels as kernels
from .case import Bar as Bar, Case as Case, Sides as Sides
from .result import Result as Result, Run as Run
from .running import Settings as Settings, measured as measured
