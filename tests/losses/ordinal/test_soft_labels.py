"""Soft labels of ordered classes: against SciPy's laws, dlordinal, and where their peak is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
import torch

import wald
from wald.losses.ordinal.soft_labels import binomial, distances, poisson

ALL = torch.arange(6)


def test_they_are_the_laws_of_scipy() -> None:
    near = torch.testing.assert_close
    places = np.arange(6)
    chances = np.linspace(0.1, 0.9, 6)
    wanted = np.stack([stats.binom.pmf(places, 5, chance) for chance in chances])
    near(binomial(ALL, classes=6).double(), torch.tensor(wanted), rtol=1e-5, atol=1e-6)
    cut = np.stack([stats.poisson.pmf(places, k + 0.5) for k in range(6)])
    near(poisson(ALL, classes=6).double(), torch.tensor(cut / cut.sum(-1, keepdims=True)), rtol=1e-5, atol=1e-6)
    squares = torch.tensor([[float(-0.5 * (j - k) ** 2) for j in range(6)] for k in range(6)]).softmax(-1)
    near(distances(ALL, classes=6, scale=0.5), squares)


@pytest.mark.parametrize("classes", [2, 3, 9, 40])
def test_each_has_one_peak_at_the_label(classes: int) -> None:
    target = torch.arange(classes)
    for soft in (
        distances(target, classes=classes, power=1.0),
        binomial(target, classes=classes, edge=0.9 / classes),
        poisson(target, classes=classes),
    ):
        torch.testing.assert_close(soft.sum(-1), torch.ones(classes))
        assert (soft.argmax(-1) == target).all()
        turns = soft.diff(dim=-1).sign().diff(dim=-1)
        assert ((turns < 0).sum(-1) <= 1).all()
        assert ((turns > 0) & (soft[:, 1:-1] > 1e-6)).sum() == 0


def test_they_are_targets_of_any_batch() -> None:
    target = torch.tensor([[0, 1], [2, 3]])
    soft = distances(target, classes=4, scale=1e4)
    z = torch.randn(2, 2, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(wald.CrossEntropy()(z, soft), wald.CrossEntropy()(z, target))


def test_what_is_no_class_and_an_edge_beyond_the_label() -> None:
    with pytest.raises(wald.DomainError, match="contains 4"):
        distances(torch.tensor([0, 4]), classes=4)
    with pytest.raises(wald.DomainError, match="contains -100"):
        poisson(torch.tensor([-100]), classes=4)
    with pytest.raises(ValueError, match=r"Use edge=0\.05"):
        binomial(torch.tensor([0]), classes=10)


@pytest.mark.peers
def test_dlordinal_has_the_same_binomial_and_a_poisson_with_two_peaks() -> None:
    """Of a mean of k + 1 a Poisson law has k and k + 1 equally likely, so that no label but the last is its peak."""
    theirs = pytest.importorskip("dlordinal.soft_labelling", reason="dlordinal is compared with if it is there")
    wanted = torch.tensor(theirs.get_binomial_soft_labels(6)).float()
    torch.testing.assert_close(binomial(ALL, classes=6), wanted, rtol=1e-5, atol=1e-6)
    tied = theirs.get_poisson_soft_labels(6)
    assert all(tied[k, k] == pytest.approx(tied[k, k + 1], abs=1e-12) for k in range(5))
    ours = poisson(ALL, classes=6)
    assert all(ours[k, k] > ours[k, k + 1] + 0.01 for k in range(5))
    # Ten classes and a chance of a tenth: 0 and 1 are equally likely where 0 is true.
    wide = theirs.get_binomial_soft_labels(12)
    assert wide[0].argmax() == 1
