"""The values at which a training curve stops, held against what the losses give."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import wald
from wald.checks.subjects.draw import draw, variants

ROWS = 24


def drawn(loss: wald.Loss) -> tuple[tuple[Tensor, ...], dict[str, float]]:
    """Typical inputs, and the values to know at their sizes."""
    inputs = draw(loss, ROWS, torch.Generator().manual_seed(0), classes=4)
    sizes: dict[str, Any] = {"batch": ROWS, "classes": 4}
    for x, (_, domain) in zip(inputs, loss.named_domains, strict=True):
        sizes |= dict(zip(domain.axes, x.shape[1:], strict=True))
    for field in loss.to_dict():
        sizes.pop(field, None)
    return inputs, loss.reference_points(**sizes)


@pytest.mark.parametrize("kind", wald.catalogue(), ids=lambda kind: kind.__name__)
def test_nothing_costs_less_than_the_floor(kind: type[wald.Loss]) -> None:
    for loss in variants(kind):
        if "floor" in loss.card.points:
            inputs, points = drawn(loss)
            assert loss(*inputs).item() >= points["floor"] - 1e-9


#: Losses of numbers that were observed: to say them is to be perfect.
EXACT = [
    loss
    for kind in wald.catalogue()
    for loss in variants(kind)
    if loss.card.task == "regression"
    and "perfect" in loss.card.points
    and len({(domain.low, domain.axes) for _, domain in loss.named_domains}) == 1
    and [name for name, _ in loss.named_domains] == ["prediction", "target"]
    and not isinstance(loss, wald.MaskedReconstruction)  # which compares with the target brought to deviation 1
]


@pytest.mark.parametrize("loss", EXACT, ids=repr)
def test_what_was_observed_is_perfect(loss: wald.Loss) -> None:
    (_, target), points = drawn(loss)
    assert loss(target.clone(), target).item() == pytest.approx(points["perfect"], abs=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        wald.BackwardCorrection(noise=((0.8, 0.2), (0.3, 0.7))),
        wald.CrossEntropy(),
        wald.CrossEntropy(label_smoothing=0.1),
        wald.CrossEntropy(z_loss=0.1),
        wald.NextToken(shift=False, z_loss=0.1),
        wald.Hinge(margin=0.5),
        wald.SquaredHinge(margin=0.5),
        wald.Ordinal(levels=4),
        wald.Ordinal(levels=4, average=False),
        wald.PositiveUnlabelled(prior=0.3),
        wald.PositiveUnlabelled(prior=0.3, surrogate="logistic"),
        wald.ListMLE(),
        wald.ListMLE(average=True),
        wald.PairwiseHinge(margin=0.5, power=2),
        wald.PairwiseLogistic(),
        wald.PartialAUC(margin=0.5, max_fpr=0.5),
    ],
    ids=repr,
)
def test_chance_is_what_a_model_costs_that_tells_nothing_apart(loss: wald.Loss) -> None:
    (prediction, *rest), points = drawn(loss)
    assert loss(torch.zeros_like(prediction), *rest).item() == pytest.approx(points["chance"])


def test_a_preference_that_is_none_is_chance() -> None:
    same = torch.tensor([0.3, -1.0], dtype=torch.float64)
    assert wald.BradleyTerry(margin=0.5)(same, same).item() == pytest.approx(
        wald.BradleyTerry(margin=0.5).reference_points()["chance"]
    )
    for smoothing in (0.0, 0.1):
        loss = wald.DPO(label_smoothing=smoothing)
        assert loss(same, same, same, same).item() == pytest.approx(loss.reference_points()["chance"])


@pytest.mark.parametrize("average", [True, False])
def test_equal_shares_of_ranked_classes_that_are_equally_frequent(average: bool) -> None:
    loss = wald.RankedProbability(average=average)
    found = loss(torch.zeros(5, 5, dtype=torch.float64), torch.arange(5))
    assert found.item() == pytest.approx(loss.reference_points(classes=5)["chance"])


def test_embeddings_that_are_all_the_same() -> None:
    loss = wald.SupCon()
    found = loss(torch.ones(6, 3, dtype=torch.float64), torch.tensor([0, 0, 1, 1, 2, 2]))
    assert found.item() == pytest.approx(loss.reference_points(batch=6)["collapse"])


def test_ranks_that_are_all_the_same() -> None:
    loss = wald.SoftSpearman()
    found = loss(torch.zeros(1, 7, dtype=torch.float64), torch.arange(7.0, dtype=torch.float64).unsqueeze(0))
    assert found.item() == pytest.approx(loss.reference_points()["collapse"])


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9])
def test_a_smoothed_pinball_has_its_floor_beside_the_target(level: float) -> None:
    loss = wald.SmoothedPinball(level=level, width=0.4)
    points = loss.reference_points()
    error = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    values = loss(error, torch.zeros_like(error), reduction="none")
    assert values.min().item() == pytest.approx(points["floor"], abs=1e-7)
    assert values[10_000].item() == pytest.approx(points["perfect"])


def test_draws_that_are_all_the_target() -> None:
    loss = wald.DawidSebastiani()
    found = loss(torch.full((1, 4), 2.0, dtype=torch.float64), torch.tensor([2.0], dtype=torch.float64))
    assert found.item() == pytest.approx(loss.reference_points()["perfect"])


def test_noise_bounds_how_sure_one_can_be() -> None:
    loss = wald.ForwardCorrection(noise=((0.8, 0.2), (0.3, 0.7)))
    sure = loss(torch.tensor([[100.0, 0.0]], dtype=torch.float64), torch.tensor([0]))
    assert sure.item() == pytest.approx(loss.reference_points()["floor"])


def test_silence_and_cash() -> None:
    silent = wald.SISDR()(torch.zeros(1, 8, dtype=torch.float64), torch.arange(8.0, dtype=torch.float64).unsqueeze(0))
    assert silent.item() == wald.SISDR().reference_points()["silence"]
    assert wald.ExpectedShortfall()(torch.zeros(1, 8)).item() == wald.ExpectedShortfall().reference_points()["cash"]
