"""Which of many like cases run every day; the others run with the slow tests, so that no proof is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest


def daily(cases: Iterable[Any], one_in: int, ids: Callable[[Any], str] | Sequence[str] | None = None) -> list[Any]:
    """Every case as a parameter: one in so many each day, the first among them, and the rest marked slow.

    A case of several values is a tuple. `ids` names the cases, as in `pytest.mark.parametrize`.
    """
    every = list(cases)
    names = [ids(case) for case in every] if callable(ids) else ids or [None] * len(every)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            id=name,
            marks=[pytest.mark.slow] if place % one_in else [],
        )
        for place, (case, name) in enumerate(zip(every, names, strict=True))
    ]
