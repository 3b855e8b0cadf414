"""Floor 2: what training minimises, as named terms with weights."""

from ._objective import Objective as Objective
from ._outcome import Outcome as Outcome
from ._term import Term as Term
