"""Information: how much a prediction tells about the group."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Logit
from ...core import Loss
from ..pieces.groups import group_means, one_axis


class PrejudiceRemover(Loss):
    """How much decisions that are drawn from the predictions tell about the group: their mutual information, in nats.

    Σ over groups and outcomes of p(group) p(outcome | group) log(p(outcome | group) / p(outcome)), with the
    probabilities of outcomes being the means of sigmoid(prediction) in the group and in the batch, and p(group) its
    share of the batch. 0 if and only if every group has the same mean; at most the entropy of the groups or log 2. Near
    0 it is half the mean squared gap over p (1 - p): as DemographicParity, but small groups count by their size, and a
    gap counts more where the outcome is rare.

    The paper and its followers add up over examples in place of the mean, so that their weight is to be multiplied by
    the size of the data here. Groups of one batch are small samples: their means differ by chance, and the penalty is
    above 0 for a fair model, by about (groups - 1) / (2 · batch) times how sure the predictions are. **One number for
    the whole batch**, given to each example alike.

    Shapes: prediction (N,) logits, group (N,) ids.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> z, group = torch.tensor([50.0, 50.0, -50.0, -50.0]), torch.tensor([0, 0, 1, 1])
    >>> wald.PrejudiceRemover()(z, group), wald.PrejudiceRemover()(z, torch.tensor([0, 1, 0, 1]))  # log 2, and nothing
    (tensor(0.6931), tensor(0.))
    """

    card = Card(
        task="other",
        inputs={"prediction": Logit, "group": ClassId},
        formula=Formula(
            "mean([part(p, whole) + part(1 - p, 1 - whole) for p in own])",
            whole="mean([sigmoid(z) for z in prediction])",
            own="[mean([sigmoid(z) for z, g in zip(prediction, group) if g == k]) for k in group]",
            part="lambda p, q: p * log(p / q) if p else 0",
        ),
        convex=False,
        coupling="coupled",
        slope="vanishing",
        denominator="nothing: the batch has one value",
        when="Decisions should not give the group away, and gaps of rare outcomes count more.",
        when_not="True rates differ, and mistakes should be spread evenly (EqualisedOdds).",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("prejudice index", "indirect prejudice", "mutual information fairness", "PrejudiceRemoverRegularizer"),
        tags=("penalty", "fairness", "group", "bias", "information"),
        cite=("Kamishima et al. 2012, doi:10.1007/978-3-642-33486-3_3",),
    )

    def per_example(self, prediction: Tensor, group: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_axis("PrejudiceRemover", "which examples share a group", prediction=prediction, group=group)
        kept = torch.ones_like(prediction, dtype=torch.bool) if keep is None else keep
        total = torch.zeros_like(prediction)
        for p in (prediction.sigmoid(), (-prediction).sigmoid()):
            own = group_means(p, group, kept)
            whole = torch.where(kept, p, torch.zeros_like(p)).sum() / kept.sum().clamp(min=1)
            total = total + _excess(own, whole)
        value = torch.where(kept, total, torch.zeros_like(total)).sum() / kept.sum().clamp(min=1)
        return value.expand(prediction.shape)


def _excess(own: Tensor, whole: Tensor) -> Tensor:
    """What is never negative: own · log(own / whole) - own + whole. What is added has a mean of 0 over examples."""
    tiny = torch.finfo(own.dtype).tiny
    some, whole = own > tiny, whole.clamp(min=tiny)
    times = torch.where(some, own, whole) / whole
    more = times - 1
    near = more.abs() < 0.5  # where few digits of the difference are those of the ratio
    log = torch.where(near, torch.where(near, more, torch.zeros_like(more)).log1p(), times.log())
    return torch.where(some, whole * (times * log - more), whole - own)
