"""Cases to try, on public data that comes in a package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from ...core import Loss
from ..case import Case

#: Each built-in case, and what it is about in a line. Its module is loaded when it is asked for.
BUILT_IN: dict[str, str] = {
    "loans": "9,857 loans of 2016, 5 % of them bad: the folk recipe for imbalance, judged in dollars",
    "mortgages": "2,380 mortgage applications in Boston, 1990, with the applicant's race: a calm case",
    "rare": "10,012 deliveries, one in 90 very late: nearly as rare as fraud, and decided at one half",
    "digits": "1,797 handwritten digits under attack: nearly perfect, and fooled by a tenth of a pixel's range",
    "poisoned": "the digits with wrong labels and a hidden mark among the training rows",
    "unseen": "the digits, met by a detector that has never seen a nine",
    "demand": "19,609 counts of visits to a doctor, a third of them zero, judged by percentages",
    "reviews": "5,000 reviews of food, read by a classifier that was trained until it was sure of everything",
    "moderation": "4,601 letters, and a loss that counts only the spam that was missed",
    "trading": "daily returns of the S&P 500 before 1987, and a strategy that sells insurance against crashes",
    "best-of-n": "reviews rewritten to please a reward that can be hacked with a few happy words",
    "deliveries": "10,012 deliveries and how long they took: nothing is wrong here",
}


def load(name: str, *, loss: Callable[..., Any] | None = None, seed: int = 0) -> Case:
    """A built-in case, its model trained.

    Args:
        name: one of `BUILT_IN`.
        loss: what to train with, in place of the case's own.
        seed: of the split and the training.

    Raises:
        KeyError: there is no such case.
        ModuleNotFoundError: the data are not installed; the message says how to get them.
    """
    if name not in BUILT_IN:
        raise KeyError(f"there is no built-in case {name!r}; there are {', '.join(BUILT_IN)}.")
    made: Case = import_module(f"{__name__}.{name.replace('-', '_')}").case(loss=loss, seed=seed)
    replaced = f", loss=wald.{loss!r}" if isinstance(loss, Loss) else ", loss=loss" if loss is not None else ""
    recipe = f'import wald; from wald.audits.cases import load; case = load("{name}"{replaced}, seed={seed})'
    return replace(made, recipe=recipe)
