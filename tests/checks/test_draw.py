"""What is drawn is inside the domains of the card."""

from __future__ import annotations

import math

import pytest
import torch

import wald
from wald.cards import BinaryTarget, Domain, LogProbabilities, Positive, Probabilities, Real
from wald.checks.subjects.draw import draw, sample, variants

from ..catalogue import CASES

every = pytest.mark.parametrize("loss", CASES, ids=repr)


@every
def test_inputs_are_inside_their_domains(loss: wald.Loss, rng: torch.Generator) -> None:
    for (_, domain), x in zip(loss.named_domains, draw(loss, (2, 3), rng), strict=True):
        assert x.shape[:2] == (2, 3)
        assert x.ndim == 2 + len(domain.axes)
        assert (x > domain.low if domain.open_low else x >= domain.low).all()
        assert (x <= domain.high).all()
        assert x.dtype == (torch.int64 if domain.integer else torch.float64)
        assert domain.size is None or x.shape[-1] == domain.size


def test_axes_of_one_name_have_one_size(rng: torch.Generator) -> None:
    query, key = draw(wald.InfoNCE(), 4, rng)
    assert query.shape == key.shape
    prediction, target = draw(wald.CrossEntropy(), 50, rng, classes=3)
    assert prediction.shape == (50, 3)
    assert set(target.tolist()) == {0, 1, 2}


def test_a_class_target_may_be_soft(rng: torch.Generator) -> None:
    prediction, target = draw(wald.CrossEntropy(), 5, rng, soft=True)
    assert target.shape == prediction.shape
    torch.testing.assert_close(target.sum(-1), torch.ones(5, dtype=torch.float64))


def test_probabilities_add_to_one(rng: torch.Generator) -> None:
    ones = torch.ones(6, dtype=torch.float64)
    torch.testing.assert_close(sample(Probabilities, (6,), rng, sizes={"classes": 3}).sum(-1), ones)
    torch.testing.assert_close(sample(LogProbabilities, (6,), rng, sizes={"classes": 3}).exp().sum(-1), ones)


def test_a_label_is_most_often_hard_and_a_predicted_probability_never(rng: torch.Generator) -> None:
    target = sample(BinaryTarget, (200,), rng, sizes={})
    assert {0.0, 1.0} < set(target.tolist())
    prediction = sample(BinaryTarget, (200,), rng, sizes={}, target=False)
    assert ((prediction > 0) & (prediction < 1)).all()


def test_typical_ranges_and_whole_numbers(rng: torch.Generator) -> None:
    assert (sample(Positive, (99,), rng, sizes={}) > 0).all()
    assert sample(Real, (99,), rng, sizes={}).abs().max() <= 3
    counts = Domain(says="a count", low=0, high=math.inf, integer=True, typical=(2, 5))
    assert set(sample(counts, (99,), rng, sizes={}).tolist()) == {2, 3, 4, 5}


def test_the_global_random_state_is_left_alone() -> None:
    state = torch.get_rng_state()
    draw(wald.Huber(), 9, torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_same_seed_draws_the_same() -> None:
    one, two = (draw(wald.Huber(), 9, torch.Generator().manual_seed(1)) for _ in range(2))
    assert all(map(torch.equal, one, two))


def test_variants_change_one_field_at_a_time() -> None:
    assert [loss.delta for loss in variants(wald.Huber)] == [1.0, 0.1, 10.0]
    assert [loss.log_input for loss in variants(wald.Poisson)] == [True, False, True]
    for kind in wald.catalogue():
        losses = list(variants(kind))
        assert len(losses) == len(set(losses)) or kind.__name__ == "Percentage"
