"""Floor 0: what a loss says of itself, as plain data that needs no tensor library."""

from .card import Card as Card
from .card import Claim as Claim
from .domain import (
    AboveMinusOne as AboveMinusOne,
)
from .domain import (
    BinaryTarget as BinaryTarget,
)
from .domain import (
    ClassId as ClassId,
)
from .domain import (
    ClassTarget as ClassTarget,
)
from .domain import (
    Domain as Domain,
)
from .domain import (
    Logit as Logit,
)
from .domain import (
    Logits as Logits,
)
from .domain import (
    LogProbabilities as LogProbabilities,
)
from .domain import (
    NonNegative as NonNegative,
)
from .domain import (
    Parameters as Parameters,
)
from .domain import (
    Positive as Positive,
)
from .domain import (
    Probabilities as Probabilities,
)
from .domain import (
    Real as Real,
)
from .domain import (
    Vector as Vector,
)
from .formula import Formula as Formula
from .param import REQUIRED as REQUIRED
from .param import numbers as numbers
from .param import param as param
