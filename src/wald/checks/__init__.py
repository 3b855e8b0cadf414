"""Floor 3: measuring a loss from outside. One rule a file, in `rules`."""

from .batches import BatchError as BatchError
from .checker import check as check
from .diagnosis import why as why
from .likeness.difference import diff as diff
from .rules import CODES as CODES, RULES as RULES
from .subjects.target import Target as Target, TargetError as TargetError, resolve as resolve
