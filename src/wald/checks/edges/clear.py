"""Whether an error tells the person who reads it what to change."""

from __future__ import annotations

import re
from typing import Final

#: What a message speaks of when it names a shape, a dtype, a range or an argument.
_WORDS: Final = re.compile(
    r"shape|\(\d+,|\[\d+|size|dimension|\bdims?\b|broadcast|batch|rows?\b|column|empty"
    r"|dtype|\btype|float|double|half\b|\blong\b|\bint|bool|integral|implemented|supported"
    r"|range|bound|between|outside|negative|positive|finite|\bnan\b|at least|at most|greater|less than"
    r"|target|prediction|\binput|label|class|logit|probabilit|weight|mask|argument|expected|\bmust\b|should",
    re.IGNORECASE,
)
#: The kinds of error that an argument deserves; an AttributeError or an assertion speaks of the code instead.
_KINDS: Final = (ValueError, TypeError, IndexError, RuntimeError)


def is_clear(error: BaseException) -> bool:
    """Whether it is an error about an argument, in words about a shape, a dtype, a range or an argument.

    >>> is_clear(ValueError("Target size (4, 1) must be the same as input size (4,)"))
    True
    >>> is_clear(AssertionError())
    False
    """
    return isinstance(error, _KINDS) and _WORDS.search(headline(error)) is not None


def headline(error: BaseException) -> str:
    """The first line of its message, cut where it is long."""
    lines = str(error).strip().splitlines()
    told = lines[0].strip() if lines else ""
    return told if len(told) <= 140 else f"{told[:137]}..."
