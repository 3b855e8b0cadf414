"""Cox: who has the event next, among all who could still have it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Label, NonNegative, Real, param
from ...core import Loss
from ...core.tensors import wide
from ..pieces.log_sums import running_logsumexp
from ..pieces.pairs import one_batch_of_scores
from ..pieces.ties import placed, runs


class Cox(Loss):
    """The partial likelihood of proportional hazards: who has the event next, among those still at risk.

    An event at time t costs log Σ e^h_j - h_i, the sum over all j whose time is t or later; a censored example costs
    nothing itself and is at risk until its time. The prediction h is the logarithm of a hazard relative to a baseline
    that is never estimated, so a constant added to all changes nothing, and times matter by their order alone.

    Where events share a time, `ties="efron"` takes the mean over the steps at which some of them have already gone,
    as R and lifelines do; `"breslow"` keeps all of them in every sum, which pulls hazards together where ties are
    many. Without ties both are the same. Each of the tied events costs the same. Some libraries sort by time and go
    on, so that ties are broken by the order of the rows: their value then depends on how the data were laid out.

    The mean divides by the number of events, as the likelihood has one factor for each; torchsurv, where times are
    tied, divides by the number of different times of events. R's log-likelihood is minus the sum (`reduction="sum"`).
    A batch without events costs 0.

    Examples meet within the batch: those at risk are those of the batch, and the gradient of small batches is not that
    of the data. An example that is left out is at risk for nobody; a weight w counts what an event costs w times, and
    does not count the example w times among those at risk. Time is n log n.

    Shapes: prediction (N,) log-hazards, time (N,) not negative, event (N,) 1 if the event was seen at that time, 0
    if it had not happened by then (censored). XGBoost and CatBoost write a censored time as a negative number: pass
    time.abs() and time > 0.

    Raises:
        DomainError: a time is negative, or an event is not 0 or 1.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> hazard, time = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([1.0, 2.0, 3.0])
    >>> wald.Cox()(hazard, time, torch.tensor([1, 0, 0]))  # log(e + 2) - 1
    tensor(0.5514)
    """

    ties: Literal["efron", "breslow"] = param(
        default="efron", choices=("efron", "breslow"), help="how events at the same time count"
    )

    card = Card(
        task="other",
        inputs={"prediction": Real, "time": NonNegative, "event": Label},
        formula=lambda loss: Formula(
            "event[i] * (mean([log(risk - k / m * sum(tied)) for k in range(m)] or [0]) - prediction[i])"
            if loss.ties == "efron"
            else "event[i] * (log(risk) - prediction[i])",
            risk="sum([exp(z) for z, t in zip(prediction, time) if t >= time[i]])",
            **(
                {"tied": "[exp(z) for z, t, e in zip(prediction, time, event) if e and t == time[i]]", "m": "len(tied)"}
                if loss.ties == "efron"
                else {}
            ),
        ),
        convex=True,
        bounded_below=True,
        coupling="coupled",
        smooth=3,
        slope="bounded",
        denominator="the unmasked events, each counted by its weight",
        share=Formula("event[i]"),
        when="Times until an event, many of them censored, and the order of risks is what is wanted.",
        when_not="The time itself or a probability by some date is wanted, or batches hold few events.",
        points={"floor": 0},
        aliases=(
            "CoxPH",
            "CoxPHLoss",
            "DeepSurv",
            "survival:cox",
            "neg_partial_log_likelihood",
            "proportional hazards",
            "partial likelihood",
            "Efron",
            "Breslow",
        ),
        ports={
            "torchsurv.loss.cox.neg_partial_log_likelihood": {},
            "lifelines.CoxPHFitter": {},
            "pycox.models.loss.CoxPHLoss": {"ties": "breslow"},
            "xgboost.survival:cox": {"ties": "breslow"},
        },
        tags=("survival", "censored", "hazard", "time to event", "medical", "churn", "ranking"),
        cite=(
            "Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x",
            "Efron 1977, doi:10.1080/01621459.1977.10480613",
            "Katzman et al. 2018, arXiv:1606.00931 (DeepSurv)",
        ),
    )

    def share(self, *inputs: Tensor) -> Tensor | None:
        return inputs[2].to(inputs[0].dtype)

    def per_example(self, prediction: Tensor, time: Tensor, event: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("Cox", prediction=prediction, time=time, event=event)
        happened = wide(event if keep is None else event * keep)
        # From the latest to the earliest, so that those at risk come first; those who are left out come last.
        clock = time if keep is None else torch.where(keep, time, torch.full_like(time, -torch.inf))
        clock, order = clock.sort(-1, descending=True)
        hazard, happened = wide(prediction).gather(-1, order), happened.gather(-1, order)
        first, last = runs(clock)
        risk = running_logsumexp(hazard).gather(-1, last)
        if self.ties == "efron":
            risk = risk + _gone(torch.exp(hazard - risk), happened, first)
        values = placed(happened * (risk - hazard), order)
        return torch.where(time.isnan(), time, values.to(prediction.dtype))


def _gone(share: Tensor, happened: Tensor, first: Tensor) -> Tensor:
    """What the logarithm of the sum at risk loses, on average, as the events of one time go one by one.

    Args:
        share: what each adds to the sum at risk at its time, as a part of it.
        happened: 1 for an event.
        first: the place at which the run of equal times begins.
    """

    def over_the_run(x: Tensor) -> Tensor:
        return torch.zeros_like(x).scatter_add(-1, first, x).gather(-1, first)

    events = over_the_run(happened)
    some = events > 0
    count = torch.where(some, events, torch.ones_like(events))
    earlier = happened.cumsum(-1) - happened
    step = torch.where(happened > 0, earlier - earlier.gather(-1, first), torch.zeros_like(earlier)) / count
    return over_the_run(happened * torch.log1p(-step * over_the_run(happened * share))) / count
