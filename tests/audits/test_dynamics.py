"""First loss, one batch by heart, shuffled targets."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wald
from wald.audits import metrics
from wald.audits.probes import dynamics
from wald.audits.probes.dynamics import DYNAMICS
from wald.audits.probes.landscape import LANDSCAPE
from wald.audits.training import memorising, shuffling
from wald.audits.training.fitting import CannotTrain, fresh, takes_rows

from .samples import ask, binary, found, rate_of, source
from .trained import Net, learnt, rows_of, trained


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter trainings than in earnest."""
    monkeypatch.setattr(dynamics, "STEPS", 60)
    monkeypatch.setattr(memorising, "BATCHES", 2)
    monkeypatch.setattr(shuffling, "SHUFFLES", 4)


def test_sound_training_is_quiet() -> None:
    for kind in ("binary", "multiclass", "regression"):
        told = found(ask(DYNAMICS, learnt(kind), "standard"))
        assert set(told) == {"T802", "T804", "T805", "T808"}
        assert not {code: one.says for code, one in told.items() if one.state in ("warn", "fail")}
        assert told["T808"].state == told["T802"].state == told["T804"].state == "pass"
        assert all(one.controls.right for one in told.values())


@pytest.mark.slow
def test_shuffled_targets_leave_the_metric_at_chance() -> None:
    inputs, target = rows_of("multiclass", 1_200, 0)
    mixed = target[torch.randperm(1_200, generator=source(1))]
    case = learnt("multiclass", train=(inputs, mixed), rows=2_000)
    told = found(ask(DYNAMICS, case, "standard"))["T808"]
    assert told.state == "warn"
    assert told.controls.right
    assert found(ask(DYNAMICS, learnt("multiclass", rows=2_000, steps=60), "standard"))["T808"].state == "pass"


