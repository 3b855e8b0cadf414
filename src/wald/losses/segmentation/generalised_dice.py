"""Dice of all classes in one ratio: weighted by their volumes, or by how far apart classes are."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Logit, numbers, param
from ...core import Supervised, constant
from ..pieces.over_masks import OverPixels, counts, masks_of, refuse_outside, share_lost


class GeneralisedDice(Supervised, OverPixels):
    """One Dice ratio of all classes, each weighted by one over its squared volume.

    With I_c the common part of class c, and P_c and T_c the sizes of its predicted and true mask, softmax over the
    classes: 1 - 2 Σ w_c I_c / Σ w_c (P_c + T_c), w_c = 1 / T_c^power. A class of ten pixels weighs as much as one of
    a million. It is one ratio, not the mean of ratios: Optax's function of this name weights the ratio of each class
    instead, where absent classes drown the rest, which is another loss.

    A class that is not in the truth has no weight of its own: `absent="largest"` gives it the largest of the others,
    as MONAI does, so that what is predicted of it falsely is pushed down; "none" leaves it out. Smoothing is off by
    default: the weights shrink with the square of the volume, and MONAI's 1e-5, added to weighted sums, then decides
    the value for objects of more than some hundred pixels.

    Shapes: prediction (*batch, pixels, classes), unnormalised; target (*batch, pixels) class ids. `axis=1` for images
    (N, C, *space) and ids (N, *space).

    Raises:
        DomainError: an id is no class, and it is not `ignore_index`.
        ShapeError: prediction and target do not go together.

    >>> import torch, wald
    >>> sure = 40 * torch.eye(2)[torch.tensor([[0, 0, 0, 0, 1]])]  # one of two pixels of class 1 is taken for 0
    >>> wald.GeneralisedDice()(sure, torch.tensor([[0, 0, 0, 1, 1]]))  # (1/9 + 1/4) / (7/9 + 3/4)
    tensor(0.2364)
    """

    power: float = param(default=2.0, at_least=0, typical=(1.0,), help="how a class's weight falls with its volume")
    smooth: float = param(default=0.0, at_least=0, quiet=True, help="added above and below, to the weighted sums")
    absent: Literal["largest", "none"] = param(
        default="largest", choices=("largest", "none"), quiet=True, help="what a class weighs that is not in the truth"
    )
    background: bool = param(default=True, quiet=True, help="whether class 0 takes part")
    ignore_index: int | None = param(default=None, quiet=True, help="the class id that marks pixels to leave out")
    axis: Literal[-1, 1] = param(
        default=-1, quiet=True, help="1 for images (N, C, H, W); -1 where pixels are one axis and classes the last"
    )

    card = Card(
        task="other",
        inputs={
            "prediction": Logit.of("pixels", "classes"),
            "target": Domain(says="a class id", integer=True, axes=("pixels",), typical=(0, 3)),
        },
        formula=Formula(
            "1 - (2 * dot(w, common) + smooth) / (dot(w, size) + smooth)",
            p="[softmax(z) for z in prediction]",
            volume="[sum([t == c for t in target]) for c in range(len(p[0]))]",
            known="[v**-power if v else 0 for v in volume]",
            w="[k or (max(known) if absent == 'largest' else 0) for k in known]",
            common="[sum([q[c] for q, t in zip(p, target) if t == c]) for c in range(len(p[0]))]",
            size="[sum([q[c] for q in p]) + v for c, v in zip(range(len(p[0])), volume)]",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="Several classes of very different volume, each of which matters as much.",
        when_not="Classes are often absent or of a few noisy pixels: their weights explode (Dice of each class).",
        points={"perfect": 0, "floor": 0},
        sizes={"classes": 20},
        aliases=("GeneralizedDice", "GeneralizedDiceLoss", "GDL", "GDice"),
        ports={"monai.losses.GeneralizedDiceLoss": {"smooth": 1e-5}},
        tags=("segmentation", "overlap", "multiclass", "imbalanced", "medical"),
        cite=("Sudre et al. 2017, arXiv:1707.03237",),
    )

    def layers(self) -> str:
        return "multiclass"

    def refuse(self, *inputs: Tensor) -> None:
        refuse_outside(self, "multiclass", self.ignore_index, *inputs)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        masks = masks_of("multiclass", self.ignore_index, *self.pixels_last(prediction, target))
        inside, outside, truth = masks if self.background else (each[..., 1:, :] for each in masks)
        right, falsely, missed = counts(inside, outside, truth)
        volume = truth.sum(-1)
        there = volume > 0
        weight = torch.where(there, volume, torch.ones_like(volume)) ** -self.power
        weight = torch.where(there, weight, torch.zeros_like(weight))
        if self.absent == "largest":
            weight = torch.where(there, weight, weight.amax(-1, keepdim=True))
        lost, common = (weight * (falsely + missed)).sum(-1), (weight * right).sum(-1)
        return share_lost(lost, 2 * common + lost, self.smooth, self.smooth)


class GeneralisedWassersteinDice(Supervised, OverPixels):
    """Dice in which taking a class for a near one costs less than taking it for a far one.

    `distances[a][b]` says how far class b is from class a, 0 on the diagonal; it is divided by its largest entry. A
    pixel of class t is wrong by δ = Σ_c distances[t][c] p_c, p its softmax, and the loss of an image is
    1 - 2 T / (2 T + Σ δ) with T = Σ weight_t (1 - δ) over its pixels. The weight is 1 for every class but 0, the
    background, as in the paper; `weighting="volume"` has 1 / (1 + volume of the class) for all of them, in T and in
    the rest: 1 - 2 T / Σ weight_t (2 - δ), which MONAI calls "GDL".

    Shapes: prediction (*batch, pixels, classes), unnormalised; target (*batch, pixels) class ids. `axis=1` for images
    (N, C, *space) and ids (N, *space).

    Raises:
        ValueError: the distances are no square of numbers from 0 on, some above it.
        DomainError: an id is no class.
        ShapeError: prediction has not one score for each row of the distances.

    >>> import torch, wald
    >>> near = wald.GeneralisedWassersteinDice(distances=[[0, 1, 1], [1, 0, 0.2], [1, 0.2, 0]])
    >>> taken_for_2, taken_for_0 = 40 * torch.eye(3)[torch.tensor([[[1, 2]], [[1, 0]]])]
    >>> near(taken_for_2, torch.tensor([[1, 1]])), near(taken_for_0, torch.tensor([[1, 1]]))
    (tensor(0.0526), tensor(0.3333))
    """

    distances: tuple[tuple[float, ...], ...] = param(
        # The rows are tuples of numbers, from any nested list, tensor or array.
        convert=lambda given: tuple(numbers(row) for row in (given.tolist() if hasattr(given, "tolist") else given)),
        typical=(((0.0, 1.0, 1.0, 1.0), (1.0, 0.0, 0.5, 1.0), (1.0, 0.5, 0.0, 0.2), (1.0, 1.0, 0.2, 0.0)),),
        help="how far each class (column) is from the true one (row)",
    )
    weighting: Literal["paper", "volume"] = param(
        default="paper", choices=("paper", "volume"), quiet=True, help="what a pixel of each class weighs"
    )
    smooth: float = param(default=1e-5, at_least=0, quiet=True, help="added above and below")
    axis: Literal[-1, 1] = param(
        default=-1, quiet=True, help="1 for images (N, C, H, W); -1 where pixels are one axis and classes the last"
    )

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Logit.of("pixels", "classes", size=len(loss.distances)),
            "target": Domain(says="a class id", integer=True, axes=("pixels",), typical=(0, 3)),
        },
        formula=lambda loss: Formula(
            "1 - (2 * right + smooth) / (2 * right + lost + smooth)",
            far="max([max(row) for row in distances])",
            wrong="[dot(distances[t], softmax(z)) / far for z, t in zip(prediction, target)]",
            **(
                {"right": "sum([1 - d for d, t in zip(wrong, target) if t])", "lost": "sum(wrong)"}
                if loss.weighting == "paper"
                else {
                    "w": "[1 / (1 + target.count(t)) for t in target]",
                    "right": "sum([a * (1 - d) for a, d in zip(w, wrong)])",
                    "lost": "dot(w, wrong)",
                }
            ),
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="Classes are parts of parts (regions of a tumour), and some confusions are nearly right.",
        when_not="All confusions are as bad (Dice, GeneralisedDice).",
        points={"perfect": 0, "floor": 0},
        aliases=("GeneralizedWassersteinDice", "GeneralizedWassersteinDiceLoss", "GWDL", "Wasserstein Dice"),
        ports={"monai.losses.GeneralizedWassersteinDiceLoss": {}},
        tags=("segmentation", "overlap", "multiclass", "hierarchical", "medical", "cost-sensitive"),
        cite=("Fidon et al. 2017, arXiv:1707.00478",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = self.distances
        if len({len(rows), *map(len, rows)}) != 1 or min(map(min, rows)) < 0 or max(map(max, rows)) == 0:
            raise ValueError(
                "GeneralisedWassersteinDice: distances must be a square of numbers from 0 on, some above it, "
                f"got {rows}"
            )

    def layers(self) -> str:
        return "multiclass"

    def refuse(self, *inputs: Tensor) -> None:
        refuse_outside(self, "multiclass", None, *inputs)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = self.pixels_last(prediction, target)
        far = max(map(max, self.distances))
        matrix = torch.stack([constant(row, prediction) for row in self.distances]) / far
        wrong = (matrix[target] * prediction.softmax(-1)).sum(-1)
        if self.weighting == "volume":
            ids = torch.arange(prediction.shape[-1], device=target.device)
            volume = (target.unsqueeze(-1) == ids).to(wrong.dtype).sum(-2)
            weight = (1 / (1 + volume)).gather(-1, target)
            right, lost = (weight * (1 - wrong)).sum(-1), (weight * wrong).sum(-1)
        else:
            right, lost = ((target != 0).to(wrong.dtype) * (1 - wrong)).sum(-1), wrong.sum(-1)
        return share_lost(lost, 2 * right + lost, self.smooth, self.smooth)
