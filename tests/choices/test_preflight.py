"""Before training: chance levels, regimes, deltas, domains, levels, weights and terms; and quiet where all is well."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import wald
from wald.choices import ChoiceError, preflight
from wald.choices.preflighting.scales import bend_of, robust_scale
from wald.findings import Finding, Report


def normal(rows: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def yes(rate: float, rows: int) -> Tensor:
    return (torch.arange(rows) < rate * rows).double()


def found(report: Report, code: str) -> Finding:
    (one,) = (one for one in report.findings if one.code == code)
    return one


def accused(report: Report) -> set[str]:
    return {one.code for one in report.findings if one.state in ("warn", "fail", "error", "inconclusive")}


# The scale of residuals, and the delta that goes with it.


@pytest.mark.parametrize(("share", "factor"), [(0.0, 1), (0.05, 10), (0.1, 10), (0.1, 100), (0.1, 3), (0.2, 10)])
def test_auto_delta_is_the_theory_on_contaminated_normals(share: float, factor: float) -> None:
    residual = 0.03 * normal(20_000)
    residual[: int(share * 20_000)] *= factor
    report = preflight(wald.Huber(delta=0.5), residual, torch.zeros(20_000))
    suggested = report.card["suggested"]["delta"]
    assert suggested == pytest.approx(1.345 * 0.03, rel=0.1)
    assert f"{suggested:.2g}" in found(report, "L106").says


def test_the_bend_is_measured_and_known_constants_come_out() -> None:
    # 95 % efficiency at the normal: 1.345 for Huber, 1.2047 for log-cosh, the same for a loss in another unit.
    huber, cosh = ("delta", 1.345), ("scale", 1.2047)
    known = (
        (wald.Huber(), huber),
        (wald.Huber(delta=0.2), huber),
        (wald.LogCosh(), cosh),
        (wald.LogCosh(scale=7.0), cosh),
    )
    for loss, (field, wanted) in known:
        bend = bend_of(loss)
        assert bend is not None
        assert (bend.field, bend.value) == (field, getattr(loss, field))
        assert bend.per_scale == pytest.approx(wanted, rel=1e-3)
    assert bend_of(wald.Squared()) is None
    assert bend_of(wald.Absolute()) is None
    assert robust_scale(torch.ones(50).double()) == 0


def test_a_delta_beyond_all_residuals_is_half_a_squared_error() -> None:
    told = found(preflight(wald.Huber(delta=0.5), 0.03 * normal(1000), torch.zeros(1000)), "L106")
    assert told.state == "warn"
    assert told.controls.right
    assert told.says.startswith("Huber(delta=0.5): 100% of residuals are below delta; this is 0.5*mse")
    assert "Suggested delta from your residuals: 0.04" in told.says
    small = found(preflight(wald.Huber(delta=1e-4), normal(1000), torch.zeros(1000)), "L106")
    assert small.state == "warn"
    assert "absolute error" in small.says
    # Around a constant residuals are larger than a model's will be: only a delta too large is known to be.
    assert found(preflight(wald.Huber(delta=1e-4), normal(1000)), "L106").state == "pass"
    assert found(preflight(wald.Huber(delta=50.0), normal(1000)), "L106").state == "warn"
    equal = found(preflight(wald.Huber(), torch.zeros(100), torch.zeros(100)), "L106")
    assert equal.state == "inconclusive"


# Chance.


@pytest.mark.parametrize(
    ("loss", "target", "cost", "name"),
    [
        (wald.BinaryCrossEntropy(), yes(0.5, 100), math.log(2), "ln 2"),
        (wald.BinaryCrossEntropy(), yes(0.1, 100), 0.3250830, "entropy of a base rate of 0.1"),
        (wald.CrossEntropy(), torch.arange(100) % 5, math.log(5), "ln 5"),
        (wald.Squared(), torch.arange(11.0), 10.0, "the variance"),
        (wald.Huber(delta=100.0), torch.arange(11.0), 5.0, "half the variance"),
        (wald.Absolute(), torch.arange(11.0), 30 / 11, "mean absolute deviation"),
        (wald.Poisson(), torch.tensor([0.0, 1.0, 5.0]), 2 - 2 * math.log(2), "log of the mean"),
        (wald.Pinball(level=0.9), torch.arange(101.0), 459 / 101, "quantile(0.9)"),
        (wald.Hinge(), yes(0.1, 100), 0.2, "1, the margin"),
        (wald.GaussianNLL(), torch.arange(11.0), 0.5 + 0.5 * math.log(10), ""),
    ],
    ids=str,
)
def test_the_chance_level_and_its_name(loss: wald.Supervised, target: Tensor, cost: float, name: str) -> None:
    report = preflight(loss, target)
    told = found(report, "L102")
    assert told.effect == pytest.approx(cost, rel=2e-3)
    assert name in told.says
    # That delta is beyond all of these residuals is told besides.
    assert accused(report) == ({"L106"} if isinstance(loss, wald.Huber) else set())


def test_weights_count_rows() -> None:
    y = torch.tensor([0.0, 10.0])
    weighted = found(preflight(wald.Squared(), y, weight=[3.0, 1.0]), "L102")
    copies = found(preflight(wald.Squared(), torch.tensor([0.0, 0.0, 0.0, 10.0])), "L102")
    assert weighted.effect == pytest.approx(copies.effect)
    # A row of no weight is not there, whatever it holds.
    none = preflight(wald.Squared(), torch.tensor([0.0, 10.0, 1e9]), weight=[3.0, 1.0, 0.0])
    assert found(none, "L102").effect == pytest.approx(copies.effect)


def test_predictions_are_held_against_chance() -> None:
    y = normal(500)
    assert "below it" in found(preflight(wald.Squared(), y, y + 0.1), "L103").says
    assert "untrained" in found(preflight(wald.Squared(), y, y + 10), "L103").says
    assert found(preflight(wald.Squared(), y), "L103").state == "not_run"


def test_probabilities_where_logits_are_wanted() -> None:
    y = yes(0.5, 400)
    logit = 4 * y - 2 + normal(400)
    assert found(preflight(wald.BinaryCrossEntropy(), y, torch.sigmoid(logit)), "L104").state == "warn"
    assert found(preflight(wald.BinaryCrossEntropy(), y, logit), "L104").state == "pass"
    # Logits that happen to lie between 0 and 1, and are right.
    weak = (0.5 + 0.1 * normal(400)).clamp(0.01, 0.99)
    drawn = (torch.rand(400, generator=torch.Generator().manual_seed(1)).double() < torch.sigmoid(weak)).double()
    assert found(preflight(wald.BinaryCrossEntropy(), drawn, weak), "L104").state == "pass"


# Regimes.


def test_regimes_are_counted_by_slopes() -> None:
    p, y = torch.zeros(8), torch.tensor([0.5, -0.5, 0.9, 2.0, 3.0, -4.0, 0.1, 0.2])
    share = found(preflight(wald.Huber(), y, p), "L105").evidence["regimes"]
    assert share["curved, as a squared error"] == pytest.approx(5 / 8)
    assert share["straight, too low"] == pytest.approx(2 / 8)
    assert share["straight, too high"] == pytest.approx(1 / 8)
    tilted = found(preflight(wald.Pinball(level=0.9), y, p), "L105").evidence["regimes"]
    assert tilted["straight, too low"] == pytest.approx(6 / 8)
    hinge = found(preflight(wald.Hinge(), torch.tensor([1.0, 1.0, 0.0]), torch.tensor([2.0, 0.5, -3.0])), "L105")
    assert hinge.evidence["regimes"]["settled (right, hardly any slope)"] == pytest.approx(2 / 3)
    assert hinge.state == "pass"


@pytest.mark.parametrize(
    ("loss", "prediction", "target"),
    [
        (wald.Truncated(wald.Squared(), 1.0), torch.zeros(100), torch.full((100,), 5.0)),
        (wald.Clipped(wald.Squared(), 1.0), torch.full((100,), 5.0), torch.zeros(100)),
        (wald.Clipped(wald.BinaryCrossEntropy(), 3.0), torch.full((100,), 9.0), torch.arange(100) % 2),
        (wald.Brier(), torch.full((100,), 20.0), torch.arange(100) % 2),
    ],
    ids=str,
)
def test_rows_that_nothing_pulls_back(loss: wald.Supervised, prediction: Tensor, target: Tensor) -> None:
    # A few rows that still move show how steep the loss can be.
    prediction = torch.cat([prediction, torch.zeros(4)])
    target = torch.cat([target.double(), torch.ones(4) * 0.5 if loss.card.task == "regression" else torch.ones(4)])
    told = found(preflight(loss, target, prediction), "L105")
    assert told.state == "warn"
    assert "no slope" in told.says


# Domains.


@pytest.mark.parametrize(
    ("loss", "target", "told", "fix"),
    [
        (wald.Gamma(), [0.0, 1.0, 2.0], "1 of 3 targets are outside", "Tweedie"),
        (wald.SquaredLog(), [-2.0, 1.0], "outside", "negative targets"),
        (wald.Poisson(), [-1.0, 1.0], "outside", "negative targets"),
        (wald.Percentage(), [0.0, 1.0], "1 of 2 targets are 0", ""),
        (wald.BinaryCrossEntropy(), [-1.0, 1.0], "outside", r"(target + 1) / 2"),
        (wald.BinaryCrossEntropy(), [0.0, 255.0], "outside", "target / 255"),
        (wald.Squared(), [1.0, math.nan], "1 of 2 values of the target are NaN", "drop"),
        (wald.CrossEntropy(), [0.5, 1.5], "not whole", "Squared"),
        (wald.CrossEntropy(class_weight=(1, 2)), [1, 2, 2], "outside 0 to 1", "target - 1"),
        (wald.Ordinal(levels=3), [0, 3, 1], "outside 0 to 2", "number the classes"),
    ],
)
def test_targets_that_the_loss_does_not_take(loss: wald.Supervised, target: Any, told: str, fix: str) -> None:
    report = preflight(loss, target)
    one = found(report, "L101")
    assert one.state == "fail"
    assert told in one.says
    assert fix in one.fix
    assert report.exit_code() == 1


def test_class_numbers_without_an_output() -> None:
    told = found(preflight(wald.CrossEntropy(), torch.tensor([0, 1, 3]), torch.randn(3, 3)), "L101")
    assert told.state == "fail"
    assert "1 of 3 class numbers are outside 0 to 2" in told.says
    # A rare value among very many is seen too.
    y = torch.ones(300_000)
    y[123_457] = 0
    assert found(preflight(wald.Gamma(), y), "L101").says.startswith("1 of 300000")
    assert found(preflight(wald.CrossEntropy(), torch.tensor([0, 1, -100]), torch.randn(3, 3)), "L101").state == "pass"


# Who pulls.


def test_a_few_rows_with_all_of_the_gradient() -> None:
    y = normal(1000)
    y[:5] = 1e4
    told = found(preflight(wald.Squared(), y, torch.zeros(1000)), "L107")
    assert told.state == "warn"
    assert found(preflight(wald.Huber(), y, torch.zeros(1000)), "L107").state == "pass"
    huge = found(preflight(wald.Poisson(), torch.ones(10), torch.full((10,), 800.0)), "L107")
    assert huge.state == "fail"


def test_a_level_that_is_turned_round() -> None:
    y, quantile = normal(2000), 1.2816
    flat = torch.full((2000,), quantile)
    assert found(preflight(wald.Pinball(level=0.1), y, flat), "L108").state == "warn"
    assert found(preflight(wald.Pinball(level=0.9), y, flat), "L108").state == "pass"
    assert found(preflight(wald.Pinball(level=0.9), y, torch.zeros(2000)), "L108").state == "pass"
    both = torch.stack([flat, torch.zeros(2000), -flat], -1)
    told = found(preflight(wald.Pinball(level=(0.1, 0.5, 0.9)), y, both), "L108")
    assert told.state == "warn"
    assert found(preflight(wald.Pinball(level=(0.1, 0.5, 0.9)), y, both.flip(-1)), "L108").state == "pass"


def test_weights_that_are_turned_round_or_applied_twice() -> None:
    y = yes(0.02, 1000)
    assert found(preflight(wald.BinaryCrossEntropy(pos_weight=1 / 49), y), "L109").state == "warn"
    right = found(preflight(wald.BinaryCrossEntropy(pos_weight=49.0), y), "L109")
    assert right.state == "pass"
    assert right.effect == pytest.approx(0.5)
    twice = found(preflight(wald.BinaryCrossEntropy(pos_weight=49.0), y, weight=1 + 48 * y), "L109")
    assert twice.state == "warn"
    assert "twice" in twice.says
    ids = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    assert found(preflight(wald.CrossEntropy(class_weight=(0.9, 0.09, 0.01)), ids), "L109").state == "warn"
    assert found(preflight(wald.CrossEntropy(class_weight=(1, 10, 90)), ids), "L109").state == "pass"


def test_terms_and_their_shares_of_the_gradient() -> None:
    y, p = normal(300), normal(300, 1)
    tiny = wald.Objective(fit=wald.Squared(), size=wald.Term(wald.Absolute(), weight=1e-4, reads={"target": "zero"}))
    told = found(preflight(tiny, y, p, tensors={"zero": torch.zeros(300)}), "L110")
    assert told.state == "warn"
    assert "'size'" in told.says
    both = found(preflight(wald.Squared(), y, p, terms={"more": wald.Term(wald.Squared(), weight=3.0)}), "L110")
    assert both.state == "pass"
    assert both.evidence["shares"]["more"] == pytest.approx(0.75)
    assert found(preflight(tiny, y, tensors={"zero": torch.zeros(300)}), "L110").state == "not_run"
    with pytest.raises(ChoiceError, match="zero"):
        preflight(tiny, y, p)


# What people pass; and quiet where all is well.


def test_arrays_lists_and_columns() -> None:
    y = [0.0, 1.0, 2.0, 5.0]
    wanted = found(preflight(wald.Squared(), torch.tensor(y)), "L102").effect
    given: list[Any] = [y, np.array(y), np.array(y, dtype=np.float32), torch.tensor(y, dtype=torch.bfloat16)]
    for one in given:
        assert found(preflight(wald.Squared(), one), "L102").effect == pytest.approx(wanted)
    column = torch.zeros(4, 1)
    assert found(preflight(wald.Squared(), y, column), "L103").state == "pass"
    assert found(preflight(wald.BinaryCrossEntropy(), [True, False]), "L102").effect == pytest.approx(math.log(2))
    assert preflight(wald.Squared(), [1.0]).verdict in ("pass", "not_run")
    report = preflight(wald.Huber(), y, [0.0, 1.0, 1.0, 1.0])
    assert Report.from_dict(report.to_dict()).to_dict() == report.to_dict()
    assert "in short" in str(report)
    assert report.html()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: preflight(wald.Squared, [1.0]), r"write Squared\(\)"),
        (lambda: preflight(wald.Triplet(), [1.0]), "anchor"),
        (lambda: preflight(wald.Squared(), []), "empty"),
        (lambda: preflight(wald.Squared(), [1.0, 2.0], [1.0]), "2 targets"),
        (lambda: preflight(wald.CrossEntropy(), ["a", "b"]), "names"),
        (lambda: preflight(wald.Squared(), [1.0], weight=[-1.0]), "weight"),
    ],
)
def test_errors_say_what_to_write(call: Any, told: str) -> None:
    with pytest.raises(ChoiceError, match=told):
        call()


def test_innocent_data_give_no_warning() -> None:
    told: list[tuple[str, str]] = []
    for seed in range(4):
        rows = (60, 300, 900, 2000)[seed]
        x, e = normal(rows, 10 + seed), normal(rows, 20 + seed)
        y, p = 2 * x + e, 2 * x
        heavy = e / (0.5 * (normal(rows, 30 + seed).square() + normal(rows, 40 + seed).square())).sqrt()
        z = x - 3
        drawn = torch.rand(rows, generator=torch.Generator().manual_seed(seed)).double()
        b = (drawn < torch.sigmoid(z)).double()
        innocent: list[tuple[wald.Supervised, Tensor, Tensor]] = [
            (wald.Squared(), y, p),
            (wald.Huber(delta=1.345), y, p),
            (wald.Huber(delta=1.345), p + heavy.clamp(-30, 30), p),
            (wald.PseudoHuber(), y, p),
            (wald.Pinball(level=0.9), y, p + 1.2816),
            (wald.Pinball(level=0.9), y, torch.zeros(rows)),
            (wald.Truncated(wald.Squared(), 9.0), y, p),
            (wald.BinaryCrossEntropy(), b, z),
            (wald.BinaryCrossEntropy(pos_weight=15.0), b, z + math.log(15)),
            (wald.Focal(), b, z),
            (wald.Hinge(), b, z),
            (wald.Poisson(), torch.poisson(torch.exp(0.3 * x)), 0.3 * x),
        ]
        for loss, target, prediction in innocent:
            told += [(str(loss), code) for code in accused(preflight(loss, target, prediction))]
    assert told == []


def test_what_a_head_makes_is_to_be_given() -> None:
    term = wald.Term(wald.ProxySoftmax(), heads={"prediction": wald.Proxies(3, 4)})
    with pytest.raises(ChoiceError, match=r"term 'loss' has its prediction made by a head"):
        preflight(term, torch.tensor([0, 1, 2]))
