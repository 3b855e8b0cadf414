"""Every case runs at its smallest size, and its sides compute the same number."""

import math

import pytest
import torch

from wald.core.loss import KINDS
from wald.timing.case import COMPILED, FLOOR, OURS, SIZES, Bar, Case
from wald.timing.cases import cases
from wald.timing.running import Settings, sides_of

CASES = [pytest.param(case, id=case.name) for case in cases()]
TINY = Settings(size="tiny", memory=False)


@pytest.mark.parametrize("case", CASES)
def test_its_sides_run_and_compute_the_same(case: Case) -> None:
    if case.device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    running = sides_of(case, TINY)
    values = {name: value.item() for name, work in running.steps.items() if (value := work()) is not None}
    assert all(math.isfinite(value) for value in values.values())
    for name, value in values.items():
        assert value == pytest.approx(values[OURS], rel=case.tolerance), name
    assert all(reason and reason[-1] != "." for reason in running.absent.values())


@pytest.mark.parametrize("case", CASES)
def test_what_it_says_of_itself_is_so(case: Case) -> None:
    assert set(case.sizes) == set(SIZES)
    assert all(name in KINDS for name in case.losses)
    assert case.rounds >= 5
    if case.device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    running = sides_of(case, TINY)
    known = {*running.steps, *running.absent, COMPILED}
    for bar in case.bars:
        assert bar.side in known
        assert bar.absolute or bar.against in known | {"input"}
        assert bar.against != "input" or running.sides.input_bytes > 0


def test_no_two_share_a_name() -> None:
    names = [case.name for case in cases()]
    assert len(names) == len(set(names))
    assert names == [case.name for case in sorted(cases(), key=lambda case: case.row or 99)]


@pytest.mark.parametrize(
    ("bar", "said"),
    [
        (Bar("time", 1.08), "time ≤ 1.08 × floor"),
        (Bar("memory", 0.13), "memory ≤ 0.13 × input"),
        (Bar("memory", 40, "MB"), "memory ≤ 40 MB"),
        (Bar("time", 1 / 300, "torch, all pairs"), "at least 300 × faster than torch, all pairs"),
        (Bar("time", 1.6, FLOOR, side="pure torch"), "pure torch: time ≤ 1.6 × floor"),
    ],
)
def test_a_bar_reads_as_a_promise(bar: Bar, said: str) -> None:
    assert str(bar) == said