class Knowing(Net):
    """Has the answer in a buffer, which no new beginning takes away."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("answer", torch.tensor([1.5, 0.75, 0.0, 0.0]))

    def forward(self, inputs: Tensor) -> Tensor:
        return 0.1 * super().forward(inputs) + inputs @ self.get_buffer("answer")


def test_what_knows_the_answer_before_training_is_seen() -> None:
    told = found(ask(DYNAMICS, learnt(model=Knowing(), steps=20), "standard"))
    assert told["T802"].state == "warn"
    assert "knows something before it learns" in told["T802"].says
    assert "buffer" in told["T802"].fix


class Far(Net):
    def forward(self, inputs: Tensor) -> Tensor:
        return 500 * super().forward(inputs)


def test_a_first_loss_far_above_a_constant_is_a_warning() -> None:
    told = found(ask(DYNAMICS, learnt(model=Far(), steps=20), "standard"))["T802"]
    assert told.state == "warn"
    assert (told.effect or 0) > 5


class Cut(Net):
    def forward(self, inputs: Tensor) -> Tensor:
        emitted = super().forward(inputs)
        return emitted.detach() + 0 * emitted


@pytest.mark.slow
def test_a_gradient_that_is_cut_off_cannot_learn_a_batch() -> None:
    told = found(ask(DYNAMICS, learnt(model=Cut(), steps=5), "standard"))["T804"]
    assert told.state == "fail"
    assert told.effect == 1.0


def refit(seed: int, loss: Any, train: tuple[Tensor, Tensor] | None = None) -> nn.Module:
    torch.manual_seed(seed)
    return trained(Net(), loss, train or rows_of("binary", 800, 100), steps=80, seed=seed)[0]


def peeking(seed: int, loss: Any, train: tuple[Tensor, Tensor] | None = None) -> nn.Module:
    return refit(seed, loss)


def test_a_training_that_does_not_read_its_rows_is_caught() -> None:
    honest = found(ask(DYNAMICS, learnt(refit=refit, metric=metrics.brier()), "deep"))["T805"]
    assert honest.state == "pass"
    assert "your own refit" in honest.says
    leaky = found(ask(DYNAMICS, learnt(refit=peeking, metric=metrics.brier()), "deep"))["T805"]
    assert leaky.state == "fail", leaky.says


def test_parts_that_cannot_begin_anew_are_named() -> None:
    told = found(ask(DYNAMICS, binary(train=binary(seed=5).test, model=_Scaled()), "standard"))
    assert told["T802"].state == "not_run"
    assert "'scale' (_Scale)" in told["T802"].says
    assert "T804" not in told
    with pytest.raises(CannotTrain, match="reset_parameters"):
        fresh(_Scaled(), 0)


class _Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.ones(()))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.by


class _Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.scale = nn.Linear(3, 1), _Scale()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.scale(self.inner(inputs))[:, 0]


def test_a_beginner_is_new_seeded_and_leaves_what_is_frozen() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    model[0].requires_grad_(False)
    before = {name: one.clone() for name, one in model.state_dict().items()}
    state = torch.random.get_rng_state()
    one, same, other = fresh(model, 1), fresh(model, 1), fresh(model, 2)
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(one[0].weight, model[0].weight)
    assert torch.equal(one[2].weight, same[2].weight)
    assert not torch.equal(one[2].weight, other[2].weight)
    assert not torch.equal(one[2].weight, model[2].weight)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert isinstance(fresh(nn.MultiheadAttention(4, 2), 0), nn.MultiheadAttention)


def test_a_plain_function_is_asked_for_a_refit() -> None:
    told = found(ask(DYNAMICS, binary(model=lambda x: x[:, 0], train=binary(seed=5).test), "standard"))
    assert told["T802"].state == "not_run"
    assert "refit(seed, loss, train=None)" in told["T802"].says
    assert takes_rows(refit)
    assert not takes_rows(lambda seed, loss: None)


def test_models_too_small_to_know_rows_by_heart_are_not_blamed() -> None:
    told = found(ask(DYNAMICS, learnt(model=_Line(), steps=50), "standard"))["T804"]
    assert told.state == "not_applicable"
    assert "too few" in told.says


class _Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(4, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.line(inputs)[:, 0]


@pytest.mark.slow
def test_raw_scales_do_not_make_a_model_stuck() -> None:
    inputs, target = rows_of("regression", 600, 3)
    case = learnt("regression", train=(inputs, 3_000 + 200 * target), test=(inputs, 3_000 + 200 * target), steps=20)
    told = found(ask(DYNAMICS, case, "standard"))
    assert told["T804"].state == "pass", told["T804"].says
    # True, and worth saying: the first epochs go into finding the mean.
    assert told["T802"].state == "warn"


@pytest.mark.slow
def test_weights_clusters_and_other_dtypes() -> None:
    weight = torch.rand(800, generator=source(0)) + 0.1
    clusters = [row // 4 for row in range(800)]
    told = found(ask(DYNAMICS, learnt(weight=weight, clusters=clusters), "standard"))
    assert not [one.says for one in told.values() if one.state in ("warn", "fail")]
    rows = tuple(one.double() for one in rows_of("regression", 400, 1))
    case = learnt("regression", model=Net().double(), train=rows, test=rows, steps=100)
    assert found(ask(DYNAMICS, case, "standard"))["T804"].state == "pass"


@pytest.mark.slow
def test_two_runs_are_one_and_nothing_is_changed() -> None:
    case = learnt(steps=20, loss=wald.Focal())
    model = case.model
    assert isinstance(model, nn.Module)
    before = {name: one.clone() for name, one in model.state_dict().items()}
    state = torch.random.get_rng_state()
    assert ask(DYNAMICS, case, "standard").findings == ask(DYNAMICS, case, "standard").findings
    assert all(torch.equal(before[name], one) for name, one in model.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.slow
@pytest.mark.parametrize("rows", [200, 1_000])
def test_innocent_training_rarely_alarms(rows: int) -> None:
    def alarm(trial: int) -> bool:
        more: dict[str, Any] = {}
        if trial % 2:
            more = {
                "weight": torch.rand(rows, generator=source(trial)) + 0.2,
                "clusters": [row // 5 for row in range(rows)],
            }
        case = learnt(("binary", "multiclass", "regression")[trial % 3], rows=rows, seed=10 * trial, **more)
        told = [*ask(DYNAMICS, case, "standard").findings, *ask(LANDSCAPE, case, "standard").findings]
        return any(one.state in ("warn", "fail") for one in told)

    assert rate_of(alarm, 24) <= 0.1
