"""Floor 3: which loss to use. Choosing by evidence, designing from what is wanted, and reading what was trained."""

from .candidate import Candidate as Candidate, Refusal as Refusal
from .costs import Costs as Costs
from .errors import ChoiceError as ChoiceError
