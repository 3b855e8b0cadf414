"""Weibull survival: times until an event under a Weibull law, some of them cut off."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Label, Positive
from ...core import Loss


class WeibullSurvival(Loss):
    """Negative log-likelihood of a Weibull law where some times were cut off before the event.

    H - event · log(h), with the cumulative hazard H = (time / λ)^k and the hazard h = k H / time. The prediction holds
    the logs of the scale λ and of the shape k. Where every event was seen it is WeibullNLL. A shape below 1 is a
    hazard that falls with time, above 1 one that rises.

    The power of a large shape overflows for a time far beyond the scale: that is the loss itself. Start with both
    entries near 0 and times divided by their median.

    Shapes: prediction (*batch, 2), the log of the scale first; time (*batch), positive; event (*batch) 1 if seen at
    that time, 0 if censored; the loss in nats.

    Raises:
        DomainError: a time is not positive, or an event is not 0 or 1.

    >>> import torch, wald
    >>> wald.WeibullSurvival()(torch.zeros(2, 2), torch.tensor([3.0, 3.0]), torch.tensor([1, 0]), reduction="none")
    tensor([3., 3.])
    """

    card = Card(
        task="other",
        inputs={
            # Exponentials of exponentials: at logs of 3 ordinary times would already leave half precision.
            "prediction": Domain(
                says="parameters of a distribution", axes=("parameters",), size=2, typical=(-1.0, 1.0)
            ),
            "time": Positive,
            "event": Label,
        },
        formula=Formula(
            "(time / c)**k - event * (log(k / c) + (k - 1) * log(time / c))",
            c="exp(prediction[0])",
            k="exp(prediction[1])",
        ),
        convex=False,
        bounded_below=False,
        smooth=3,
        when="Times until an event, some censored, with hazards that rise or fall steadily.",
        when_not="Hazards rise and fall (PiecewiseConstantHazard), or the order of risks is enough (Cox).",
        aliases=("censored Weibull", "Weibull regression", "torchsurv.loss.weibull"),
        ports={"torchsurv.loss.weibull.neg_log_likelihood_weibull": {}},
        tags=("survival", "censored", "hazard", "time to event", "likelihood", "reliability"),
    )

    def per_example(self, prediction: Tensor, time: Tensor, event: Tensor) -> Tensor:
        log_scale, log_shape = prediction.unbind(-1)
        log_time = time.log()
        # Near the largest number a shape is a step already, and would overflow in its slope.
        most = 0.95 * math.log(torch.finfo(log_shape.dtype).max)
        log_hazard = log_shape.clamp(max=most).exp() * (log_time - log_scale)
        return log_hazard.exp() - torch.where(event > 0, log_shape + log_hazard - log_time, 0.0)
