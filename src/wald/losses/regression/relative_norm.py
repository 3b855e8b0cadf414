"""Relative norm: how large an error field is beside the field itself."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import DomainError, Supervised


class RelativeNorm(Supervised):
    """The norm of the error over the norm of the target, for fields and series.

    ‖prediction - target‖ / ‖target‖ along the last axis, with the p-norm of `exponent`. Solutions of every size count
    alike: 0.01 is an error of one per cent. It is the mean of ratios; the ratio of two sums, in which large fields
    count more, is another loss. `squared` squares the ratio, which has a smooth tip, as some versions of neuraloperator
    do. There the values of a batch are added up by default: `reduction="sum"`.

    The spacing of the grid cancels. A field of zeros has no size: `zero="raise"` refuses it, "mask" leaves it out of
    sum and count.

    Shapes: prediction and target (*batch, points): `flatten(1)` of fields (N, H, W); no unit.

    Raises:
        DomainError: a target is 0 everywhere, and `zero="raise"`. It is looked for where that needs no synchronisation.

    >>> import torch, wald
    >>> wald.RelativeNorm()(torch.tensor([[3.0, 5.0]]), torch.tensor([[3.0, 4.0]]))
    tensor(0.2000)
    """

    exponent: float = param(default=2.0, at_least=1, typical=(1.0,), help="the p of the norm")
    squared: bool = param(default=False, choices=(False, True), help="whether the ratio is squared")
    zero: Literal["raise", "mask"] = param(
        default="raise", choices=("raise", "mask"), help="what to do with a target that is 0 everywhere"
    )

    card = Card(
        task="regression",
        inputs={
            "prediction": Domain(says="a field", axes=("points",)),
            # A masked target becomes 1 everywhere, by whose norm can be divided.
            "target": Domain(says="a field that is not 0 everywhere", axes=("points",), safe=1.0),
        },
        formula=lambda loss: Formula(
            "(sum([abs(a - b)**exponent for a, b in zip(prediction, target)])"
            " / sum([abs(b)**exponent for b in target]))**" + ("(2 / exponent)" if loss.squared else "(1 / exponent)")
        ),
        convex=True,
        perfect_is_minimal=True,
        smooth=lambda loss: 3 if loss.squared and loss.exponent == 2 else 0 if loss.exponent == 1 else None,
        slope=lambda loss: "linear" if loss.squared else "bounded",
        denominator="the unmasked examples (fields), each counted by its weight; not the points",
        when="Operators and surrogates: fields of very different sizes, judged by relative error.",
        when_not="Absolute accuracy matters (use Squared), or derivatives do too (use Sobolev).",
        points={"perfect": 0, "all_zero": 1, "floor": 0},
        aliases=("LpLoss", "relative L2", "relative Lp", "relative error of a field", "operator loss"),
        ports={"neuralop.losses.LpLoss": {}},
        tags=("field", "operator learning", "physics", "relative", "norm"),
        cite=("Li et al. 2020, arXiv:2010.08895",),
    )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        return (inputs[1] != 0).any(-1) if self.zero == "mask" else None

    def refuse(self, *inputs: Tensor) -> None:
        nothing = ~(inputs[1] != 0).any(-1)
        if self.zero == "raise" and (count := int(nothing.sum())):
            raise DomainError(
                f"RelativeNorm: {count} of {nothing.numel()} targets are 0 everywhere, and nothing is a share of 0. "
                'Leave them out with RelativeNorm(zero="mask"), or use Squared(). To allow it: with '
                "wald.value_checks(False)."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.squared and self.exponent == 2:
            # Without the roots it is curved right where the error is 0, too.
            return (prediction - target).square().sum(-1) / target.square().sum(-1)
        ratio = _norm(prediction - target, self.exponent) / _norm(target, self.exponent)
        return ratio.square() if self.squared else ratio


def _norm(x: Tensor, p: float) -> Tensor:
    """The p-norm along the last axis, in units of the largest entry; of nothing it is 0, with a slope of 0."""
    largest = x.abs().amax(-1, keepdim=True).detach()
    none = largest == 0
    share = x / torch.where(none, torch.ones_like(largest), largest)
    nothing = share == 0
    size = share.abs()
    each = share.square() if p == 2 else torch.where(nothing, 0.0, torch.where(nothing, 1.0, size).pow(p))
    powers = each.sum(-1)
    root = torch.where(none.squeeze(-1), 1.0, powers).pow(1 / p)
    return largest.squeeze(-1) * torch.where(none.squeeze(-1), 0.0, root)
