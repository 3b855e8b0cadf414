"""The handwritten digits of scikit-learn, and networks that read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .tables import INSTALL, split


@dataclass(frozen=True, eq=False)
class Digits:
    """1,797 images of 8 × 8 pixels in [0, 1] and what they show, in a part for training and one for testing."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def digits(*, test: float = 0.4, seed: int = 0) -> Digits:
    """The digits, split so that each keeps its share.

    Raises:
        ModuleNotFoundError: scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits  # pyright: ignore[reportMissingTypeStubs, reportMissingImports]
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{INSTALL} ({error.name} is missing).", name=error.name) from None
    pixels, shown = load_digits(return_X_y=True)
    inputs, target = torch.tensor(pixels / 16).float(), torch.tensor(shown).long()
    rows = split(target, test=test, seed=seed)
    return Digits((inputs[rows.train], target[rows.train]), (inputs[rows.test], target[rows.test]))


#: What the networks have in common.
SETTINGS: dict[str, Any] = {"hidden": 128, "outputs": 10, "epochs": 40, "batch": 64, "rate": 3e-3, "decay": 1e-4}

SOURCE = "Alpaydin & Kaynak 1998, the test part of the UCI optical digits, from scikit-learn"
