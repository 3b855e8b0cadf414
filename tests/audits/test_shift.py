"""Other rows: worse ones are found, alike ones are not accused, and a class that was never seen is named."""

from typing import Any

import pytest
import torch
from torch import Tensor

import wald
from wald.audits import Case, metrics
from wald.audits.evidence import Evidence
from wald.audits.input_space import Attack, InputSpace
from wald.audits.probes.shift import SHIFT
from wald.audits.shifting import apart
from wald.audits.shifting.changes import moving, shaken
from wald.audits.statistics import Sample
from wald.findings import Finding

from .samples import ask, binary, evidence, found, labels, rate_of, skewed, source, three_classes


def told(case: Case, seed: int = 0) -> dict[str, Finding]:
    return found(ask(SHIFT, case, "standard", seed))


def rows(count: int, seed: int, *, sure: float = 1.0, far: float = 0.0) -> tuple[Tensor, Tensor]:
    x = torch.randn(count, 3, generator=source(seed)) + far
    x[:, 0] = 1.5 * x[:, 0]
    return x, labels(sure * x[:, 0], seed + 1)


def test_rows_on_which_the_model_fails_are_found() -> None:
    shifted = {"same": rows(1_000, 5), "other": rows(1_000, 7, sure=0.1)}
    found_without = told(binary(shifted=shifted))["R205"]
    assert found_without.state == "warn"
    assert "'other'" in found_without.says
    assert found_without.evidence["splits"] == ["same", "other"]
    assert found_without.controls.right
    assert told(binary(shifted=shifted, attack=Attack(tolerance=0.2)))["R205"].state == "fail"
    assert told(binary(shifted=shifted, attack=Attack(tolerance=2.0)))["R205"].state == "pass"


def test_like_rows_are_not_accused() -> None:
    one = told(binary(4_000, shifted={"same": rows(4_000, 5)}))["R205"]
    assert one.state in ("pass", "inconclusive")
    assert (one.detectable or 1) < 0.15

    def accused(trial: int) -> bool:
        case = binary(200, seed=11 * trial, shifted={"a": rows(200, 11 * trial + 3), "b": rows(200, 11 * trial + 7)})
        return told(case, trial)["R205"].state in ("warn", "fail")

    assert rate_of(accused, 15) <= 2 / 15


def test_a_metric_of_whole_samples_or_with_columns_can_be_shifted() -> None:
    shifted = {"other": rows(600, 7, sure=0.0)}
    one = told(binary(600, metric=metrics.auc(), shifted=shifted))["R205"]
    assert one.state == "warn"
    assert "AUC is 0." in one.says
    paid = wald.Metric(name="paid", per_example=lambda p, y, *, price: price * (torch.sigmoid(p) - y).square(),
                       columns=("price",))  # fmt: skip
    one = told(binary(600, metric=paid, columns={"price": torch.ones(600)}, shifted=shifted))["R205"]
    assert one.says.startswith("the loss is")


def test_training_rows_of_another_kind_are_noticed() -> None:
    assert told(binary(train=rows(1_500, 3)))["R211"].state == "pass"
    one = told(binary(train=rows(1_500, 3, far=1.0)))["R211"]
    assert one.state == "warn"
    assert (one.effect or 0) > 0.8
    shown = told(binary(train=rows(1_500, 3), shifted={"far": rows(500, 4, far=1.0)}))["R211"]
    assert shown.state == "pass"
    assert shown.evidence["AUC"]["far"] > 0.8


def test_rows_of_one_source_are_told_apart_no_more_often_than_chance_allows() -> None:
    def flagged(trial: int) -> bool:
        x, y = (torch.randn(200, 8, generator=source(2 * trial + one)).double() for one in (0, 1))
        return apart(x, y, Sample(200, trial), Sample(200, trial)).p < 0.05

    assert rate_of(flagged, 80) <= 0.1


def test_copies_of_a_few_rows_are_not_told_apart() -> None:
    def flagged(trial: int, cluster: Tensor | None) -> bool:
        x = torch.randn(400, 3, generator=source(2 * trial)).double()
        y = torch.randn(40, 3, generator=source(2 * trial + 1)).double().repeat_interleave(10, 0)
        return apart(x, y, Sample(400, trial), Sample(400, trial, cluster=cluster)).p < 0.05

    clusters = torch.arange(40).repeat_interleave(10)
    assert rate_of(lambda trial: flagged(trial, clusters), 40) <= 0.15


