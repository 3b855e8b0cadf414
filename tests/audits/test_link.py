"""Undoing what a loss does to probabilities, held to the closed forms."""

import math

import pytest
import torch
from torch import Tensor

import wald
from wald.audits.costing.cost import Cost
from wald.audits.costing.link import Link, link_of
from wald.audits.costing.space import Binary

ETA = torch.tensor([0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98], dtype=torch.float64)


def link(loss: object) -> Link | None:
    p, y = torch.linspace(-1, 1, 8), torch.tensor([0.0, 1.0] * 4)
    return link_of(Cost(loss, p, y), Binary())  # type: ignore[arg-type]


def test_the_log_loss_changes_nothing() -> None:
    found = link(wald.BinaryCrossEntropy())
    assert found is not None
    assert not found.changes
    assert found.shift == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("weight", [0.2, 3.0, 18.0])
def test_a_positive_weight_multiplies_the_odds(weight: float) -> None:
    found = link(wald.BinaryCrossEntropy(pos_weight=weight))
    assert found is not None
    assert found.changes
    assert found.shift == pytest.approx(math.log(weight), abs=1e-3)
    emitted = torch.logit(ETA) + math.log(weight)
    assert torch.allclose(torch.sigmoid(found.undo(emitted)), ETA, atol=1e-3)
    # Beyond the table it goes on as it was.
    far = torch.tensor([-25.0, 25.0], dtype=torch.float64)
    assert torch.allclose(found.undo(far), far - math.log(weight), atol=0.05)


def test_label_smoothing_is_undone() -> None:
    found = link(wald.BinaryCrossEntropy(label_smoothing=0.2))
    assert found is not None
    emitted = torch.logit(0.8 * ETA + 0.1)
    assert torch.allclose(torch.sigmoid(found.undo(emitted)), ETA, atol=2e-3)


def test_squared_margin_elicits_a_linear_link() -> None:
    def margin(p: Tensor, y: Tensor) -> Tensor:
        return (1 - (2 * y - 1) * p).square()

    found = link(margin)
    assert found is not None
    assert torch.allclose(torch.sigmoid(found.undo(2 * ETA - 1)), ETA, atol=1e-3)


@pytest.mark.parametrize(
    "loss",
    [
        lambda p, y: torch.relu(1 - (2 * y - 1) * p),
        lambda p, y: (torch.sigmoid(p) - y).abs(),
        lambda p, y: y * torch.nn.functional.softplus(-p),
    ],
)
def test_what_cannot_be_read_back_has_no_link(loss: object) -> None:
    assert link(loss) is None
