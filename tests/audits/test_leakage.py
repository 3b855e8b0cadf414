"""Leaks: copied rows, columns that are the target, and rows whose order tells of it; innocent data stay quiet."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import wald
from wald.audits import Case, metrics
from wald.audits.inspecting.copies import Known
from wald.audits.probes.leakage import LEAKAGE

from ..sampling import daily
from .defects import TRAINED, clean, digits
from .samples import ask, binary, found, labels, skewed, source, three_classes

FRESH = torch.randn(1_300, 3, generator=source(99))


def state(case: Case, code: str) -> str:
    return found(ask(LEAKAGE, case))[code].state


# Copies.


def test_an_innocent_case_passes() -> None:
    told = found(ask(LEAKAGE, binary(train=(FRESH, torch.zeros(1_300)))))
    assert {code: one.state for code, one in told.items()} == dict.fromkeys(("P002", "P005", "P006"), "pass")
    assert all(one.controls.right for one in told.values())
    assert found(ask(LEAKAGE, clean()))["P002"].state == "pass"


def test_copied_rows_are_found() -> None:
    case = binary()
    leaked = (torch.cat([case.test[0][:100], FRESH]), torch.zeros(1_400))
    told = found(ask(LEAKAGE, binary(train=leaked)))["P002"]
    assert told.state == "fail"
    assert told.effect == pytest.approx(100 / 1_500)
    assert told.evidence["copied"] == told.evidence["to the bit"] == 100
    assert told.evidence["copies"][3] == {"test row": 3, "training row": 3}
    assert "the Brier score is" in told.says


def test_copies_with_a_little_noise_are_found() -> None:
    case = clean()
    assert case.train is not None
    inputs = case.test[0].clone()
    inputs[:40] = case.train[0][:40] + 1e-3 * torch.randn(40, 64, generator=source(0))
    told = found(ask(LEAKAGE, replace(case, test=(inputs, case.test[1]))))["P002"]
    assert told.state == "fail"
    assert told.evidence["copied"] == 40
    assert told.evidence["to the bit"] == 0


def test_rows_that_were_doubled_before_the_split_are_found() -> None:
    # Then training rows repeat among themselves as often as test rows repeat training rows.
    inputs, target = digits()
    twice = torch.randperm(2 * len(target), generator=source(1)) % len(target)
    train, test = twice[:TRAINED], twice[TRAINED:]
    case = replace(clean(), train=(inputs[train], target[train]), test=(inputs[test], target[test]))
    assert state(case, "P002") == "fail"


def test_rows_that_repeat_by_nature_are_no_leak() -> None:
    # Two flags have four kinds of row: every test row has a twin in training, and so has every training row.
    flags = torch.randint(0, 2, (400, 2), generator=source(0)).float()
    target = (torch.arange(400) % 2).float()
    case = binary(test=(flags[:200], target[:200]), train=(flags[200:], target[200:]), model=lambda x: x[:, 0])
    told = found(ask(LEAKAGE, case))["P002"]
    # Nor could a leak be seen among them, and the planted one says so.
    assert (told.state, told.effect, told.controls.positive) == ("inconclusive", 0.0, False)


def few_values(seed: int, rows: int) -> Case:
    inputs = torch.randint(0, 6, (2 * rows, 4), generator=source(seed)).float()
    target = labels(0.6 * inputs[:, 0] - 1.5, seed + 1)
    given = {"test": (inputs[:rows], target[:rows]), "train": (inputs[rows:], target[rows:])}
    return binary(**given, model=lambda x: 0.6 * x[:, 0] - 1.5)


@pytest.mark.parametrize("rows", daily([200, 1_000], 2))
def test_columns_of_few_values_raise_no_alarm(rows: int) -> None:
    assert sum(state(few_values(1_000 * seed, rows), "P002") == "fail" for seed in range(20)) <= 1


def test_whole_numbers_and_one_row_are_taken() -> None:
    known = Known(torch.arange(12).reshape(6, 2), source(0))
    copies = known.twins(torch.tensor([[4, 5], [4, 6]]))
    assert copies.exact.tolist() == [True, False]
    assert copies.near.tolist() == [2, -1]
    assert Known(torch.zeros(1, 3), source(0)).twins(-torch.zeros(1, 3)).exact.tolist() == [True]


def test_without_training_rows_copies_are_not_run() -> None:
    assert state(binary(), "P002") == "not_run"


# A feature that is the label.


def with_column(case: Case, column: Tensor) -> Case:
    return replace(case, test=(torch.cat([case.test[0], column[:, None]], 1), case.test[1]))


@pytest.mark.parametrize("make", [binary, skewed, three_classes], ids=["binary", "numbers", "classes"])
def test_a_column_that_is_the_target_is_found(make: type[Case]) -> None:
    case = make()
    secret = case.test[1].float() * 7 - 2 + 0.01 * torch.randn(len(case.test[1]), generator=source(3))
    told = found(ask(LEAKAGE, with_column(replace(case, model=lambda x: case.model(x[:, :-1])), secret)))["P005"]
    assert told.state == "fail"
    assert told.evidence["columns"][0]["column"] == case.test[0].shape[1]
    assert state(case, "P005") == "pass"


def test_half_of_a_leak_is_no_alarm() -> None:
    case = binary()
    noisy = case.test[1] + torch.randn(1_500, generator=source(3))
    assert state(with_column(case, noisy), "P005") == "pass"


def test_the_last_value_of_a_random_walk_is_no_leak_and_the_next_one_is() -> None:
    walk = torch.randn(801, generator=source(0)).cumsum(0)
    given = {"loss": wald.Squared(), "metric": metrics.squared_error(), "model": lambda x: x[:, 0], "ordered": True}
    last, following = walk[:-1], walk[1:]
    assert state(Case(test=(last[:, None], following), **given), "P005") == "pass"
    assert state(Case(test=(torch.stack([last, following], 1), following), **given), "P005") == "fail"


def test_few_rows_and_pictures_are_not_judged() -> None:
    assert state(binary(30), "P005") == "not_applicable"
    pictures = torch.randn(200, 1, 4, 4, generator=source(0))
    case = binary(test=(pictures, (torch.arange(200) % 2).float()), model=lambda x: x.flatten(1)[:, 0])
    assert state(case, "P005") == "not_applicable"


# Order.


def test_sorted_rows_are_a_warning_and_shuffled_rows_are_not() -> None:
    case = binary()
    order = case.test[1].argsort()
    assert state(replace(case, test=(case.test[0][order], case.test[1][order])), "P006") == "warn"
    assert state(case, "P006") == "pass"
    assert state(skewed(ordered=True), "P006") == "not_applicable"


def test_what_clusters_explain_is_no_order() -> None:
    # Rows of one patient are alike and stand together, which the case says.
    patient = torch.arange(2_000) // 10
    level = torch.randn(200, generator=source(0))[patient]
    target = level + 0.1 * torch.randn(2_000, generator=source(1))
    given = {"test": (level[:, None], target), "model": lambda x: x[:, 0]}
    assert state(skewed(**given), "P006") == "warn"
    assert state(skewed(**given, clusters=patient.tolist()), "P006") in ("pass", "inconclusive")


def test_two_runs_say_the_same() -> None:
    case = few_values(0, 400)
    assert ask(LEAKAGE, case) == ask(LEAKAGE, case)
