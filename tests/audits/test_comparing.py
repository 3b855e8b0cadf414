"""Two audits are compared row by row, and only what is shown to differ is told."""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import wald
from wald.audits import metrics
from wald.audits.comparing import compare
from wald.audits.comparing.pairing import mark, packed, pairing, unpacked
from wald.audits.errors import CaseError
from wald.audits.evidence import gather
from wald.findings import Controls, Finding, Report

from .samples import binary, labels, rate_of, skewed, source

GROUPS = {"part": [i % 3 for i in range(1_500)]}


def measured(case: wald.Case, level: Any = "quick", seed: int = 0, **fields: Any) -> Report:
    """The report of an audit that ran no probe."""
    paired = pairing(gather(case, level=level, seed=seed))
    return Report(kind="audit", subject="a case", seed=seed, paired=paired, **fields)


def noisy(seed: int, spread: float = 0.5, rows: int = 300, **more: Any) -> wald.Case:
    """Forecasts of the same rows, each of them off by chance, the same on average for every seed."""
    inputs = 1.5 * torch.randn(rows, 1, generator=source(7))
    off = spread * torch.randn(rows, generator=source(seed))
    given: dict[str, Any] = {
        "prediction": inputs[:, 0] + off,
        "loss": wald.BinaryCrossEntropy(),
        "test": (inputs, labels(inputs[:, 0], 8)),
        "metric": metrics.brier(),
    }
    return wald.Case(**(given | more))


@pytest.mark.slow
def test_two_runs_of_one_case_show_no_change() -> None:
    reports = [wald.audit(binary(groups=GROUPS), level="quick", only=["calibration", "groups"]) for _ in range(2)]
    found = compare(*reports)
    assert (found.kind, found.verdict, found.exit_code()) == ("diff", "pass", 0)
    assert found.answers["change"].startswith("No change: Brier score is 0.181")
    (only,) = found.findings
    assert (only.effect, only.interval) == (0.0, (0.0, 0.0))
    assert "the same on each of 1500 rows" in only.says


def test_a_worse_model_is_told_with_its_groups_and_findings() -> None:
    old, new = (
        wald.audit(binary(factor=factor, groups=GROUPS), level="quick", only=["calibration"]) for factor in (1.0, 2.0)
    )
    found = compare(old, new)
    by_code = {one.code: one for one in found.findings}
    assert found.exit_code() == 1
    assert set(by_code) >= {"V101", "V102", "V103"}
    assert by_code["V101"].effect == pytest.approx(new_brier() - old_brier(), rel=1e-5)
    assert by_code["V101"].interval[0] > 0
    assert by_code["V101"].controls.right
    assert "worse in part = " in by_code["V103"].says
    assert "failed now" in by_code["C601"].says
    assert compare(new, old).verdict == "pass"
    assert "Brier score got better: from 0.196 to 0.181" in compare(new, old).answers["change"]
    assert "Change of Brier score" in found.html()
    assert "<testsuite" in found.junit()
    assert str(found).startswith("diff · case: BinaryCrossEntropy(), judged by Brier score")


def brier_of(factor: float) -> float:
    case = binary(factor=factor)
    return case.metric.value(case.model(case.test[0]).detach(), case.test[1])  # type: ignore[misc]


def old_brier() -> float:
    return brier_of(1.0)


def new_brier() -> float:
    return brier_of(2.0)


def test_a_metric_of_whole_samples_is_compared_on_the_same_resamples() -> None:
    one, other = (measured(noisy(seed, spread, metric=metrics.auc())) for seed, spread in ((1, 0.3), (2, 3.0)))
    found = compare(one, other)
    assert found.findings[0].state == "fail"
    assert found.findings[0].effect > 0.02
    assert compare(one, measured(noisy(1, 0.3, metric=metrics.auc()))).findings[0].effect == 0.0
    with pytest.raises(CaseError, match="needs whole samples, and these were drawn at --quick with seed 0 and at"):
        compare(one, measured(noisy(2, metric=metrics.auc()), seed=1))


