"""Means of groups, shrunk."""

import pytest
import torch

from wald.audits.statistics import shrink

from ..samples import source


def test_equal_errors_give_james_and_stein() -> None:
    means = torch.tensor([1.0, 2.0, 4.0, 7.0, 11.0], dtype=torch.float64)
    found = shrink(means, torch.full((5,), 2.0))
    squares = (means - 5).square().sum()
    kept = 1 - (5 - 3) * 2**2 / squares
    assert found.kept.tolist() == pytest.approx([float(kept)] * 5)
    assert found.means.tolist() == pytest.approx((5 + kept * (means - 5)).tolist())


def test_noise_alone_is_shrunk_to_one_mean() -> None:
    found = shrink(torch.tensor([0.9, 1.0, 1.1]), torch.ones(3))
    assert found.spread == 0
    assert found.means.tolist() == pytest.approx([1.0] * 3)
    assert found.errors[1] == pytest.approx(3**-0.5)
    assert float(found.errors[0]) > 3**-0.5


def test_what_is_well_known_moves_little() -> None:
    found = shrink(torch.tensor([0.0, 1.0, 5.0]), torch.tensor([0.1, 0.1, 3.0]))
    assert abs(float(found.means[0])) < 0.02
    assert float(found.means[2]) < 4


@pytest.mark.slow
def test_shrunken_means_are_nearer_the_truth_and_their_intervals_cover() -> None:
    better = covered = 0.0
    for trial in range(200):
        truth = 0.5 * torch.randn(12, generator=source(trial), dtype=torch.float64)
        errors = 0.2 + 0.8 * torch.rand(12, generator=source(trial + 1_000), dtype=torch.float64)
        means = truth + errors * torch.randn(12, generator=source(trial + 2_000), dtype=torch.float64)
        found = shrink(means, errors)
        better += float(((found.means - truth).square().sum() < (means - truth).square().sum()).double()) / 200
        covered += float(((found.means - truth).abs() <= 1.96 * found.errors).double().mean()) / 200
    assert better > 0.9
    assert covered > 0.92


def test_a_given_centre_is_kept() -> None:
    found = shrink(torch.tensor([1.0, 3.0]), torch.ones(2), centre=0.0)
    assert found.centre == 0
    assert float(found.means[1]) < 3


def test_one_group_stays_where_it_is() -> None:
    found = shrink(torch.tensor([2.0]), torch.tensor([1.0]))
    assert found.means.tolist() == [2.0]
    assert found.errors.tolist() == [1.0]


@pytest.mark.parametrize("errors", [[0.0, 1.0], [1.0, 1.0, 1.0]])
def test_what_cannot_be_is_refused(errors: list[float]) -> None:
    with pytest.raises(ValueError, match="error"):
        shrink(torch.tensor([1.0, 2.0]), torch.tensor(errors))
