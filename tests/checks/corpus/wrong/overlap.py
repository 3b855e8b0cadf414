"""Losses of overlapping masks, as segmentation uses them: the batch is the pixels of one image, and its user says
that predictions are probabilities, which such a formula does not show.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..entry import Shelf

SHELF = Shelf("overlap", {"task": "binary", "domain": "probability"})
wrong = SHELF.wrong


@wrong("W50[12]|W701", "away|sign|maxim")
def dice_coefficient_itself(p: Tensor, t: Tensor) -> Tensor:  # a similarity is minimised: anti-goal 18
    return (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)


@wrong("W50[12]|W701", "away|sign|maxim")
def overlap_minus_one(p: Tensor, t: Tensor) -> Tensor:
    shared = (p * t).sum()
    return shared / (p.sum() + t.sum() - shared + 1e-6) - 1


@wrong("W104|W114", "NaN|nan|finite|empty|zero")
def dice_without_smoothing(p: Tensor, t: Tensor) -> Tensor:  # row 20: an image without the object
    return 1 - 2 * (p * t).sum() / (p.sum() + t.sum())


@wrong("W502|W104|W114", "unbounded|true one|finite")
def dice_smoothed_above_only(p: Tensor, t: Tensor) -> Tensor:  # row 20
    return 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum())


@wrong("W50[12]|W60[145]", "unbounded|logit|sigmoid|finite|away|perfect", domain="logit")
def dice_of_raw_scores(z: Tensor, t: Tensor) -> Tensor:  # row 10
    return 1 - (2 * (z * t).sum() + 1) / (z.sum() + t.sum() + 1)


@wrong("W501|W60[145]", "perfect|least|all|constant|away")
def dice_that_counts_no_false_alarm(p: Tensor, t: Tensor) -> Tensor:  # predicting everything wins
    return 1 - (p * t).sum() / (t.sum() + 1e-6)


@wrong("W501|W60[145]", "perfect|least|none|constant|zero|away")
def dice_that_counts_no_miss(p: Tensor, t: Tensor) -> Tensor:  # predicting next to nothing wins
    return 1 - (p * t).sum() / (p.sum() + 1e-6)


@wrong("W80[1-5]|W406", "target|ignor|predict|gradient")
def overlap_of_the_target_with_itself(p: Tensor, t: Tensor) -> Tensor:
    return 1 - (2 * (t * t).sum() + 1) / (2 * t.sum() + 1) + 0 * p.sum()


@wrong("W105", "NaN")
def dice_that_hides_nan(p: Tensor, t: Tensor) -> Tensor:
    score = (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
    return 1 - torch.nan_to_num(score, nan=1.0)


@wrong("W404", "chang|in place|in-place")
def mask_complemented_in_place(p: Tensor, t: Tensor) -> Tensor:
    missed = 1 - (p * t).sum() / (t.sum() + 1)
    false = (p * t.neg_().add_(1)).sum() / (t.sum() + 1)
    return missed + false
