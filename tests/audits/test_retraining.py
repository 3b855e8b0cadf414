"""Training again with a loss that is made for the metric."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wald
from wald.audits import Case, Metric, metrics
from wald.audits.aligning.consistent import consistent_loss
from wald.audits.costing.space import Binary, Multiclass, Regression
from wald.audits.probes.retraining import RETRAINING

from .samples import evidence, found, source


class Exponential(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.line(inputs)[:, 0].exp()


def lognormal(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    inputs = torch.randn(rows, 1, generator=source(seed))
    return inputs, torch.exp(0.5 * inputs[:, 0] + 0.8 * torch.randn(rows, generator=source(seed + 1)))


FITS: list[int] = []


def refit(seed: int, loss: Any, train: tuple[Tensor, Tensor] | None = None) -> nn.Module:
    FITS.append(seed)
    torch.manual_seed(seed)
    inputs, target = lognormal(600, 50) if train is None else train
    model = Exponential()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(60):
        drawn = torch.randint(len(target), (200,))
        optimiser.zero_grad()
        loss(model(inputs[drawn]), target[drawn]).backward()
        optimiser.step()
    return model


def case(loss: Any, metric: Metric, **more: Any) -> Case:
    given: dict[str, Any] = {"model": refit(9, loss), "test": lognormal(1_500, 7), "refit": refit}
    return Case(loss=loss, metric=metric, **(given | more))


def told(made: Case) -> Any:
    return found(RETRAINING.measure(evidence(made, "deep")))["A103"]


def test_a_mean_that_is_judged_by_percentages_pays() -> None:
    finding = told(case(wald.Squared(), metrics.percentage_error()))
    assert finding.state == "fail"
    assert finding.controls.right
    assert 0.3 < finding.effect < 0.65
    assert finding.evidence["wins"] == 5
    assert finding.evidence["loss for the metric"].startswith("Percentage")


def test_a_loss_that_is_nearly_right_costs_nothing() -> None:
    finding = told(case(wald.Huber(delta=0.5), metrics.absolute_error()))
    assert finding.state == "pass"
    assert abs(finding.effect) < 0.02


def test_weights_and_clusters() -> None:
    more = {"weight": torch.rand(1_500, generator=source(3)) + 0.1, "clusters": [row // 5 for row in range(1_500)]}
    assert told(case(wald.Squared(), metrics.percentage_error(), **more)).state == "fail"


def test_where_nothing_is_to_be_compared() -> None:
    matched = told(case(wald.Absolute(), metrics.absolute_error()))
    assert matched.state == "not_applicable"
    assert "made for mean absolute error" in matched.says
    unknown = Metric(name="odd", per_example=lambda p, y: (p - y).abs())
    assert "Metric(elicits=...)" in told(case(wald.Squared(), unknown)).says
    odd = replace(metrics.absolute_error(), elicits="harmonic mean")
    assert "no loss whose minimiser is the harmonic mean" in told(case(wald.Squared(), odd)).says


def test_the_table_tells_the_truth() -> None:
    line = Regression()
    for words in ("mean", "median", "quantile(0.9)", "expectile(0.8)", "weighted median(y^-1)", "mean through log1p"):
        assert consistent_loss(words, line).card.elicits == words
    assert consistent_loss("mode", Multiclass()) == wald.CrossEntropy()
    assert consistent_loss("ranking", Binary()) == wald.BinaryCrossEntropy()
    half = consistent_loss("probability", Binary(probability=True))(torch.tensor([0.5]), torch.tensor([1.0]))
    assert float(half) == pytest.approx(0.6931, abs=1e-4)
    assert consistent_loss("mode", line) is consistent_loss(None, line) is consistent_loss("mean", None) is None


def test_a_refit_that_gives_no_model_says_so() -> None:
    finding = told(case(wald.Squared(), metrics.absolute_error(), refit=lambda seed, loss: None))
    assert finding.state == "not_run"
    assert "gave a NoneType" in finding.says
