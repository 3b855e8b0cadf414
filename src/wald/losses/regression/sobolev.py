"""Sobolev: fields that must agree in their values and in their slopes."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import DomainError, Supervised
from ..pieces.distance import length


class Sobolev(Supervised):
    """The H1 norm of the error: of its values and of its slopes, over that of the target.

    √(Σ e² + Σ |∇e|²), e = prediction - target, over the same of the target; slopes are central differences on a grid of
    the given `spacing`. Small wiggles hardly show in the squared error and stand out here. With the unit of length
    values and slopes trade places: in metres a slope counts 1000 times as much as in millimetres.

    Where a field ends, `border="periodic"` goes on at the other side, and "one-sided" takes the difference of the last
    two. A field that is not periodic, differenced as if it were, has a huge slope at its border that no prediction can
    mend.

    `relative=False` gives the norm itself, √(volume of a cell · Σ ...), in the target's unit. neuralop's H1Loss takes
    the length of the whole domain (2π): the spacing is that over the points of an axis. Some of its versions return
    the square.

    A field of zeros has no size: `zero="raise"` refuses it, "mask" leaves it out of sum and count.

    Shapes: prediction and target (*batch, x), (*batch, x, y) or (*batch, x, y, z), as `dimensions` says.

    Raises:
        DomainError: a target is 0 everywhere, `relative=True` and `zero="raise"`. It is looked for where that
            needs no synchronisation.

    >>> import torch, wald
    >>> field = torch.tensor([[0.0, 1.0, 0.0, -1.0]])
    >>> wald.Sobolev()(0.5 * field, field)
    tensor(0.5000)
    """

    dimensions: int = param(default=1, at_least=1, at_most=3, typical=(2,), help="how many axes a field has")
    border: Literal["periodic", "one-sided"] = param(
        default="periodic", choices=("periodic", "one-sided"), help="how slopes are taken where a field ends"
    )
    relative: bool = param(default=True, choices=(True, False), help="whether it is divided by the norm of the target")
    zero: Literal["raise", "mask"] = param(
        default="raise", choices=("raise", "mask"), quiet=True, help="what to do with a target that is 0 everywhere"
    )
    spacing: float = param(default=1.0, above=0, quiet=True, help="how far apart points are, in the unit of length")

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": Domain(says="a field", axes=("x", "y", "z")[: loss.dimensions]),
            # A masked target becomes 1 everywhere, by whose norm can be divided.
            "target": Domain(
                says="a field that is not 0 everywhere", axes=("x", "y", "z")[: loss.dimensions], safe=1.0
            ),
        },
        formula=lambda loss: (
            "sqrt(sum e^2 + sum |grad e|^2), e = prediction - target, over the same of the target if relative"
            if loss.dimensions == 3
            else Formula(
                "size(error) / size(target)" if loss.relative else "size(error) * spacing**(dimensions / 2)",
                steps={
                    "periodic": "lambda v: [(b - a) / 2 for a, b in zip(v[-1:] + v[:-1], v[1:] + v[:1])]",
                    "one-sided": "lambda v: [v[1] - v[0]] + [(b - a) / 2 for a, b in zip(v, v[2:])] + [v[-1] - v[-2]]",
                }[loss.border],
                slopes="lambda line: [s / spacing for s in steps([*line])]",
                **(
                    {
                        "error": "[p - t for p, t in zip(prediction, target)]",
                        "size": "lambda v: sqrt(sum([x**2 for x in v + slopes(v)]))",
                    }
                    if loss.dimensions == 1
                    else {
                        "error": "[[p - t for p, t in zip(q, s)] for q, s in zip(prediction, target)]",
                        "lines": "lambda m: m + [slopes(v) for v in m] + [slopes(v) for v in zip(*m)]",
                        "size": "lambda m: sqrt(sum([x**2 for v in lines(m) for x in v]))",
                    }
                ),
            )
        ),
        convex=True,
        perfect_is_minimal=True,
        slope="bounded",
        denominator="the unmasked examples (fields), each counted by its weight; not the points",
        when="Solutions of differential equations, and surrogates whose derivatives are used.",
        when_not="Targets are noisy: the noise rules their slopes (use RelativeNorm or Squared).",
        points={"perfect": 0, "floor": 0},
        aliases=("H1Loss", "H1 norm", "Sobolev norm", "gradient matching", "Sobolev training"),
        ports={"neuralop.losses.H1Loss": {}},
        tags=("field", "operator learning", "physics", "derivative", "gradient", "norm"),
        cite=("Czarnecki et al. 2017, arXiv:1706.04859",),
    )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        return (inputs[1] != 0).flatten(-self.dimensions).any(-1) if self.relative and self.zero == "mask" else None

    def refuse(self, *inputs: Tensor) -> None:
        nothing = ~(inputs[1] != 0).flatten(-self.dimensions).any(-1)
        if self.relative and self.zero == "raise" and (count := int(nothing.sum())):
            raise DomainError(
                f"Sobolev: {count} of {nothing.numel()} targets are 0 everywhere, and nothing is a share of 0. "
                'Leave them out with Sobolev(zero="mask"), or use Sobolev(relative=False).'
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = self._norm(prediction - target)
        return error / self._norm(target) if self.relative else error * self.spacing ** (self.dimensions / 2)

    def _norm(self, field: Tensor) -> Tensor:
        parts = [field, *(self._slope(field, axis) for axis in range(-self.dimensions, 0))]
        return length(torch.cat([part.flatten(-self.dimensions) for part in parts], -1))

    def _slope(self, field: Tensor, axis: int) -> Tensor:
        size = field.shape[axis]
        if self.border == "periodic" or size < 2:
            return (field.roll(-1, axis) - field.roll(1, axis)) / (2 * self.spacing)
        steps = field.narrow(axis, 1, size - 1) - field.narrow(axis, 0, size - 1)
        inner = (steps.narrow(axis, 1, size - 2) + steps.narrow(axis, 0, size - 2)) / 2
        ends = steps.narrow(axis, 0, 1), steps.narrow(axis, size - 2, 1)
        return torch.cat([ends[0], inner, ends[1]], axis) / self.spacing
