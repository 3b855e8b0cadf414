"""A check in three sentences that a person can act on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from ..sampling import daily
from . import known


@pytest.mark.parametrize(
    ("loss", "said"),
    daily(
        [
            (F.mse_loss, "Minimised, it predicts the mean of the targets."),
            (known.pinball(0.9), "the value that 0.9 of the targets lie below"),
            (F.poisson_nll_loss, "the mean of the targets on the scale of log"),
            (F.binary_cross_entropy_with_logits, "the probability of a yes. Cut at a score of 0, it says yes where"),
            (F.binary_cross_entropy, "Cut at a probability of 0.5"),
            (known.focal(2.0, 0.25), "says yes from a chance of 75.0%"),
            (known.STATISTICS["sign error"][0], "drives predictions away from the targets"),
            (torch.nn.MSELoss(reduction="sum"), "so a larger one takes larger steps"),
        ],
        4,
    ),
)
def test_it_says_what_the_loss_does(loss: object, said: str) -> None:
    assert said in wald.check(loss).answers["what it does"]


def test_it_says_where_it_breaks_and_what_to_change() -> None:
    def naive(z: Tensor, t: Tensor) -> Tensor:
        return (torch.log(1 + torch.exp(z)) - t * z).mean()

    answers = wald.check(naive).answers
    assert "its value is inf" in answers["where it breaks"]
    assert "softplus" in answers["what to change"]
    assert answers["where it breaks"].count(".") >= 2
    quiet = wald.check("Huber(delta=1.0)").answers
    assert quiet["where it breaks"] == "Nowhere that was looked at."
    assert quiet["what to change"] == "Nothing."
