"""An audit answers five questions, leaves everything as it was, and is never silent about what did not run."""

import json
import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wald
from wald.audits import metrics, running
from wald.audits.evidence import Evidence
from wald.audits.plan import PROBES
from wald.audits.probe import Outcome, Probe
from wald.audits.probes.influence import INFLUENCE
from wald.findings import Report
from wald.findings.questions import FIVE

from .samples import Column, binary, skewed, three_classes


@pytest.fixture(scope="module")
def report() -> Report:
    return wald.audit(binary(groups={"half": [i % 2 for i in range(1_500)]}), level="quick")


def test_the_five_questions_are_answered_in_words(report: Report) -> None:
    assert set(FIVE) <= set(report.answers)
    for answer in report.answers.values():
        assert answer.endswith(".")
        assert any(letter.isdigit() for letter in answer)
    assert report.kind == "audit"
    assert report.card["elicits"] == "probability"


def test_an_innocent_case_fails_nothing(report: Report) -> None:
    assert report.counts["fail"] == report.counts["warn"] == report.counts["error"] == 0
    assert report.exit_code() == 0


def test_what_was_not_given_or_costs_too_much_is_said(report: Report) -> None:
    unrun = {one.code: one for one in report.findings if one.state == "not_run"}
    assert "the case gives no train" in unrun["T802"].says
    assert "Case(train=" in unrun["T802"].fix
    assert "left for --standard" in unrun["R202"].says
    assert report.exit_code(strict=True) == 3


def test_every_finding_can_be_reproduced_and_remedies_have_a_reason(report: Report) -> None:
    for finding in report.findings:
        if finding.state not in ("not_run", "not_applicable"):
            assert finding.evidence["reproduce"]
        if finding.state in ("pass", "not_applicable"):
            assert finding.fix == ""
    assert all(one.state == "pass" for one in report.findings if one.code == "E506")


def test_the_pictures_are_drawn(report: Report) -> None:
    kinds = [figure.kind for figure in report.figures]
    assert {"scatter", "reliability", "intervals"} <= set(kinds)


def test_it_renders_everywhere(report: Report) -> None:
    assert "1. " in report.text()
    assert json.loads(report.json())["counts"]["planned"] == len(report.findings)
    assert "<html" in report.html()
    assert "<testsuite" in report.junit()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_report() -> None:
    def told(seed: int) -> list[object]:
        found = wald.audit(binary(400), level="quick", seed=seed)
        return [(one.code, one.state, one.effect, one.interval) for one in found.findings]

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_a_probe_alone_gives_what_it_gives_among_the_others(report: Report) -> None:
    alone = wald.audit(binary(groups={"half": [i % 2 for i in range(1_500)]}), level="quick", only=["gaming"])
    codes = {"G301", "G302", "G303", "G304"}
    told = {one.code: one.effect for one in alone.findings if one.code in codes}
    assert told == {one.code: one.effect for one in report.findings if one.code in codes}
    assert {one.says.rpartition(": ")[2] for one in alone.findings if one.code == "R202"} == {"left out by only="}


@pytest.mark.parametrize("case", [skewed(400), three_classes(400)], ids=["regression", "classes"])
def test_other_tasks_break_nothing(case: wald.Case) -> None:
    report = wald.audit(case, level="quick")
    assert report.counts["error"] == 0
    assert report.counts["fail"] == 0
    assert set(FIVE) <= set(report.answers)


@pytest.mark.slow
def test_coupled_losses_and_whole_sample_metrics_break_nothing() -> None:
    def root(p: Tensor, y: Tensor) -> Tensor:
        return (p - y).square().mean().sqrt()

    whole = wald.Metric(name="root", of=lambda p, y: (p - y).square().mean().sqrt())
    assert wald.audit(skewed(300, loss=root, metric=whole), level="quick").counts["error"] == 0
    assert wald.audit(binary(300, metric=metrics.auc()), level="quick").counts["error"] == 0


def test_a_task_that_nothing_is_known_of_is_not_passed() -> None:
    inputs = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    metric = wald.Metric(name="distance", per_example=lambda p, y: (p - y).abs().sum(-1))
    case = wald.Case(model=lambda x: x, loss=nn.MSELoss(), test=(inputs, inputs + 0.1), metric=metric)
    report = wald.audit(case, level="quick")
    assert report.counts["error"] == 0
    assert report.counts["not_applicable"] >= 8
    assert any("none of regression, binary and multiclass" in note for note in report.notes)


@pytest.mark.slow
def test_model_and_random_states_are_left_as_they_were() -> None:
    model = nn.Sequential(nn.Dropout(), Column()).train()
    states = (torch.get_rng_state(), random.getstate(), repr(np.random.get_state()))  # noqa: NPY002
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wald.audit(binary(200, model=model, checkpoints=(dict(before), dict(before))), level="quick")
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert repr(np.random.get_state()) == states[2]  # noqa: NPY002
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(one.grad is None and one.requires_grad for one in model.parameters())


def broken(evidence: Evidence) -> Outcome:
    raise ZeroDivisionError("nothing to divide")


def test_a_probe_that_breaks_is_an_error_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = (PROBES[0], Probe("bad", "gaming", "G399", "something", broken), INFLUENCE)
    monkeypatch.setattr(running, "PROBES", probes)
    report = wald.audit(binary(200), level="quick")
    (error,) = [one for one in report.findings if one.state == "error"]
    assert (error.code, error.question) == ("G399", "gaming")
    assert "ZeroDivisionError: nothing to divide" in error.says
    assert "broken" in error.evidence["traceback"]
    assert any(one.code == "R201" and one.state == "pass" for one in report.findings)
    assert report.exit_code() == 3


def test_an_interruption_keeps_what_there_is() -> None:
    def stop(name: str, done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    report = wald.audit(binary(200), level="quick", progress=stop)
    assert running.was_interrupted(report)
    unrun = [one.says for one in report.findings if one.says.endswith(": interrupted")]
    assert len(unrun) == len(PROBES) - 3
    assert any(one.code == "A102" and one.state != "not_run" for one in report.findings)
    assert any("interrupted" in note for note in report.notes)
    assert not running.was_interrupted(wald.audit(binary(100), level="quick", only=["edge cases"]))


def test_an_unstable_model_is_not_measured_further() -> None:
    report = wald.audit(binary(200, model=lambda x: x[:, 0] + torch.randn(len(x))), level="quick")
    states = {one.code: (one.state, one.says) for one in report.findings}
    assert states["P001"][0] == "fail"
    assert states["A102"][0] == "not_run"
    assert "change from call to call" in states["A102"][1]
    assert states["E501"][0] == "pass"


def test_progress_is_told() -> None:
    steps: list[tuple[str, int, int]] = []
    wald.audit(binary(100), level="quick", progress=lambda *step: steps.append(step))
    assert [done for _, done, _ in steps] == list(range(len(PROBES) + 1))


def test_levels_and_probes_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="level is quick, standard or deep"):
        wald.audit(binary(100), level="fast")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there is no probe gamin"):
        wald.audit(binary(100), only=["gamin"])
