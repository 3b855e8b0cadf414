"""Slopes are followed to the worst there is."""

import pytest
import torch

from wald.audits.attacking import Region, Victim, strongest
from wald.audits.attacking.ascent import ascend
from wald.audits.attacking.record import Record
from wald.audits.costing.space import Binary, Regression

from ..samples import source
from .victims import EFFORT, classes, linear, log_loss, regression, unlimited, wrong


def test_a_linear_model_is_attacked_to_its_closed_form() -> None:
    # On real data: logistic regression on breast cancer, whose worst margin is y f(x) - e |w| in sum.
    data = pytest.importorskip("sklearn.datasets").load_breast_cancer()
    learner = pytest.importorskip("sklearn.linear_model").LogisticRegression()
    inputs = torch.tensor(data.data, dtype=torch.float32)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    target = torch.tensor(data.target, dtype=torch.float32)
    learner.fit(inputs.numpy(), data.target)
    weight = torch.tensor(learner.coef_[0], dtype=torch.float32)
    shift = float(learner.intercept_[0])
    victim = Victim(lambda x: x @ weight + shift, inputs, target, log_loss, Binary(), wrong(target))
    sides = 2 * target - 1
    for reach in (0.05, 0.1, 0.2):
        exact = float((sides * (inputs @ weight + shift) - reach * weight.abs().sum() > 0).double().mean())
        record = strongest(victim, unlimited(inputs, reach), EFFORT, source(0))
        assert 1 - float(record.harm.mean()) == pytest.approx(exact, abs=0.01)
        assert record.right is not None
        assert float(record.right.double().mean()) == pytest.approx(exact, abs=0.01)
        # The largest loss too, of every row, whether or not it is broken long before.
        least = sides * (inputs @ weight + shift) - reach * weight.abs().sum()
        assert torch.allclose(record.most, torch.nn.functional.softplus(-least).double(), rtol=1e-3)
    assert exact < 0.9


def test_no_parameter_keeps_a_gradient_and_no_input_is_changed() -> None:
    layer = torch.nn.Linear(3, 1)
    inputs = torch.randn(20, 3, generator=source(0))
    before = inputs.clone()
    victim = Victim(lambda x: layer(x)[:, 0], inputs, torch.ones(20), log_loss, Binary())
    strongest(victim, unlimited(inputs, 0.5), EFFORT, source(0))
    assert layer.weight.grad is None
    assert torch.equal(inputs, before)
    assert not inputs.requires_grad


def test_a_clamp_inside_the_graph_would_hide_what_this_attack_finds() -> None:
    # A model that saturates at the edge of the box has no slope there; the first step must still leave the start.
    inputs = torch.zeros(8, 1)
    victim = Victim(lambda x: x[:, 0] * 3, inputs, torch.zeros(8), lambda s, y: s, Regression())
    record = Record(victim)
    ascend(record, unlimited(inputs, 1.0), victim.loss, victim.everyone, inputs, steps=5)
    assert torch.allclose(record.inputs, torch.ones(8, 1))


def test_a_row_that_can_cost_no_more_is_left_alone() -> None:
    calls: list[int] = []
    victim, _ = linear()

    def counted(x: torch.Tensor) -> torch.Tensor:
        calls.append(len(x))
        return victim.forward(x)

    watched = Victim(counted, victim.inputs, victim.target, victim.each, victim.space, victim.by_metric)
    assert watched.ceiling is not None
    strongest(watched, unlimited(victim.inputs, 3.0), EFFORT, source(0))
    # Everything is broken by the first attack, so none of the others sees a row.
    assert len(calls) < 3 * EFFORT.steps
    assert watched.ceiling.tolist() == [1.0] * 200


def test_a_metric_that_is_no_matter_of_decisions_has_no_ceiling() -> None:
    victim, _ = linear()
    brier = Victim(victim.forward, victim.inputs, victim.target, victim.each, victim.space,
                   lambda score, rows: (torch.sigmoid(score) - victim.target[rows]).square().double())  # fmt: skip
    assert brier.ceiling is None
    assert regression().ceiling is None


def test_every_way_to_be_wrong_is_tried() -> None:
    # The loss has no slope at all; only the score knows the way.
    victim = classes()
    flat = Victim(victim.forward, victim.inputs, victim.target, lambda s, y: s.sum(-1) * 0, victim.space,
                  victim.by_metric)  # fmt: skip
    record = strongest(flat, unlimited(victim.inputs, 0.5), EFFORT, source(0))
    best = strongest(victim, unlimited(victim.inputs, 0.5), EFFORT, source(0))
    assert float(record.harm.mean()) == pytest.approx(float(best.harm.mean()), abs=0.011)


def test_what_steps_and_choices_allow_is_reached() -> None:
    # A score that a whole step and a swap of the category drive together.
    codes = torch.randint(0, 3, (100, 1), generator=source(0)).float()
    counts = torch.randint(0, 9, (100, 1), generator=source(1)).float()
    inputs = torch.cat([counts, codes], -1)
    from wald.audits.attacking import Choice

    choice = Choice(torch.tensor([1]), torch.tensor([[0.0], [1.0], [2.0]]))
    region = Region.around(inputs, torch.tensor([1.7, 0.0]), (torch.tensor([0.0, 0.0]), torch.tensor([8.0, 2.0])),
                           torch.tensor([1.0, 0.0]), (choice,))  # fmt: skip
    liked = torch.tensor([0.0, 5.0, 1.0])
    victim = Victim(lambda x: x[:, 0] + liked[x[:, 1].long()], inputs, torch.zeros(100), lambda s, y: s, Regression())
    record = strongest(victim, region, EFFORT, source(2))
    assert torch.equal(record.most, ((counts[:, 0] + 1).clamp_max(8) + 5).double())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_precisions_are_attacked_in_their_own(dtype: torch.dtype) -> None:
    inputs = torch.randn(30, 3, generator=source(0)).to(dtype)
    victim = Victim(lambda x: x.sum(-1), inputs, (inputs.sum(-1) > 0).to(dtype), log_loss, Binary())
    record = strongest(victim, unlimited(inputs, 0.5), EFFORT, source(0))
    assert record.inputs.dtype == dtype
    assert float((record.harm < 0).double().mean()) < 1.0


def test_one_row_and_constant_predictions() -> None:
    inputs = torch.zeros(1, 2)
    victim = Victim(lambda x: x.sum(-1) * 0, inputs, torch.ones(1), log_loss, Binary(), wrong(torch.ones(1)))
    record = strongest(victim, unlimited(inputs, 1.0), EFFORT, source(0))
    assert torch.equal(record.inputs, inputs)
