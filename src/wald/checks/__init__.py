"""Floor 3: measuring a loss from outside. One rule a file, in `rules`."""

from .checker import check as check
from .rules import CODES as CODES, RULES as RULES
from .target import Target as Target, TargetError as TargetError, resolve as resolve
