"""Losses that are wrong in a known way, and their twins that are not."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

import wald
from wald.audits import Case, metrics
from wald.findings import Report

from ..audits.samples import Column, labels, source
from .twin import ALL, Twin, audited, one


def checked(loss: object, **hints: str) -> partial[Report]:
    return partial(wald.check, loss, **hints)


def double_softmax(z: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(z.softmax(-1), y)


def double_sigmoid(z: Tensor, y: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(torch.sigmoid(z), y)


def no_abs(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).mean()


def sign(x: Tensor, y: Tensor) -> Tensor:
    return -(x - y).square().mean()


def broadcast(x: Tensor, y: Tensor) -> Tensor:
    return (x - y[:, None]).square().mean()


def probability_error(z: Tensor, y: Tensor) -> Tensor:
    """MAE of probabilities."""
    return (torch.sigmoid(z) - y).abs()


def pearson(x: Tensor, y: Tensor) -> Tensor:
    a, b = x - x.mean(), y - y.mean()
    return 1 - (a * b).sum() / (a.norm() * b.norm() + 1e-12)


def three_per_cent(loss: object) -> Case:
    """A weak score for an event of three per cent."""
    inputs = torch.randn(4_000, 2, generator=source(0))
    score = 0.7 * inputs[:, 0] - 3.7
    return Case(
        model=Column(0.7, -3.7),
        loss=loss,  # type: ignore[arg-type]
        test=(inputs, labels(score, 1)),
        metric=metrics.brier(),
        task="binary",
    )


def level(loss: object) -> Case:
    """Forecasts of a level that have the right order and the wrong size."""
    inputs = torch.randn(2_000, 1, generator=source(0))
    target = 10 + inputs[:, 0] + 0.5 * torch.randn(2_000, generator=source(1))
    return Case(
        model=lambda x: x[:, 0] + 10,
        loss=loss,  # type: ignore[arg-type]
        test=(inputs, target),
        metric=metrics.absolute_error(),
        task="regression",
    )


def regression(loss: object) -> Case:
    inputs = torch.randn(1_000, 1, generator=source(2))
    target = inputs[:, 0] + torch.randn(1_000, generator=source(3))
    return Case(
        model=lambda x: x[:, 0],
        loss=loss,  # type: ignore[arg-type]
        test=(inputs, target),
        metric=metrics.squared_error(),
        task="regression",
    )


def edge(name: str) -> partial[Report]:
    return checked(getattr(functional, name))


TWINS = (
    Twin("bad_double_softmax", "cross-entropy of a softmax", checked(double_softmax, task="multiclass"),
         fires=("W702",), says=lambda r: r.card["proper"] == "no" and r.card["growth"] == "bounded"),
    Twin("ok_softmax", "cross-entropy of logits", checked(functional.cross_entropy, task="multiclass"),
         quiet=("W702", "W2"), says=lambda r: r.card["proper"] == "yes"),
    Twin("bad_double_sigmoid", "BCE with logits, of a sigmoid", checked(double_sigmoid, task="binary"),
         fires=("W702",), says=lambda r: abs(r.card["threshold"] - 0.623) < 0.002),
    Twin("bad_sign", "minus the squared error", checked(sign), fires=("W501",)),
    Twin("bad_no_abs", "mean(x - y)", checked(no_abs), fires=("W502", "W601")),
    Twin("ok_squared", "the squared error", checked(functional.mse_loss), quiet=("W5", "W6", "W7")),
    Twin("bad_broadcast", "squared error of (N,) and (N, 1)", audited(lambda: regression(broadcast), "gaming"),
         fires=("G302",)),
    Twin("ok_no_broadcast", "the same, in one shape", audited(lambda: regression(wald.Squared()), "gaming"), quiet=ALL),
    Twin("bad_constant_wins", "3 % positives, MAE of probabilities",
         audited(lambda: three_per_cent(probability_error), "gaming"), fires=("G301",)),
    *(Twin(f"ok_constant_{type(loss).__name__.lower()}", f"3 % positives, {loss}",
           audited(partial(three_per_cent, loss), "gaming"), quiet=("G301", "G302"))
      for loss in (wald.BinaryCrossEntropy(), wald.Hinge(), wald.Focal())),
    Twin("bad_alpha_focal", "focal loss, alpha 0.25, and a cut at one half", checked(wald.Focal(alpha=0.25, gamma=2)),
         says=lambda r: r.card["calibrated"] == "no" and abs(r.card["threshold"] - 0.75) < 1e-3),
    Twin("ok_focal", "focal loss, gamma 2 alone", checked(wald.Focal(gamma=2)), quiet=ALL,
         says=lambda r: r.card["calibrated"] == "yes" and abs(r.card["threshold"] - 0.5) < 1e-3),
    Twin("bad_scale_free", "1 - Pearson for forecasts of a level",
         audited(lambda: level(pearson), "invariances"), fires=("G306",)),
    Twin("ok_scale", "the squared error for the same",
         audited(lambda: level(wald.Squared()), "invariances"), quiet=ALL),
    Twin("edge_multi_margin", "torch's multi_margin_loss", edge("multi_margin_loss"), fires=("W105", "W106")),
    Twin("edge_soft_margin", "torch's soft_margin_loss", edge("soft_margin_loss"), fires=("W101",)),
    Twin("edge_poisson", "torch's poisson_nll_loss", edge("poisson_nll_loss"), fires=("W401",)),
    Twin("edge_cross_entropy", "torch's cross_entropy: finite cells", edge("cross_entropy"),
         quiet=("W101", "W102", "W105")),
    Twin("edge_bce", "torch's binary_cross_entropy_with_logits: finite cells",
         edge("binary_cross_entropy_with_logits"), quiet=("W101", "W102", "W105")),
    Twin("traits_log_cosh", "log-cosh, declared strongly convex elsewhere",
         checked(lambda x, y: (x - y) + functional.softplus(-2 * (x - y)) - 0.6931471805599453),
         says=lambda r: r.card["strongly_convex"] == "no"),
    Twin("traits_insensitive", "squared epsilon-insensitive, declared strictly convex elsewhere",
         checked(lambda x, y: ((x - y).abs() - 1).clamp_min(0).square()),
         says=lambda r: r.card["strictly_convex"] == "no"),
    Twin("traits_cubed", "|r|^3, declared strongly convex elsewhere",
         checked(lambda x, y: (x - y).abs().pow(3)), says=lambda r: r.card["strongly_convex"] == "no"),
    Twin("traits_zero_one", "0-1 loss, declared Lipschitz elsewhere",
         checked(lambda z, y: ((z > 0) != (y > 0.5)).float(), task="binary"),
         says=lambda r: r.card["lipschitz"] != "yes" and r.counts["error"] == 0),
    Twin("traits_power", "|r|^1.5, declared twice differentiable elsewhere",
         checked(lambda x, y: (x - y).abs().pow(1.5)), says=lambda r: r.card["smooth"] == 1),
)  # fmt: skip

__all__ = ["TWINS", "one"]
