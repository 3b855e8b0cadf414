"""Piecewise constant hazard: times as they are, with a risk that is constant within each interval."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Label, Real
from ...core import Loss
from ..pieces.intervals import at, refuse_intervals, up_to
from ..pieces.softplus import softplus


class PiecewiseConstantHazard(Loss):
    """Negative log-likelihood of times under a hazard that is constant within each interval.

    Σ h_j over the intervals before that of the time, and `fraction` · h_k in it, less log(h_k) if the event was seen.
    The prediction gives each hazard by softplus, per length of its interval; dividing by that length makes it one per
    unit of time. Unlike DiscreteTimeHazard the time within the interval counts, so few and wide intervals will do.

    Shapes: prediction (*batch, intervals); interval (*batch) from 0; event (*batch) 1 if seen, 0 if censored;
    fraction (*batch) of the interval that had passed, in [0, 1]; the loss in nats.

    Raises:
        DomainError: an interval is beyond the last, an event is not 0 or 1, or a fraction is not in [0, 1].

    >>> import torch, wald
    >>> interval, event, fraction = torch.tensor([0, 2]), torch.tensor([1, 0]), torch.tensor([0.5, 0.5])
    >>> wald.PiecewiseConstantHazard()(torch.zeros(2, 3), interval, event, fraction, reduction="none")
    tensor([0.7131, 1.7329])
    """

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("intervals"),
            "interval": Domain(says="the number of an interval", low=0, integer=True, typical=(0, 3)),
            "event": Label,
            "fraction": Domain(says="a share of an interval", low=0.0, high=1.0, typical=(0.1, 0.9)),
        },
        formula=Formula(
            "sum([softplus(z) for z in prediction[:interval]]) + fraction * softplus(prediction[interval])"
            " - event * log(softplus(prediction[interval]))"
        ),
        convex=True,
        bounded_below=False,
        smooth=3,
        when="Times until an event, and hazards that change over time in any way.",
        when_not="Times are known as intervals only (DiscreteTimeHazard).",
        aliases=("PC-Hazard", "PCHazard", "NLLPCHazardLoss", "piecewise exponential"),
        ports={"pycox.models.loss.nll_pc_hazard_loss": {}, "pycox.models.loss.NLLPCHazardLoss": {}},
        tags=("survival", "censored", "hazard", "time to event"),
        cite=("Friedman 1982, doi:10.1214/aos/1176345693", "Kvamme & Borgan 2021, arXiv:1910.06724"),
    )

    def refuse(self, *inputs: Tensor) -> None:
        refuse_intervals("PiecewiseConstantHazard", *inputs[:2])

    def per_example(self, prediction: Tensor, interval: Tensor, event: Tensor, fraction: Tensor) -> Tensor:
        hazard = softplus(prediction)
        before = torch.where(up_to(prediction, interval - 1), hazard, torch.zeros_like(hazard)).sum(-1)
        return before + fraction * at(hazard, interval) - event * _log_softplus(at(prediction, interval))


def _log_softplus(x: Tensor) -> Tensor:
    """log(log(1 + exp(x))), which far below 0 is x."""
    low = x.clamp(max=-18.0)
    return torch.where(x < -18, low - 0.5 * low.exp(), softplus(x.clamp(min=-18.0)).log())
