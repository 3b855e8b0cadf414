"""Centreline Dice: whether the skeletons of two masks lie in each other, so that vessels stay connected."""

from __future__ import annotations

from functools import reduce
from typing import Literal

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import BinaryTarget, Card, Formula, Logit, param
from ...core import Supervised


class CentrelineDice(Supervised):
    """One minus the harmonic mean of how far the skeleton of each mask lies in the other (clDice).

    Of p = sigmoid(prediction) and its soft skeleton s_p: Σ s_p t / Σ s_p says how much of the predicted centreline is
    in the true mask, Σ s_t p / Σ s_t how much of the true centreline was found. A gap in a vessel costs as much as it
    is long, however thin the vessel. It says nothing of width: add Dice, as the paper does, with about half the weight
    each.

    The skeleton is made by eroding the mask `iterations` times and keeping what each opening would lose, so
    `iterations` must be the radius of the widest vessel, in pixels, at least; what is wider has no centreline.
    `smooth` is added above and below in both ratios. One foreground: give several of them as (N, C, height, width),
    each an example, and leave the background out, whose skeleton means nothing.

    Shapes: prediction and target (*batch, height, width), or (*batch, depth, height, width) with dims=3; prediction in
    logits, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1].
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> vessel = torch.zeros(1, 5, 7)
    >>> vessel[:, 2, 1:6] = 1.0
    >>> gap = vessel.clone()
    >>> gap[:, 2, 3] = 0.0
    >>> wald.CentrelineDice(smooth=0)(80 * gap - 40, vessel)  # 4 of 5 pixels were found, all of them right
    tensor(0.1111)
    """

    iterations: int = param(default=3, at_least=0, typical=(1,), help="how often the mask is eroded, in pixels")
    smooth: float = param(default=1.0, at_least=0, quiet=True, help="added above and below, in pixels")
    dims: Literal[2, 3] = param(default=2, quiet=True, help="how many axes of space there are")

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Logit.of(*("depth", "height", "width")[-loss.dims :]),
            "target": BinaryTarget.of(*("depth", "height", "width")[-loss.dims :]),
        },
        formula=Formula(
            "1 - 2 * found * kept / (found + kept)",
            framed="lambda m, v: [[v] * (len(m[0]) + 2)] + [[v] + row + [v] for row in m] + [[v] * (len(m[0]) + 2)]",
            eroded="lambda m: [[min(w[1::2] + [w[4]]) for w in row] for row in windows(framed(m, inf), 3, 3)]",
            dilated="lambda m: [[max(w) for w in row] for row in windows(framed(m, -inf), 3, 3)]",
            lost="lambda m: [[max(0, x - y) for x, y in zip(q, s)] for q, s in zip(m, dilated(eroded(m)))]",
            thinned="lambda m, n: eroded(thinned(m, n - 1)) if n else m",
            joined="lambda m, more: [[x + max(0, y - x * y) for x, y in zip(q, s)] for q, s in zip(m, more)]",
            skeleton="lambda m, n: joined(skeleton(m, n - 1), lost(thinned(m, n))) if n else lost(m)",
            flat="lambda m: [x for row in m for x in row]",
            share="lambda s, m: (dot(flat(s), flat(m)) + smooth) / (sum(flat(s)) + smooth)",
            p="[[sigmoid(z) for z in row] for row in prediction]",
            found="share(skeleton(p, iterations), target)",
            kept="share(skeleton(target, iterations), p)",
        ),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope="vanishing",
        denominator="the unmasked examples (masks), each counted by its weight; not the pixels",
        when="Beside Dice, for vessels, roads, nerves: what is thin, and must stay connected.",
        when_not="Objects are compact, or the width of what is thin matters by itself (Dice).",
        points={"floor": 0},
        aliases=("clDice", "SoftclDice", "SoftclDiceLoss", "centerline Dice", "CenterlineDice"),
        ports={"monai.losses.SoftclDiceLoss": {}},
        tags=("segmentation", "overlap", "mask", "topology", "vessels", "medical", "skeleton"),
        cite=("Shit et al. 2020, arXiv:2003.07311",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        p, space = prediction.sigmoid(), tuple(range(-self.dims, 0))
        own, true = self._skeleton(p), self._skeleton(target)
        found = _share((own * target).sum(space), own.sum(space), self.smooth)
        kept = _share((true * p).sum(space), true.sum(space), self.smooth)
        both = found + kept
        nothing = both == 0
        return torch.where(nothing, 1.0, 1 - 2 * found * kept / torch.where(nothing, 1.0, both))

    def _skeleton(self, mask: Tensor) -> Tensor:
        flat = mask.reshape(-1, 1, *mask.shape[-self.dims :])
        lost = F.relu(flat - self._dilated(self._eroded(flat)))
        skeleton = lost
        for _ in range(self.iterations):
            flat = self._eroded(flat)
            lost = F.relu(flat - self._dilated(self._eroded(flat)))
            skeleton = skeleton + F.relu(lost - skeleton * lost)
        return skeleton.reshape(mask.shape)

    def _eroded(self, mask: Tensor) -> Tensor:
        """The least of each pixel and its neighbours along the axes."""
        lines = [[3 if each == axis else 1 for each in range(self.dims)] for axis in range(self.dims)]
        return reduce(torch.minimum, [-self._largest(-mask, line) for line in lines])

    def _dilated(self, mask: Tensor) -> Tensor:
        """The largest of each pixel and all its neighbours."""
        return self._largest(mask, [3] * self.dims)

    def _largest(self, mask: Tensor, size: list[int]) -> Tensor:
        pool = F.max_pool2d if self.dims == 2 else F.max_pool3d
        return pool(mask, size, stride=1, padding=[each // 2 for each in size])


def _share(part: Tensor, whole: Tensor, smooth: float) -> Tensor:
    """How much of the whole is in the part; 1 where there is no whole, of which nothing is missing."""
    size = whole + smooth
    nothing = size == 0
    return torch.where(nothing, 1.0, (part + smooth) / torch.where(nothing, 1.0, size))
