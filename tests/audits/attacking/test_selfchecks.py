"""The attack looks at itself: what it cannot see must trip, what it can must not."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from wald.audits.attacking import Threat, Victim, attack_controls, linear, self_checks

from ..samples import Column, binary, evidence, source, three_classes
from .victims import EFFORT


def looked(case: object, **changed: object) -> dict[str, bool]:
    known = evidence(case)  # type: ignore[arg-type]
    victim = replace(Victim.of(known, torch.arange(known.rows)), **changed)  # type: ignore[arg-type]
    return {one.name: one.tripped for one in self_checks(victim, Threat.of(known), EFFORT, source(0))}


@pytest.mark.parametrize("case", [binary(400), three_classes(400), binary(400, factor=30.0)])
def test_an_honest_model_trips_nothing(case: object) -> None:
    checks = looked(case)
    assert len(checks) == 5
    assert not any(checks.values()), checks


class Liar(torch.autograd.Function):
    """The identity, with a slope that points elsewhere."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, slope: Tensor) -> Tensor:  # type: ignore[override]
        return -slope


def test_slopes_that_lie_are_found_by_differences_and_by_the_search() -> None:
    model = Column()
    checks = looked(binary(400), forward=lambda x: model(Liar.apply(x)))
    assert checks["error of the slopes"]
    assert checks["what a search without slopes finds beyond slopes"]
    assert checks["right decisions left without a limit"]


def test_steps_without_slope_are_found_by_the_search() -> None:
    checks = looked(binary(400), forward=lambda x: (x[:, 0] * 4).round() / 4)
    assert checks["what a search without slopes finds beyond slopes"]


def test_rows_that_only_the_search_breaks_are_counted() -> None:
    from wald.audits import metrics

    checks = looked(binary(400, metric=metrics.error_rate()), forward=lambda x: (x[:, 0] * 4).round() / 4)
    assert checks["rows that only a search without slopes breaks"]


def test_a_model_that_draws_is_found_by_its_luck_or_its_slopes() -> None:
    drawn = source(5)
    checks = looked(
        binary(400), forward=lambda x: x[:, 0] * 0.1 + 3 * torch.randn(len(x), generator=drawn) + 0 * x.sum(-1)
    )
    assert any(checks.values())


def test_a_model_without_slopes_has_nothing_to_check() -> None:
    assert looked(binary(400), forward=lambda x: x[:, 0].detach()) == {}


@pytest.mark.parametrize("features", [1, 3, 30])
@pytest.mark.parametrize("graph", [True, False])
def test_the_controls_are_right_where_the_attack_is(features: int, graph: bool) -> None:
    inputs = torch.randn(300, features, generator=source(0))
    case = binary(test=(inputs, (inputs[:, 0] > 0).float()),
                  model=(lambda x: x[:, 0]) if graph else (lambda x: x[:, 0].detach()))  # fmt: skip
    known = evidence(case)
    victim = Victim.of(known, torch.arange(300))
    controls = attack_controls(victim, Threat.of(known), replace(EFFORT, guesses=200), source(0))
    assert controls.right


def test_the_controls_are_wrong_where_the_attack_is_lame(monkeypatch: pytest.MonkeyPatch) -> None:
    from wald.audits.attacking import controls as room

    monkeypatch.setattr(room, "by_slopes", lambda *given, **more: None)
    known = evidence(binary(300))
    victim = Victim.of(known, torch.arange(300))
    assert attack_controls(victim, Threat.of(known), EFFORT, source(0)).positive is False


def test_a_linear_model_is_as_loud_as_it_is_asked_to_be() -> None:
    known = evidence(binary(300))
    victim = Victim.of(known, torch.arange(300))
    loud = linear(victim, torch.ones(3), source(0), size=50.0)
    assert float(loud.plain.std()) == pytest.approx(50.0, rel=0.01)
