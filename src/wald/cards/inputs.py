"""What several losses of one area take, where that depends on their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .domain import BinaryTarget, Domain, Logit, Real


def mask_inputs(loss: Any) -> Mapping[str, Domain]:
    """Scores and truths of pixels: one mask, several that may overlap, or a class for each pixel, as `kind` says."""
    truth = BinaryTarget if loss.ignore_index is None else Real
    each = Domain(says="a class id", integer=True, axes=("pixels",), typical=(0, 3))
    return {
        "binary": {"prediction": Logit.of("pixels"), "target": truth.of("pixels")},
        "multilabel": {"prediction": Logit.of("pixels", "labels"), "target": truth.of("pixels", "labels")},
        "multiclass": {"prediction": Logit.of("pixels", "classes"), "target": each},
    }[loss.kind]


def return_inputs(loss: Any) -> Mapping[str, Domain]:
    """A series of returns; where gains are reinvested (`compounded`), none may lose all."""
    return {
        "returns": Domain(
            says="a return above -1" if loss.compounded else "a return",
            low=-1.0 if loss.compounded else -float("inf"),
            open_low=True,
            axes=("time",),
            typical=(-0.1, 0.1),
        )
    }
