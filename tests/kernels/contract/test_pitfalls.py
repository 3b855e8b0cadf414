"""Each pitfall is looked for in Wald, in a plain twin without it, and in a twin that fell into it."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

import wald
from wald.kernels.heads.budget import head_plan

from .chunked import FAULTS, Chunked
from .pitfalls import CHECKS

#: Which twin each check must turn red for.
TWINS = {
    1: "gradient of the head added up in bfloat16",
    2: "gradient of the hidden states added up in bfloat16",
    3: "loss in the dtype of the logits",
    4: "one over N in half precision",
    5: "padded columns in the softmax",
    7: "the hidden states are scaled where they lie",
    9: "no gradient for the head behind a frozen trunk",
    10: "what comes from above is ignored",
    11: "saved gradients are scaled where they lie",
    12: "no graph when all are ignored",
    13: "looks at the data from the host",
    15: "chunks from free memory",
    16: "smoothing over the other classes",
    17: "smoothing without the weight of the class",
    18: "chunks in any order",
    19: "sums are divided by their number",
    21: "slices of the vocabulary forgotten",
    24: "buffers of the first call",
}


def ours(hidden: Tensor, weight: Tensor, target: Tensor, *, rows: int = 64, **options: Any) -> Tensor:
    """`wald.linear`, in chunks of so many rows."""
    fields = {
        name: options.pop(name) for name in ("label_smoothing", "class_weight", "ignore_index") if name in options
    }
    loss = wald.CrossEntropy(**fields)
    return wald.linear(loss, hidden, weight, target, memory_budget=_budget(rows, hidden, weight), **options)


def _budget(rows: int, hidden: Tensor, weight: Tensor) -> int:
    """The bytes in which about so many rows of logits fit, beside what is needed for any."""
    budget = 4096
    while True:
        try:
            plan = head_plan(len(hidden), *weight.shape[::-1], dtype=hidden.dtype, memory_budget=budget)
        except ValueError:
            pass
        else:
            if plan.rows >= rows or plan.chunks <= 2:
                return budget
        budget += budget // 4


@pytest.mark.parametrize("name", CHECKS)
def test_wald_does_not_fall_in(name: str) -> None:
    CHECKS[name](ours)


@pytest.mark.parametrize("name", CHECKS)
def test_a_sound_twin_is_not_accused(name: str) -> None:
    CHECKS[name](Chunked())


@pytest.mark.parametrize("name", CHECKS)
def test_a_faulty_twin_is_found(name: str) -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        CHECKS[name](Chunked(TWINS[int(name.split()[0])]))


def test_every_fault_is_some_checks() -> None:
    assert set(FAULTS) <= {*TWINS.values()}
