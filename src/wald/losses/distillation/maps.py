"""Distillation of feature maps: where a teacher looks, and where each of its channels does."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.distance import direction
from ..pieces.spaces import divergence


class AttentionTransfer(Supervised):
    """A student's feature map is strong where the teacher's is (attention transfer).

    The map of a side is the mean over channels of |feature|^power at each place, at length 1 over the places; the loss
    is the squared distance of both maps, so the channels of the two may differ in number, the places not.

    **The paper and its code differ** by orders of magnitude. `mean=True`, the code, takes the mean over the places, and
    a weight of 1000; `mean=False`, near the paper, their sum; the paper also writes the distance unsquared. A map of
    zeros has no direction: it counts as zeros, without a gradient. **The target is held fixed.**

    Shapes: prediction (*batch, channels, places) and target (*batch, target channels, places): `x.flatten(2)` of images
    (N, C, H, W).

    >>> import torch, wald
    >>> student, teacher = torch.tensor([[[1.0, 1.0]]]), torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    >>> wald.AttentionTransfer(mean=False)(student, teacher)  # (1 - √(1/2))² + 1/2
    tensor(0.5858)
    """

    power: int = param(default=2, choices=(2, 1), help="the power of the features")
    mean: bool = param(default=True, choices=(True, False), help="the mean over the places, not their sum")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("channels", "places"), "target": Real.of("target_channels", "places")},
        formula=lambda loss: Formula(
            "sum([(x - y) ** 2 for x, y in zip(a, b)])" + (" / len(a)" if loss.mean else ""),
            unit="lambda v: [x / (sqrt(dot(v, v)) or 1) for x in v]",
            map="lambda s: unit([sum([abs(c[k]) ** power for c in s]) / len(s) for k in range(len(s[0]))])",
            a="map(prediction)",
            b="map(target)",
        ),
        convex=False,
        slope="vanishing",
        when="A convolutional student should look where its teacher does, of as many places.",
        when_not="Vectors have no places (SimilarityPreserving), or each channel has a meaning (ChannelDistillation).",
        points={"perfect": 0, "floor": 0},
        aliases=("AT", "ATLoss", "attention transfer", "activation-based attention transfer"),
        tags=("distillation", "teacher", "student", "images", "features", "attention"),
        cite=("Zagoruyko & Komodakis 2016, arXiv:1612.03928",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        square = (self._map(prediction) - self._map(target.detach())).square()
        return square.mean(-1) if self.mean else square.sum(-1)

    def _map(self, x: Tensor) -> Tensor:
        return direction((x.square() if self.power == 2 else x.abs()).mean(-2))


class ChannelDistillation(Supervised):
    """Each channel of a student's map is strong where that of the teacher is (channel-wise distillation).

    temperature² · the mean over channels of KL(softmax over the places of target / temperature || the same of
    prediction). **The softmax is over places, not over classes**, so that a channel says where, not how much. The mean
    over the batch then divides by batch · channels, as the authors' code does, and not by pixels. **The target is held
    fixed.**

    Shapes: prediction and target (*batch, channels, places): `x.flatten(2)` of images (N, C, H, W), of logits or
    features. A student of other channels needs a 1 × 1 convolution first.

    >>> import torch, wald
    >>> student, teacher = torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[2.0, 0.0]]])
    >>> wald.ChannelDistillation(temperature=1.0)(student, teacher)
    tensor(0.3278)
    """

    temperature: float = param(default=4.0, above=0, typical=(1.0,), help="what both maps are divided by")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("channels", "places"), "target": Real.of("channels", "places")},
        formula=Formula(
            "temperature**2 * mean([sum([exp(b) * (b - a) for a, b in zip(logs(x), logs(y))])"
            " for x, y in zip(prediction, target)])",
            logs="lambda v: log_softmax([x / temperature for x in v])",
        ),
        convex=True,
        perfect_is_minimal=True,
        slope="bounded",
        when="A student segments or detects, and its teacher's maps have the same channels.",
        when_not="Only the classes of an image are told (Distillation).",
        points={"perfect": 0, "floor": 0},
        aliases=("CWD", "CWDLoss", "ChannelWise", "channel-wise distillation", "ChannelWiseKnowledgeDistillationLoss"),
        tags=("distillation", "teacher", "student", "segmentation", "images", "features"),
        cite=("Shu et al. 2020, arXiv:2011.13256",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        teacher = (target.detach() / self.temperature).log_softmax(-1)
        student = (prediction / self.temperature).log_softmax(-1)
        return self.temperature**2 * divergence(teacher.exp(), teacher, student).mean(-1)
