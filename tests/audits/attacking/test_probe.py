"""The probe tells what an attack does to the metric, and does not cry wolf or call a blinded attack robust."""

from typing import Any

import pytest
import torch

import wald
from wald.audits import Attack, InputSpace, metrics
from wald.audits.attacking import campaign, strongest
from wald.audits.probes.attack import ATTACK

from ..samples import ask, binary, found, rate_of, skewed, source, three_classes


def lists(**more: Any) -> wald.Case:
    """Lists of five items to put in order."""
    inputs = torch.randn(200, 5, 2, generator=source(0))
    relevant = (inputs[..., 0] + 0.5 * torch.randn(200, 5, generator=source(1)) > 0.3).float()
    given: dict[str, Any] = {
        "model": lambda x: x[..., 0],
        "loss": lambda p, y: -(y * p.log_softmax(-1)).sum(-1),
        "test": (inputs, relevant),
        "metric": wald.Metric(
            name="first is right", per_example=lambda p, y: y.gather(-1, p.argmax(-1)[:, None])[:, 0].double(),
            lower_is_better=False,
        ),
    }  # fmt: skip
    return wald.Case(**(given | more))


@pytest.mark.parametrize(
    "case",
    [binary(), three_classes(), skewed(), lists(), binary(metric=metrics.auc())],
    ids=["binary", "classes", "regression", "lists", "whole metric"],
)
def test_a_curve_is_no_verdict(case: wald.Case) -> None:
    outcome = ask(ATTACK, case)
    told = found(outcome)["R202"]
    assert told.state == "not_applicable"
    assert "no tolerance was stated" in told.says
    assert told.controls.right
    assert (told.effect or 0) > 0
    assert found(outcome)["R208"].state == "pass"
    worst, by_chance = outcome.figures[0].series
    better = -1 if not case.metric.lower_is_better else 1
    assert better * worst["y"][-1] > better * worst["y"][0]
    assert better * worst["y"][-2] > better * by_chance["y"][-2]
    assert worst["x"] == pytest.approx([0, 0.03125, 0.0625, 0.125, 0.25, 0.5])


@pytest.mark.parametrize(("tolerance", "state"), [(0.05, "fail"), (0.9, "pass")])
def test_a_tolerance_makes_it_one(tolerance: float, state: str) -> None:
    told = found(ask(ATTACK, binary(attack=Attack(reach=0.25, tolerance=tolerance))))["R202"]
    assert told.state == state


@pytest.mark.parametrize("tolerance", [None, 0.05, 0.9, 50.0])
@pytest.mark.parametrize("case", [binary, three_classes])
def test_a_model_that_hides_its_gradients_is_never_called_robust(case: Any, tolerance: float | None) -> None:
    masked = {"model": lambda x: (x[:, 0] if case is binary else x) * 1e4, "metric": metrics.error_rate()}
    told = found(ask(ATTACK, case(400, attack=Attack(tolerance=tolerance), **masked)))["R202"]
    assert told.state in ("fail", "inconclusive")
    # The score still has a slope, so the harm itself is found.
    assert (told.effect or 0) > 0.1


def test_a_doubt_makes_the_attack_try_harder(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def watched(*given: Any, **more: Any) -> Any:
        tried.append(given[2].steps)
        return strongest(*given, **more)

    monkeypatch.setattr(campaign, "strongest", watched)
    ask(ATTACK, binary(300))
    assert tried == []
    ask(ATTACK, binary(300, factor=1e4))
    assert tried == [24]


def test_an_attack_that_a_blind_search_beats_is_not_trusted() -> None:
    told = found(ask(ATTACK, binary(400, model=lambda x: (x[:, 0] * 4).round() / 4, attack=Attack(tolerance=0.9))))
    assert told["R202"].state == "inconclusive"
    assert "not to be trusted" in told["R202"].says
    assert told["R208"].state == "inconclusive"
    assert "without slopes" in told["R208"].says


def test_a_model_without_gradients_is_attacked_all_the_same() -> None:
    told = found(ask(ATTACK, binary(model=lambda x: (x[:, 0] * 4).detach().round() / 4)))
    assert (told["R202"].effect or 0) > 0.1
    assert told["R202"].controls.right
    assert "not possible" in told["R202"].method
    assert "R208" not in told


def test_a_tree_is_broken_near_its_edges() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    inputs = torch.rand(400, 3, generator=source(0))
    target = (inputs[:, 0] > 0.5).float()
    trees = ensemble.RandomForestClassifier(20, max_depth=4, random_state=0).fit(inputs.numpy(), target.numpy())
    case = binary(
        test=(inputs, target), metric=metrics.error_rate(), attack=Attack(reach=0.1, scale=(1.0,) * 3),
        model=lambda x: torch.logit(torch.tensor(trees.predict_proba(x.numpy())[:, 1]), eps=1e-6).float(),
    )  # fmt: skip
    told = found(ask(ATTACK, case))["R202"]
    # The decision changes at a half: a tenth to either side can be broken.
    near = float(((inputs[:, 0] - 0.5).abs() < 0.1).double().mean())
    assert told.evidence["robust accuracy"] == pytest.approx(1 - near, abs=0.03)


def test_a_constant_model_loses_nothing() -> None:
    told = found(ask(ATTACK, binary(model=lambda x: x[:, 0] * 0 + 0.3, attack=Attack(tolerance=0.1))))
    assert told["R202"].effect == 0
    assert told["R202"].state == "pass"
    assert told["R208"].state == "pass"


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (binary(test=(torch.arange(40)[:, None] % 7, torch.arange(40).float() % 2), model=lambda x: x[:, 0] / 7.0),
         "only real features can be moved"),
        (binary(attack=Attack(scale=(0.0, 0.0, 0.0))), "held fixed"),
        (skewed(loss=lambda p, y: (p - y).square().mean().sqrt()), "no loss of their own"),
    ],
    ids=["integers", "fixed", "coupled"],
)  # fmt: skip
def test_what_cannot_be_attacked_says_why(case: wald.Case, why: str) -> None:
    told = found(ask(ATTACK, case))["R202"]
    assert told.state == "not_applicable"
    assert why in told.says


