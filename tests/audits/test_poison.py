"""Poison: a back door into the digits is found with its rows; innocent classes that fall in parts are not accused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from wald.audits import Case
from wald.audits.inspecting.features import described, penultimate
from wald.audits.inspecting.subgroups import spectral, subgroups
from wald.audits.probes.poison import POISON
from wald.findings import Finding

from .defects import backdoored, clean, shifted_against_the_mean, trained
from .samples import ask, binary, found, skewed, source


def told(case: Case, seed: int = 0) -> dict[str, Finding]:
    return found(ask(POISON, case, "standard", seed))


def test_a_back_door_is_found_with_its_rows() -> None:
    case, rows = backdoored()
    finding = told(case)["D902"]
    assert finding.state == "fail"
    assert finding.controls.right
    assert finding.effect == pytest.approx(1.0, abs=0.15)
    assert finding.evidence["class"] == 0
    assert {0, 7, 56} <= set(finding.evidence["columns"])
    assert set(finding.evidence["suspects"]) <= set(rows.tolist())
    assert finding.evidence["suspected"] >= 0.6 * len(rows)


def test_clean_digits_are_quiet_and_never_called_clean() -> None:
    findings = told(clean())
    assert {one.state for one in findings.values()} == {"pass"}
    assert findings["D902"].controls.right
    assert "not proof" in findings["D902"].says


def blobs(seed: int) -> Case:
    # Each of three classes is made of three clusters.
    centres = 6 * torch.randn(9, 8, generator=source(seed))
    kind = torch.randint(0, 9, (1_500,), generator=source(seed + 1))
    inputs = centres[kind] + 2 * torch.randn(1_500, 8, generator=source(seed + 2))
    return trained((inputs[:1_000], kind[:1_000] % 3), (inputs[1_000:], kind[1_000:] % 3), classes=3)


@pytest.mark.slow
def test_classes_that_fall_in_parts_are_innocent() -> None:
    for seed in range(3):
        assert not {one.state for one in told(blobs(10 * seed), seed).values()} & {"warn", "fail"}


def test_a_model_that_is_no_module_is_examined_by_its_inputs() -> None:
    case, _ = backdoored()
    model = case.model
    bare = Case(
        model=lambda x: model(x),  # type: ignore[misc]
        loss=case.loss,
        train=case.train,
        test=case.test,
        metric=case.metric,
    )
    assert told(bare)["D902"].state in ("fail", "inconclusive")
    assert penultimate(bare.model, case.test[0]) is None


def area(score: Tensor, bad: Tensor) -> float:
    return float((score[bad][:, None] > score[~bad]).double().mean())


def test_poison_that_is_shifted_against_the_mean_is_found() -> None:
    features, poison = shifted_against_the_mean()
    assert area(spectral(features)[0].square(), poison) == 1.0
    # Without centring, the first direction is the mean, and the poison looks the most ordinary.
    uncentred = features @ torch.linalg.svd(features, full_matrices=False).Vh[0]
    assert area(uncentred.square(), poison) < 0.05
    (first, *_) = subgroups(features, torch.zeros(500, dtype=torch.long))
    assert set(first.rows.tolist()) == set(range(25))


def test_the_last_layer_is_seen_and_the_model_left_alone() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 2)).train()
    inputs = torch.randn(7, 3, generator=source(0))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    features = penultimate(model, inputs)
    assert features is not None
    assert torch.allclose(features, torch.relu(model[0](inputs)).double())
    assert model.training
    assert not any(part._forward_pre_hooks for part in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert penultimate(nn.Conv1d(1, 1, 1), inputs[:, None]) is None


def test_rows_are_described_in_plain_numbers() -> None:
    wide = torch.randn(50, 3, 20, 20, generator=source(0))
    assert described(wide, source(1)).shape == (50, 256)
    assert described(torch.ones(9, 4), source(1)).shape == (9, 0)
    words = described(torch.tensor([[0, 0, 1], [1, 1, 1], [2, 0, 1]]), source(1), tokens=5)
    assert words.shape == (3, 3)


def test_numbers_and_small_classes_are_not_judged() -> None:
    rows = torch.randn(400, 1, generator=source(0))
    assert told(skewed(train=(rows, rows[:, 0])))["D902"].state == "not_applicable"
    few = torch.randn(60, 3, generator=source(0))
    assert told(binary(train=(few, (torch.arange(60) % 2).float())))["D902"].state == "not_applicable"
    assert told(binary(train=(few, torch.ones(60))))["D902"].state == "not_applicable"


@pytest.mark.slow
def test_two_runs_say_the_same() -> None:
    case = blobs(0)
    assert told(case) == told(case)
