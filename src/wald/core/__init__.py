"""Floor 1: a loss is a value with one definition; everything else follows from it."""

from .admission import (
    DomainError as DomainError,
    DtypeError as DtypeError,
    ShapeError as ShapeError,
    value_checks as value_checks,
)
from .call import which as which
from .derive import gradient_and_hessian as gradient_and_hessian
from .implementation import implementations as implementations, implements as implements
from .lookup import catalogue as catalogue, from_dict as from_dict, get as get, parse as parse, search as search
from .loss import (
    Contrastive as Contrastive,
    Generative as Generative,
    Listwise as Listwise,
    Loss as Loss,
    Policy as Policy,
    Preference as Preference,
    Supervised as Supervised,
)
from .reduction import (
    CVaR as CVaR,
    EmptyBatchError as EmptyBatchError,
    Reduction as Reduction,
    TrimmedMean as TrimmedMean,
    WorstGroup as WorstGroup,
)
from .tally import Tally as Tally
from .tensors import constant as constant
from .worst_case import KLDRO as KLDRO, ChiSquareDRO as ChiSquareDRO, TiltedMean as TiltedMean
