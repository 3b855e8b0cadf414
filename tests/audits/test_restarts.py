"""Other seeds, and a model that is worse than all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

import wald
from wald.audits import metrics
from wald.audits.probes.restarts import RESTARTS, worse
from wald.audits.probes.retraining import RETRAINING

from .samples import evidence, found, rate_of, source
from .test_retraining import FITS, Exponential, case, lognormal, refit


def told(made: Any) -> Any:
    return found(RESTARTS.measure(evidence(made, "deep")))["T803"]


def test_a_model_like_the_others_is_quiet() -> None:
    finding = told(case(wald.Absolute(), metrics.absolute_error()))
    assert finding.state == "pass"
    assert finding.controls.right
    assert len(finding.evidence["metric of each seed"]) == 5


def test_a_model_that_was_never_trained_stands_out() -> None:
    torch.manual_seed(0)
    finding = told(case(wald.Absolute(), metrics.absolute_error(), model=Exponential()))
    assert finding.state == "fail"
    assert finding.effect > 0.15


def test_one_more_of_a_kind_lies_inside() -> None:
    def outside(trial: int) -> bool:
        drawn = torch.randn(6, generator=source(trial), dtype=torch.float64) + 100
        return worse(float(drawn[0]), drawn[1:])[1][0] > 0

    assert rate_of(outside, 400) <= 0.05


def test_trainings_are_shared_with_the_other_probe() -> None:
    seen = evidence(case(wald.Squared(), metrics.absolute_error()), "deep")
    FITS.clear()
    RETRAINING.measure(seen)
    assert len(FITS) == 10
    RESTARTS.measure(seen)
    assert len(FITS) == 10


def test_seeds_that_diverge_and_functions() -> None:
    made = case(wald.Absolute(), metrics.absolute_error())
    broken = replace(made, refit=lambda seed, loss: lambda x: x[:, 0] * torch.nan)
    assert told(broken).state == "inconclusive"

    def plain(seed: int, loss: Any) -> Any:
        model = refit(seed, loss)
        return lambda inputs: model(inputs)

    outcome = RESTARTS.measure(evidence(replace(made, refit=plain), "deep"))
    assert outcome.figures == ()
    assert outcome.findings[0].state == "pass"


def test_the_way_between_two_seeds_is_drawn() -> None:
    made = case(wald.Absolute(), metrics.absolute_error(), test=lognormal(300, 7))
    (figure,) = RESTARTS.measure(evidence(made, "deep")).figures
    assert len(figure.series[0]["y"]) == 11
