"""DeepHit: which of several events comes, and when, with those who come first ranked above."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, Domain, Formula, Logits, param
from ...core import DomainError, Loss
from ..pieces.intervals import at, refuse_intervals, up_to
from ..pieces.pairs import one_batch_of_scores


class DeepHit(Loss):
    """Likelihood and ranking of several kinds of event by interval: which comes, when, and before whom.

    `alpha` · likelihood + (1 - `alpha`) · ranking. The probabilities are the softmax over all kinds and intervals and
    one entry more, for no event within them, whose logit is 0. The likelihood costs -log of the probability of what
    was seen, or of all later intervals where it was censored. The ranking takes each event against everyone who
    outlived it: exp(-(F_i - F_j) / `scale`), for the probabilities F of this kind of event by then, divided by the
    number of examples of the batch.

    The ranking improves concordance and spoils calibration: read probabilities only with `alpha` near 1. The paper
    adds sums with weights of their own; this is the average that pycox takes. For one kind of event give the
    prediction a second last axis of size 1. Examples meet within the batch: time and memory grow with examples².

    Shapes: prediction (N, risks, intervals) logits; interval (N,) from 0; event (N,) the kind from 1, 0 if censored.

    Raises:
        DomainError: an interval is beyond the last, or an event beyond the kinds.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> wald.DeepHit()(torch.zeros(2, 1, 3), torch.tensor([0, 2]), torch.tensor([1, 0]))
    tensor(0.4773)
    """

    alpha: float = param(default=0.2, at_least=0, below=1, help="the share of the likelihood")
    scale: float = param(default=0.1, above=0, help="how far apart probabilities should be")

    card = Card(
        task="other",
        inputs={
            "prediction": Logits.of("risks", "intervals"),
            "interval": Domain(says="the number of an interval", low=0, integer=True, typical=(0, 3)),
            "event": Domain(says="the kind of an event", low=0, integer=True, typical=(0, 3)),
        },
        formula=Formula(
            "alpha * surprise + (1 - alpha) * sum([exp((gone(z) - gone(prediction[i])) / scale) for z in outlived])"
            " / len(event)",
            outlived="[z for z, t, kind in zip(prediction, interval, event)"
            " if event[i] and (t > interval[i] or t == interval[i] and not kind)]",
            flat="lambda z: softmax([x for row in z for x in row] + [0])",
            share="lambda z, k, t: flat(z)[k * len(z[0]) + t]",
            upto="lambda z, k: sum([share(z, k, t) for t in range(interval[i] + 1)])",
            gone="lambda z: upto(z, event[i] - 1)",
            left="1 - sum([upto(prediction[i], k) for k in range(len(prediction[i]))])",
            surprise="-log(share(prediction[i], event[i] - 1, interval[i]) if event[i] else left)",
        ),
        bounded_below=True,
        coupling="coupled",
        when="Several kinds of event compete, and who comes first matters.",
        when_not="Probabilities must be calibrated (DiscreteTimePMF), or batches are small.",
        points={"floor": 0},
        aliases=("DeepHitLoss", "DeepHitSingleLoss", "DeepHitCR", "competing risks"),
        ports={"pycox.models.loss.DeepHitLoss": {}, "pycox.models.loss.DeepHitSingleLoss": {}},
        tags=("survival", "censored", "competing risks", "discrete time", "ranking", "time to event", "medical"),
        cite=("Lee et al. 2018, doi:10.1609/aaai.v32i1.11842",),
    )

    def refuse(self, *inputs: Tensor) -> None:
        refuse_intervals("DeepHit", *inputs[:2])
        risks, event = inputs[0].shape[-2], inputs[2]
        beyond = event[event > risks]
        if beyond.numel():
            raise DomainError(
                f"DeepHit: event contains {beyond[0].item()}, and prediction {tuple(inputs[0].shape)} has kinds 1 to "
                f"{risks} beside 0, censored. Give the model {beyond[0].item()} risks."
            )

    def per_example(self, prediction: Tensor, interval: Tensor, event: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch_of_scores("DeepHit", interval=interval, event=event)
        seen = event > 0
        kind = (event - 1).clamp(min=0)
        gone = up_to(prediction, interval.unsqueeze(-1))
        after = F.pad(prediction.masked_fill(gone, -torch.inf).flatten(-2), (0, 1)).logsumexp(-1)
        log_share = F.pad(prediction.flatten(-2), (0, 1)).log_softmax(-1)
        total = F.pad(prediction.flatten(-2), (0, 1)).logsumexp(-1)
        own = at(log_share, kind * prediction.shape[-1] + interval)
        likelihood = torch.where(seen, -own, total - after)
        # The probability, for everyone j, of the kind of event of i by the interval of i.
        by_then = log_share[..., :-1].exp().unflatten(-1, prediction.shape[-2:]).cumsum(-1)
        table = by_then.flatten(-2)[:, kind * prediction.shape[-1] + interval].mT
        lead = table.diagonal().unsqueeze(-1) - table
        here = torch.ones_like(seen) if keep is None else keep
        later, same = interval > interval.unsqueeze(-1), interval == interval.unsqueeze(-1)
        outlived = (later | (same & ~seen)) & seen.unsqueeze(-1) & here
        ranking = (outlived * torch.exp(-lead / self.scale)).sum(-1) / here.sum().clamp(min=1)
        return self.alpha * likelihood + (1 - self.alpha) * ranking
