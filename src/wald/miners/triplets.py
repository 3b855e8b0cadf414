"""Miners of triplets: an anchor, a positive and a negative."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

from ..losses.pieces.batch_pairs import distances, squared_distances
from .batch import met


def margin_triplets(
    embedding: Tensor,
    label: Tensor,
    *,
    margin: float = 0.2,
    kind: Literal["violating", "hard", "semi-hard", "easy"] = "violating",
    keep: Tensor | None = None,
) -> Tensor:
    """The triplets that violate a margin, or those of them that are hard or semi-hard; or all others.

    With the lead of a triplet, how much further the negative is than the positive:

    - "violating": the lead is less than the margin, and the triplet costs something;
    - "hard": the negative is nearer than the positive, or as near;
    - "semi-hard": the negative is further, but by less than the margin;
    - "easy": the lead is the margin or more.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        margin: in the unit of the distance.
        kind: which of them.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N, N): 1 for the triplets (anchor, positive, negative) that count.

    Raises:
        ShapeError: these are not (N, features) and (N,).
        ValueError: `kind` is unknown.

    >>> import torch, wald
    >>> x, label = torch.tensor([[0.0], [1.0], [1.1]]), torch.tensor([0, 0, 1])
    >>> wald.miners.margin_triplets(x, label, kind="semi-hard").nonzero()  # 1.1 is further than 1, by less than 0.2
    tensor([[0, 1, 2]])
    >>> wald.miners.margin_triplets(x, label, kind="hard").nonzero()
    tensor([[1, 0, 2]])
    """
    x, positive, negative = met("margin_triplets", embedding, label, keep)
    apart = distances(x)
    lead = apart.unsqueeze(-2) - apart.unsqueeze(-1)
    kinds = {
        "violating": lead < margin,
        "hard": lead <= 0,
        "semi-hard": (lead > 0) & (lead < margin),
        "easy": lead >= margin,
    }
    if kind not in kinds:
        known = ", ".join(repr(each) for each in kinds)
        raise ValueError(f"margin_triplets: kind must be one of {known}, got {kind!r}")
    return (positive.unsqueeze(-1) & negative.unsqueeze(-2) & kinds[kind]).to(embedding.dtype)


def angular_triplets(embedding: Tensor, label: Tensor, *, angle: float = 20.0, keep: Tensor | None = None) -> Tensor:
    """The triplets in which the negative sees the pair under more than an angle, as `Angular` measures it.

    The tangent of the angle is half the distance of anchor and positive, over the distance of the negative from the
    middle between them. It does not depend on the scale of the vectors.

    Args:
        embedding: (N, features).
        label: (N,) class ids.
        angle: in degrees, above 0 and below 90.
        keep: (N,) which examples take part; None for all.

    Returns:
        (N, N, N): 1 for the triplets (anchor, positive, negative) that count.

    Raises:
        ShapeError: these are not (N, features) and (N,).
        ValueError: `angle` is not between 0 and 90.

    >>> import torch, wald
    >>> x, label = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 9.0]]), torch.tensor([0, 0, 1, 2])
    >>> wald.miners.angular_triplets(x, label).nonzero()  # 45° at the third, 6° at the fourth
    tensor([[0, 1, 2],
            [1, 0, 2]])
    """
    if not 0 < angle < 90:
        raise ValueError(f"angular_triplets: angle must be between 0 and 90 degrees, got {angle!r}")
    x, positive, negative = met("angular_triplets", embedding, label, keep)
    apart = squared_distances(x)
    own = apart.unsqueeze(-1)
    # The median of a triangle by its sides: anchor and positive with the negative, and with each other.
    median = 0.5 * (apart.unsqueeze(-2) + apart.unsqueeze(-3)) - 0.25 * own
    wide = own > 4 * math.tan(math.radians(angle)) ** 2 * median
    return (positive.unsqueeze(-1) & negative.unsqueeze(-2) & wide).to(embedding.dtype)
