"""Candidates on the same rows: trained, judged, and compared as surely as the data allow."""

from .learners import SHALLOW as SHALLOW, Learner as Learner
from .result import (
    Advantage as Advantage,
    Calibration as Calibration,
    Entry as Entry,
    GroupGap as GroupGap,
    Race as Race,
)
from .running import race as race
