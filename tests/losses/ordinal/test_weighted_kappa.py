"""Weighted kappa: against scikit-learn's on sure predictions, dlordinal's on others, and its empty cases."""

from __future__ import annotations

import math

import pytest
from sklearn.metrics import cohen_kappa_score
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from ..classification.agreeing import agree, ids, near, scores
from ..parity.case import Case, attribute, mean, of_port


def textbook(z: Tensor, y: Tensor, power: float) -> Tensor:
    """1 - kappa: the weighted sum of the table of counts over that of its margins' product."""
    counts = F.one_hot(y, 4).double().mT @ z.softmax(-1)
    place = torch.arange(4, dtype=torch.float64)
    far = (place[:, None] - place).abs() ** power
    expected = counts.sum(1)[:, None] * counts.sum(0) / len(y)
    return (far * counts).sum() / (far * expected).sum()


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_mean_is_one_minus_kappa(power: float) -> None:
    loss = wald.WeightedKappa(power=power)
    for seed in (0, 1):
        agree(loss, lambda z, y: textbook(z, y, power), scores(seed), ids(seed))
        log = loss.replace(form="log")
        agree(log, lambda z, y: (textbook(z, y, power) + 1e-6).log(), scores(seed), ids(seed))


@pytest.mark.parametrize(("power", "weights"), [(1.0, "linear"), (2.0, "quadratic")])
def test_of_sure_predictions_it_is_scikit_learn_s(power: float, weights: str) -> None:
    said, y = ids(7), ids(8)
    kappa = cohen_kappa_score(y.numpy(), said.numpy(), weights=weights)
    near(wald.WeightedKappa(power=power)(1e3 * F.one_hot(said, 4).double(), y), 1 - kappa)


def test_what_knows_nothing_costs_1_and_what_is_perfect_nothing() -> None:
    y = ids()
    near(wald.WeightedKappa()(scores(rows=1).expand(31, -1), y), 1.0)
    assert wald.WeightedKappa()(1e3 * F.one_hot(y, 4).double(), y) == 0


def test_one_example_and_one_class() -> None:
    """One example alone is its own chance; all of one class, and said to be, is 0 / 0, which costs 0."""
    z = scores(rows=1).requires_grad_()
    value = wald.WeightedKappa()(z, torch.tensor([2]))
    near(value.detach(), 1.0)
    assert torch.autograd.grad(value, z)[0].abs().max() < 1e-12
    sure = torch.tensor([[1e3, 0.0, 0.0]] * 3, requires_grad=True)
    for form, wanted in (("ratio", 0.0), ("log", math.log(1e-6))):
        value = wald.WeightedKappa(form=form)(sure, torch.zeros(3, dtype=torch.int64))
        near(value.detach(), wanted, 1e-6)
        assert (torch.autograd.grad(value, sure)[0] == 0).all()


@pytest.mark.parametrize("form", ["ratio", "log"])
def test_who_is_left_out_is_nobody_s_chance(form: str) -> None:
    loss, z, y = wald.WeightedKappa(form=form), scores(), ids()
    mask = torch.arange(31) % 3 > 0
    near(loss(z, y, mask=mask), loss(z[mask], y[mask]))


def test_two_batch_axes_are_refused() -> None:
    with pytest.raises(wald.ShapeError, match="one batch axis"):
        wald.WeightedKappa()(torch.randn(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64))


def _dlordinal(power: float, form: str, seed: int) -> Case:
    name, z, y = "dlordinal.losses.WKLoss", scores(seed).float(), ids(seed)
    kind = {1.0: "linear", 2.0: "quadratic"}[power]

    def theirs(z: Tensor) -> Tensor:
        return attribute(name)(4, penalization_type=kind, use_logits=True, use_logarithm=form == "log")(z, y)

    # It adds 1e-10 before the logarithm, and ours 1e-6.
    return of_port(name, theirs, z, y, how=mean, within=1e-4, power=power, form=form)


CASES: list[Case] = [
    _dlordinal(power, form, seed) for power in (1.0, 2.0) for form in ("ratio", "log") for seed in (0, 1)
]
