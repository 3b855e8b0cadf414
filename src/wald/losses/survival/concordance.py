"""Concordance: those whose event came first, ranked above those who outlived them."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Label, NonNegative, Real, param
from ...core import Loss
from ..pieces.pairs import mean_over, one_batch_of_scores
from ..pieces.softplus import softplus


class Concordance(Loss):
    """A smooth stand-in for the concordance index: who has the event first should have the higher score.

    An event costs the mean of log(1 + exp(scale · (score of the other - score))) over all who outlived it: whose time
    is later, or the same and censored. Who outlived nobody can be compared with nobody, and an event that nobody
    outlived costs 0. Divided by log(2) it is never below the share of pairs that are in the wrong order.

    Every event counts once, however many outlived it; the concordance index counts pairs, and so early events more.
    Scores are ordered and mean nothing more. Examples meet within the batch: time and memory grow with examples².

    Shapes: prediction (N,) scores, higher for earlier; time (N,) not negative; event (N,) 1 if seen, 0 if censored.

    Raises:
        DomainError: a time is negative, or an event is not 0 or 1.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> score, time = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([1.0, 2.0, 3.0])
    >>> wald.Concordance()(score, time, torch.tensor([1, 0, 0]))  # log(1 + exp(-1))
    tensor(0.3133)
    """

    scale: float = param(default=1.0, above=0, typical=(3.0,), help="what leads are multiplied by; large is a step")

    card = Card(
        task="other",
        inputs={"prediction": Real, "time": NonNegative, "event": Label},
        formula=Formula(
            "event[i] * sum([softplus(scale * (prediction[j] - prediction[i])) for j in outlived])"
            " / (len(outlived) or 1)",
            outlived="[j for j in range(len(time)) if time[j] > time[i] or (time[j] == time[i] and not event[j])]",
        ),
        convex=True,
        bounded_below=True,
        coupling="coupled",
        slope="bounded",
        denominator="the unmasked events, each counted by its weight",
        share=Formula("event[i]"),
        points={"chance": "log(2)"},
        when="You are judged by the concordance index, and the order of scores is all that is used.",
        when_not="Hazards or probabilities are wanted (Cox, DiscreteTimeHazard).",
        aliases=("C-index surrogate", "concordance index", "concordance loss", "survival ranking"),
        tags=("survival", "censored", "ranking", "pairs", "time to event"),
        cite=("Raykar et al. 2008 (NIPS 20, On ranking in survival analysis)",),
    )

    def share(self, *inputs: Tensor) -> Tensor | None:
        return inputs[2].to(inputs[0].dtype)

    def per_example(self, prediction: Tensor, time: Tensor, event: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("Concordance", prediction=prediction, time=time, event=event)
        later = (time > time.unsqueeze(-1)) | ((time == time.unsqueeze(-1)) & (event == 0))
        outlived = (later if keep is None else later & keep).to(prediction.dtype)
        cost = softplus(self.scale * (prediction - prediction.unsqueeze(-1)))
        value = event * mean_over((outlived * cost).sum(-1), outlived.sum(-1))
        return torch.where(time.isnan(), time, value)
