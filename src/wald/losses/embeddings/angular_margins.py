"""ArcFace and SphereFace: softmax over cosines, with a margin in the angle of the target."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Real, param
from ...core import Supervised
from ..pieces.angles import turned
from ..pieces.softmax import cross_entropy


def _of_target(cosines: Tensor, target: Tensor) -> Tensor:
    return cosines.gather(-1, target.unsqueeze(-1))


def _with_own(cosines: Tensor, own: Tensor, target: Tensor) -> Tensor:
    """The cosines with that of the target replaced."""
    places = torch.arange(cosines.shape[-1], device=cosines.device)
    return torch.where(places == target.unsqueeze(-1), own, cosines)


class ArcFace(Supervised):
    """Softmax over cosines, with a margin added to the angle of the target.

    -log softmax(scale · c)_target, where the cosine of the target is replaced by cos(angle + margin): the embedding
    must be nearer to its own proxy than to others by that angle. **The margin is in radians**, 0.5 in the paper;
    pytorch-metric-learning wants degrees (28.6). The loss takes cosines, of embeddings with one learned vector a class
    (`wald.Proxies`); sub-centre ArcFace is this loss of the largest cosine of a class, cosines.amax(-1).

    Beyond angle + margin = 180° the cosine would rise again and reward what is wrong. `beyond` says what then holds:

    - "line": cos - margin · sin(margin), which goes on falling (the authors' code, pytorch-metric-learning);
    - "easy": no margin from 90° on (the authors' easy_margin);
    - "cosine": nothing is done.

    At a cosine of 1 or -1 the slope of the angle is infinite; here the gradient is finite there, and cosines that
    rounding has brought beyond are taken as they come. A scale much below 64 with many classes cannot reach a small
    loss, since cosines end at 1.

    Shapes: prediction (*batch, classes) cosines, target (*batch) class ids.

    >>> import torch, wald
    >>> cosine, target = torch.tensor([[0.5, 0.5]]), torch.tensor([0])
    >>> wald.ArcFace(scale=1.0, margin=0.0)(cosine, target)  # log 2
    tensor(0.6931)
    >>> wald.ArcFace(scale=1.0)(cosine, target)  # the target's is now cos(60° + 28.6°) = 0.02
    tensor(0.9595)
    """

    margin: float = param(
        default=0.5, at_least=0, at_most=1.5, typical=(0.2,), help="what is added to the angle, in radians"
    )
    scale: float = param(default=64.0, above=0, typical=(8.0,), help="what cosines are multiplied by; 1 / temperature")
    beyond: str = param(
        default="line", choices=("line", "easy", "cosine"), help="what holds where the cosine would rise again"
    )

    card = Card(
        task="multiclass",
        inputs={"prediction": Real.of("classes"), "target": ClassId},
        formula=lambda loss: Formula(
            "logsumexp(s) - s[target]",
            c="prediction[target]",
            turned="c * cos(margin) - sqrt(max(0, 1 - c**2)) * sin(margin)",
            own={
                "line": "turned if c > -cos(margin) else c - margin * sin(margin)",
                "easy": "turned if c > 0 else c",
                "cosine": "turned",
            }[loss.beyond],
            s="[scale * (own if k == target else x) for k, x in zip(range(len(prediction)), prediction)]",
        ),
        calibrated=False,
        bounded_below=True,
        slope="bounded",
        when="Classes are many, as in faces and voices, and embeddings are compared by cosine afterwards.",
        when_not="Labels are noisy, or probabilities are wanted: the margin bends them (ProxySoftmax, CrossEntropy).",
        points={"floor": 0},
        aliases=("ArcFaceLoss", "AAM-softmax", "AdditiveAngularMargin", "additive angular margin", "SubCenterArcFace"),
        ports={"pytorch_metric_learning.losses.ArcFaceLoss": {"margin": 0.49916416607037828}},
        tags=("metric learning", "embedding", "proxies", "faces", "speakers", "extreme classification"),
        cite=("Deng, Guo, Xue & Zafeiriou 2019, arXiv:1801.07698",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        cosine = _of_target(prediction, target)
        own = turned(cosine, self.margin)
        if self.beyond == "easy":
            own = torch.where(cosine > 0, own, cosine)
        elif self.beyond == "line":
            own = torch.where(cosine > -math.cos(self.margin), own, cosine - self.margin * math.sin(self.margin))
        return cross_entropy(self.scale * _with_own(prediction, own, target), target)


class SphereFace(Supervised):
    """Softmax over cosines, with the angle of the target multiplied.

    -log softmax(scale · c)_target, where the cosine of the target is replaced by (-1)^k cos(m · angle) - 2 k, k the
    number of whole half turns in m · angle, so that it goes on falling. `multiplier` m is a whole number; 1 is plain
    softmax over cosines.

    The loss takes cosines. The paper multiplies by the length of the embedding, where `scale` is one number: longer
    embeddings then count more, and a network can lower its loss by growing. It also begins with a mixture of this and
    the plain softmax, as the multiplied angle alone is hard to train from nothing: begin with ProxySoftmax.

    cos(m · angle) is a polynomial of the cosine, so that no slope is infinite.

    Shapes: prediction (*batch, classes) cosines, target (*batch) class ids.

    >>> import torch, wald
    >>> cosine, target = torch.tensor([[0.5, 0.5]]), torch.tensor([0])
    >>> wald.SphereFace(scale=1.0, multiplier=2)(cosine, target)  # cos(2 · 60°) = -1/2: log(1 + e)
    tensor(1.3133)
    """

    multiplier: int = param(
        default=4, at_least=1, typical=(1, 3), help="what the angle is multiplied by, a whole number"
    )
    scale: float = param(default=30.0, above=0, typical=(1.0,), help="what cosines are multiplied by; 1 / temperature")

    card = Card(
        task="multiclass",
        inputs={"prediction": Real.of("classes"), "target": ClassId},
        formula=Formula(
            "logsumexp(s) - s[target]",
            c="max(-1, min(1, prediction[target]))",
            turns="multiplier * acos(c) / pi",
            k="min(multiplier - 1, turns // 1)",
            own="(-1)**k * cos(pi * turns) - 2 * k + prediction[target] - c",
            s="[scale * (own if j == target else x) for j, x in zip(range(len(prediction)), prediction)]",
        ),
        calibrated=lambda loss: loss.multiplier == 1,
        bounded_below=True,
        slope="bounded",
        when="You want the first of the angular margins, or to compare with it.",
        when_not="You want what trains easily (ArcFace, ProxySoftmax with a margin, which is CosFace).",
        points={"floor": 0},
        ports={"pytorch_metric_learning.losses.SphereFaceLoss": {"scale": 1.0}},
        aliases=("SphereFaceLoss", "A-Softmax", "angular softmax", "LargeMarginSoftmax", "LargeMarginSoftmaxLoss"),
        tags=("metric learning", "embedding", "proxies", "faces", "extreme classification"),
        cite=("Liu et al. 2017, arXiv:1704.08063", "Liu, Wen, Yu & Yang 2016, arXiv:1612.02295 (L-softmax)"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        turns = [math.cos(math.pi * k / self.multiplier) for k in range(1, self.multiplier)]
        given = _of_target(prediction, target)
        cosine = given.clamp(-1, 1)
        half_turns = sum(((cosine <= c).to(cosine.dtype) for c in turns), torch.zeros_like(cosine))
        odd = half_turns.remainder(2) == 1
        before, multiplied = torch.ones_like(cosine), cosine
        for _ in range(self.multiplier - 1):
            before, multiplied = multiplied, 2 * cosine * multiplied - before
        # Beyond 1 and -1, where no cosine is, it goes on as a line.
        own = torch.where(odd, -multiplied, multiplied) - 2 * half_turns + (given - cosine)
        return cross_entropy(self.scale * _with_own(prediction, own, target), target)
