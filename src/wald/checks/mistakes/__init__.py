"""The known mistakes: generic ones, and one file for each family of losses. A new one is a function in a file here."""

from __future__ import annotations

from ...core import Loss
from . import (
    classes,
    divergence,
    embeddings,
    focal,
    labels,
    likelihoods,
    overlap,
    preferences,
    quantiles,
    regression,
    robust,
    tails,
)
from .generic import generic as generic
from .mistake import (
    MISTAKES as MISTAKES,
    SCALES as SCALES,
    SYNONYMS as SYNONYMS,
    USUAL as USUAL,
    Mistake as Mistake,
)

#: The files of families; each enters its mistakes by being loaded.
FAMILIES = (
    classes,
    divergence,
    embeddings,
    focal,
    labels,
    likelihoods,
    overlap,
    preferences,
    quantiles,
    regression,
    robust,
    tails,
)


def mistakes_of(loss: Loss) -> tuple[Mistake, ...]:
    """Every mistake that is another function than `loss` with these fields, its own before the generic ones."""
    kind = type(loss)
    own = [one for one in MISTAKES.get(kind.__name__, ()) if one.when(loss)]
    named = {one.name for one in own}
    return (*own, *(one for one in generic(kind, loss) if one.name not in named))
