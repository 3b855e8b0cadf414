"""Small cases with a known fault, and innocent ones beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import wald
from wald.audits import Case, metrics
from wald.audits.evidence import Evidence, Level, gather
from wald.audits.probe import Outcome, Probe
from wald.findings import Finding


def source(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Column(nn.Module):
    """Predicts its first input, times a factor, plus a constant."""

    def __init__(self, factor: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.shift = nn.Parameter(torch.tensor(shift))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs[:, 0] * self.factor + self.shift


def labels(score: Tensor, seed: int) -> Tensor:
    return (torch.rand(len(score), generator=source(seed)) < torch.sigmoid(score)).to(score.dtype)


def binary(
    rows: int = 1_500, *, seed: int = 0, factor: float = 1.0, shift: float = 0.0, centre: float = 0.0, **more: Any
) -> Case:
    """A score whose sigmoid is the true probability, then made too sure by `factor` and too high by `shift`."""
    inputs = torch.randn(rows, 3, generator=source(seed))
    inputs[:, 0] = 1.5 * inputs[:, 0] + centre
    given: dict[str, Any] = {
        "model": Column(factor, shift),
        "loss": wald.BinaryCrossEntropy(),
        "test": (inputs, labels(inputs[:, 0], seed + 1)),
        "metric": metrics.brier(),
    }
    return Case(**(given | more))


def skewed(rows: int = 2_000, *, seed: int = 0, **more: Any) -> Case:
    """A log-normal target, predicted by its conditional mean: y = exp(x / 2 + 0.8 noise)."""
    inputs = torch.randn(rows, 1, generator=source(seed))
    target = torch.exp(0.5 * inputs[:, 0] + 0.8 * torch.randn(rows, generator=source(seed + 1)))
    given: dict[str, Any] = {
        "model": lambda x: torch.exp(0.5 * x[:, 0] + 0.32),
        "loss": wald.Squared(),
        "test": (inputs, target),
        "metric": metrics.squared_error(),
    }
    return Case(**(given | more))


def three_classes(rows: int = 900, *, seed: int = 0, **more: Any) -> Case:
    """Three logits whose softmax is the true law."""
    inputs = 1.5 * torch.randn(rows, 3, generator=source(seed))
    target = torch.multinomial(inputs.softmax(-1), 1, generator=source(seed + 1))[:, 0]
    given: dict[str, Any] = {
        "model": lambda x: x,
        "loss": wald.CrossEntropy(),
        "test": (inputs, target),
        "metric": metrics.log_loss(),
    }
    return Case(**(given | more))


def evidence(case: Case, level: Level = "quick", seed: int = 0) -> Evidence:
    return gather(case, level=level, seed=seed)


def ask(probe: Probe, case: Case, level: Level = "quick", seed: int = 0) -> Outcome:
    return probe.measure(evidence(case, level, seed))


def found(outcome: Outcome) -> dict[str, Finding]:
    return {finding.code: finding for finding in outcome.findings}


def rate_of(event: Callable[[int], bool], trials: int) -> float:
    """How often something happens over many data sets."""
    return sum(event(trial) for trial in range(trials)) / trials
