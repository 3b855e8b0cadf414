"""Whether a number was computed, or only found in memory that nobody wrote.

An operation that forgets a case returns its result as it was allocated. The same call is made again with other
numbers freed just before, under the same random seed, and with the earlier results held, so that none of them is
given the same place twice: what was computed stays the same, and what was found does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from ..behaviour.memory import litter, looks_found
from .ran import Ran

_AGAIN: Final = 10


def differs(call: Callable[[], Ran]) -> str:
    """Two numbers that the same call gave, or one that nobody can have computed; empty where it gives the same."""
    seen: list[Tensor] = []
    for attempt in range(_AGAIN):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            litter(attempt)
            value = call().value
        if value is None:
            return ""
        seen.append(value)
    if all(torch.allclose(seen[0], other, rtol=0, atol=0, equal_nan=True) for other in seen[1:]):
        return f"{float(seen[0].double().mean()):.4g}" if looks_found(seen[0]) else ""
    # Four digits are enough where they tell two of them apart.
    for digits in (4, 17):
        numbers = list(dict.fromkeys(f"{float(value.double().mean()):.{digits}g}" for value in seen))
        if len(numbers) > 1:
            break
    return ", then ".join(numbers[:2])
