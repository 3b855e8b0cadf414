"""Statistics that only have a loss of several outputs: measures of spread, and the mean of a tail."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from .functionals import LINKS, Functional, Numbers

#: In what scale a measure of spread may be emitted.
_SCALES: Final = ("identity", "log", "inverse softplus", "reciprocal", "sqrt")


def spreads() -> list[Functional]:
    """Measures of spread, each in every scale in which it may be emitted."""
    measures: dict[str, Numbers] = {
        "variance": lambda law: law.var(-1, unbiased=False),
        "standard deviation": lambda law: law.std(-1, unbiased=False),
        "mean absolute deviation": _deviation,
        "mean of square(y)": lambda law: law.square().mean(-1),
    }
    # The same numbers have one name: the root of a variance is a standard deviation.
    twice = {("variance", "sqrt")}
    return [
        Functional(
            name=name if scale == "identity" else f"{name} through {scale}",
            of=lambda law, of=of, to=LINKS[scale][0]: to(of(law)),
            scale=scale,
        )
        for name, of in measures.items()
        for scale in _SCALES
        if (name, scale) not in twice
    ]


def expected_shortfall(level: float, *, upper: bool = False, log: bool = False) -> Functional:
    """The mean of the lowest share `level` of a law, or of the highest share 1 - `level`; or the log of its size.

    A size is of one sign: the lower tail's of a mean below 0, the upper tail's of one above. Of others there is none.
    """

    def of(law: Tensor) -> Tensor:
        ranked = law.sort(-1, descending=upper).values
        share = 1 - level if upper else level
        atoms = law.shape[-1]
        taken = (share * atoms - torch.arange(atoms, dtype=law.dtype)).clamp(0, 1)
        mean = (ranked * taken).sum(-1) / (share * atoms)
        return (mean if upper else -mean).log() if log else mean

    name = f"expected shortfall({level:g}{', above' if upper else ''})"
    return (
        Functional(name=f"{name} through log of its size", of=of, scale="log") if log else Functional(name=name, of=of)
    )


def _deviation(law: Tensor) -> Tensor:
    """The mean absolute deviation from the median."""
    ranked = law.sort(-1).values
    middle = ranked[..., (law.shape[-1] - 1) // 2].unsqueeze(-1)
    return (law - middle).abs().mean(-1)
