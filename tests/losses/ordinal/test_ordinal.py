"""Ordered classes: against plain formulas, coral_pytorch, their identities and their ends."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald

from ..classification.agreeing import agree, ids, law, near, scores
from ..parity.case import Case, attribute, mean, of_port

CORN = wald.ConditionalOrdinal(levels=4)


def likelihood(z: Tensor, y: Tensor) -> Tensor:
    """-log P(y), as the product of going on up to y and stopping there."""
    go = z.sigmoid()
    on = torch.cat([torch.ones_like(go[:, :1]), go.cumprod(-1)], -1)
    stop = torch.cat([1 - go, torch.ones_like(go[:, :1])], -1)
    return -(on * stop).gather(-1, y[:, None])[:, 0].log()


def test_conditional_questions_are_the_likelihood_of_the_class() -> None:
    for seed in (0, 1):
        agree(CORN.per_example, likelihood, scores(seed, classes=3), ids(seed))


def test_conditional_probabilities_add_to_1_and_are_those_of_the_loss() -> None:
    z = scores(classes=3)
    p = CORN.probabilities(z)
    near(p.sum(-1), torch.ones(31))
    for k in range(4):
        near(-p[:, k].log(), CORN.per_example(z, torch.full((31,), k)), 1e-9)


def test_going_on_is_a_hazard_turned_round() -> None:
    z, y = scores(classes=3), ids()
    hazard = wald.DiscreteTimeHazard().per_example(-z, y.clamp(max=2), (y < 3).long())
    near(CORN.per_example(z, y), hazard)


def test_the_mean_over_questions() -> None:
    z, y = scores(classes=3), ids()
    asked = (y + 1).clamp(max=3)
    near(CORN.replace(average="questions")(z, y), likelihood(z, y).sum() / asked.sum())
    near(CORN(z, y), likelihood(z, y).mean())


def distance(power: float) -> wald.Loss:
    return wald.ClassDistance(power=power)


@pytest.mark.parametrize("power", [1.0, 5.0])
def test_class_distance_denies_the_far_classes(power: float) -> None:
    def oracle(z: Tensor, y: Tensor) -> Tensor:
        far = (torch.arange(4) - y[:, None]).abs().double() ** power
        return -(far * (1 - z.softmax(-1)).log()).sum(-1)

    for seed in (0, 1):
        agree(distance(power).per_example, oracle, scores(seed), ids(seed), relative=1e-10)


def test_class_distance_of_two_classes_is_cross_entropy() -> None:
    z, y = scores(classes=2), ids(classes=2)
    agree(distance(3.0).per_example, wald.CrossEntropy().per_example, z, y)


def test_a_soft_target_is_the_mean_over_its_labels() -> None:
    z, share = scores(), law()
    each = torch.stack([distance(2.0).per_example(z, torch.full((31,), k)) for k in range(4)], -1)
    near(distance(2.0).per_example(z, share), (share * each).sum(-1))


@pytest.mark.parametrize(("loss", "size"), [(CORN, 3), (distance(5.0), 4)], ids=repr)
def test_far_out_the_slope_is_finite(loss: wald.Loss, size: int) -> None:
    for end in (1e4, -1e4, 0.0):
        z = torch.full((4, size), -end)
        z[:, 0] = end
        z.requires_grad_()
        value = loss(z, torch.arange(4), reduction="none")
        value.sum().backward()
        assert value.isfinite().all()
        assert z.grad is not None
        assert z.grad.isfinite().all()


def test_an_id_beyond_the_last_level() -> None:
    with pytest.raises(wald.DomainError):
        CORN(torch.zeros(1, 3), torch.tensor([4]))
    with pytest.raises(wald.ShapeError):
        CORN(torch.zeros(1, 4), torch.tensor([1]))


def _corn(name: str, seed: int) -> Case:
    z, y = scores(seed, classes=3), ids(seed)

    def theirs(z: Tensor) -> Tensor:
        made = attribute(name)
        return made(4)(z, y) if name.endswith("CornLoss") else made(z, y, 4)

    return of_port(name, theirs, z, y, how=mean, levels=4)


def _coral(name: str) -> Case:
    """It adds up the questions that Ordinal averages unless told otherwise."""
    z, y = scores(classes=3), ids()
    levels = (y[:, None] > torch.arange(3)).double()

    def theirs(z: Tensor) -> Tensor:
        made = attribute(name)
        return made()(z, levels) if name.endswith("CoralLoss") else made(z, levels)

    return of_port(name, theirs, z, y, how=mean, levels=4)


CASES: list[Case] = [
    *(_corn(f"coral_pytorch.losses.{name}", seed) for name in ("CornLoss", "corn_loss") for seed in (0, 1)),
    *(_coral(f"coral_pytorch.losses.{name}") for name in ("CoralLoss", "coral_loss")),
]
