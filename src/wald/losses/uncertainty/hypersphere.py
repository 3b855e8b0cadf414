"""Hyperspheres: what is normal lies near a centre, and what is not lies far from it."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, NonNegative, Vector, param
from ...core import Contrastive


class DeepSVDD(Contrastive):
    """The smallest sphere about a centre that holds most of the data (soft-boundary Deep SVDD).

    radius² + max(0, |embedding - target|² - radius²) / nu. Its best radius leaves the part `nu` of the examples
    outside. Afterwards |x - target|² - radius² tells what is not normal. With a radius of 0 and nu = 1 it is one-class
    Deep SVDD, the squared distance to the centre.

    **It collapses if it can**: a network that may give one output for every input does so, at a loss of 0. So the
    centre is fixed (the mean of the outputs before training, away from 0), layers have no biases, and activations have
    no bound. The radius may be learned, or set now and then to the quantile 1 - nu of the distances, as the paper does;
    give it without a gradient then.

    pytorch-ood leaves out radius² and 1 / nu, which a fixed radius makes a constant and a scale.

    Shapes: embedding and target, which is the centre, (*batch, features), radius (*batch), not negative:
    `centre.expand_as(embedding)` and `radius.expand(len(embedding))` for one of each.

    Raises:
        DomainError: a radius is negative.

    >>> import torch, wald
    >>> embedding, centre = torch.tensor([[3.0, 4.0], [0.5, 0.0]]), torch.zeros(2, 2)
    >>> wald.DeepSVDD(nu=0.5)(embedding, centre, torch.ones(2), reduction="none")  # 1 + (25 - 1) / 0.5
    tensor([49.,  1.])
    """

    nu: float = param(default=0.1, above=0, at_most=1, typical=(1.0,), help="the part of the data left outside")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "target": Vector, "radius": NonNegative},
        formula=Formula("radius**2 + max(0, distance(embedding, target)**2 - radius**2) / nu"),
        convex=True,
        bounded_below=True,
        smooth=0,
        slope="linear",
        when="Only normal examples are there to train with, and what is not like them is to be found.",
        when_not="Some anomalies are known (DeepSAD), or classes are (CrossEntropy, OutlierExposure).",
        points={"floor": 0, "collapse": 0},
        aliases=("DeepSVDDLoss", "Deep SVDD", "one-class classification", "soft-boundary SVDD", "hypersphere"),
        tags=("anomaly", "outliers", "one-class", "out of distribution", "OOD", "unsupervised", "uncertainty"),
        cite=("Ruff et al. 2018, PMLR 80:4393-4402",),
    )

    def per_example(self, embedding: Tensor, target: Tensor, radius: Tensor) -> Tensor:
        square = radius.square()
        return square + ((embedding - target).square().sum(-1) - square).relu() / self.nu


class DeepSAD(Contrastive):
    """Normal examples near a centre, known anomalies far from it (semi-supervised Deep SVDD).

    The squared distance d = |embedding - target|² for what is unlabelled (label 0), taken to be normal; `eta` · d for
    what is known to be normal (1); and `eta` / (d + 1e-6) for what is known to be an anomaly (-1), which is pushed away
    the harder the nearer it is, and hardly once it is far. Afterwards d tells what is not normal.

    The centre is fixed, as for DeepSVDD. **pytorch-ood knows two labels**: its outliers, of a negative label, are -1
    here, and all others 0.

    Shapes: embedding and target, which is the centre, (*batch, features): `centre.expand_as(embedding)`;
    label (*batch) of 1, 0 or -1.

    Raises:
        DomainError: a label is not 1, 0 or -1.

    >>> import torch, wald
    >>> embedding, centre = torch.full((3, 1), 2.0), torch.zeros(3, 1)
    >>> wald.DeepSAD(eta=3.0)(embedding, centre, torch.tensor([0, 1, -1]), reduction="none")
    tensor([ 4.0000, 12.0000,  0.7500])
    """

    eta: float = param(default=1.0, above=0, typical=(3.0,), help="how much an example with a label counts")

    card = Card(
        task="other",
        inputs={
            "embedding": Vector,
            "target": Vector,
            "label": Domain(
                says="1 normal, 0 unlabelled or -1 an anomaly", low=-1, high=1, integer=True, typical=(-1, 1)
            ),
        },
        formula=Formula(
            "d if label == 0 else eta * d if label > 0 else eta / (d + 1e-6)", d="distance(embedding, target)**2"
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="linear",
        when="Most examples are unlabelled and normal, and some anomalies are known.",
        when_not="No anomaly is known (DeepSVDD), or enough are to tell the two apart (BinaryCrossEntropy).",
        points={"floor": 0},
        aliases=("DeepSADLoss", "Deep SAD", "semi-supervised anomaly detection"),
        ports={"pytorch_ood.loss.DeepSADLoss": {}},
        tags=("anomaly", "outliers", "one-class", "semi-supervised", "out of distribution", "OOD", "uncertainty"),
        cite=("Ruff et al. 2020, arXiv:1906.02694",),
    )

    def per_example(self, embedding: Tensor, target: Tensor, label: Tensor) -> Tensor:
        square = (embedding - target).square().sum(-1)
        return torch.where(label < 0, self.eta / (square + 1e-6), torch.where(label > 0, self.eta * square, square))