def test_more_is_better_where_it_is() -> None:
    one, other = (measured(noisy(1, spread, metric=metrics.accuracy())) for spread in (4.0, 0.1))
    assert "is better" in compare(one, other).findings[0].says
    assert "is worse" in compare(other, one).findings[0].says


def test_files_dictionaries_and_reports_are_taken(tmp_path: Path) -> None:
    one, other = measured(noisy(1)), measured(noisy(2))
    (tmp_path / "old.json").write_text(one.json(), encoding="utf-8")
    from_files = compare(str(tmp_path / "old.json"), json.loads(other.json()))
    assert from_files == compare(one, other)
    assert from_files.answers["change"].startswith("No change: nothing of 2 things compared is shown to differ.")


def test_weights_and_clusters_count_and_copies_do_not() -> None:
    rows, whole = 300, torch.arange(300) // 10
    weight = torch.rand(rows, generator=source(3)) + 0.1
    plain = compare(measured(noisy(1)), measured(noisy(2))).findings[0]
    weighed = compare(*(measured(noisy(seed, weight=weight)) for seed in (1, 2))).findings[0]
    assert weighed.effect != plain.effect
    # Ten copies of each of thirty rows know what thirty rows know.
    inputs = torch.randn(30, 1, generator=source(4))
    target = labels(inputs[:, 0], 5)

    def copied(seed: int, clusters: Any) -> Report:
        off = torch.randn(30, generator=source(seed))
        case = wald.Case(
            prediction=(inputs[:, 0] + off)[whole],
            loss=wald.BinaryCrossEntropy(),
            test=(inputs[whole], target[whole]),
            metric=metrics.brier(),
            clusters=clusters,
        )
        return measured(case)

    apart = compare(copied(1, None), copied(2, None)).findings[0]
    together = compare(copied(1, whole.tolist()), copied(2, whole.tolist())).findings[0]
    assert together.interval[1] - together.interval[0] > 2.5 * (apart.interval[1] - apart.interval[0])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({}, {"rows": 200}, "300 rows at --quick with seed 0, and 200 rows"),
        ({}, {"test": (torch.randn(300, 1), labels(torch.randn(300), 1))}, "the test targets differ"),
        ({}, {"weight": torch.rand(300) + 0.1}, "Give both cases the same weight="),
        ({}, {"clusters": [i // 2 for i in range(300)]}, "Give both cases the same clusters="),
        ({}, {"metric": metrics.log_loss()}, "judged by 'Brier score' and the new one by 'log loss'"),
    ],
)
def test_other_rows_are_refused_with_the_way_out(old: Any, new: Any, told: str) -> None:
    with pytest.raises(CaseError, match="not comparable") as caught:
        compare(measured(noisy(1, **old)), measured(noisy(2, **new)))
    assert told in str(caught.value)


def test_other_rows_of_one_test_set_are_refused() -> None:
    given = noisy(1, rows=5_000)
    with pytest.raises(CaseError, match=r"other rows of the test set|the test targets differ"):
        compare(measured(given, seed=0), measured(given, seed=1))


def test_what_is_no_audit_is_refused(tmp_path: Path) -> None:
    one = measured(noisy(1))
    for given, told in (
        (Report(kind="check", subject="s"), "the old report is of `wald check`"),
        (Report(kind="audit", subject="s"), "written by an earlier version of wald"),
        (replace(one, paired={"missing": "ValueError: no"}), "ValueError: no"),
        ({"schema": 2}, "no report of wald"),
        (tmp_path / "none.json", "there is no file"),
    ):
        with pytest.raises(CaseError, match=told):
            compare(given, one)
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(CaseError, match="is no JSON of a report"):
        compare(one, tmp_path / "bad.json")


def test_two_losses_have_no_common_scale_and_new_inputs_are_said() -> None:
    one = measured(noisy(1))
    case = noisy(2, loss=wald.Focal())
    other = measured(replace(case, test=(case.test[0] * 2, case.test[1])))
    notes = " ".join(compare(one, other).notes)
    assert "two losses" in notes
    assert "the inputs differ, and the targets are the same" in notes
    assert "V102" not in {found.code for found in compare(one, other).findings}


def test_a_finding_that_changed_its_state_needs_a_difference_that_is_shown() -> None:
    def found(state: Any, effect: float, half: float) -> tuple[Finding, ...]:
        right = Controls(positive=True, negative=True)
        return (
            Finding(
                code="R205", state=state, question="robustness", says="it drops", effect=effect, unit="points",
                interval=(effect - half, effect + half), controls=right,
            ),
        )  # fmt: skip

    small = compare(
        measured(noisy(1), findings=found("pass", 1.0, 0.5)), measured(noisy(1), findings=found("fail", 1.4, 0.3))
    )
    assert "R205" not in {one.code for one in small.findings}
    assert any("1 finding changed its state without a difference that is shown" in note for note in small.notes)
    large = compare(
        measured(noisy(1), findings=found("pass", 1.0, 0.5)), measured(noisy(1), findings=found("fail", 4.0, 0.3))
    )
    told = next(one for one in large.findings if one.code == "R205")
    assert told.state == "fail"
    assert told.says == "passed before and failed now: it drops"
    assert told.effect == pytest.approx(3.0)
    same = compare(
        measured(noisy(1), findings=found("fail", 1.0, 0.1)), measured(noisy(1), findings=found("fail", 4.0, 0.1))
    )
    assert "R205" not in {one.code for one in same.findings}


def test_no_answer_is_given_that_the_rows_cannot_hold() -> None:
    few = compare(measured(noisy(1, rows=40, spread=2.0)), measured(noisy(2, rows=40, spread=2.0)))
    assert few.findings[0].state == "inconclusive"
    assert "would have been seen" in few.findings[0].says
    assert few.exit_code() == 0


def changes(seed: int, grow: float = 1.0) -> bool:
    groups = {"part": torch.randint(4, (300,), generator=source(seed)).tolist()}
    old, new = noisy(1_000 + seed, groups=groups), noisy(2_000 + seed, 0.5 * grow, groups=groups)
    found = compare(measured(old), measured(new))
    return not found.answers["change"].startswith("No change")


@pytest.mark.slow
def test_false_alarms_are_few_and_a_change_is_seen() -> None:
    assert rate_of(changes, 100) <= 0.1
    powers = [rate_of(lambda seed, grow=grow: changes(seed, grow), 12) for grow in (2.0, 5.0)]
    assert powers[0] <= powers[1]
    assert powers[1] >= 0.9


def test_numbers_are_packed_and_come_back() -> None:
    values = torch.tensor([0.1, -3.5, 1e-9, 2e8])
    assert torch.equal(unpacked(packed(values)), values.double())
    assert unpacked(packed(torch.tensor([3, -1, 70_000]))).tolist() == [3, -1, 70_000]
    assert len(packed(torch.zeros(3_000))) < 6 * 3_000
    assert mark(values) == mark(values.clone())
    assert mark(values) != mark(values.double())
    assert mark(values.bfloat16())


def test_the_report_of_an_audit_carries_what_is_needed() -> None:
    report = wald.audit(skewed(200), level="quick", only=["preflight"])
    paired = json.loads(report.json())["paired"]
    assert paired["rows"] == 200
    assert len(unpacked(paired["metric"]["values"])) == len(unpacked(paired["loss"]["values"])) == 200

    def broken(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if len(prediction) == 200 and not bool((prediction == kept).all()):
            raise RuntimeError("only once")
        return (prediction - target).abs().sqrt().mean()

    case = skewed(200)
    kept = case.model(case.test[0])  # type: ignore[misc]
    whole = replace(case, metric=wald.Metric(name="root", of=broken))
    missing = wald.audit(whole, level="quick", only=["preflight"])
    assert missing.paired == {"missing": "RuntimeError: only once"}
