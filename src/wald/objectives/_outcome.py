"""What an objective comes to on a batch, term by term."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..core import Tally


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The value of an objective and of each of its terms; all 0-d tensors.

    Outcomes of micro-batches add like their tallies: each term becomes the mean over all examples, and the sum
    has the weights of the first.

    Attributes:
        total: the weighted sum of the terms, to call `backward` on.
        terms: the value of each term before its weight, by name.
        weighted: what each term adds to the total, by name.
        tallies: what the batch contributes to each term, by name.
        weights: how much each term counts, by name.
    """

    total: Tensor
    terms: Mapping[str, Tensor]
    weighted: Mapping[str, Tensor]
    tallies: Mapping[str, Tally]
    weights: Mapping[str, Tensor]

    @classmethod
    def of(cls, tallies: Mapping[str, Tally], weights: Mapping[str, Tensor]) -> Outcome:
        """The outcome of these tallies, each term in the dtype of its weight."""
        terms = {name: tally.mean.to(weights[name].dtype) for name, tally in tallies.items()}
        weighted = {name: _counted(value, weights[name]) for name, value in terms.items()}
        total = sum(weighted.values(), start=torch.zeros_like(next(iter(weighted.values()))))
        return cls(total=total, terms=terms, weighted=weighted, tallies=tallies, weights=weights)

    def __add__(self, other: Outcome) -> Outcome:
        if not isinstance(other, Outcome):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        if self.tallies.keys() != other.tallies.keys():
            raise ValueError(
                f"outcomes of different terms do not add: {', '.join(self.tallies)} and {', '.join(other.tallies)}"
            )
        tallies = {name: tally + other.tallies[name] for name, tally in self.tallies.items()}
        return Outcome.of(tallies, self.weights)

    def __radd__(self, other: Any) -> Outcome:
        # `sum(outcomes)` begins with the number 0.
        return self if other == 0 else NotImplemented

    def detach(self) -> Outcome:
        """The same numbers without the graph, to keep over an epoch."""

        def plain(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: value.detach() for name, value in values.items()}

        return replace(
            self,
            total=self.total.detach(),
            terms=plain(self.terms),
            weighted=plain(self.weighted),
            tallies={name: tally.detach() for name, tally in self.tallies.items()},
        )


def _counted(value: Tensor, weight: Tensor) -> Tensor:
    # A term that is switched off must not spoil the total when it overflows: 0 times infinity is NaN.
    return torch.where(weight == 0, torch.zeros_like(value), weight * value)
