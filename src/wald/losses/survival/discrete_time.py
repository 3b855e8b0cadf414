"""Times in intervals: in which of them the event happens, from a hazard or a probability for each."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Label, Logits
from ...core import Loss
from ..pieces.intervals import at, from_on, refuse_intervals, up_to
from ..pieces.softplus import softplus


class DiscreteTimeHazard(Loss):
    """Negative log-likelihood of hazards by interval: does it happen now, given that it has not yet.

    Σ log(1 + exp(z_j)) over the intervals j up to that of the time, less z_k in that one if the event was seen: a
    binary cross-entropy for each interval that was lived through. The prediction is the logit of each hazard; the
    probability of outliving interval k is the product of 1 - hazard up to it. Any shape of risk over time can be
    learned, and times beyond the last interval need no care: they are censored in it.

    A censored example counts as having outlived its whole interval. That is right where times are rounded down to
    the end of the last interval that was complete, and optimistic where an interval is merely begun; how the times
    were cut decides, so cut them with that in mind. The sum over intervals is not divided by their number.

    Shapes: prediction (*batch, intervals) logits; interval (*batch) from 0; event (*batch) 1 if seen in that interval,
    0 if it had not happened by its end; the loss in nats.

    Raises:
        DomainError: an interval is beyond the last, or an event is not 0 or 1.

    >>> import torch, wald
    >>> wald.DiscreteTimeHazard()(torch.zeros(2, 3), torch.tensor([0, 2]), torch.tensor([1, 0]), reduction="none")
    tensor([0.6931, 2.0794])
    """

    card = Card(
        task="other",
        inputs={
            "prediction": Logits.of("intervals"),
            "interval": Domain(says="the number of an interval", low=0, integer=True, typical=(0, 3)),
            "event": Label,
        },
        formula=Formula("sum([softplus(z) for z in prediction[: interval + 1]]) - event * prediction[interval]"),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        points={"perfect": 0},
        when="Times until an event, cut into intervals, with risks that change over time in any way.",
        when_not="The order of risks is enough (Cox), or few events fall into each interval (WeibullSurvival).",
        aliases=("nnet-survival", "logistic hazard", "LogisticHazard", "NLLLogisticHazardLoss", "discrete hazard"),
        ports={"pycox.models.loss.nll_logistic_hazard": {}, "pycox.models.loss.NLLLogistiHazardLoss": {}},
        tags=("survival", "censored", "hazard", "discrete time", "time to event", "churn"),
        cite=("Gensheimer & Narasimhan 2019, arXiv:1805.00917", "Kvamme & Borgan 2021, arXiv:1910.06724"),
    )

    def refuse(self, *inputs: Tensor) -> None:
        refuse_intervals("DiscreteTimeHazard", *inputs[:2])

    def per_example(self, prediction: Tensor, interval: Tensor, event: Tensor) -> Tensor:
        lived = torch.where(up_to(prediction, interval), softplus(prediction), torch.zeros_like(prediction)).sum(-1)
        return lived - event * at(prediction, interval)


class DiscreteTimePMF(Loss):
    """Negative log-likelihood of a probability for each interval, and one for later.

    -log(p_k) if the event was seen in interval k, and -log of all that comes after k if it had not happened by its
    end; p is the softmax over the intervals and one more, for times beyond them, whose logit is 0. DiscreteTimeHazard
    is the same family of laws by other numbers: there an interval is learned from all who reached it, here from those
    whose event fell into it.

    Shapes: prediction (*batch, intervals) logits; interval (*batch) from 0; event (*batch) 1 if seen, 0 if censored;
    the loss in nats.

    Raises:
        DomainError: an interval is beyond the last, or an event is not 0 or 1.

    >>> import torch, wald
    >>> loss = wald.DiscreteTimePMF()
    >>> loss(torch.zeros(2, 3), torch.tensor([0, 2]), torch.tensor([1, 0]), reduction="none")  # both one in four
    tensor([1.3863, 1.3863])
    """

    card = Card(
        task="other",
        inputs={
            "prediction": Logits.of("intervals"),
            "interval": Domain(says="the number of an interval", low=0, integer=True, typical=(0, 3)),
            "event": Label,
        },
        formula=Formula(
            "logsumexp([*prediction, 0])"
            " - (prediction[interval] if event else logsumexp([*prediction[interval + 1 :], 0]))"
        ),
        bounded_below=True,
        smooth=3,
        slope="bounded",
        points={"perfect": 0},
        when="Times until an event, cut into intervals, most of them seen.",
        when_not="Most times are censored (DiscreteTimeHazard), or intervals are many and smoothness helps (MTLR).",
        aliases=("PMF survival", "NLLPMFLoss", "discrete-time probability mass"),
        ports={"pycox.models.loss.nll_pmf": {}, "pycox.models.loss.NLLPMFLoss": {}},
        tags=("survival", "censored", "discrete time", "time to event", "softmax"),
        cite=("Kvamme & Borgan 2021, arXiv:1910.06724",),
    )

    def refuse(self, *inputs: Tensor) -> None:
        refuse_intervals("DiscreteTimePMF", *inputs[:2])

    def per_example(self, prediction: Tensor, interval: Tensor, event: Tensor) -> Tensor:
        return _surprise(prediction, interval, event)


class MTLR(Loss):
    """Multi-task logistic regression: DiscreteTimePMF whose logits are sums over all later intervals.

    Each entry of the prediction is a regression of its own, on whether the event comes by the end of its interval;
    their sums from an interval on are the logits of DiscreteTimePMF. Neighbouring intervals share all but one term, so
    a model of few rows gives smooth probabilities, the more so with a penalty on how entries differ.

    Shapes: prediction (*batch, intervals); interval (*batch) from 0; event (*batch) 1 if seen, 0 if censored; the loss
    in nats.

    Raises:
        DomainError: an interval is beyond the last, or an event is not 0 or 1.

    >>> import torch, wald
    >>> wald.MTLR()(torch.zeros(2, 3), torch.tensor([0, 2]), torch.tensor([1, 0]), reduction="none")
    tensor([1.3863, 1.3863])
    """

    card = Card(
        task="other",
        inputs={
            "prediction": Logits.of("intervals"),
            "interval": Domain(says="the number of an interval", low=0, integer=True, typical=(0, 3)),
            "event": Label,
        },
        formula=Formula(
            "logsumexp([*z, 0]) - (z[interval] if event else logsumexp([*z[interval + 1 :], 0]))",
            z="[sum(prediction[k:]) for k in range(len(prediction))]",
        ),
        bounded_below=True,
        smooth=3,
        slope="bounded",
        points={"perfect": 0},
        when="Times until an event, cut into many intervals, and probabilities should change smoothly.",
        when_not="Most times are censored (DiscreteTimeHazard).",
        aliases=("N-MTLR", "NLLMTLRLoss", "multi-task logistic regression"),
        ports={"pycox.models.loss.nll_mtlr": {}, "pycox.models.loss.NLLMTLRLoss": {}},
        tags=("survival", "censored", "discrete time", "time to event", "smooth"),
        cite=("Yu et al. 2011 (NIPS 24)", "Fotso 2018, arXiv:1801.05512"),
    )

    def refuse(self, *inputs: Tensor) -> None:
        refuse_intervals("MTLR", *inputs[:2])

    def per_example(self, prediction: Tensor, interval: Tensor, event: Tensor) -> Tensor:
        sums = prediction.flip(-1).cumsum(-1).flip(-1)
        return _surprise(sums, interval, event)


def _surprise(logits: Tensor, interval: Tensor, event: Tensor) -> Tensor:
    """-log of the probability of what was seen, under the softmax of the logits and one more, 0, for what is later."""
    later = from_on(logits, interval + 1)
    return from_on(logits, torch.zeros_like(interval)) - torch.where(event > 0, at(logits, interval), later)
