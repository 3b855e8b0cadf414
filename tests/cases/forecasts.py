"""Forecasts that say too much, are judged by something else, or mean what they say."""

from __future__ import annotations

import torch

import wald
from wald.audits import Case, metrics

from ..audits.samples import Column, labels, skewed, source
from .twin import ALL, Twin, audited, one


def beta(rows: int, factor: float = 1.0, seed: int = 0) -> Case:
    """Probabilities of Beta(2, 2), then made too sure by `factor`."""
    chance = torch.distributions.Beta(torch.tensor(2.0), torch.tensor(2.0))
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        score = torch.logit(chance.sample((rows,)))
    return Case(
        model=Column(factor),
        loss=wald.BinaryCrossEntropy(),
        test=(score[:, None], labels(score, seed + 1)),
        metric=metrics.brier(),
    )


def hinge() -> Case:
    """What the hinge loss wants, -1 or 1, read as log-odds."""
    inputs = 4 * torch.randn(3_000, 1, generator=source(0))
    return Case(
        model=lambda x: x[:, 0].sign() + 0.1 * x[:, 0],
        loss=wald.Hinge(),
        test=(inputs, labels(inputs[:, 0], 1)),
        metric=metrics.brier(),
        task="binary",
    )


def lognormal(metric: metrics.Metric, matched: bool) -> Case:
    if matched:
        return skewed(4_000, model=lambda x: torch.exp(0.5 * x[:, 0]), loss=wald.Absolute(), metric=metric)
    return skewed(4_000, metric=metric)


TWINS = (
    Twin("ok_lognormal_matched", "y = exp(x/2 + 0.8 noise), the median, by the absolute error",
         audited(lambda: lognormal(metrics.absolute_error(), True), "alignment"), quiet=ALL,
         says=lambda r: abs(one(r, "A102").effect or 0) < 0.02),
    Twin("bad_mean_vs_mape", "the same y, the mean, judged by MAPE",
         audited(lambda: lognormal(metrics.percentage_error(), False), "alignment"), fires=("A101", "A102"),
         says=lambda r: 0.4 < (one(r, "A102").effect or 0) < 0.6),
    Twin("bad_mean_vs_mae", "the same y, the mean, judged by MAE",
         audited(lambda: lognormal(metrics.absolute_error(), False), "alignment"), fires=("A101", "A102"),
         says=lambda r: 0.04 < (one(r, "A102").effect or 0) < 0.11),
    Twin("bad_overconfident", "labels of Beta(2, 2), log-odds times 1.5",
         audited(lambda: beta(4_000, 1.5), "calibration"), fires=("C601",)),
    Twin("null_calibrated", "labels of Beta(2, 2), the log-odds themselves",
         audited(lambda: beta(4_000), "calibration", "confidence", "tail"), quiet=ALL),
    Twin("bad_hinge_as_prob", "hinge scores read as log-odds",
         audited(hinge, "calibration"), fires=("C601",)),
)  # fmt: skip
