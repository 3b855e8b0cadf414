"""A plan says what an audit would do and what that costs, and does none of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wald
from wald.audits import planning
from wald.audits.errors import CaseError
from wald.audits.evidence import BUDGETS
from wald.audits.plan import PROBES
from wald.audits.planning import plan
from wald.audits.probe import Outcome, Probe, Work

from ..sampling import daily
from .samples import Column, binary


def forbidden(evidence: Any) -> Outcome:
    raise AssertionError("a probe ran")


def test_no_probe_runs_and_every_probe_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = tuple(
        Probe(one.name, one.question, one.code, one.asks, forbidden, one.independent, one.needs, one.least, one.work)
        for one in PROBES
    )
    monkeypatch.setattr(planning, "PROBES", probes)
    found = plan(binary(300), "deep")
    assert [step.name for step in found.steps] == [one.name for one in PROBES]
    assert all(f" {step.name} " in found.text(width=120) for step in found.steps)


@pytest.mark.parametrize("level", daily(["quick", "standard"], 2))
def test_it_says_of_each_probe_what_the_audit_will_do(level: Any) -> None:
    case = binary(200, groups={"half": [i % 2 for i in range(200)]})
    report = wald.audit(case, level=level)
    unrun = {one.code for one in report.findings if one.state in ("not_run", "not_applicable") and one.says.count(": ")}
    codes = {one.name: one.code for one in PROBES}
    for step in plan(case, level).steps:
        if not step.runs:
            assert codes[step.name] in unrun, step.name
            says = next(one.says for one in report.findings if one.code == codes[step.name])
            # An audit knows that forecasts are no positions in a market; a plan has not looked at them.
            assert says.endswith((step.why_not, "no positions in a market"))
            assert step.advice


def test_what_is_missing_is_named_with_the_way_to_give_it() -> None:
    steps = {step.name: step for step in plan(binary(100), "deep").steps}
    assert steps["groups"].why_not == "the case gives no groups"
    assert steps["groups"].advice == "give Case(groups={name: labels})"
    later = next(step for step in plan(binary(100), "quick").steps if step.why_not.startswith("left for"))
    assert later.advice.startswith("run with --")


def test_the_cost_is_that_of_the_model_and_of_the_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    def probe(name: str, passes: float, fits: int) -> Probe:
        return Probe(name, "gaming", "G399", "it", forbidden, work=lambda case, budget: Work(passes, fits))

    monkeypatch.setattr(planning, "PROBES", (probe("free", 0, 0), probe("dear", 1e6, 3)))
    monkeypatch.setattr(planning, "_row_seconds", lambda case: 1e-5)
    found = plan(binary(350), "standard")
    free, dear = found.steps
    assert dear.seconds - free.seconds == pytest.approx(10)
    assert 0 < free.seconds < 1
    assert found.seconds == pytest.approx(dear.seconds + free.seconds)
    assert (found.fits, dear.fits) == (3, 3)
    assert "about 10 s and 3 trainings" in found.text()
    assert json.loads(json.dumps(found.to_dict()))["seconds"] == pytest.approx(found.seconds)


class Slow(nn.Module):
    """Takes its time, and keeps count of how many rows it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.column, self.noise = Column(), nn.Dropout()
        self.seen = 0

    def forward(self, rows: Tensor) -> Tensor:
        self.seen += len(rows)
        torch.rand(1)
        return self.column(self.noise(rows))


def test_the_model_is_timed_on_a_few_rows_and_left_as_it_was() -> None:
    model = Slow().train()
    before = torch.get_rng_state()
    found = plan(binary(5_000, model=model), "standard")
    assert found.row_seconds is not None
    assert 0 < found.row_seconds < 1e-3
    assert model.seen <= 21 * 1_024
    assert model.training
    assert model.noise.training
    assert torch.equal(torch.get_rng_state(), before)
    assert (found.rows, found.of) == (5_000, 5_000)
    assert plan(binary(9_000, model=model), "quick").rows == BUDGETS["quick"].rows


def test_recorded_predictions_need_no_model() -> None:
    given = torch.randn(1_500)
    found = plan(binary(model=None, prediction=given, weight=(torch.arange(1_500) % 3).double()))
    assert found.row_seconds is None
    assert (found.rows, found.of) == (1_000, 1_500)
    assert "recorded predictions" in str(found)


@pytest.mark.parametrize("width", [72, 100])
def test_it_fits_the_terminal(width: int) -> None:
    lines = plan(binary(100), "standard").text(width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("plan · case · --standard:")


def test_what_cannot_be_planned_is_said() -> None:
    with pytest.raises(ValueError, match="level is quick, standard or deep; got 'fast'"):
        plan(binary(100), "fast")  # type: ignore[arg-type]

    def broken(rows: Tensor) -> Tensor:
        raise RuntimeError("no weights")

    with pytest.raises(CaseError, match="the model raised RuntimeError on the test inputs: no weights"):
        plan(binary(100, model=broken))
