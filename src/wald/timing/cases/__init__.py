"""Every case that is timed, one file an area."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ..case import Case


@cache
def cases() -> tuple[Case, ...]:
    """All of them: rows of the table first, in its order."""
    areas = (import_module(f"{__name__}.{area.name}") for area in iter_modules(__path__))
    found = [case for area in areas for case in area.CASES]
    return tuple(sorted(found, key=lambda case: (case.row is None, case.row or 0)))
