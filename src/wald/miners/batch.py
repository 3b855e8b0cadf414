"""What miners share: who meets whom, and the extremes of a row."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core import ShapeError
from ..losses.pieces.batch_pairs import meetings


def met(miner: str, embedding: Tensor, label: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """The embeddings without a gradient, in single precision or wider, and who is whose positive and negative.

    Raises:
        ShapeError: these are not (N, features) and (N,).
    """
    batch = embedding.shape[:1]
    for name, x in (("label", label), ("keep", keep)):
        if embedding.ndim != 2 or (x is not None and x.shape != batch):
            told = "" if x is None else f" and {name} {tuple(x.shape)}"
            raise ShapeError(
                f"{miner}: embedding {tuple(embedding.shape)}{told} must be (N, features) and (N,), as the one batch "
                "axis says who meets whom."
            )
    return embedding.detach().to(torch.promote_types(embedding.dtype, torch.float32)), *meetings(label, keep)


def reach(values: Tensor, among: Tensor, *, largest: bool) -> Tensor:
    """The largest or the smallest value of each row among those that count, (N, 1); an infinity where none does."""
    if values.numel() == 0:
        return values.sum(-1, keepdim=True)
    worst = torch.full_like(values, -torch.inf if largest else torch.inf)
    counted = torch.where(among, values, worst)
    return counted.amax(-1, keepdim=True) if largest else counted.amin(-1, keepdim=True)


def of_rows_with_both(positive: Tensor, negative: Tensor, like: Tensor) -> Tensor:
    """1 for pairs of either kind, of the anchors that have both."""
    both = positive.any(-1, keepdim=True) & negative.any(-1, keepdim=True)
    return ((positive | negative) & both).to(like.dtype)
