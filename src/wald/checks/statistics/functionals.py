"""Statistics of a distribution, named in the words of a card and worked out for finite laws.

A law is a row of equally likely atoms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

Numbers = Callable[[Tensor], Tensor]

#: Monotone maps T by the name that a card gives them, and their inverses.
LINKS: Final[dict[str, tuple[Numbers, Numbers]]] = {
    "identity": (lambda y: y, lambda x: x),
    "log": (torch.log, torch.exp),
    "log1p": (torch.log1p, torch.expm1),
    "sqrt": (torch.sqrt, torch.square),
    "logit": (torch.logit, torch.sigmoid),
    "exp": (torch.exp, torch.log),
    "square": (torch.square, torch.sqrt),
    "inverse softplus": (lambda y: y + torch.log(-torch.expm1(-y)), torch.nn.functional.softplus),
    "reciprocal": (torch.reciprocal, torch.reciprocal),
    "asinh": (torch.asinh, torch.sinh),
}


@dataclass(frozen=True, kw_only=True)
class Functional:
    """A statistic: what a card calls it, and what it is for laws of shape (laws, atoms).

    Attributes:
        name: in the words of a card.
        of: one number for each law; where a whole interval will do, its lower end.
        scale: the scale in which the prediction is.
        formula: what the name stands for, where it does not say so itself.
        level: of a plain quantile.
    """

    name: str
    of: Numbers
    scale: str = "identity"
    formula: str = ""
    level: float | None = None


def mean(link: str = "identity") -> Functional:
    """The mean; with a link, a prediction in the scale of the link."""
    to, _ = LINKS[link]
    if link == "identity":
        return Functional(name="mean", of=lambda law: law.mean(-1))
    return Functional(name=f"mean through {link}", of=lambda law: to(law.mean(-1)), scale=link, formula=f"{link}(E[Y])")


def inner_mean(map_: str) -> Functional:
    """The mean taken in another scale and brought back: T⁻¹(E T(Y))."""
    to, back = LINKS[map_]
    name = {"log": "geometric mean", "reciprocal": "harmonic mean"}.get(map_, f"mean through {map_}")
    formula = f"x with {map_}(x) = E[{map_}(Y)]"
    return Functional(name=name, of=lambda law: back(to(law).mean(-1)), formula=formula)


def power_mean(power: float) -> Functional:
    """The mean of a power and brought back: E[Y^p]^(1/p)."""
    return Functional(
        name=f"mean through y^{power:g}",
        of=lambda law: (law**power).mean(-1) ** (1 / power),
        formula=f"x with x^{power:g} = E[Y^{power:g}]",
    )


def expectation(map_: str) -> Functional:
    """The mean of a transformed target, left in its scale: E T(Y)."""
    to, _ = LINKS[map_]
    name = "geometric mean through log" if map_ == "log" else f"mean of {map_}(y)"
    return Functional(name=name, of=lambda law: to(law).mean(-1), scale=map_, formula=f"E[{map_}(Y)]")


def weighted_mean(weight: Numbers, words: str) -> Functional:
    """E[w(Y) Y] / E[w(Y)]."""
    return Functional(name=f"weighted mean({words})", of=lambda law: (weight(law) * law).sum(-1) / weight(law).sum(-1))


def quantile(level: float, link: str = "identity", weight: Numbers | None = None, words: str = "") -> Functional:
    """The level-quantile, of the law or of the law reweighted; through a link in the scale of the link."""
    level = round(level, 4)
    middle = level == 0.5
    if weight is None:
        name = "median" if middle else f"quantile({level:g})"
    else:
        name = f"weighted median({words})" if middle else f"weighted quantile({level:g}, {words})"
    name = name if link == "identity" else f"{name} through {link}"
    to, _ = LINKS[link]

    def of(law: Tensor) -> Tensor:
        ranked = law.sort(-1).values
        mass = torch.ones_like(ranked) if weight is None else weight(ranked)
        share = mass.cumsum(-1) / mass.sum(-1, keepdim=True)
        place = (share < level - 1e-9).sum(-1, keepdim=True)
        return to(ranked.gather(-1, place.clamp(max=ranked.shape[-1] - 1)).squeeze(-1))

    plain = link == "identity" and weight is None
    return Functional(name=name, of=of, scale=link, level=level if plain else None)


def expectile(level: float, weight: Numbers | None = None, words: str = "") -> Functional:
    """The x at which level · E(Y - x)₊ = (1 - level) · E(x - Y)₊, under the law or the law reweighted."""
    # Four digits name it; one third is worked out with all that were measured, as every digit moves an expectile.
    said = f"{round(level, 4):g}"

    def of(law: Tensor) -> Tensor:
        mass = torch.ones_like(law) if weight is None else weight(law)
        x = law.mean(-1, keepdim=True)
        for _ in range(60):
            share = mass * torch.where(law > x, level, 1 - level)
            x = (share * law).sum(-1, keepdim=True) / share.sum(-1, keepdim=True)
        return x.squeeze(-1)

    name = f"expectile({said})" if weight is None else f"weighted expectile({said}, {words})"
    return Functional(name=name, of=of)
