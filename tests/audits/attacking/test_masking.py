"""A model whose slopes are hidden is told from one that is flat, calm or sure by design."""

import pytest
import torch

import wald
from wald.audits import metrics
from wald.audits.probes.masking import MASKING

from ..samples import ask, binary, found, rate_of, skewed, source, three_classes


def share(case: wald.Case) -> float:
    return found(ask(MASKING, case))["R203"].effect or 0.0


def test_a_model_that_shouts_is_seen_to_hide_its_gradients() -> None:
    told = found(ask(MASKING, binary(factor=1e4)))["R203"]
    assert told.state == "warn"
    assert (told.effect or 0) > 0.5
    assert told.controls.right


def test_so_is_one_that_rounds() -> None:
    told = found(ask(MASKING, binary(model=lambda x: (x[:, 0] * 4).round() / 4)))["R203"]
    assert told.state == "warn"
    assert (told.effect or 0) > 0.9


@pytest.mark.parametrize(
    "case",
    [
        binary(),
        three_classes(),
        skewed(),
        # Flat beyond its margin by design, and the score has a slope.
        binary(loss=wald.Hinge(), factor=3.0, metric=metrics.error_rate()),
        # No move changes anything, so nothing is hidden.
        binary(model=lambda x: x[:, 0] * 0 + 0.3),
        binary(test=(torch.randn(60, 3, generator=source(0)), (torch.arange(60) % 2).float())),
    ],
    ids=["binary", "classes", "regression", "hinge", "constant", "few"],
)
def test_what_is_innocent_passes(case: wald.Case) -> None:
    assert found(ask(MASKING, case))["R203"].state == "pass"


def test_an_empty_list_is_flat_by_design() -> None:
    inputs = torch.randn(200, 5, 2, generator=source(0))
    relevant = (inputs[..., 0] > 1).float()
    assert bool((relevant.sum(-1) == 0).any())
    case = wald.Case(
        model=lambda x: x[..., 0], loss=lambda p, y: -(y * p.log_softmax(-1)).sum(-1), test=(inputs, relevant),
        metric=wald.Metric(name="hit", per_example=lambda p, y: y.gather(-1, p.argmax(-1)[:, None])[:, 0].double()),
    )  # fmt: skip
    assert share(case) == 0.0


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (binary(model=lambda x: x[:, 0].detach()), "no gradients"),
        (binary(test=(torch.arange(40)[:, None] % 7, torch.arange(40).float() % 2), model=lambda x: x[:, 0] / 7.0),
         "which have no slope"),
        (skewed(loss=lambda p, y: (p - y).square().mean().sqrt()), "no loss of their own"),
        (binary(attack=wald.audits.Attack(scale=(0.0, 0.0, 0.0))), "held fixed"),
    ],
    ids=["blind", "integers", "coupled", "fixed"],
)  # fmt: skip
def test_what_cannot_be_asked_says_why(case: wald.Case, why: str) -> None:
    told = found(ask(MASKING, case))["R203"]
    assert told.state == "not_applicable"
    assert why in told.says


def test_the_share_grows_with_the_shouting() -> None:
    shares = [share(binary(factor=factor)) for factor in (1.0, 30.0, 300.0, 1e4)]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] > 0.5


def test_calm_models_are_never_accused() -> None:
    def accused(trial: int) -> bool:
        return found(ask(MASKING, binary(200, seed=trial, factor=2.0)))["R203"].state != "pass"

    assert rate_of(accused, 20) == 0.0