def test_a_class_that_was_never_seen_fails() -> None:
    case = three_classes()
    inputs, target = three_classes(seed=5).test
    seen = target != 2
    one = told(three_classes(train=(inputs[seen], target[seen])))["R212"]
    assert one.state == "fail"
    assert "class 2" in one.says
    assert one.evidence["classes"] == [2.0]
    share = float((case.test[1] == 2).double().mean())
    assert one.effect == pytest.approx(share)
    right = float((case.test[0].argmax(-1) == 2)[case.test[1] == 2].double().mean())
    assert one.evidence["share right"] == pytest.approx([right])
    assert told(three_classes(train=(inputs, target)))["R212"].state == "pass"
    assert told(skewed(train=skewed(seed=3).test))["R212"].state == "not_applicable"


def test_a_class_in_a_weightless_row_is_not_tested() -> None:
    inputs, target = three_classes(seed=5).test
    seen = target != 2
    weight = (three_classes().test[1] != 2).double()
    one = told(three_classes(train=(inputs[seen], target[seen]), weight=weight))["R212"]
    assert one.state == "pass"


def test_the_column_that_counts_is_missed_most() -> None:
    one = told(binary(features=("score", "noise", "more noise")))["R213"]
    assert one.state == "not_applicable"
    assert "missed most is score" in one.says
    assert one.evidence["changes"][2]["effect"] > one.evidence["changes"][0]["effect"]
    unused = [entry for entry in one.evidence["lost columns"] if entry["change"].startswith("noise")]
    assert {entry["effect"] for entry in unused} == {0.0}


def test_noise_moves_a_sum_by_its_own_size() -> None:
    # The squared error of a copied column grows by the variance of the noise, within the range that was seen.
    x = torch.randn(4_000, 1, generator=source(0))
    y = x[:, 0] + torch.randn(4_000, generator=source(1))
    case = skewed(test=(x, y), model=lambda rows: rows[:, 0])
    one = told(case)["R213"]
    by_size = {entry["change"]: entry["effect"] for entry in one.evidence["changes"]}
    assert by_size["noise of 0.5 sd"] == pytest.approx(0.25, abs=0.04)
    assert by_size["noise of 0.1 sd"] == pytest.approx(0.01, abs=0.02)


def test_flags_categories_and_fixed_columns_are_not_shaken() -> None:
    x = torch.randn(300, 4, generator=source(0))
    x[:, 1] = (x[:, 1] > 0).float()
    x[:, 2] = (3 * x[:, 2]).round()
    case = binary(test=(x, labels(x[:, 0], 1)), input_space=InputSpace(categorical=(2,), immutable=(3,)))
    at: Evidence = evidence(case, "standard")
    assert moving(at)[1:].tolist() == [0.0, 0.0, 0.0]
    for change in shaken(at):
        assert torch.equal(change.inputs[:, 1:], x[:, 1:])
        assert change.inputs[:, 0].max() <= x[:, 0].max()


def test_early_and_late_rows_are_compared() -> None:
    x = torch.randn(800, 1, generator=source(0))
    spread = torch.linspace(0.5, 2.0, 800)
    case = skewed(test=(x, x[:, 0] + spread * torch.randn(800, generator=source(1))), model=lambda rows: rows[:, 0],
                  ordered=True)  # fmt: skip
    one = told(case)["R214"]
    assert one.interval is not None
    assert one.interval[0] > 0.5
    assert told(skewed())["R214"].state == "not_applicable"


def test_without_a_model_what_needs_none_is_still_said() -> None:
    case = three_classes()
    inputs, target = three_classes(seed=5).test
    alone: dict[str, Any] = {"model": None, "prediction": case.test[0], "train": (inputs, target)}
    one = told(three_classes(**alone, shifted={"same": (inputs, target)}))
    assert [one[code].state for code in ("R205", "R213")] == ["not_run", "not_run"]
    assert one["R211"].state in ("pass", "inconclusive")
    assert one["R212"].state == "pass"


def test_tokens_are_not_shaken() -> None:
    ids = torch.randint(5, (200, 6), generator=source(0))
    target = (ids[:, 0] > 2).float()
    case = binary(test=(ids, target), model=lambda rows: rows[:, 0].float() - 2.5, train=(ids[:100], target[:100]),
                  input_space=InputSpace(tokens=5))  # fmt: skip
    one = told(case)
    assert one["R213"].state == "not_applicable"
    assert one["R211"].state in ("pass", "inconclusive")


def test_nothing_of_the_users_is_changed() -> None:
    case = binary(300, train=rows(300, 3), shifted={"same": rows(300, 5)})
    before = [case.test[0].clone(), case.shifted["same"][0].clone(), torch.get_rng_state()]
    one = told(case)
    after = [case.test[0], case.shifted["same"][0], torch.get_rng_state()]
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    again = told(case)
    assert [(a.says, a.interval) for a in one.values()] == [(a.says, a.interval) for a in again.values()]
