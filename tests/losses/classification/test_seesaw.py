"""Seesaw: its factors by mmdetection's lines, and what it is when they are 1."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from .agreeing import agree, ids, near, scores

COUNTS = (1000, 90, 7, 0)


def weighed(z: Tensor, y: Tensor, p: float, q: float) -> Tensor:
    """The definition of the paper, example by example, with the factors cut off from the gradient."""
    seen = [max(n, 1) for n in COUNTS]
    costs: list[Tensor] = []
    for row, label in zip(z, y.tolist(), strict=True):
        share = row.detach().softmax(-1)
        rivals = torch.zeros((), dtype=z.dtype)
        for k in range(len(row)):
            if k != label:
                mitigation = (seen[k] / seen[label]) ** p if seen[k] < seen[label] else 1.0
                ratio = share[k] / share[label].clamp(min=1e-2)
                compensation = ratio**q if ratio > 1 else 1.0
                rivals = rivals + mitigation * compensation * (row[k] - row[label]).exp()
        costs.append(rivals.log1p())
    return torch.stack(costs)


@pytest.mark.parametrize(("p", "q"), [(0.8, 2.0), (0.0, 1.0), (0.5, 0.0)])
def test_it_is_the_paper_s(p: float, q: float) -> None:
    def ours(z: Tensor, y: Tensor) -> Tensor:
        return wald.Seesaw().per_example(z, y, wald.Seesaw.factors(z, y, COUNTS, p=p, q=q))

    for seed in (0, 1):
        agree(ours, lambda z, y: weighed(z, y, p, q), scores(seed), ids(seed))


def test_with_equal_factors_it_is_cross_entropy() -> None:
    z, y = scores(), ids()
    agree(lambda z, y: wald.Seesaw().per_example(z, y, torch.ones_like(z)), wald.CrossEntropy().per_example, z, y)


def test_the_gradient_is_that_of_the_value() -> None:
    """Given its factors, differences of values say the same as the gradient; with factors made anew they would not."""
    z, y = scores(rows=3), ids(rows=3)
    factor = wald.Seesaw.factors(z, y, COUNTS)
    assert torch.autograd.gradcheck(lambda z: wald.Seesaw().per_example(z, y, factor), z.requires_grad_())
    assert not wald.Seesaw.factors(z, y, COUNTS).requires_grad


def test_mitigation_alone_is_a_shift_of_logits() -> None:
    """For examples of the most frequent class every rival shifts by p log(n_k / n_0), as LogitAdjusted shifts all."""
    z, y, counts = scores(), torch.zeros(31, dtype=torch.int64), torch.tensor([80.0, 10.0, 6.0, 4.0]).double()
    factor = wald.Seesaw.factors(z, y, counts, p=1.0, q=0.0)
    near(wald.Seesaw().per_example(z, y, factor), F.cross_entropy(z + (counts / 80).log(), y, reduction="none"))


def test_far_out_and_at_a_class_that_cannot_occur() -> None:
    z = torch.tensor([[1e4, -1e4, 0.0], [0.0, -torch.inf, 1e4]], requires_grad=True)
    y = torch.tensor([1, 0])
    value = wald.Seesaw()(z, y, wald.Seesaw.factors(z, y, (5, 3, 1)))
    (slope,) = torch.autograd.grad(value, z)
    assert value.isfinite()
    assert slope.isfinite().all()


def test_a_factor_of_nothing() -> None:
    with pytest.raises(wald.DomainError, match="factor"):
        wald.Seesaw()(torch.randn(1, 2), torch.tensor([0]), torch.zeros(1, 2))
