"""Before anything is measured: double sigmoids, restless models and losses, forgotten modes, idle targets."""

import pytest
import torch
from torch import Tensor, nn

from wald.audits.probes.preflight import PREFLIGHT

from .samples import Column, ask, binary, evidence, found, skewed, source, three_classes


def test_an_innocent_case_passes() -> None:
    told = found(ask(PREFLIGHT, binary()))
    codes = ("P001", "P003", "P004", "P007", "P008")
    assert {code: one.state for code, one in told.items()} == dict.fromkeys(codes, "pass")
    assert all(one.controls.right for one in told.values())


def test_recorded_predictions_are_not_asked_again() -> None:
    told = found(ask(PREFLIGHT, binary(model=None, prediction=torch.randn(1_500, generator=source(3)))))
    assert {told[code].state for code in ("P001", "P004")} == {"not_run"}
    assert {told[code].state for code in ("P003", "P007", "P008")} == {"pass"}


@pytest.mark.parametrize(
    "model",
    [lambda x: x[:, 0] + torch.randn(len(x)), lambda x: x[:, 0] - x[:, 0].cumsum(0)],
    ids=["noise", "neighbours"],
)
def test_a_restless_model_is_found_and_noted(model: object) -> None:
    seen = evidence(binary(model=model))
    told = found(PREFLIGHT.measure(seen))["P001"]
    assert told.state == "fail"
    assert "change from call to call" in seen.facts["unstable"]


def test_a_sigmoid_twice_is_found() -> None:
    told = found(ask(PREFLIGHT, binary(model=lambda x: torch.sigmoid(x[:, 0]))))["P003"]
    assert told.state == "fail"
    assert "twice" in told.says
    foreign = nn.functional.binary_cross_entropy_with_logits
    assert found(ask(PREFLIGHT, binary(model=lambda x: torch.sigmoid(x[:, 0]), loss=foreign)))["P003"].state == "fail"
    softened = three_classes(model=lambda x: x.softmax(-1), loss=nn.functional.cross_entropy)
    assert found(ask(PREFLIGHT, softened))["P003"].state == "fail"


def test_a_loss_of_probabilities_may_have_them() -> None:
    case = binary(model=lambda x: torch.sigmoid(x[:, 0]), loss=nn.functional.binary_cross_entropy)
    assert found(ask(PREFLIGHT, case))["P003"].state == "not_applicable"
    assert found(ask(PREFLIGHT, skewed()))["P003"].state == "not_applicable"


def test_a_forgotten_mode_is_a_warning_and_stays() -> None:
    model = nn.Sequential(nn.Dropout(), Column()).train()
    told = found(ask(PREFLIGHT, binary(model=model)))
    assert told["P004"].state == "warn"
    assert told["P001"].state == "pass"
    assert model.training
    assert model[0].training


def noisy(p: Tensor, y: Tensor) -> Tensor:
    return (p - y).square().mean() * (1 + 0.1 * torch.rand(()))


def by_place(p: Tensor, y: Tensor) -> Tensor:
    return ((p - y).square() * torch.linspace(0.5, 1.5, len(p))).mean()


@pytest.mark.parametrize("loss", [noisy, by_place])
def test_a_restless_loss_is_found_and_noted(loss: object) -> None:
    seen = evidence(skewed(loss=loss))
    assert found(PREFLIGHT.measure(seen))["P007"].state == "fail"
    assert "the loss changes" in seen.facts["unstable"]


def test_in_order_of_time_a_loss_may_look_back() -> None:
    assert found(ask(PREFLIGHT, skewed(loss=by_place, ordered=True)))["P007"].state == "pass"


def test_a_gradient_leaves_no_trace() -> None:
    case = binary()
    assert isinstance(case.model, nn.Module)
    ask(PREFLIGHT, case)
    assert all(one.grad is None for one in case.model.parameters())


def test_targets_that_hardly_vary_are_a_warning() -> None:
    few = (torch.arange(1_500) < 4).float()
    case = binary(test=(torch.randn(1_500, 3, generator=source(0)), few))
    assert found(ask(PREFLIGHT, case))["P008"].state == "warn"
    zeros = skewed(300, test=(torch.randn(300, 1, generator=source(0)), torch.zeros(300)), task="regression")
    assert found(ask(PREFLIGHT, zeros))["P008"].state == "fail"
