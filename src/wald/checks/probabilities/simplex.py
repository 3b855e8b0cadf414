"""Where a loss of scores against a class is looked at: laws over the classes, and a cloud of scores."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

#: Chances of laws without a majority, near a tie, and of laws with one; what is left is shared unevenly by the rest.
_TOPS = ((0.4, 0.35), (0.7, 0.15), (0.55, 0.2), (0.36, 0.31), (0.45, 0.41), (0.48, 0.3), (0.85, 0.07))
#: The tops of laws are this far ahead, so that what a wrong top costs can be told from rounding; no chance is smaller.
_AHEAD, _LEAST = 0.03, 0.02
#: How much a partner differs from its law.
_APART = 0.02
#: What is added to the uniform law, to see which class a loss itself prefers.
_TILT = 0.01
#: Scores that would tie differ by this share, so that every row has a top, in single precision too.
_JITTER = 1e-5
#: The shares of labels that are flipped.
RATES = (0.1, 0.2, 0.4)


@dataclass(frozen=True, kw_only=True)
class Laws:
    """Laws over the classes, each a row that adds to 1.

    Attributes:
        plain: the laws for which everything is looked at.
        partners: laws near the first few plain ones, off in every direction by turns, to tell whether any two
            laws have the same best prediction.
        mixed: the first few plain laws under flips of labels, rate by rate.
        tilted: the uniform law with a little more of one class, class by class.
    """

    plain: Tensor
    partners: Tensor
    mixed: Tensor
    tilted: Tensor

    @property
    def every(self) -> Tensor:
        """All of them, in the order of the fields."""
        return torch.cat([self.plain, self.partners, self.mixed, self.tilted])


def laws(size: int, generator: Generator, *, count: int, base: int) -> Laws:
    """Laws over `size` classes: near ties without a majority, clear tops, and the usual.

    Args:
        size: how many classes.
        generator: of the usual laws, and of the order of the classes.
        count: how many plain laws.
        base: how many of them have partners and are mixed.
    """
    rest = torch.linspace(1.3, 0.7, max(size - 2, 1), dtype=torch.float64)[: size - 2]
    pairs = torch.tensor(_TOPS, dtype=torch.float64)
    if size > 2:
        made = torch.cat([pairs, (1 - pairs.sum(1, keepdim=True)) * rest / rest.sum()], 1)
    else:
        made = torch.stack([pairs[:, 0], 1 - pairs[:, 0]], 1)
    flat = torch.full((3, size), 1.0, dtype=torch.float64)
    flat[:, 0] += torch.tensor([0.15, 0.3, 0.6], dtype=torch.float64)
    drawn = (1.2 * torch.randn(40 * count, size, generator=generator, dtype=torch.float64)).softmax(1)
    made = torch.cat([made, flat / flat.sum(1, keepdim=True), drawn])
    first, second = made.topk(2, dim=1).values.unbind(1)
    good = (first - second >= min(_AHEAD, 0.1 / size)) & (made.amin(1) >= min(_LEAST, 0.1 / size))
    plain = made[good][:count]
    order = torch.rand(plain.shape, generator=generator).argsort(1)
    plain = plain.gather(1, order)
    turns = torch.eye(size, dtype=torch.float64)
    turns = _APART * (turns - turns.roll(1, 1))[: size - 1]
    partners = (plain[:base].unsqueeze(1) + turns).clamp(min=1e-3).flatten(0, 1)
    tilted = torch.full((size, size), (1 - _TILT) / size, dtype=torch.float64) + _TILT * torch.eye(size).double()
    return Laws(
        plain=plain,
        partners=partners / partners.sum(1, keepdim=True),
        mixed=torch.cat([flipped(plain[:base], rate) for rate in RATES]),
        tilted=tilted,
    )


def flipped(law: Tensor, rate: float) -> Tensor:
    """The law of labels of which a share `rate` was replaced by another class, any of them alike."""
    return (1 - rate) * law + rate * (1 - law) / (law.shape[-1] - 1)


def cloud(size: int, generator: Generator, *, dense: bool, rounding: float) -> Tensor:
    """Scores of all orders and magnitudes, no two of a row the same to this relative `rounding`."""
    steps = _steps(size, generator, 3)
    scales = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 1e2, 1e4, 1e8) if dense else (0.3, 1.0, 5.0, 1e2, 1e8)
    parts = [scale * steps for scale in scales]
    if dense:
        finer = _steps(size, generator, 5)
        parts += [0.5 * finer, finer]
    points = torch.cat(parts)
    order = torch.rand(points.shape, generator=generator).argsort(1).double()
    apart = torch.where(points.abs().amax(1, keepdim=True) < 100, _JITTER, 4 * rounding)
    return points + apart * (1 + points.abs()) * order


def _steps(size: int, generator: Generator, levels: int) -> Tensor:
    """Corners and middles of a cube, or some of them where they are too many."""
    axis = torch.arange(levels, dtype=torch.float64) - (levels - 1) / 2
    if levels**size <= 700:
        return torch.cartesian_prod(*[axis] * size).reshape(-1, size)
    some = axis[torch.randint(levels, (600 - 2 * size, size), generator=generator)]
    return torch.cat([torch.eye(size, dtype=torch.float64), -torch.eye(size, dtype=torch.float64), some])
