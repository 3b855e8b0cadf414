"""Several outputs for each input, scored by what is maximised and by what is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import CaseError


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """Outputs to choose from: samples, checkpoints, members of an ensemble.

    Attributes:
        proxy: what is maximised in training or selection, (inputs, outputs); more is better. A loss goes in as -loss.
        gold: what is meant, (inputs, outputs); more is better.
        unit: what gold is counted in.
        outputs: the outputs themselves, in words, for the exhibits; (inputs, outputs) or empty.

    Raises:
        CaseError: shapes that differ, or values that are not finite.
    """

    proxy: Tensor
    gold: Tensor
    unit: str = ""
    outputs: Sequence[Sequence[str]] = ()

    def __post_init__(self) -> None:
        for name in ("proxy", "gold"):
            values = torch.as_tensor(getattr(self, name)).detach().cpu().double()
            if values.ndim != 2 or values.shape[1] < 2:
                raise CaseError(
                    f"Candidates: {name} is (inputs, outputs) with at least 2 outputs; got {tuple(values.shape)}."
                )
            if not bool(values.isfinite().all()):
                raise CaseError(
                    f"Candidates: {name} holds {int((~values.isfinite()).sum())} values that are not finite."
                )
            object.__setattr__(self, name, values)
        if self.proxy.shape != self.gold.shape:
            raise CaseError(
                f"Candidates: proxy {tuple(self.proxy.shape)} and gold {tuple(self.gold.shape)} score the same "
                "outputs, so their shapes are equal."
            )
