"""What may be done to the inputs of a loss without changing it, and what a loss cannot see."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.rules.rule import binary, regression
from wald.checks.shape.invariance import measure_invariances
from wald.checks.shape.rays import measure_rays
from wald.checks.subjects.subject import Subject

from . import known
from .test_reduction import pearson
from .test_shape import measured

S, L, C = known.STATISTICS, known.LABELS, known.CLASSES


def pairwise(z: Tensor, t: Tensor) -> Tensor:
    apart = z.unsqueeze(1) - z
    before = (t.unsqueeze(1) > t).to(z.dtype)
    return (F.softplus(-apart) * before).sum() / before.sum().clamp(min=1)


def misordered(z: Tensor, t: Tensor) -> Tensor:
    before = (t.unsqueeze(1) > t).to(z.dtype)
    return (torch.sign(z - z.unsqueeze(1)) * before).sum() / before.sum().clamp(min=1)


def broadcast(x: Tensor, y: Tensor) -> Tensor:
    return (x.unsqueeze(1) - y).square().mean()


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (F.mse_loss, "scale(2) shift sign flip swap"),
        (F.l1_loss, "scale(1) shift sign flip swap"),
        (S["cubed"][0], "scale(3) shift sign flip swap"),
        (known.pinball(0.9), "scale(1) shift"),
        (F.huber_loss, "shift sign flip swap"),
        (lambda x, y: (torch.exp(x - y) - (x - y) - 1).mean(), "shift"),
        (S["QLIKE"][0], "scale(0)"),
        (S["Tweedie 1.5"][0], "scale(0.5)"),
        (S["absolute error of logs"][0], "scale(0) swap"),
        (F.poisson_nll_loss, ""),
        (F.binary_cross_entropy_with_logits, "labels"),
        (F.binary_cross_entropy, "labels"),
        (known.weighted, ""),
        (F.cross_entropy, "logit shift classes"),
        (known.class_weights, "logit shift"),
        (C["squared scores"][0], "classes"),
        (wald.CrossEntropy(z_loss=0.1), "classes"),
        (wald.Triplet(), "shift rotation"),
        (pearson, "scale(0) shift sign flip swap prediction scale prediction shift examples"),
        (S["root mean squared error"][0], "scale(1) shift sign flip swap examples"),
    ],
)
def test_invariances(loss: object, words: str) -> None:
    assert " ".join(measured(loss).invariances.words) == words


def test_a_ranking_keeps_its_value_under_any_rising_function() -> None:
    subject = binary(misordered)
    found = measure_invariances(_whole(subject))
    assert {"prediction scale", "prediction shift", "monotone", "examples"} <= set(found.words)
    assert "monotone" not in measure_invariances(_whole(binary(pairwise)))


def _whole(subject: Subject) -> Subject:
    return replace(subject, whole=True)


@pytest.mark.parametrize(
    ("loss", "size", "level", "order"),
    [
        (F.mse_loss, "yes", "yes", None),
        (L["unhinged"][0], "yes", "yes", None),
        (L["zero-one"][0], "no", "yes", None),
        (F.cross_entropy, "yes", None, None),
    ],
)
def test_what_is_seen_example_by_example(loss: object, size: str, level: str, order: str | None) -> None:
    rays = measured(loss).rays
    assert (rays.size.word, rays.level.word, rays.order.word) == (size, level, order)


@pytest.mark.parametrize(
    ("loss", "size", "level", "order"),
    [
        (pearson, "no", "no", "yes"),
        (lambda x, y: 1 - F.cosine_similarity(x, y, dim=0), "no", "yes", "yes"),
        (lambda x, y: (x - y).std(), "yes", "no", "yes"),
        (broadcast, "yes", "yes", "no"),
        (lambda x, y: (x - y).square().mean().sqrt(), "yes", "yes", "yes"),
    ],
)
def test_what_is_seen_of_a_batch(loss: object, size: str, level: str, order: str) -> None:
    rays = measure_rays(regression(loss, whole=True))  # pyright: ignore[reportArgumentType]
    assert (rays.size.word, rays.level.word, rays.order.word) == (size, level, order)
    for verdict in (rays.size, rays.level, rays.order):
        if verdict.word == "no":
            here, there = (loss(*inputs).item() for inputs in verdict.inputs)  # pyright: ignore[reportCallIssue]
            assert here == pytest.approx(there, rel=1e-4)
