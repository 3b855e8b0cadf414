"""The attack reaches what is known to be the worst, sees when it is blinded, and does not cry wolf."""

import pytest
import torch
from torch import Tensor

import wald
from wald.audits import Attack, metrics
from wald.audits.attacking import Box, ascend, wander
from wald.audits.probes import attack as probe
from wald.audits.probes.attack import ATTACK

from .samples import ask, binary, found, skewed, source, three_classes


def unlimited(inputs: Tensor, size: float) -> Box:
    far = torch.full(inputs.shape[1:], 1e9)
    return Box.around(inputs, torch.full(inputs.shape[1:], size), (-far, far))


def test_a_linear_model_is_attacked_to_its_closed_form() -> None:
    # On real data: logistic regression on breast cancer, whose worst margin is y f(x) - e |w| in sum.
    data = pytest.importorskip("sklearn.datasets").load_breast_cancer()
    inputs = torch.tensor(data.data, dtype=torch.float32)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    target = torch.tensor(data.target, dtype=torch.float32)
    weight = torch.linalg.lstsq(inputs, target - target.mean()).solution * 8

    def margins(x: Tensor) -> Tensor:
        return (2 * target - 1) * (x @ weight)

    reach = 0.1
    exact = margins(inputs) - reach * weight.abs().sum()

    def each(score: Tensor, y: Tensor) -> Tensor:
        return torch.nn.functional.softplus(-(2 * y - 1) * score)

    worst = ascend(lambda x: x @ weight, each, each, inputs, target, unlimited(inputs, reach), steps=20, restarts=0,
                   source=source(0))  # fmt: skip
    assert torch.allclose(margins(worst.inputs), exact, atol=1e-4)
    reached = float((margins(worst.inputs) > 0).double().mean())
    assert reached == pytest.approx(float((exact > 0).double().mean()), abs=0.01)
    assert reached < float((margins(inputs) > 0).double().mean())


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("how", ["ascend", "wander"])
def test_inputs_stay_in_their_box_and_in_what_was_seen(how: str, sign: float) -> None:
    inputs, target = torch.randn(50, 4, generator=source(0)), torch.zeros(50)
    size = torch.tensor([0.5, 0.0, 0.1, 0.2])
    box = Box.around(inputs, size, (inputs.amin(0), inputs.amax(0)))

    def forward(x: Tensor) -> Tensor:
        return sign * x.sum(-1)

    def each(score: Tensor, y: Tensor) -> Tensor:
        return score - y

    if how == "ascend":
        worst = ascend(forward, each, each, inputs, target, box, steps=9, restarts=2, source=source(1))
    else:
        worst = wander(forward, each, inputs, target, box, guesses=30, source=source(1))
    assert bool(((worst.inputs - inputs).abs() <= size + 1e-6).all())
    assert bool((worst.inputs <= inputs.amax(0)).all())
    assert bool((worst.inputs >= inputs.amin(0)).all())
    assert torch.equal(worst.inputs[:, 1], inputs[:, 1])
    assert torch.allclose(worst.values, forward(worst.inputs))
    assert bool((worst.values >= forward(inputs)).all())


def test_a_clamp_inside_the_graph_would_hide_what_this_attack_finds() -> None:
    # A model that saturates at the edge of the box has no slope there; the first step must still leave the start.
    inputs = torch.zeros(8, 1)
    box = unlimited(inputs, 1.0)
    worst = ascend(lambda x: x[:, 0] * 3, lambda s, y: s, lambda s, y: s, inputs, torch.zeros(8), box, steps=5,
                   restarts=0, source=source(0))  # fmt: skip
    assert torch.allclose(worst.inputs, torch.ones(8, 1))


@pytest.mark.parametrize("case", [binary(), three_classes(), skewed()], ids=["binary", "classes", "regression"])
def test_a_curve_is_no_verdict(case: wald.Case) -> None:
    outcome = ask(ATTACK, case)
    told = found(outcome)["R202"]
    assert told.state == "not_applicable"
    assert "no tolerance was stated" in told.says
    assert told.controls.right
    worst, by_chance = outcome.figures[0].series
    assert worst["y"][-1] > worst["y"][0]
    assert worst["y"][-2] > by_chance["y"][-2]


@pytest.mark.parametrize(("tolerance", "state"), [(0.05, "fail"), (0.9, "pass")])
def test_a_tolerance_makes_it_one(tolerance: float, state: str) -> None:
    told = found(ask(ATTACK, binary(attack=Attack(reach=0.25, tolerance=tolerance))))["R202"]
    assert told.state == state


def test_a_model_that_shouts_is_seen_to_hide_its_gradients() -> None:
    # Logits ten thousand times too large: the loss of every right row is flat.
    told = found(ask(ATTACK, binary(factor=1e4)))
    assert told["R203"].state == "warn"
    assert (told["R203"].effect or 0) > 0.5
    # The score still has a slope, so the attack itself is not blinded.
    assert told["R202"].state == "not_applicable"
    assert (told["R202"].effect or 0) > 0.1
    assert found(ask(ATTACK, binary()))["R203"].state == "pass"


def test_an_attack_that_a_blind_search_beats_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def lame(*given: object, **more: object) -> object:
        return ascend(*given, **(more | {"steps": 0}))  # type: ignore[arg-type]

    monkeypatch.setattr(probe, "ascend", lame)
    told = found(ask(ATTACK, binary(attack=Attack(tolerance=0.9))))["R202"]
    assert told.state == "inconclusive"
    assert "not to be trusted" in told.says
    assert "without gradients finds more" in told.says
    assert told.controls.positive is False


def test_a_model_without_gradients_is_attacked_all_the_same() -> None:
    told = found(ask(ATTACK, binary(model=lambda x: (x[:, 0] * 4).detach().round() / 4)))
    assert told["R203"].state == "not_applicable"
    assert (told["R202"].effect or 0) > 0.1
    assert "not possible" in told["R202"].method


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (binary(test=(torch.arange(40)[:, None] % 7, torch.arange(40).float() % 2), model=lambda x: x[:, 0] / 7.0),
         "only real features can be moved"),
        (binary(metric=metrics.auc()), "has no value for a row"),
        (binary(attack=Attack(scale=(0.0, 0.0, 0.0))), "held fixed"),
        (skewed(loss=lambda p, y: (p - y).square().mean().sqrt()), "no loss of their own"),
    ],
    ids=["integers", "ranking", "fixed", "coupled"],
)  # fmt: skip
def test_what_cannot_be_attacked_says_why(case: wald.Case, why: str) -> None:
    told = found(ask(ATTACK, case))["R202"]
    assert told.state == "not_applicable"
    assert why in told.says


def test_flags_are_held_fixed() -> None:
    inputs = torch.cat([torch.randn(200, 1, generator=source(0)), (torch.arange(200) % 2)[:, None].float()], -1)
    case = binary(test=(inputs, (inputs[:, 0] > 0).float()), model=lambda x: x.sum(-1))
    assert found(ask(ATTACK, case))["R202"].evidence["features moved"] == 1


def test_the_same_seed_gives_the_same_attack() -> None:
    one, two, other = (found(ask(ATTACK, binary(), seed=seed))["R202"].effect for seed in (0, 0, 1))
    assert one == two
    assert one != other
