"""Which losses are worth a try on a target, what each would estimate there, and where the metric is the problem."""

from .constants import best_constant as best_constant
from .doubting import doubts as doubts
from .meaning import estimate as estimate, estimates as estimates
from .proposal import propose as propose
from .reads import Reads as Reads, reads as reads
