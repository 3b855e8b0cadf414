"""What is at stake where a prediction is acted on: what each way to decide costs, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ..costs import Costs
from ..errors import ChoiceError

Columns = Mapping[str, Tensor]


class Stakes(Protocol):
    """Decisions and what they cost."""

    def decided(self, prediction: Tensor, columns: Columns) -> Tensor:
        """The decision of least expected cost, by row."""
        ...

    def ways(self, prediction: Tensor, target: Tensor | None, columns: Columns) -> dict[str, Tensor]:
        """What each row costs by each way to decide, the design's first, then that at one half, then that of never.

        Without a target it is what the probabilities promise.
        """
        ...


@dataclass(frozen=True)
class YesOrNo:
    """A yes or a no that costs what `costs` says; predictions are probabilities of yes, (rows,)."""

    costs: Costs

    def decided(self, prediction: Tensor, columns: Columns) -> Tensor:
        """Yes from the threshold on, which may be another in each row."""
        return prediction >= self._known(prediction, columns).threshold

    def ways(self, prediction: Tensor, target: Tensor | None, columns: Columns) -> dict[str, Tensor]:
        """Against the decision at one half, never a yes and always a yes."""
        costs = self._known(prediction, columns)
        yes = torch.ones_like(prediction, dtype=torch.bool)
        decisions = {
            "this design": prediction >= costs.threshold,
            "the decision at one half": prediction >= 0.5,
            "never a yes": ~yes,
            "always a yes": yes,
        }
        if target is not None:
            labels(target, "saving")
            return {name: costs.paid(decision, target) for name, decision in decisions.items()}
        return {
            name: prediction * costs.paid(decision, yes) + (1 - prediction) * costs.paid(decision, ~yes)
            for name, decision in decisions.items()
        }

    def _known(self, prediction: Tensor, columns: Columns) -> Costs:
        if prediction.ndim != 1:
            raise ChoiceError(
                f"a yes or a no wants one probability of yes a row, (rows,); got shape {tuple(prediction.shape)}."
                + (" Give its last column: probability[:, 1]." if prediction.shape[1:] == (2,) else "")
            )
        in_range(prediction)
        costs = self.costs.on(columns) if self.costs.columns else self.costs
        sizes = {len(x) for x in vars(costs).values() if isinstance(x, Tensor)}
        if sizes - {len(prediction)}:
            raise ChoiceError(
                f"the costs are of {sorted(sizes)[0]} rows and the probabilities of {len(prediction)}. Name the costs "
                'in columns, as in costs="fn=amount,fp=5", and give columns={"amount": ...} for these rows.'
            )
        return costs


@dataclass(frozen=True)
class OneOfSeveral:
    """A decision for each of several classes; predictions are probabilities, (rows, classes).

    Attributes:
        costs: costs[true][decided].
    """

    costs: tuple[tuple[float, ...], ...]

    def decided(self, prediction: Tensor, columns: Columns) -> Tensor:
        """The decision of least expected cost."""
        return self._expected(prediction).argmin(-1)

    def ways(self, prediction: Tensor, target: Tensor | None, columns: Columns) -> dict[str, Tensor]:
        """Against the likeliest class, and against the one decision that is cheapest for all rows."""
        expected = self._expected(prediction)
        each = expected if target is None else self._matrix[self._ids(target)]
        decisions = {
            "this design": expected.argmin(-1),
            "the likeliest class": prediction.argmax(-1),
            "one decision for all": each.sum(0).argmin().expand(len(prediction)),
        }
        return {name: each.gather(1, decision[:, None])[:, 0] for name, decision in decisions.items()}

    def _ids(self, target: Tensor) -> Tensor:
        ids = target.long()
        if bool(((ids != target) | (ids < 0) | (ids >= len(self.costs))).any()):
            raise ChoiceError(
                f"the targets of {len(self.costs)} classes are the numbers 0 to {len(self.costs) - 1}; got values from "
                f"{float(target.min()):g} to {float(target.max()):g}."
            )
        return ids

    @property
    def _matrix(self) -> Tensor:
        return torch.tensor(self.costs, dtype=torch.float64)

    def _expected(self, prediction: Tensor) -> Tensor:
        if prediction.ndim != 2 or prediction.shape[1] != len(self.costs):
            raise ChoiceError(
                f"costs of {len(self.costs)} classes want probabilities of shape (rows, {len(self.costs)}); got "
                f"{tuple(prediction.shape)}."
            )
        in_range(prediction)
        if len(prediction) and float((prediction.sum(-1) - 1).abs().max()) > 1e-3:
            raise ChoiceError(
                "the probabilities of a row must add to 1; there is one that adds to "
                f"{float(prediction.sum(-1)[(prediction.sum(-1) - 1).abs().argmax()]):.3g}. Use torch.softmax(logits, "
                "-1)."
            )
        return prediction @ self._matrix


@dataclass(frozen=True)
class Amount:
    """An amount to have ready: too little costs `underage` a piece, too much `overage`."""

    underage: float
    overage: float

    def decided(self, prediction: Tensor, columns: Columns) -> Tensor:
        """The prediction itself."""
        return prediction

    def ways(self, prediction: Tensor, target: Tensor | None, columns: Columns) -> dict[str, Tensor]:
        """Against the median of the targets for every row, and against nothing at all."""
        if target is None:
            raise ChoiceError(
                "what an amount costs depends on what is asked for. Give target=, the observed amounts, one a row."
            )
        middle = target.median().expand(len(target)) if len(target) else target
        amounts = {"this design": prediction, "the median for all": middle, "nothing at all": torch.zeros_like(target)}
        return {name: self._paid(amount, target) for name, amount in amounts.items()}

    def _paid(self, amount: Tensor, target: Tensor) -> Tensor:
        missing = target - amount
        return self.underage * missing.clamp_min(0) + self.overage * (-missing).clamp_min(0)


def in_range(probability: Tensor) -> None:
    """Refuse what cannot be a probability.

    Raises:
        ChoiceError: a value is NaN, below 0 or above 1.
    """
    if not len(probability):
        return
    low, high = float(probability.min()), float(probability.max())
    if not (low >= 0 and high <= 1):
        raise ChoiceError(
            f"probabilities lie in [0, 1]; got values from {low:.3g} to {high:.3g}. Logits become probabilities of "
            "yes by torch.sigmoid(logits), and of classes by torch.softmax(logits, -1)."
        )


def labels(target: Tensor, what: str) -> None:
    """Refuse targets that are no 0, no 1 and nothing between.

    Raises:
        ChoiceError: a target is something else.
    """
    if len(target) and not (float(target.min()) >= 0 and float(target.max()) <= 1):
        raise ChoiceError(
            f"{what}: targets are 0 for no and 1 for yes; got values from {float(target.min()):g} to "
            f"{float(target.max()):g}. Labels of -1 and 1 become (target > 0)."
        )


def as_numbers(given: Any, what: str) -> Tensor:
    """Lists, arrays, series and tensors as float64 on the CPU, detached.

    Raises:
        ChoiceError: these are no numbers.
    """
    try:
        if isinstance(given, Tensor):
            return given.detach().cpu().double()
        import numpy as np

        return torch.from_numpy(np.array(given, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ChoiceError(f"{what} wants numbers, one row each; got {type(given).__name__} ({error}).") from None
