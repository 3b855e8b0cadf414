"""Floor 1: a loss is a value with one definition; everything else follows from it."""

from .admission import (
    DomainError as DomainError,
)
from .admission import (
    DtypeError as DtypeError,
)
from .admission import (
    ShapeError as ShapeError,
)
from .admission import (
    value_checks as value_checks,
)
from .derive import gradient_and_hessian as gradient_and_hessian
from .implementation import implementations as implementations
from .implementation import implements as implements
from .implementation import which as which
from .lookup import from_dict as from_dict
from .lookup import get as get
from .lookup import parse as parse
from .lookup import search as search
from .loss import (
    Contrastive as Contrastive,
)
from .loss import (
    Generative as Generative,
)
from .loss import (
    Loss as Loss,
)
from .loss import (
    Preference as Preference,
)
from .loss import (
    Supervised as Supervised,
)
from .reduction import (
    CVaR as CVaR,
)
from .reduction import (
    EmptyBatchError as EmptyBatchError,
)
from .reduction import (
    Reduction as Reduction,
)
from .reduction import (
    TrimmedMean as TrimmedMean,
)
from .reduction import (
    WorstGroup as WorstGroup,
)
from .tally import Tally as Tally
from .tensors import constant as constant
