"""What all cases add up to: how many losses of ours agree with how many packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
import math
import warnings

import pytest

from .case import EVERYDAY, Agreement, Case, measure, version
from .register import CASES


@cache
def agreement(number: int) -> Agreement | str:
    """How far a case is apart; or why it cannot be asked here, where a package does not load."""
    case = CASES[number]
    if not case.installed:
        return "not installed"
    try:
        return measure(case)
    except (ImportError, pytest.skip.Exception) as failed:
        return f"does not load: {failed}"
    except Exception as failed:  # one case must not take away what the others say
        warnings.warn(f"{case}: {failed!r}", stacklevel=2)
        return Agreement(value=math.inf, slope=math.inf, by="torch")


def measured(everyday: bool = False) -> dict[Case, Agreement]:
    """Every case that can be asked here and its agreement; of the everyday packages alone if so told."""
    asked = (number for number, case in enumerate(CASES) if not everyday or case.package in EVERYDAY)
    told = ((CASES[number], agreement(number)) for number in asked)
    return {case: found for case, found in told if isinstance(found, Agreement)}


def agreeing(found: Mapping[Case, Agreement]) -> dict[str, set[str]]:
    """The losses that agree wherever they were asked, and with which packages."""
    apart = {case.loss for case, agreed in found.items() if agreed.worst > case.within}
    losses = sorted({case.loss for case in found} - apart)
    return {loss: {case.package for case in found if case.loss == loss} for loss in losses}


def packages(found: Iterable[Case]) -> list[str]:
    """The packages that were asked, with their versions."""
    return [f"{name} {version(name)}" for name in sorted({case.package for case in found}, key=str.lower)]


def summary(found: Mapping[Case, Agreement]) -> str:
    """In two lines."""
    losses, names = agreeing(found), packages(found)
    return (
        f"{len(losses)} losses agree in value and slope with {len(names)} packages, in {len(found)} cases.\n"
        + ", ".join(names)
    )
