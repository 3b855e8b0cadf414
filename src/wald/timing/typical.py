"""A case for any loss of the catalogue, made from its card: inputs of typical sizes, the floor, and its rivals."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any, Final, cast

import torch
from torch import Tensor

from ..cards.sizes import usual
from ..checks.subjects.draw import sample
from ..core import Loss, which
from .case import TYPICAL, Case, Sides, Size, Step, size_of, step, step_without_gradient

#: How many numbers the largest input has, about, where examples are judged one by one.
_NUMBERS: Final[Mapping[Size, int]] = {"full": 1 << 20, "quick": 1 << 18, "tiny": 1 << 9}
#: How many examples a batch has at most where they meet, so that there may be a table of all pairs.
_MEETING: Final[Mapping[Size, int]] = {"full": 1024, "quick": 256, "tiny": 12}
#: The largest axis at the smallest size.
_TINY: Final = 8


def typical(loss: Loss) -> Case:
    """What it takes to compute a loss and its gradient at typical sizes, beside the floor.

    >>> import wald
    >>> from wald.timing.typical import typical
    >>> typical(wald.Dice()).sizes["quick"]
    {'batch': 64, 'pixels': 4096}
    """
    sizes: dict[Size, dict[str, int]] = {size: _sizes(loss, size) for size in _NUMBERS}
    return Case(
        name=f"{loss}, {TYPICAL}",
        losses=(type(loss).__name__,),
        sizes=sizes,
        prepare=partial(_sides, loss),
        of=loss,
    )


def _sizes(loss: Loss, size: Size) -> dict[str, int]:
    """The axes of its inputs, and how many examples there are."""
    said = cast("Mapping[str, int]", loss.card.sizes)
    domains = [domain for _, domain in loss.named_domains]
    axes = {axis: said.get(axis, usual(axis)) for domain in domains for axis in domain.axes}
    if size == "tiny":
        axes = {axis: min(_TINY, entries) for axis, entries in axes.items()}
    axes |= {domain.axes[-1]: domain.size for domain in domains if domain.axes and domain.size is not None}
    largest = max(prod(axes[axis] for axis in domain.axes) for domain in domains)
    batch = max(2, _NUMBERS[size] // largest)
    if loss.card.coupling == "coupled":
        batch = min(batch, _MEETING[size])
    return {"batch": min(batch, said.get("batch", batch)), **axes}


def _sides(loss: Loss, batch: int, **axes: int) -> Sides:
    inputs = _inputs(loss, batch, axes)
    leaf, *rest = inputs
    leaf = leaf.requires_grad_()
    rivals: dict[str, Step | str] = {}
    if not which(loss, *inputs).startswith("definition"):
        plain = _without_kernels(loss)
        rivals["definition"] = step(lambda: plain(leaf, *rest), leaf)
    return Sides(
        ours=step(lambda: loss(leaf, *rest), leaf),
        # A gradient in fresh memory is what every implementation must write.
        floor=step_without_gradient(lambda: leaf.detach().clone()),
        rivals=rivals,
        compiled=lambda: _compiled(loss, leaf, rest),
        input_bytes=size_of(leaf),
        input_name=loss.named_domains[0][0],
    )


def _inputs(loss: Loss, batch: int, axes: Mapping[str, int]) -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    drawn = [
        sample(domain, (batch,), rng, sizes=dict(axes), target=place > 0)
        for place, (_, domain) in enumerate(loss.named_domains)
    ]
    return [x.float() if x.is_floating_point() else x for x in drawn]


def _without_kernels(loss: Loss) -> Loss:
    """The same loss as a class of its own, for which nothing faster is known."""
    kind: Any = type(type(loss).__name__, (type(loss),), {"__module__": __name__})
    facts = {name: getattr(loss, name) for name in loss.to_dict() if name != "loss"}
    return kind(**facts)


def _compiled(loss: Loss, leaf: Tensor, rest: list[Tensor]) -> Step:
    compiled: Any = torch.compile(loss.__call__)
    return step(lambda: compiled(leaf, *rest), leaf)
