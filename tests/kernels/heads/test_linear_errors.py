"""What cannot be meant gets one clear error: what was seen, why it matters, what to write instead."""

from typing import Any

import pytest
import torch

import wald
from wald.kernels.heads import linear

from .linear_oracle import head

X, W, B, Y = (t.detach() for t in head())
CE = wald.CrossEntropy()

WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a function": ({"loss": torch.nn.functional.mse_loss}, TypeError, r"wants a loss such as wald\.CrossEntropy\(\)"),
    "a coupled loss": ({"loss": wald.PairwiseLogistic()}, ValueError, "coupled"),
    "a loss of three inputs": ({"loss": wald.DPO()}, TypeError, "losses of .prediction, target."),
    "a matrix the other way round": ({"weight": W.T}, wald.ShapeError, r"use weight\.T"),
    "a short bias": ({"bias": B[:-1]}, wald.ShapeError, "one number for each of the 37 rows of weight"),
    "two dtypes": ({"weight": W.double()}, wald.DtypeError, r"hidden\.to\(weight\.dtype\)"),
    "whole numbers": ({"hidden": torch.ones(23, 13, dtype=torch.int64)}, wald.DtypeError, r"Use hidden\.float\(\)"),
    "targets of other rows": ({"target": Y[:-1]}, ValueError, "do not line up"),
    "an id too many": ({"target": Y + 20}, wald.DomainError, "class ids from 0 to 36"),
    "ids and shares swapped": ({"target": (torch.rand(23, 3), Y[:, None].expand(23, 3))}, wald.DtypeError, "order"),
    "shares that do not add up": (
        {"target": (Y[:, None].expand(23, 3), torch.ones(23, 3))},
        wald.DomainError,
        "adds up to 3",
    ),
    "a few classes for another loss": (
        {"loss": wald.NextToken(shift=False), "target": (Y[:, None], torch.ones(23, 1))},
        TypeError,
        "CrossEntropy",
    ),
    "a softcap of 0": ({"softcap": 0.0}, ValueError, "above 0"),
    "a temperature of 0": ({"temperature": 0.0}, ValueError, "above 0"),
    "temperatures of other rows": ({"temperature": torch.ones(5)}, wald.ShapeError, "one a row"),
    "a learned temperature": ({"temperature": torch.ones((), requires_grad=True)}, ValueError, "requires a gradient"),
    "an unknown output": ({"outputs": ("logits",)}, ValueError, "'logits'; there are"),
    "outputs of another loss": ({"loss": wald.Brier(), "outputs": ("entropy",)}, ValueError, "belong to CrossEntropy"),
    "an adapter of other sizes": ({"lora": (W, W, 1.0)}, wald.ShapeError, r"A \(rank, features\) and B \(classes,"),
    "filtering everything": ({"filtering": 1.0}, ValueError, r"in \(0, 1\)"),
    "filtering what is not known": ({"filtering": 0.1, "reduction": "none"}, ValueError, "known beforehand"),
    "an unknown reduction": ({"reduction": "average"}, ValueError, "reduction must be"),
    "a normalizer without a mean": ({"reduction": "sum", "normalizer": 3.0}, ValueError, "belongs to reduction"),
    "a negative weight": ({"token_weight": -torch.ones(23)}, wald.DomainError, "negative weight"),
    "classes on another axis": (
        {"loss": wald.CrossEntropy(axis=1), "hidden": torch.ones(2, 3, 13), "target": torch.ones(2, 37).long()},
        ValueError,
        "axis",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_refused(name: str) -> None:
    wrong, error, says = WRONG[name]
    given: dict[str, Any] = {"loss": CE, "hidden": X, "weight": W, "target": Y} | wrong
    with pytest.raises(error, match=says):
        linear(**given)
