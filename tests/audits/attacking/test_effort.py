"""What is affordable is counted before it is spent."""

import pytest
import torch
from torch import nn

from wald.audits.attacking import effort as room
from wald.audits.attacking.arithmetic import multiplications
from wald.audits.attacking.effort import affordable, effort_of, level_of
from wald.audits.evidence import BUDGETS
from wald.audits.probes.attack import ATTACK

from ..samples import ask, binary, evidence, found


class Rows(nn.Module):
    """One number a row, from wide layers."""

    def __init__(self, width: int = 50) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)[:, 0]


def test_multiplications_are_counted() -> None:
    assert multiplications(Rows(), torch.zeros(9, 3)) == 200
    picture = nn.Conv2d(1, 4, 3, padding=1)
    assert multiplications(picture, torch.zeros(5, 1, 8, 8)) == 36 * 64
    assert multiplications(nn.Embedding(9, 4), torch.zeros(5, 7, dtype=torch.long)) == 0
    assert multiplications(lambda x: x, torch.zeros(5, 3)) == 0
    model = Rows()
    assert not any(part._forward_hooks for part in model.modules())


def test_a_larger_model_gets_fewer_rows_and_then_less_effort(monkeypatch: pytest.MonkeyPatch) -> None:
    known = evidence(binary(model=Rows()), level="standard")
    plans = []
    for cost in (0.0, 1e5, 1e6, 2e7, 1e12):
        monkeypatch.setattr(room, "multiplications", lambda model, inputs, cost=cost: cost)
        plans.append(affordable(known))
    small, *middle, huge, impossible = plans
    assert small is not None
    assert huge is not None
    assert impossible is None
    assert small.rows == 1_500
    assert small.effort == effort_of(BUDGETS["standard"], "standard", "binary")
    assert [one.rows for one in plans if one] == sorted((one.rows for one in plans if one), reverse=True)
    assert huge.effort.passes < small.effort.passes
    assert all(one is not None and one.rows >= 30 for one in middle)


def test_what_is_not_affordable_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "multiplications", lambda model, inputs: 1e12)
    told = found(ask(ATTACK, binary(model=Rows())))["R202"]
    assert told.state == "not_run"
    assert "too large" in told.says


def test_the_work_that_is_announced_is_about_the_work_that_is_done() -> None:
    passed: list[int] = []

    def counted(x: torch.Tensor) -> torch.Tensor:
        passed.append(len(x))
        return x[:, 0]

    case = binary(400, model=counted)
    budget = BUDGETS["quick"]
    known = evidence(case)
    passed.clear()
    ATTACK.measure(known)
    announced = ATTACK.work(case, budget).passes * 400
    assert 0.1 * announced < sum(passed) < 3 * announced


def test_every_budget_has_its_level() -> None:
    assert [level_of(budget) for budget in BUDGETS.values()] == list(BUDGETS)