def test_whole_numbers_are_moved_once_they_are_said_to_be_such() -> None:
    inputs = torch.randint(0, 9, (300, 2), generator=source(0))
    case = binary(
        test=(inputs, (inputs[:, 0] > 4).float()), model=lambda x: x[:, 0].float() - 4.5, metric=metrics.error_rate(),
        attack=Attack(reach=0.5), input_space=InputSpace(integer=(0, 1)),
    )  # fmt: skip
    told = found(ask(ATTACK, case))["R202"]
    # Half a deviation is one whole step, so fours and fives can be broken.
    expected = float(((inputs[:, 0] == 4) | (inputs[:, 0] == 5)).double().mean())
    assert told.evidence["metric shortfall"][4] == pytest.approx(expected, abs=0.01)


def test_flags_are_held_fixed() -> None:
    inputs = torch.cat([torch.randn(200, 1, generator=source(0)), (torch.arange(200) % 2)[:, None].float()], -1)
    case = binary(test=(inputs, (inputs[:, 0] > 0).float()), model=lambda x: x.sum(-1))
    assert found(ask(ATTACK, case))["R202"].evidence["features moved"] == 1


def test_the_worst_rows_show_what_moved() -> None:
    case = binary(300, features=("income", "age", "debt"), metric=metrics.error_rate())
    told = found(ask(ATTACK, case))["R202"]
    inputs = case.test[0]
    for row in told.evidence["worst rows"]:
        assert row["metric"] == [0.0, 1.0]
        assert row["moved"][0]["feature"] == "income"
        assert row["moved"][0]["from"] == pytest.approx(float(inputs[row["row"], 0]))
        assert abs(row["moved"][0]["to"] - row["moved"][0]["from"]) <= 0.25 * float(inputs[:, 0].std()) * 1.01
        assert row["loss"][1] > row["loss"][0]


@pytest.mark.slow
def test_a_perfect_metric_does_not_make_the_share_infinite() -> None:
    inputs = torch.randn(200, 1, generator=source(0))
    case = binary(test=(inputs, (inputs[:, 0] > 0).float()), model=lambda x: x[:, 0], metric=metrics.error_rate())
    told = found(ask(ATTACK, case))["R202"]
    assert 0 < (told.effect or 0) <= 200
    assert told.unit == "of error rate"
    assert found(ask(ATTACK, binary(300, metric=metrics.auc())))["R202"].unit == "of the distance of AUC to 1"


def test_weight_counts_as_copies() -> None:
    case = binary(120, metric=metrics.error_rate())
    inputs, target = case.test
    weight = torch.where(target > 0.5, 3.0, 1.0)
    many = weight.long()
    copied = binary(test=(inputs.repeat_interleave(many, 0), target.repeat_interleave(many)),
                    metric=metrics.error_rate(), attack=Attack(scale=(1.0, 1.0, 1.0)))  # fmt: skip
    weighted = binary(120, weight=weight, metric=metrics.error_rate(), attack=Attack(scale=(1.0, 1.0, 1.0)))
    one, two = (found(ask(ATTACK, of))["R202"] for of in (copied, weighted))
    assert one.evidence["metric shortfall"] == pytest.approx(two.evidence["metric shortfall"])
    assert one.effect == pytest.approx(two.effect)


@pytest.mark.slow
def test_clusters_widen_the_interval() -> None:
    inputs = torch.randn(40, 3, generator=source(0)).repeat_interleave(10, 0)
    test = (inputs, (inputs[:, 0] > 0.3).float())
    alone = found(ask(ATTACK, binary(test=test)))["R202"].interval
    held = found(ask(ATTACK, binary(test=test, clusters=torch.arange(400) // 10)))["R202"].interval
    assert alone is not None
    assert held is not None
    assert held[1] - held[0] > 1.5 * (alone[1] - alone[0])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_attack_and_leaves_the_stream_alone() -> None:
    state = torch.random.get_rng_state()
    one, two, other = (found(ask(ATTACK, binary(400), seed=seed))["R202"].interval for seed in (0, 0, 1))
    assert one == two
    assert one != other
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_model_comes_back_as_it_was() -> None:
    nn = torch.nn
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 1), nn.Flatten(0))
    model.train()
    before = {name: one.clone() for name, one in model.state_dict().items()}
    ask(ATTACK, binary(300, model=model))
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert all(part.training for part in model.modules())
    assert all(one.grad is None for one in model.parameters())


@pytest.mark.slow
def test_a_graded_weakness_is_failed_the_surer_the_larger_it_is() -> None:
    def failed(factor: float) -> bool:
        case = binary(300, factor=factor, centre=0.0, attack=Attack(reach=0.25, tolerance=0.25))
        return found(ask(ATTACK, case))["R202"].state == "fail"

    assert [failed(factor) for factor in (0.1, 1.0, 3.0)] == [False, True, True]


@pytest.mark.slow
def test_innocent_models_raise_no_doubt() -> None:
    def doubted(trial: int) -> bool:
        case = binary(200, seed=trial, factor=1.0 + trial % 3, attack=Attack(reach=0.1, tolerance=9.0))
        told = found(ask(ATTACK, case))
        return told["R202"].state != "pass" or told["R208"].state != "pass"

    assert rate_of(doubted, 40) <= 0.05
