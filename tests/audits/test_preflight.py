"""Before anything is measured: leaks, double sigmoids, restless models and forgotten modes."""

import pytest
import torch
from torch import nn

from wald.audits.probes.preflight import PREFLIGHT

from .samples import Column, ask, binary, evidence, found, skewed, source, three_classes

FRESH = torch.randn(1_300, 3, generator=source(99))


def test_an_innocent_case_passes() -> None:
    told = found(ask(PREFLIGHT, binary(train=(FRESH, torch.zeros(1_300)))))
    assert {code: one.state for code, one in told.items()} == dict.fromkeys(("P001", "P002", "P003", "P004"), "pass")
    assert all(one.controls.right for one in told.values())


def test_copied_rows_are_found() -> None:
    case = binary()
    leaked = (torch.cat([case.test[0][:100], FRESH]), torch.zeros(1_400))
    told = found(ask(PREFLIGHT, binary(train=leaked)))["P002"]
    assert told.state == "fail"
    assert told.effect == pytest.approx(100 / 1_500)


def test_rows_that_repeat_by_nature_are_no_leak() -> None:
    # Two flags have four kinds of row: every test row has a twin in training, and so has every training row.
    flags = torch.randint(0, 2, (400, 2), generator=source(0)).float()
    target = (torch.arange(400) % 2).float()
    case = binary(test=(flags[:200], target[:200]), train=(flags[200:], target[200:]), model=lambda x: x[:, 0])
    told = found(ask(PREFLIGHT, case))["P002"]
    # Nor could a leak be seen among them, and the planted one says so.
    assert (told.state, told.effect, told.controls.positive) == ("inconclusive", 0.0, False)


def test_without_training_rows_leaks_are_not_run() -> None:
    assert found(ask(PREFLIGHT, binary()))["P002"].state == "not_run"


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
