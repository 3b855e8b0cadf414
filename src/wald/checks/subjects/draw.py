"""Losses and tensors drawn from what cards say, so that a check needs no model and no data."""

from __future__ import annotations

from collections.abc import Iterator
import dataclasses
import math
from typing import Any, Final

import torch
from torch import Generator, Tensor

from ...cards import REQUIRED, Domain
from ...core import Loss

#: How many entries an axis has, where neither the card nor the caller says.
SIZE: Final = 5


def draw(
    loss: Loss, batch: tuple[int, ...] | int, generator: Generator, *, classes: int = 4, soft: bool = False
) -> tuple[Tensor, ...]:
    """One tensor for each input of `loss`, inside the typical range of its domain.

    Args:
        loss: whose inputs; only its card is looked at.
        batch: the shape of the batch.
        generator: where the numbers come from; the global random state stays as it is.
        classes: how many classes there are.
        soft: give class targets as probabilities where the loss takes them.

    Returns:
        Tensors of shape (*batch, *axes): float64, and int64 where a domain is of whole numbers.
    """
    shape = (batch,) if isinstance(batch, int) else tuple(batch)
    domains = [domain for _, domain in loss.named_domains]
    sizes = _sizes(domains, classes)
    return tuple(
        sample(domain, shape, generator, sizes=sizes, soft=soft, target=place > 0)
        for place, domain in enumerate(domains)
    )


def sample(
    domain: Domain,
    batch: tuple[int, ...],
    generator: Generator,
    *,
    sizes: dict[str, int],
    soft: bool = False,
    target: bool = True,
) -> Tensor:
    """Values of one domain. A probability that is observed, not predicted, is most often a label, 0 or 1."""
    if soft and domain.soft:
        domain = dataclasses.replace(domain, integer=False, axes=domain.soft, normalised="linear")
    axes = [sizes[axis] for axis in domain.axes]
    if axes and domain.size is not None:
        axes[-1] = domain.size
    shape = (*batch, *axes)
    low, high = domain.typical
    if domain.integer:
        # Class ids go with the scores of the classes; other whole numbers, such as counts, stand alone.
        counts = domain.high < math.inf or "classes" not in sizes
        top = int(high) + 1 if counts else sizes["classes"]
        return torch.randint(int(low), top, shape, generator=generator)
    if domain.normalised:
        scores = torch.randn(shape, generator=generator, dtype=torch.float64)
        return scores.softmax(-1) if domain.normalised == "linear" else scores.log_softmax(-1)
    x = low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)
    if target and (domain.low, domain.high, low, high) == (0.0, 1.0, 0.0, 1.0):
        hard = torch.rand(shape, generator=generator) < 2 / 3
        x = torch.where(hard, x.round(), x)
    return x


def variants(kind: type[Loss]) -> Iterator[Loss]:
    """This loss at its defaults, then with each typical value and each choice of one field at a time.

    Raises:
        TypeError: a field has no default and names no values worth testing.

    >>> import wald
    >>> from wald.checks.subjects.draw import variants
    >>> list(variants(wald.Huber))
    [Huber(delta=1.0), Huber(delta=0.1), Huber(delta=10.0)]
    """
    values = {field.name: _values(kind, field) for field in dataclasses.fields(kind)}  # pyright: ignore[reportArgumentType]
    start = {name: each[0] for name, each in values.items()}
    yield kind(**start)
    for name, each in values.items():
        for value in each[1:]:
            yield kind(**(start | {name: value}))


def _values(kind: type[Loss], field: dataclasses.Field[Any]) -> list[Any]:
    default = [] if field.default is REQUIRED else [field.default]
    worth = [*field.metadata.get("choices", ()), *field.metadata.get("typical", ())]
    found = default + [value for value in worth if value not in default]
    if not found:
        raise TypeError(f"{kind.__name__}: {field.name} has no default; give it typical= or choices=.")
    return found


def _sizes(domains: list[Domain], classes: int) -> dict[str, int]:
    """How many entries each named axis has; an axis that a domain fixes has that size everywhere."""
    sizes = {axis: SIZE for domain in domains for axis in (*domain.axes, *domain.soft)}
    sizes |= {"classes": classes} if "classes" in sizes else {}
    # Of an image, what one channel does the others do too, and each would make every check as much dearer.
    sizes |= {"channels": 1} if "channels" in sizes else {}
    fixed = {domain.axes[-1]: domain.size for domain in domains if domain.axes and domain.size is not None}
    return sizes | fixed
