"""A loss from outside: how it reduces, and values for rows."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import wald
from wald.audits.costing.cost import Cost, Coupled

from .samples import labels, source

P = torch.randn(12, generator=source(0))
Y = labels(P, 1)


def plain(p: Tensor, y: Tensor) -> Tensor:
    return functional.softplus(p) - y * p


def branching(p: Tensor, y: Tensor) -> Tensor:
    # What vmap cannot follow.
    return plain(p, y).mean() if float(p.sum()) < 1e9 else p.mean()


@pytest.mark.parametrize(
    "loss",
    [
        wald.BinaryCrossEntropy(),
        plain,
        lambda p, y: plain(p, y).mean(),
        branching,
        nn.BCEWithLogitsLoss(),
        nn.BCEWithLogitsLoss(reduction="none"),
        nn.BCEWithLogitsLoss(reduction="sum"),
        functional.binary_cross_entropy_with_logits,
    ],
)
def test_rows_have_values_however_the_loss_reduces(loss: object) -> None:
    cost = Cost(loss, P, Y)  # type: ignore[arg-type]
    assert cost.separable
    assert torch.allclose(cost.each(P, Y), plain(P, Y), atol=1e-6)
    assert cost.mean(P, Y) == pytest.approx(float(plain(P, Y).mean()), abs=1e-6)


def test_values_can_be_differentiated() -> None:
    p = P.clone().requires_grad_()
    Cost(lambda p, y: plain(p, y).mean(), P, Y).each(p, Y).sum().backward()
    assert p.grad is not None
    assert torch.allclose(p.grad, torch.sigmoid(P) - Y, atol=1e-6)


@pytest.mark.parametrize("loss", [lambda p, y: (p - y).square().mean().sqrt(), lambda p, y: (p - y).abs().max()])
def test_coupled_losses_are_told_from_means(loss: object) -> None:
    cost = Cost(loss, P, Y)  # type: ignore[arg-type]
    assert not cost.separable
    assert cost.mean(P, Y) == pytest.approx(float(loss(P, Y)))  # type: ignore[operator]
    with pytest.raises(Coupled, match="depends on the other rows"):
        cost.each(P, Y)


def test_what_the_loss_takes() -> None:
    assert Cost(wald.Squared(), P, Y).takes("mask")
    assert Cost(functional.mse_loss, P, Y).takes("weight")
    assert not Cost(plain, P, Y).takes("weight")


def test_names() -> None:
    assert Cost(wald.Huber(), P, Y).name == "Huber(delta=1.0)"
    assert Cost(plain, P, Y).name == "plain"
    assert Cost(nn.MSELoss(), P, Y).name == "MSELoss()"
