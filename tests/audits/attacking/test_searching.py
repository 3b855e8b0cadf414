"""A search that needs no slopes."""

import pytest
import torch

from wald.audits.attacking import Region, Victim, strongest
from wald.audits.attacking.record import Record
from wald.audits.attacking.searching import _patches, wander
from wald.audits.costing.space import Regression

from ..samples import source
from .victims import EFFORT, linear, unlimited


def test_a_model_without_slopes_is_broken_almost_as_often() -> None:
    seeing, weight = linear()
    blind, _ = linear(graph=False)
    assert seeing.has_slope
    assert not blind.has_slope
    region = unlimited(seeing.inputs, 0.3)
    exact = ((2 * seeing.target - 1) * (seeing.inputs @ weight) - 0.3 * weight.abs().sum() <= 0).double().mean()
    found = strongest(blind, region, EFFORT, source(0)).harm.mean()
    assert float(found) == pytest.approx(float(exact), abs=0.02)


def test_the_worst_between_the_ends_is_found() -> None:
    # A tree's step: the loss is large in the middle of the box only.
    inputs = torch.zeros(50, 2)
    victim = Victim(lambda x: ((x[:, 0] - 0.5).abs() < 0.2).float(), inputs, torch.zeros(50), lambda s, y: s,
                    Regression())  # fmt: skip
    record = Record(victim)
    wander(record, unlimited(inputs, 1.0), victim.lead, victim.everyone, guesses=100, source=source(0))
    assert float(record.most.mean()) > 0.9


@pytest.mark.parametrize("shape", [(5,), (8, 1), (6, 6), (3, 8, 8), ()])
def test_what_is_thrown_together_suits_the_shape(shape: tuple[int, ...]) -> None:
    like = torch.zeros(20, *shape)
    chosen, up = _patches(like, 0.3, source(0))
    assert chosen.shape == up.shape == like.shape
    if shape:
        assert bool(chosen.reshape(20, -1).any(-1).all())
    if len(shape) == 3:
        # A square of the picture, the same in every channel.
        assert torch.equal(chosen[:, 0], chosen[:, 1])


def test_the_same_source_gives_the_same_search() -> None:
    victim, _ = linear()
    region = unlimited(victim.inputs, 0.2)
    one, two = (strongest(victim, region, EFFORT, source(3)).inputs for _ in range(2))
    assert torch.equal(one, two)


def test_a_feature_that_is_held_is_never_thrown() -> None:
    victim, _ = linear()
    size = torch.tensor([0.0, 1.0, 1.0, 0.0])
    far = torch.full((4,), 9.0)
    record = Record(victim)
    wander(record, Region.around(victim.inputs, size, (-far, far)), victim.lead, victim.everyone, guesses=40,
           source=source(0))  # fmt: skip
    assert torch.equal(record.inputs[:, [0, 3]], victim.inputs[:, [0, 3]])
