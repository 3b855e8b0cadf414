"""Parts of the data: the one that is served worse is named, and noise has none."""

from typing import Any

import pytest
import torch

import wald
from wald.audits import Case, metrics
from wald.audits.input_space import InputSpace
from wald.audits.probes.slices import SLICES
from wald.audits.slicing import conditions

from .samples import ask, binary, found, labels, rate_of, skewed, source


def noisy(rows: int, *, seed: int = 0, times: float = 1.0, **more: Any) -> Case:
    """Ten features of noise; errors are `times` as large where the third is above 0.5 and the fifth below 0.5."""
    x = torch.randn(rows, 10, generator=source(seed))
    part = (x[:, 2] > 0.5) & (x[:, 4] < 0.5)
    y = x[:, 0] + torch.where(part, times, 1.0) * torch.randn(rows, generator=source(seed + 1))
    given: dict[str, Any] = {
        "model": lambda rows: rows[:, 0],
        "loss": wald.Squared(),
        "test": (x, y),
        "metric": metrics.absolute_error(),
        "features": tuple("abcdefghij"),
    }
    return Case(**(given | more))


def test_the_slice_is_named() -> None:
    outcome = ask(SLICES, noisy(3_000, times=2.5))
    told = found(outcome)["F705"]
    assert told.state == "fail"
    assert told.controls.right
    assert "c > 0." in told.says
    assert "e <= 0." in told.says
    assert "c > 0." in outcome.answer
    assert "mean absolute error is" in outcome.answer
    assert outcome.figures[0].kind == "intervals"
    assert told.evidence["p"][0] < 0.05
    assert told.evidence["worst rows"][0]["row"] < 3_000


def test_noise_has_no_slices() -> None:
    # 5 %; 4 of 14 or more would be chance 0.004.
    def flagged(trial: int) -> bool:
        return found(ask(SLICES, noisy(400, seed=17 * trial), seed=trial))["F705"].evidence["p"][0] < 0.05

    assert rate_of(flagged, 14) <= 0.22


@pytest.mark.slow
@pytest.mark.parametrize("rows", [200, 1_000, 5_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_noise_has_no_slices_in_many(rows: int, weighted: bool) -> None:
    def accused(trial: int) -> bool:
        more: dict[str, Any] = {}
        if weighted:
            more = {
                "weight": torch.rand(rows, generator=source(trial)) + 0.5,
                "clusters": [i // 4 for i in range(rows)],
            }
        return found(ask(SLICES, noisy(rows, seed=17 * trial, **more), seed=trial))["F705"].state in ("warn", "fail")

    assert rate_of(accused, 100) <= 0.07


@pytest.mark.slow
def test_a_larger_defect_is_found_more_often() -> None:
    def rate(times: float) -> float:
        return rate_of(lambda trial: found(ask(SLICES, noisy(1_200, seed=5 * trial, times=times), seed=trial))["F705"]
                       .state in ("warn", "fail"), 4)  # fmt: skip

    assert rate(1.0) <= 1 / 4
    assert rate(3.0) >= 3 / 4


def test_hard_rows_that_the_model_knows_to_be_hard_are_no_slice() -> None:
    # Where the first feature is near 0 a coin decides, and the model says so.
    told = found(ask(SLICES, binary(2_000)))["F705"]
    assert told.state in ("pass", "inconclusive")
    # Labels that are turned there are another thing.
    x = torch.randn(2_000, 3, generator=source(0))
    right = labels(2 * x[:, 0], 1)
    turned = torch.where((x[:, 1] > 0.8) & (torch.rand(2_000, generator=source(2)) < 0.4), 1 - right, right)
    told = found(ask(SLICES, binary(test=(x, turned), model=lambda rows: 2 * rows[:, 0])))["F705"]
    assert told.state in ("warn", "fail")
    assert "column 2 > " in told.says


def test_clusters_are_not_split_and_copies_prove_nothing() -> None:
    # A slice of a handful of clusters is no evidence, however many rows they have.
    few = noisy(60, seed=3, times=2.0)
    x, y = (one.repeat_interleave(20, 0) for one in few.test)
    told = found(ask(SLICES, noisy(1_200, test=(x, y), clusters=[i // 20 for i in range(1_200)])))["F705"]
    assert told.state not in ("warn", "fail")


def test_what_has_no_columns_has_no_slices() -> None:
    tokens = noisy(300, input_space=InputSpace(tokens=5))
    assert found(ask(SLICES, tokens))["F705"].state == "not_applicable"
    assert found(ask(SLICES, noisy(60)))["F705"].state == "not_applicable"

    def root(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (p - y).square().mean().sqrt()

    whole = wald.Metric(name="root", of=root)
    assert found(ask(SLICES, noisy(300, loss=root, metric=whole)))["F705"].state == "not_applicable"
    constant = noisy(300, test=(torch.ones(300, 2), torch.randn(300, generator=source(0))), features=("a", "b"))
    assert "constant" in found(ask(SLICES, constant))["F705"].says


def test_one_column_that_says_it_all_breaks_nothing() -> None:
    assert found(ask(SLICES, skewed(500)))["F705"].state in ("pass", "inconclusive")


def test_the_same_seed_gives_the_same_slices() -> None:
    one, other = (found(ask(SLICES, noisy(400), seed=3))["F705"] for _ in range(2))
    assert (one.says, one.interval) == (other.says, other.interval)


def test_conditions_are_said_in_words() -> None:
    x = torch.stack([torch.arange(40.0), torch.arange(40.0) % 2, torch.arange(40.0) % 3], -1)
    known = conditions(x, ("age", "term = 60", "region"))
    flag, third = known.column.index(1), known.column.index(2)
    assert known.words(((flag, True),)) == "term = 60"
    assert known.words(((flag, False),)) == "term is not 60"
    assert known.words(((third, True),)) == "region = 0"
    assert known.words(((0, True), (3, False))) == f"{known.cut[0]:.3g} < age <= {known.cut[3]:.3g}"
    assert known.words(((0, True), (3, True))) == f"age > {known.cut[3]:.3g}"
    assert known.rows(((0, True), (flag, True))).sum() == ((x[:, 0] > known.cut[0]) & (x[:, 1] == 1)).sum()
