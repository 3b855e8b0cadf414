"""Hinges over all pairs of a positive and a negative: one sort, and running sums from gap to gap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from ...core import implements
from ...losses import PairwiseHinge, PartialAUC
from ...losses.ranking.partial_auc import chosen_from_the_top
from ..eligible import eligible
from ..one_pass import Gradients
from ..two_passes import two_passes

Array = NDArray[Any]


def _accepts(loss: PairwiseHinge | PartialAUC, prediction: Tensor, target: Tensor) -> bool:
    return prediction.ndim == 1 and not target.requires_grad and eligible(prediction, target)


@implements(PartialAUC, name="numpy sort and running sums", accepts=_accepts)
@implements(PairwiseHinge, name="numpy sort and running sums", accepts=_accepts)
def _hinge(
    loss: PairwiseHinge | PartialAUC, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None
) -> Tensor:
    def values(prediction: Tensor) -> tuple[Tensor, _Pairs]:
        with _unwarned():
            pairs = _Pairs(loss, prediction, target, keep)
            return pairs.values().to(prediction.dtype), pairs

    def slopes(needed: tuple[bool, ...], upstream: Tensor, pairs: _Pairs, prediction: Tensor) -> Gradients:
        with _unwarned():
            return (pairs.slopes(upstream).to(prediction.dtype),)

    def definition(prediction: Tensor) -> Tensor:
        return loss.per_example(prediction, target, keep=keep)

    return two_passes(values, slopes, definition, prediction)


def _unwarned() -> np.errstate:
    """Infinities and NaN pass through, as they do in torch."""
    return np.errstate(invalid="ignore", over="ignore")


class _Pairs:
    """The positives and the negatives, each in ascending order, and what each counts.

    An example's value is its share as a positive times what it costs against the negatives, plus its share as a
    negative times what it costs against the positives. A soft target is among both.
    """

    def __init__(
        self, loss: PairwiseHinge | PartialAUC, prediction: Tensor, target: Tensor, keep: Tensor | None
    ) -> None:
        self.power, self.size = loss.power, len(prediction)
        score, label = prediction.numpy(), target.detach().numpy()
        self.positives, above = _ascending(score, np.flatnonzero(label != 0))
        self.negatives, below = _ascending(score, np.flatnonzero(label != 1))
        own_yes = label[self.positives].astype(np.float64)
        own_no = 1 - label[self.negatives].astype(np.float64)
        self.yes, self.no = own_yes, own_no
        if keep is not None:
            self.yes, self.no = (x * keep.numpy()[i] for x, i in ((own_yes, self.positives), (own_no, self.negatives)))
        positives, negatives = self.yes.sum(), self.no.sum()
        if isinstance(loss, PartialAUC):
            chosen = chosen_from_the_top(*map(torch.from_numpy, (below, self.no)), loss.max_fpr).numpy()
            self.no, own_no = self.no * chosen, own_no * chosen / loss.max_fpr
            negatives *= loss.max_fpr
        self.as_yes = own_yes / negatives if negatives > 0 else 0 * own_yes
        self.as_no = own_no / positives if positives > 0 else 0 * own_no

        # A positive meets the negatives that lie above its floor.
        floor = above - loss.margin
        first = np.searchsorted(below, floor, side="right")
        self.over_floors = _Reach(-below[::-1], -floor, len(below) - first)
        self.under_scores = _Reach(floor, below, np.bincount(first, minlength=len(below) + 1)[:-1].cumsum())
        self.met_as_yes = self.over_floors(self.no[::-1], self.power)
        self.met_as_no = self.under_scores(self.yes, self.power)

    def values(self) -> Tensor:
        """The value of each example, in the order in which they came."""
        return self._placed(self.as_yes * self.met_as_yes[-1], self.as_no * self.met_as_no[-1])

    def slopes(self, upstream: Tensor) -> Tensor:
        """What Σ upstream · values changes by with each score, in the order in which they came."""
        asked = upstream.numpy().astype(np.float64)
        as_yes, as_no = self.as_yes * asked[self.positives], self.as_no * asked[self.negatives]
        less = self.power - 1
        up = as_yes * self.met_as_yes[less] + self.yes * self.over_floors(as_no[::-1], less)[less]
        down = as_no * self.met_as_no[less] + self.no * self.under_scores(as_yes, less)[less]
        return self._placed(-self.power * up, self.power * down)

    def _placed(self, of_positives: Array, of_negatives: Array) -> Tensor:
        placed = np.empty(self.size)
        placed[self.positives] = of_positives
        if len(self.positives) + len(self.negatives) == self.size:
            placed[self.negatives] = of_negatives
        else:
            only = np.ones(self.size, dtype=bool)
            only[self.positives] = False
            placed[only] = 0
            placed[self.negatives] += of_negatives
        return torch.from_numpy(placed)


class _Reach:
    """Ascending points, and ends of which each reaches so many of them, counted from the lowest."""

    def __init__(self, points: Array, ends: Array, counts: Array) -> None:
        self.gap, self.counts = np.diff(points), counts
        self.rest = ends - points[counts - 1] if len(points) else ends

    def __call__(self, mass: Array, power: int) -> list[Array]:
        """Σ mass · (end - point)**k over the points that each end reaches, for k from 0 to the power.

        The sums grow from gap to gap and are never subtracted from each other.
        """
        whole = _from_nothing(mass)
        found = [whole[self.counts]]
        if power > 0:
            steps = self.gap * whole[1:-1]
            once = _from_nothing(steps, 2)
            found.append(once[self.counts] + self.rest * found[0])
            if power > 1:
                twice = _from_nothing(self.gap * (2 * once[1:-1] + steps), 2)
                found.append(twice[self.counts] + self.rest * (once[self.counts] + found[1]))
        return found


def _ascending(score: Array, places: Array) -> tuple[Array, Array]:
    """These places in ascending order of their scores, and the scores in float64."""
    own = score[places]
    order = np.argsort(own)
    return places[order], own[order].astype(np.float64)


def _from_nothing(steps: Array, zeros: int = 1) -> Array:
    """Running sums of the steps, after so many zeros."""
    found = np.zeros(len(steps) + zeros)
    if len(steps):
        # torch adds up faster than numpy, and takes nothing that runs backwards.
        ahead = steps if steps.strides[0] > 0 else steps.copy()
        torch.cumsum(torch.from_numpy(ahead), 0, out=torch.from_numpy(found[zeros:]))
    return found
