"""The inputs on which losses are held beside each other: fixed, typical, and wide enough to show every branch."""

from __future__ import annotations

from functools import cache
import math
from typing import Final

import torch
from torch import Generator, Tensor

from ...cards import Domain
from ...core import Contrastive, Generative, Loss, Preference
from ..subjects.draw import sample

Inputs = tuple[Tensor, ...]
Named = tuple[tuple[str, Domain], ...]

#: How many examples; how many a batch where examples meet; how many classes and features.
ROWS, BATCH, CLASSES, FEATURES = 48, 6, 4, 5
#: The axes of a batch within one unit, for a loss that reads a sequence.
_WITHIN: Final = {"NextToken": (6,)}
#: Losses that are exponential in their prediction.
_EXPONENTIAL: Final = ("Gamma", "Linex", "Poisson", "Tweedie")
#: Logits no larger than this leave every probability above what people add against zeros.
_LOGIT = 4.0
_WIDE = 6.0


def battery(loss: Loss) -> Inputs:
    """Inputs for `loss`, the same each time; what is observed is hard: labels 0 and 1, ids."""
    within = _WITHIN.get(type(loss).__name__, ())
    return drawn(loss.named_domains, within, narrow=_narrow(type(loss)))


@cache
def _narrow(kind: type[Loss]) -> bool:
    """Whether the loss grows so fast that large inputs would drown the others."""
    return kind.__name__ in _EXPONENTIAL


@cache
def drawn(domains: Named, within: tuple[int, ...] = (), *, narrow: bool = False) -> Inputs:
    """The same from domains alone."""
    rows, classes = ROWS, CLASSES
    generator = torch.Generator().manual_seed(1000)
    sizes = {axis: FEATURES for _, domain in domains for axis in (*domain.axes, *domain.soft)} | {"classes": classes}
    # Some losses of images take grey and colour alone.
    sizes |= {"channels": 3}
    fixed = {d.axes[-1]: d.size for _, d in domains if d.axes and d.size is not None}
    found = (
        _of(name, domain, (rows, *within), generator, sizes | fixed, narrow=narrow, first=place == 0)
        for place, (name, domain) in enumerate(domains)
    )
    # Few digits, so that a reader can copy them.
    rounded = tuple(
        x if domain.normalised or not x.is_floating_point() else x.mul(1e4).round().div(1e4)
        for x, (_, domain) in zip(found, domains, strict=True)
    )
    return _near(rounded) if _numbers(domains) else rounded


def _numbers(domains: Named) -> bool:
    """Whether one number is held against another of its kind, so that their difference is what counts."""
    both = [domain for _, domain in domains]
    return (
        len(both) == 2
        and domains[1][0] == "target"
        and all(not (d.bounded or d.axes or d.logits or d.integer) and d.typical[0] < 0 for d in both)
    )


def _near(inputs: Inputs) -> Inputs:
    """The same with every third target near its prediction, on either side, so that small thresholds are met."""
    x, y = inputs
    rows = torch.arange(len(x))
    small = torch.logspace(-2.53, -0.07, len(x), dtype=x.dtype)[rows * 5 % len(x)] * (1 - 2 * (rows % 2))
    return x, torch.where(rows % 3 == 1, x + small.mul(1e4).round().div(1e4), y)


def _of(
    name: str,
    domain: Domain,
    shape: tuple[int, ...],
    generator: Generator,
    sizes: dict[str, int],
    *,
    narrow: bool,
    first: bool,
) -> Tensor:
    rows = shape[0]
    own = shape + tuple(sizes[axis] for axis in domain.axes)
    if domain.integer:
        ids = torch.arange(math.prod(own)).reshape(own)
        shuffled = (7 * ids + torch.div(ids, 5, rounding_mode="floor")) if len(own) > 1 else ids
        count = sizes.get("classes", int(min(domain.high, 8)) + 1)
        least = int(max(domain.low, 0))
        return least + shuffled % max(1, int(min(count, domain.high + 1)) - least)
    if not first and (domain.low, domain.high) == (0.0, 1.0) and not domain.normalised:
        # Labels for sure: libraries part ways on what lies between, and that is told apart from a mistake.
        return ((torch.arange(math.prod(own)) * 5 // 3) % 2).reshape(own).to(torch.float64)
    x = sample(domain, shape, generator, sizes=sizes, target=False)
    if domain.normalised:
        return x
    low, high = domain.typical
    if domain.axes == ("features",):
        # From near to far, so that both sides of a margin are met.
        return x * torch.logspace(-1.5, 0, rows, dtype=x.dtype)[torch.arange(rows) * 7 % rows].unsqueeze(-1)
    if domain.logits:
        return x * (_LOGIT / high)
    if (low, high) == (-3.0, 3.0) and not domain.axes and not narrow:
        # Every third is far out, where robust losses and clamps do something else.
        far = torch.arange(rows) % 3 == 0
        x = torch.where(far, _WIDE * x, x)
    if not first and domain.low == -math.inf and low > 0 and not domain.axes:
        x = torch.where(torch.arange(rows) % 4 == 1, -x, x)
    return x


def learned(loss: Loss) -> tuple[int, ...]:
    """The inputs that a model emits, and that have a gradient worth comparing."""
    if isinstance(loss, (Contrastive, Preference, Generative)):
        return tuple(
            place
            for place, (name, domain) in enumerate(loss.named_domains)
            if name != "same" and not domain.integer and not name.startswith("reference")
        )
    return (0,)


def batches(inputs: Inputs) -> list[Inputs]:
    """The rows in batches of a few, for losses whose examples meet."""
    return list(zip(*(x.split(BATCH) for x in inputs), strict=True))
