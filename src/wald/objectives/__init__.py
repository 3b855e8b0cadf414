"""Floor 2: what training minimises, as named terms with weights."""

from ._objective import Objective as Objective
from ._outcome import Outcome as Outcome
from ._term import Term as Term
from .heads import (
    ClassCentres as ClassCentres,
    LearnedBoundary as LearnedBoundary,
    LearnedScale as LearnedScale,
    Prototypes as Prototypes,
    Proxies as Proxies,
    Queue as Queue,
    RunningMean as RunningMean,
    Teacher as Teacher,
)
