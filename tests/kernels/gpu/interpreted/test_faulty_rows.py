"""The tests of rows, tested: each slip that a kernel is known to make turns them red."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wald.kernels.gpu.programs import rows as programs
from wald.kernels.gpu.rows import Features

from . import test_rows
from .exact import batch, hold
from .twins import broken

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::RuntimeWarning")]


def with_all() -> None:
    hold(batch(5, 21, full=True))


FAULTS: dict[str, tuple[str, str, Callable[[], object]]] = {
    "offsets of 32 bits": (
        "tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)",
        "(tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int32)",
        test_rows.test_offsets_are_wider_than_32_bits,
    ),
    "columns of the padding in the sum": (
        'tl.load(logits + at, mask=mask, other=float("-inf"))',
        "tl.load(logits + at, mask=mask, other=0.0)",
        lambda: hold(batch(5, 21)),
    ),
    "a softcap that moves the padding": (
        'tl.where(mask, softcap * tanh(z / softcap), float("-inf"))',
        "softcap * tanh(z / softcap)",
        with_all,
    ),
    "no slope of the softcap": ("slope = slope * (1.0 - share * share)", "slope = slope", with_all),
    "smoothing over the padded width": ('(z != float("-inf")).to(tl.float32)', "(z == z).to(tl.float32)", with_all),
    "z-loss without the row's weight": ("counts * 2.0 * z_loss", "2.0 * z_loss", with_all),
    "a hidden NaN in the gradient": ("tl.where(alive[:, None], slope, 0.0)", "slope", with_all),
    "a gradient of the entropy that forgets the mean": ("surprise - entropy[:, None]", "surprise", with_all),
    "an id that is no class, looked up": (
        "named = (label >= 0) & (label < classes)",
        "named = label >= 0",
        lambda: test_rows.refused([30], Features()),
    ),
    "a difference to a peak of -inf": (
        'origin = tl.where(higher == float("-inf"), 0.0, higher)',
        "origin = higher",
        test_rows.test_a_first_block_of_impossible_classes_is_no_nan,
    ),
    "a sum that is not rescaled": ("total * shrink", "total", test_rows.test_the_largest_logit_may_come_last),
    "a text read as if it were dense": (
        "(row // inner) * outer_stride + (row % inner) * stride",
        "row * stride",
        test_rows.test_a_text_without_its_last_position_is_not_copied,
    ),
    "a smoothing that loses the offset": (
        "(shortfall + mass * log_total) / possible",
        "(shortfall - origin * mass + mass * (origin + log_total)) / possible",
        test_rows.test_a_large_offset_costs_no_digits,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_twin_is_found(name: str, tmp_path: Path) -> None:
    right, wrong, test = FAULTS[name]
    test()
    with broken(programs, right, wrong, tmp_path), pytest.raises(AssertionError):
        test()
