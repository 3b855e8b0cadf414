"""Inputs stay where they may go: in their box, on their steps, within their categories."""

import pytest
import torch

from wald.audits.attacking import Choice, Region
from wald.audits.attacking.ascent import ascend
from wald.audits.attacking.record import Record
from wald.audits.attacking.searching import wander

from ..samples import source
from .victims import classes, linear, regression


def boxed(inputs: torch.Tensor, **more: object) -> Region:
    size = torch.tensor([0.5, 0.0, 0.1, 0.2])
    return Region.around(inputs, size, (inputs.amin(0), inputs.amax(0)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["ascend", "wander"])
def test_inputs_stay_in_their_box_and_in_what_was_seen(how: str) -> None:
    victim, _ = linear()
    inputs = victim.inputs
    region, record = boxed(inputs), Record(victim)
    before = record.most.clone()
    if how == "ascend":
        ascend(record, region, victim.loss, victim.everyone, inputs, steps=9)
    else:
        wander(record, region, victim.lead, victim.everyone, guesses=30, source=source(1))
    found = record.inputs
    assert not torch.equal(found, inputs)
    assert bool(((found - inputs).abs() <= region.size + 1e-6).all())
    assert bool((found <= inputs.amax(0)).all())
    assert bool((found >= inputs.amin(0)).all())
    assert torch.equal(found[:, 1], inputs[:, 1])
    assert bool(region.holds(found).all())
    assert torch.allclose(record.loss, victim.loss(victim.scores(found), victim.everyone).double())
    assert bool((record.most >= before).all())


def test_what_lies_outside_its_limits_stays_where_it_is() -> None:
    inputs = torch.tensor([[3.0], [0.0]])
    region = Region.around(inputs, torch.ones(1), (torch.zeros(1), torch.ones(1)))
    assert region.high.flatten().tolist() == [3.0, 1.0]
    assert region.low.flatten().tolist() == [2.0, 0.0]


def test_steps_are_whole_and_inside() -> None:
    inputs = torch.tensor([[0.2], [5.0]])
    region = Region.around(inputs, torch.tensor([2.6]), (torch.tensor([-1.0]), torch.tensor([6.0])), torch.ones(1))
    settled = region.settle(torch.tensor([[9.0], [9.0]]))
    assert settled.flatten().tolist() == pytest.approx([2.2, 6.0])
    assert region.settle(torch.tensor([[-9.0], [-9.0]])).flatten().tolist() == pytest.approx([-0.8, 3.0])
    # Less than a step away is nowhere.
    near = Region.around(inputs, torch.tensor([0.4]), (torch.tensor([-9.0]), torch.tensor([9.0])), torch.ones(1))
    assert torch.equal(near.settle(inputs + 0.4), inputs)
    assert near.discrete
    assert not Region.around(inputs, torch.ones(1), (inputs, inputs), torch.zeros(1)).discrete


def test_choices_become_options_that_were_seen_and_nothing_else() -> None:
    inputs = torch.cat([torch.randn(50, 1, generator=source(0)), torch.eye(3)[torch.arange(50) % 3]], -1)
    choice = Choice(torch.tensor([1, 2, 3]), torch.eye(3))
    region = Region.around(inputs, torch.tensor([0.1, 0, 0, 0]), (inputs.amin(0), inputs.amax(0)), None, (choice,))
    moved = region.scattered(source(1))
    assert bool((moved[:, 1:].sum(-1) == 1).all())
    assert bool((moved[:, 1:] != inputs[:, 1:]).any())
    assert bool(region.holds(moved).all())
    assert torch.equal(region.swapped(inputs, torch.zeros(50), source(2)), inputs)


@pytest.mark.parametrize("victim", [classes(), regression()], ids=["classes", "regression"])
def test_a_record_takes_over_only_what_lies_inside(victim: object) -> None:
    far, near = Record(victim), Record(victim)  # type: ignore[arg-type]
    limits = (torch.full((3,), -99.0), torch.full((3,), 99.0))
    ascend(far, Region.around(victim.inputs, torch.ones(3), limits), victim.lead, victim.everyone, victim.inputs,
           steps=5)  # type: ignore[attr-defined]  # fmt: skip
    inner = Region.around(victim.inputs, torch.full((3,), 0.01), limits)  # type: ignore[attr-defined]
    near.absorb(far, inner)
    assert bool(inner.holds(near.inputs).all())
    near.absorb(far)
    assert torch.equal(near.harm, far.harm)
