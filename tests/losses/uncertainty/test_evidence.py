"""Evidential classification: against Dirichlet laws and torch-uncertainty, and far out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
import torch.nn.functional as F  # noqa: N812

import wald

from ..classification.agreeing import agree, ids, near, scores
from ..parity.case import Case, attribute, of_port

FORMS = ("mse", "digamma", "log")


def of_a_law(z: Tensor, y: Tensor, form: str, evidence: str, coefficient: float) -> Tensor:
    """What the law makes of the true class, and what it would be without it, from torch's own distributions."""
    alpha = 1 + {"softplus": F.softplus, "exp": torch.exp, "relu": torch.relu}[evidence](z)
    law, hot = Dirichlet(alpha), F.one_hot(y, z.shape[-1])
    total, own = alpha.sum(-1), alpha.gather(-1, y[:, None])[:, 0]
    data = {
        "mse": (law.mean - hot).square().sum(-1) + law.variance.sum(-1),
        "digamma": total.digamma() - own.digamma(),
        "log": (total / own).log(),
    }[form]
    without = alpha.masked_fill(hot.bool(), 1.0)
    return data + coefficient * kl_divergence(Dirichlet(without), Dirichlet(torch.ones_like(without)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("evidence", ["softplus", "exp", "relu"])
def test_it_is_what_a_dirichlet_law_says(form: str, evidence: str) -> None:
    for coefficient in (1.0, 0.3, 0.0):
        loss = wald.EvidentialClassification(form=form, evidence=evidence, coefficient=coefficient)
        agree(
            loss.per_example, lambda *x, c=coefficient: of_a_law(*x, form, evidence, c), scores(), ids(), relative=1e-9
        )


def test_no_evidence_at_all() -> None:
    """At α = 1 the forecast is even: Σ (y - 1/K)² + (1 - 1/K) / (K + 1), the harmonic number H_(K-1), and log K."""
    z, y = torch.full((1, 3), -5.0, dtype=torch.float64), torch.tensor([1])
    for form, wanted in zip(FORMS, (2 / 3 + 1 / 6, 1.5, math.log(3)), strict=True):
        near(wald.EvidentialClassification(form=form, evidence="relu").per_example(z, y), [wanted])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("evidence", ["softplus", "exp", "relu"])
def test_evidence_without_end_keeps_value_and_slope(form: str, evidence: str) -> None:
    """In single precision lgamma of 30000 is known to 0.02; what grows with it is taken out before."""
    loss = wald.EvidentialClassification(form=form, evidence=evidence)
    for size in (1.0, 3e4, -3e4, 1e30):
        z = torch.tensor([[1.0, 0.3, -0.5], [0.1, 1.0, 0.9]]) * size
        z.requires_grad_()
        value = loss(z, torch.tensor([0, 2]), reduction="none")
        (slope,) = torch.autograd.grad(value.sum(), z)
        assert slope.isfinite().all()
        near(value.detach(), loss(z.detach().double(), torch.tensor([0, 2]), reduction="none"), 3e-5)


def test_relu_dies_and_softplus_does_not() -> None:
    z, y = torch.full((1, 3), -1.0, requires_grad=True), torch.tensor([0])
    dead, alive = (
        torch.autograd.grad(wald.EvidentialClassification(evidence=kind)(z, y), z)[0] for kind in ("relu", "softplus")
    )
    assert (dead == 0).all()
    assert (alive != 0).all()


def test_images_and_ignored_ids() -> None:
    z, y = scores(rows=30), ids(rows=30)
    y[:7] = -100
    image, truth = z.reshape(2, 15, 4).movedim(-1, 1), y.reshape(2, 15)
    loss = wald.EvidentialClassification()
    near(loss.replace(axis=1)(image, truth), loss(z[7:], y[7:]))


def test_an_id_that_is_no_class() -> None:
    with pytest.raises(wald.DomainError):
        wald.EvidentialClassification()(torch.randn(2, 3), torch.tensor([0, 3]))


def _case(form: str, coefficient: float, seed: int) -> Case:
    name, z, y = "torch_uncertainty.losses.DECLoss", scores(seed), ids(seed)

    def theirs(z: Tensor) -> Tensor:
        return attribute(name)(loss_type=form, reg_weight=coefficient, reduction="none")(z, y)[:, 0]

    return of_port(name, theirs, z, y, form=form, coefficient=coefficient)


def _as_it_comes() -> Case:
    """Form "log", relu and no KL term."""
    name, z, y = "torch_uncertainty.losses.DECLoss", scores(), ids()
    return of_port(name, lambda z: attribute(name)(reduction="none")(z, y)[:, 0], z, y)


CASES: list[Case] = [
    _as_it_comes(),
    *(_case(form, coefficient, seed) for form in FORMS for coefficient in (0.0, 0.7) for seed in (0, 1)),
]
