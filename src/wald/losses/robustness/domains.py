"""Domains: features or predictions of unlabelled data that should look like those of labelled data."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Logits, Real, param
from ...core import Loss, ShapeError, Supervised
from ..pieces.one_batch import one_batch


class DeepCORAL(Supervised):
    """Features of two domains have the same covariances (correlation alignment).

    Σ (C_kl - T_kl)² / (4 features²), with C and T the covariances of both samples, divided by samples - 1. `means=True`
    adds Σ (difference of means)² / features, as DomainBed does for the means, which otherwise may differ. Covariances
    grow with the scale of features: normalise these. Ordinal regression has a CORAL too, which is another thing.
    **Each example is a pair of samples**: two batches of features, as they are, are one.

    Shapes: prediction (*batch, samples, features), target (*batch, target samples, features).

    Raises:
        ShapeError: a sample has fewer than two vectors.

    >>> import torch, wald
    >>> x = torch.tensor([[1.0], [-1.0]])
    >>> wald.DeepCORAL()(x, x + 5.0), wald.DeepCORAL()(2.0 * x, x)  # (8 - 2)² / 4
    (tensor(0.), tensor(9.))
    """

    means: bool = param(default=False, choices=(False, True), help="compare the means as well")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("samples", "features"), "target": Real.of("target_samples", "features")},
        formula=Formula(
            "sum([(c(prediction, k, l) - c(target, k, l)) ** 2 for k in axes for l in axes]) / (4 * len(axes) ** 2)"
            " + (sum([(m(prediction, k) - m(target, k)) ** 2 for k in axes]) / len(axes) if means else 0)",
            m="lambda s, k: mean([v[k] for v in s])",
            c="lambda s, k, l: sum([(v[k] - m(s, k)) * (v[l] - m(s, l)) for v in s]) / (len(s) - 1)",
            axes="range(len(prediction[0]))",
        ),
        convex=False,
        perfect_is_minimal=None,
        smooth=3,
        when="A model trained in one domain is used in another, of which there are no labels.",
        when_not="Domains differ in more than covariances (MMD), or there are labels in both.",
        points={"perfect": 0, "floor": 0},
        aliases=("Deep CORAL", "correlation alignment", "CORALLoss", "covariance alignment", "moment alignment"),
        ports={"pytorch_adapt.layers.CORALLoss": {}},
        tags=("robustness", "domain adaptation", "features", "two-sample"),
        cite=("Sun & Saenko 2016, arXiv:1607.01719",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        for name, x in (("prediction", prediction), ("target", target)):
            if x.shape[-2] < 2:
                raise ShapeError(
                    f"DeepCORAL: {name} {tuple(x.shape)} is (*batch, samples, features) with {x.shape[-2]} vectors; a "
                    "covariance needs 2 or more. Use a larger batch, drop_last=True in the loader."
                )
        (c, m), (d, n) = (_moments(x) for x in (prediction, target))
        features = prediction.shape[-1]
        value = (c - d).square().sum((-1, -2)) / (4 * features**2)
        return value + (m - n).square().mean(-1) if self.means else value


class MinimumClassConfusion(Loss):
    """On unlabelled data, classes are not confused: each prediction is for one class alone (MCC).

    With p = softmax(logits / temperature) and weights w_i in proportion to 1 + exp(-entropy of p_i): C_kl = Σ_i w_i
    p_ik p_il, every row divided by its sum; the loss is what is off the diagonal, over the number of classes. It is
    1 - 1 / classes for uniform predictions, and 0 for sure ones, **one class for all of them included**: use it beside
    a loss of labelled data. The authors take a temperature of 2.5, and hold the weights fixed; here they have their
    gradient, so that it is that of the value. Not the Matthews correlation, which shares its short name. **One number
    for the whole batch**, given to each example alike.

    Shapes: logits (N, classes).

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> wald.MinimumClassConfusion()(torch.zeros(4, 2))
    tensor(0.5000)
    """

    temperature: float = param(default=2.5, above=0, typical=(1.0,), help="what the logits are divided by")

    card = Card(
        task="other",
        inputs={"logits": Logits},
        formula=Formula(
            "1 - mean([sum([a * r[k] ** 2 for a, r in zip(w, p)]) / sum([a * r[k] for a, r in zip(w, p)])"
            " for k in range(len(p[0]))])",
            p="[softmax([x / temperature for x in r]) for r in logits]",
            w="[1 + exp(sum([x * log(x) for x in r])) for r in p]",
        ),
        convex=False,
        coupling="coupled",
        slope="vanishing",
        denominator="nothing: the batch has one value",
        when="A classifier is used in a domain without labels, and is unsure between a few classes there.",
        when_not="The batch is smaller than the number of classes, or alone: it is happy with one class for all.",
        points={"chance": "1 - 1 / classes", "perfect": 0, "collapse": 0, "floor": 0},
        aliases=("minimum class confusion",),
        tags=("robustness", "domain adaptation", "unlabelled", "entropy"),
        cite=("Jin et al. 2019, arXiv:1912.03699",),
    )

    def per_example(self, logits: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("MinimumClassConfusion", "whose classes are confused", logits=logits)
        logs = (logits / self.temperature).log_softmax(-1)
        p = logs.exp()
        entropy = -(p * logs.masked_fill(p == 0, 0.0)).sum(-1)
        weight = (1 + (-entropy).exp()).unsqueeze(-1)
        weighed = p * weight if keep is None else torch.where(keep.unsqueeze(-1), p * weight, torch.zeros_like(p))
        mass = weighed.sum(0)
        nobody = mass == 0
        # What each class has to do with others: 1 - p, on the mean over its own mass.
        mixed = (weighed * -torch.expm1(logs.clamp(max=0))).sum(0) / mass.masked_fill(nobody, 1.0)
        return mixed.mean().expand(logits.shape[0])


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """The covariances and the means of a sample."""
    mean = x.mean(-2)
    away = x - mean.unsqueeze(-2)
    return away.mT @ away / (x.shape[-2] - 1), mean
