"""Weighted kappa: disagreement of ordered classes, in units of what chance alone would give."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Logits, param
from ...core import Supervised
from ..pieces.one_batch import one_batch
from ..pieces.softmax import below_infinity, over_labels


class WeightedKappa(Supervised):
    """One minus Cohen's weighted kappa of the batch, with probabilities as counts.

    The disagreement Σ |k - y|**power · p_k of an example, p being the softmax of its scores, divided by what labels
    and predictions of this batch would have on average if they were paired at random. 0 for perfect predictions, 1 for
    those that know nothing but how frequent classes are. power 2 is the quadratic kappa (QWK) of
    medical grades, 1 the linear one. The mean over the examples is the value of the batch.

    **It depends on who is in the batch**, so that the mean of batches is not that of the data. One example alone is
    always 1, with a gradient of 0. Where labels and predictions are all of one class, chance agrees too, and kappa is
    0 / 0: that costs 0 here, as nothing disagrees.

    `form="log"` is the logarithm of that ratio plus 1e-6, as its authors and TensorFlow Addons have it: steeper near
    the end, and the same for all examples of the batch. dlordinal takes the ratio unless asked.

    Shapes: prediction (N, classes), unnormalised, the classes in their order; target (N,) class ids. Exactly one batch
    axis.

    Raises:
        DomainError: an id is not a class.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> sure = 400 * torch.eye(3)
    >>> wald.WeightedKappa()(sure, torch.tensor([0, 1, 2])), wald.WeightedKappa()(sure, torch.tensor([0, 1, 1]))
    (tensor(0.), tensor(0.3333))
    """

    power: float = param(default=2.0, above=0, typical=(1.0,), help="1 for the linear kappa, 2 for the quadratic one")
    form: Literal["ratio", "log"] = param(
        default="ratio", choices=("ratio", "log"), help="the ratio of disagreements, or its logarithm"
    )

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassId},
        formula=lambda loss: Formula(
            "sum([abs(k - target[i])**power * p[i][k] for k in K]) / D if D > 0 else 0"
            if loss.form == "ratio"
            else "log((mean([sum([abs(k - y)**power * q[k] for k in K]) for q, y in zip(p, target)]) / D"
            " if D > 0 else 0) + 1e-6)",
            p="[softmax(row) for row in prediction]",
            K="range(len(p[0]))",
            D="mean([mean([sum([abs(k - y)**power * q[k] for k in K]) for q in p]) for y in target])",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        when="You are judged by the weighted kappa of ordered grades, and batches hold many of every class.",
        when_not="Batches are small or hold one class, or probabilities are wanted (RankedProbability).",
        points=lambda loss: (
            {"perfect": 0, "chance": 1, "floor": 0}
            if loss.form == "ratio"
            else {"perfect": "log(1e-6)", "chance": "log(1 + 1e-6)", "floor": "log(1e-6)"}
        ),
        aliases=("QWK", "quadratic weighted kappa", "WKLoss", "Cohen's kappa", "kappa loss", "WeightedKappaLoss"),
        ports={"dlordinal.losses.WKLoss": {}},
        tags=("ordinal", "ordered classes", "agreement", "metric", "grades", "batch", "classification"),
        cite=("de la Torre, Puig & Valls 2018, doi:10.1016/j.patrec.2017.05.018",),
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("WeightedKappa", "whom chance could pair", prediction=prediction, target=target)
        p = below_infinity(prediction).softmax(-1)
        place = torch.arange(p.shape[-1], device=p.device, dtype=p.dtype)
        far = (place - place.unsqueeze(-1)).abs() ** self.power
        there = torch.ones_like(p[:, 0]) if keep is None else keep.to(p.dtype)
        size = there.sum().clamp(min=1)
        # What each class would cost if it were the true one; of an example that is its own, of chance that of all.
        each = p @ far
        own, mixed = over_labels(each, target), (each * there.unsqueeze(-1)).sum(0) / size
        by_chance = (mixed[target] * there).sum() / size
        nothing = by_chance <= 0
        share = torch.where(nothing, torch.zeros_like(own), own / torch.where(nothing, 1.0, by_chance))
        if self.form == "ratio":
            return share
        return ((share * there).sum() / size + 1e-6).log().expand_as(own)
