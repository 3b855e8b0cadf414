"""An objective of several terms, as the one loss that it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from torch import Tensor

from ...objectives import Objective
from ..errors import CaseError

#: (prediction, target) → the value of one term, as it enters the sum.
Part = Callable[[Tensor, Tensor], Tensor]

_READ = ("prediction", "target", "weight", "mask")


class Total:
    """An objective's sum of weighted terms as a function (prediction, target), which the probes take for a loss.

    Attributes:
        objective: the objective.

    Raises:
        CaseError: a term reads something other than the prediction and the target.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        for name, term in objective.terms.items():
            optional = ("weight", "mask")
            if besides := [one for takes, one in term.sources.items() if one not in _READ and takes not in optional]:
                raise CaseError(
                    f"the term {name!r} of the objective reads {besides[0]!r}, and an audit has predictions and "
                    f"targets only. Leave it out of the case's objective, or give the loss as a function "
                    "(prediction, target) that holds what it reads besides."
                )

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The weighted sum."""
        return self.objective(prediction=prediction, target=target).total

    def __str__(self) -> str:
        parts = (f"{float(self.objective.weights[name]):g} {name}" for name in self.objective.terms)
        return f"Objective({' + '.join(parts)})"

    @property
    def __name__(self) -> str:
        return str(self)

    @property
    def parts(self) -> dict[str, Part]:
        """What each term adds to the sum; terms that are switched off are left out."""
        on = [name for name in self.objective.terms if float(self.objective.weights[name]) != 0]

        def part(name: str) -> Part:
            return lambda p, y: self.objective(prediction=p, target=y).weighted[name]

        return {name: part(name) for name in on}


def as_loss(loss: Any) -> Any:
    """An objective as a loss; anything else as it is."""
    return Total(loss) if isinstance(loss, Objective) else loss


def parts_of(loss: Any) -> Mapping[str, Part] | None:
    """The terms that a loss is the sum of, by name; None for a plain loss.

    A callable of one's own says them in an attribute `terms`: a mapping from names to functions
    (prediction, target), each as it enters the sum.
    """
    if isinstance(loss, Total):
        return loss.parts
    terms = getattr(loss, "terms", None)
    if not isinstance(terms, Mapping):
        return None
    given = cast("Mapping[Any, Any]", terms)
    named: dict[str, Any] = {str(name): part for name, part in given.items() if callable(part)}
    return named or None
