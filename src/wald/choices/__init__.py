"""Floor 3: which loss to use. Choosing by evidence, designing from what is wanted, and reading what was trained."""

from .candidate import Candidate as Candidate, Refusal as Refusal
from .choice import Choice as Choice
from .choosing import choose as choose
from .correcting import (
    Correction as Correction,
    LeastCost as LeastCost,
    Threshold as Threshold,
    prior_correction as prior_correction,
    recalibration as recalibration,
    threshold as threshold,
)
from .costs import Costs as Costs
from .designing import Design as Design, design as design
from .errors import ChoiceError as ChoiceError
from .preflighting import preflight as preflight
