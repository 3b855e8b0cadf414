"""What is known beside the metric: how many classes there are, and how rare a yes is."""

from __future__ import annotations

from dataclasses import dataclass

from .facts import Facts


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is known beside the metric.

    Attributes:
        classes: how many classes the target tells apart.
        rate: the share of yes in the training data; None where it is not known.
        facts: what is known of a target of numbers.
    """

    classes: int = 2
    rate: float | None = None
    facts: Facts = Facts()  # noqa: RUF009  (frozen)
