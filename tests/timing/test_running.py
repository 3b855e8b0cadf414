"""The harness: what it runs, in which order, what it makes of a side that fails or computes something else."""

from collections.abc import Callable
from dataclasses import replace
import gc
import json
import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

import wald
from wald.timing import Bar, Case, Settings, Sides, clocks, measured, peak, running
from wald.timing.case import peer, size_of, step, step_without_gradient
from wald.timing.clocks import Taken

RAN: list[str] = []


def side(name: str, value: float | None = 1.0, *, raises: Exception | None = None) -> Callable[[], Tensor | None]:
    def once() -> Tensor | None:
        RAN.append(name)
        if raises is not None:
            raise raises
        return None if value is None else torch.tensor(value)

    return once


def case(sides: Sides, *bars: Bar, **rest: object) -> Case:
    return Case(
        name="a case", losses=(), sizes={"full": {}, "quick": {}, "tiny": {}}, prepare=lambda: sides, bars=bars, **rest
    )  # pyright: ignore[reportArgumentType]


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A clock by which each side takes as long as the test says."""
    told: dict[str, float] = {}

    def clock(work: Callable[[], object], calls: int) -> Taken:
        RAN.clear()
        work()
        return Taken(told.get(RAN[-1], 1.0), 2 * told.get(RAN[-1], 1.0))

    monkeypatch.setattr(clocks, "processor", clock)
    RAN.clear()
    return told


FULL = Settings(size="full", memory=False)


def test_sides_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def clock(work: Callable[[], object], calls: int) -> Taken:
        RAN.clear()
        work()
        order.append(RAN[-1])
        return Taken(1.0, 1.0)

    monkeypatch.setattr(clocks, "processor", clock)
    sides = Sides(ours=side("A"), floor=side("B", None), rivals={"torch": side("C")})
    found = measured(case(sides), Settings(rounds=3, memory=False))
    assert order == ["A", "B", "C"] + ["A", "B", "C"] * 3
    assert found.sides["torch"].rounds == 3


@pytest.mark.parametrize(("busy", "rounds"), [(0.001, 40), (0.2, 13), (10.0, 5)])
def test_what_is_over_quickly_is_timed_more_often(seconds: dict[str, float], busy: float, rounds: int) -> None:
    seconds.update(A=busy)
    found = measured(case(Sides(ours=side("A"))), Settings(memory=False))
    assert found.sides["wald"].rounds == rounds


def test_garbage_is_collected_between_rounds_only() -> None:
    seen: list[bool] = []
    sides = Sides(ours=step_without_gradient(lambda: seen.append(gc.isenabled())))
    measured(case(sides), Settings(rounds=1, memory=False))
    assert not seen[-1]
    assert gc.isenabled()


def test_a_bar_is_met_or_missed(seconds: dict[str, float]) -> None:
    seconds.update(A=0.108, B=0.1, C=0.5)
    sides = Sides(ours=side("A"), floor=side("B", None), rivals={"torch": side("C")})
    bars = (Bar("time", 1.1), Bar("time", 1.05), Bar("time", 0.3, "torch"), Bar("time", 100, "ms"))
    found = measured(case(sides, *bars), FULL)
    assert [bar.met for bar in found.bars] == [True, False, True, False]
    assert [bar.found for bar in found.bars] == pytest.approx([1.08, 1.08, 1 / 0.216, 108])


def test_a_bar_of_another_path_of_ours(seconds: dict[str, float]) -> None:
    seconds.update(A=1.0, B=0.5, C=0.8)
    sides = Sides(ours=side("A"), floor=side("B", None), rivals={"pure torch": side("C")})
    (bar,) = measured(case(sides, Bar("time", 1.7, side="pure torch")), FULL).bars
    assert (bar.found, bar.met) == (pytest.approx(1.6), True)


def test_time_above_the_floor(seconds: dict[str, float]) -> None:
    seconds.update(A=0.032, B=0.010)
    (bar,) = measured(case(Sides(ours=side("A"), floor=side("B", None)), Bar("time", 20, "ms above floor")), FULL).bars
    assert (bar.found, bar.met) == (pytest.approx(22), False)


def test_nothing_is_promised_at_a_smaller_size(seconds: dict[str, float]) -> None:
    seconds.update(A=9.0, B=1.0)
    (bar,) = measured(
        case(Sides(ours=side("A"), floor=side("B", None)), Bar("time", 1.1)), Settings(size="quick", memory=False)
    ).bars
    assert (bar.found, bar.met) == (9.0, None)


def test_a_rival_that_computes_something_else_is_told(seconds: dict[str, float]) -> None:
    sides = Sides(ours=side("A", 2.0), rivals={"near": side("B", 2.0 + 1e-5), "far": side("C", 2.2)})
    assert measured(case(sides), FULL).disagree == {"far": pytest.approx(0.1)}


def test_a_rival_that_gives_nan_is_told(seconds: dict[str, float]) -> None:
    sides = Sides(ours=side("A", 2.0), rivals={"nan": side("B", float("nan"))})
    assert list(measured(case(sides), FULL).disagree) == ["nan"]


def test_a_rival_that_fails_is_absent_and_its_bar_not_measured(seconds: dict[str, float]) -> None:
    sides = Sides(ours=side("A"), rivals={"torch": side("B", raises=RuntimeError("out of memory\nand more"))})
    found = measured(case(sides, Bar("time", 0.5, "torch")), FULL)
    assert found.absent == {"torch": "failed: RuntimeError: out of memory"}
    assert (found.bars[0].found, found.bars[0].met) == (None, None)


def test_what_is_no_number_is_told_as_text(seconds: dict[str, float]) -> None:
    sizes = {"rows": 3, "loss": wald.Huber(delta=2.0)}
    given = case(Sides(ours=side("A")))
    found = measured(replace(given, sizes={"full": sizes}, prepare=lambda rows, loss: Sides(ours=side("A"))), FULL)
    assert json.loads(json.dumps(found.as_dict()))["sizes"] == {"rows": 3, "loss": "Huber(delta=2.0)"}


def test_a_case_of_which_our_side_fails_says_so(seconds: dict[str, float]) -> None:
    sides = Sides(ours=side("A", raises=ValueError("no")), floor=side("B", None))
    found = measured(case(sides, Bar("time", 1.1)), FULL)
    assert found.reason == "failed: ValueError: no"
    assert found.bars[0].met is None


def test_a_rival_that_is_not_here_says_why() -> None:
    assert peer("a-library-that-is-not-there", lambda: side("A")) == (
        "not installed; pip install a-library-that-is-not-there"
    )
    assert "does not run here" in peer("json", lambda: pytest.importorskip and __import__("not_there_either"))


def test_the_compiler_is_a_rival_only_when_asked_for() -> None:
    sides = Sides(ours=side("A"), compiled=lambda: side("B"))
    assert "--compiled" in running.sides_of(case(sides), FULL).absent["torch.compile"]
    asked = running.sides_of(case(sides), Settings(compiled=True))
    assert list(asked.steps) == ["wald", "torch.compile"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without one")
def test_a_case_for_a_gpu_is_not_measured_without_one() -> None:
    assert measured(case(Sides(ours=side("A")), device="cuda"), FULL).reason == "no CUDA device here"


def test_threads_are_what_is_asked_for_and_put_back() -> None:
    before = torch.get_num_threads()
    seen: list[int] = []
    sides = Sides(ours=step_without_gradient(lambda: seen.append(torch.get_num_threads())))
    measured(case(sides), Settings(rounds=1, threads=2, memory=False))
    assert set(seen) == {2}
    assert torch.get_num_threads() == before


def test_a_step_leaves_no_gradient_behind() -> None:
    x = torch.ones(3, requires_grad=True)
    value = step(lambda: (x * x).sum(), x)()
    assert value is not None
    assert (value.item(), value.requires_grad, x.grad) == (3.0, False, None)


def test_the_clock_of_the_processor_counts_what_children_use() -> None:
    burn = "import time\nwhile time.process_time() < 0.1: pass"
    taken = clocks.processor(lambda: subprocess.run([sys.executable, "-c", burn], check=True), 1)
    if sys.platform != "win32":
        assert taken.busy > 0.1


linux = pytest.mark.skipif(not peak.measurable(), reason="the peak of memory is read from Linux")


@pytest.mark.slow
@linux
def test_the_peak_is_what_was_held_at_once() -> None:
    # In a process of its own, as every peak is: of the memory that other tests have left, nothing is known.
    program = """
import torch
from wald.timing.peak import peak_while
def work():
    for _ in range(3):
        torch.ones(16 * 2**20)
work()
print(peak_while(work))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | peak._ALLOCATOR | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == pytest.approx(size_of(torch.ones(16 * 2**20)), rel=0.05)


@linux
@pytest.mark.slow
def test_memory_is_measured_in_a_process_of_its_own() -> None:
    from wald.timing.cases import cases

    (small,) = (each for each in cases() if each.name == "small call: Squared, 32")
    found = peak.peak_of(small, "torch", "tiny", threads=1)
    assert isinstance(found, int)
    assert found < 2**20
    assert "KeyError" in str(peak.peak_of(small, "no such side", "tiny", threads=1))
