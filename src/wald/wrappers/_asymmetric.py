"""Asymmetric: a loss to which too low is dearer than too high, or the other way round."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from ..cards import param
from ..core import Supervised
from ._errors import of_errors
from ._wrapper import OuterCard, Wrapper, around, inherited, kept_if_true

#: Statistics at which the two sides of the target balance, and their level where they have one.
_BALANCED = re.compile(r"(mean|median|(?:quantile|expectile)\((?P<level>[\d.]+)\))")


def _elicits(loss: Any) -> str | None:
    """The statistic of the inner loss, with the side above the prediction `under` times as heavy."""
    inner = loss.inner.card.elicits
    if loss.under == 1 or inner == "m-functional":
        return inner
    if (found := _BALANCED.fullmatch(inner or "")) is None:
        return None
    level = float(found["level"] or 0.5)
    level = round(loss.under * level / (loss.under * level + 1 - level), 4)
    kind = "expectile" if found[0].startswith(("mean", "expectile")) else "quantile"
    return {"expectile": "mean", "quantile": "median"}[kind] if level == 0.5 else f"{kind}({level:g})"


def _smooth(loss: Any) -> int | None:
    """Where the sides meet a smooth loss has a jump in its curvature, unless it has none there or already one."""
    smooth = loss.inner.card.smooth
    return smooth if loss.under == 1 or smooth == 0 else None


class Asymmetric(Wrapper, kw_only=False):
    """The inner loss, `under` times as dear where the prediction is too low.

    With under=3 a forecast that is short by some amount costs three times what one that is as much too high costs;
    with under=1/3 it is the other way round. The scale is that of the side that is too high.

    The best prediction moves towards the dear side. Around Absolute it is the quantile at under / (1 + under), and
    the loss 1 + under times Pinball of that level; around Squared the expectile of that level; around Pinball or
    Expectile at a level q, the one at under · q / (under · q + 1 - q). Others move as well, to what has no name.

    Shapes: those of the inner loss.

    Raises:
        TypeError: the inner loss is not of one number, or does not cost 0 where prediction and target are the same,
            as with a log rate.

    >>> import torch, wald
    >>> loss = wald.Asymmetric(wald.Absolute(), under=3.0)
    >>> loss(torch.tensor([8.0, 12.0]), torch.tensor([10.0, 10.0]), reduction="none")
    tensor([6., 2.])
    """

    inner: Supervised = param(convert=of_errors, help="the loss whose sides are weighted")
    under: float = param(
        above=0, convert=float, typical=(3.0, 0.5), help="what too low costs, where as much too high costs 1"
    )

    card = OuterCard(
        formula=lambda loss: around(loss, "(under if prediction < target else 1) * {inner}"),
        elicits=_elicits,
        convex=kept_if_true("convex"),
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=_smooth,
        slope=inherited("slope"),
        when="Too low and too high cost differently, in a ratio that you know: stock, staff, capacity.",
        when_not="The ratio grows with the error (use Linex), or Pinball or Expectile say it by themselves.",
        aliases=("asymmetric loss", "under-prediction penalty", "over-prediction penalty", "directional loss"),
        tags=("asymmetric", "costs", "newsvendor", "wrapper"),
        cite=("Koenker & Bassett 1978, doi:10.2307/1913643", "Newey & Powell 1987, doi:10.2307/1911031"),
    )

    def per_example(self, prediction: Tensor, target: Tensor, **how: Tensor | None) -> Tensor:
        value = self.inner.per_example(prediction, target, **how)
        return torch.where(prediction < target, self.under * value, value)
