"""What a case says about its inputs is what the attack keeps to."""

from math import inf
from typing import Any

import pytest
import torch

import wald
from wald.audits import Attack, CaseError, InputSpace
from wald.audits.attacking import Threat, Victim, strongest
from wald.audits.attacking.threat import deviations

from ..samples import binary, evidence, source
from .victims import EFFORT

NAMES = ("income", "age", "children", "north", "south", "west", "owner")


def table(**more: Any) -> wald.Case:
    """A table of an amount, whole numbers, a category in three flags, and a flag."""
    rows = 300
    area = torch.eye(3)[torch.randint(0, 3, (rows,), generator=source(1))]
    columns = [
        torch.randn(rows, 1, generator=source(2)),
        torch.randint(18, 90, (rows, 1), generator=source(3)).float(),
        torch.randint(0, 5, (rows, 1), generator=source(4)).float(),
        area,
        (torch.arange(rows)[:, None] % 2).float(),
    ]
    inputs = torch.cat(columns, -1)
    weight = torch.tensor([1.0, 0.03, 0.3, 1.0, -1.0, 0.2, 0.5])
    given: dict[str, Any] = {
        "test": (inputs, (inputs @ weight > 2.5).float()),
        "model": lambda x: x @ weight - 2.5,
        "features": NAMES,
    }
    return binary(**(given | more))


def attacked(case: wald.Case, share: float = 1.0) -> tuple[torch.Tensor, torch.Tensor, Threat]:
    known = evidence(case)
    threat, victim = Threat.of(known), Victim.of(known, torch.arange(known.rows))
    record = strongest(victim, threat.region(victim.inputs, share), EFFORT, source(0))
    return victim.inputs, record.inputs, threat


def test_numbers_move_by_deviations_and_flags_stay() -> None:
    before, after, threat = attacked(table())
    sd = before.std(0, correction=0)
    assert torch.allclose(threat.scale[:3], sd[:3], rtol=1e-5)
    assert threat.scale[3:].tolist() == [0.0] * 4
    assert bool(((after - before).abs() <= 0.25 * sd * (1 + 1e-4) + 1e-6).all())
    assert torch.equal(before[:, 3:], after[:, 3:])


def test_whole_numbers_stay_whole_and_categories_become_categories() -> None:
    space = InputSpace(integer=("age", "children"), categorical=(("north", "south", "west"), "owner"),
                       immutable=("income",), low=0.0 - 9)  # fmt: skip
    before, after, threat = attacked(table(input_space=space, attack=Attack(reach=0.5)))
    assert bool((after[:, 1:3] == after[:, 1:3].round()).all())
    assert bool((after[:, 1] != before[:, 1]).any())
    # An age may move by half a deviation, and by no more.
    assert float((after[:, 1] - before[:, 1]).abs().max()) <= 0.5 * float(before[:, 1].std(correction=0))
    assert torch.equal(after[:, 3:6].sum(-1), torch.ones(300))
    assert bool((after[:, 3:6] != before[:, 3:6]).any())
    assert set(after[:, 6].tolist()) == {0.0, 1.0}
    assert torch.equal(after[:, 0], before[:, 0])
    assert threat.moved == 4


def test_a_category_does_not_change_by_half() -> None:
    space = InputSpace(categorical=(("north", "south", "west"),))
    before, after, _ = attacked(table(input_space=space), share=0.5)
    assert torch.equal(before[:, 3:6], after[:, 3:6])


def test_bounds_and_steps_of_the_case_are_kept() -> None:
    space = InputSpace(low=(-1.0, 18, 0, 0, 0, 0, 0), high=(1.0, 65, 4, 1, 1, 1, 1), step=0.1)
    before, after, _ = attacked(table(input_space=space, attack=Attack(reach=1.0)))
    inside = (before[:, 0] >= -1) & (before[:, 0] <= 1)
    assert bool((after[inside, 0].abs() <= 1 + 1e-5).all())
    steps = (after[:, 0] - before[:, 0]) / 0.1
    assert torch.allclose(steps, steps.round(), atol=1e-4)
    assert float(after[before[:, 1] <= 65, 1].max()) <= 65


def test_the_scale_of_the_case_counts_and_none_of_it_holds() -> None:
    _, _, threat = attacked(table(attack=Attack(reach=0.1, scale=(2.0, 0, 0, 0, 0, 0, 0))))
    assert threat.scale.tolist() == [2.0, 0, 0, 0, 0, 0, 0]
    assert not Threat.of(evidence(table(attack=Attack(scale=(0.0,) * 7)))).movable


def test_without_a_limit_only_what_can_occur_is_left() -> None:
    before, after, threat = attacked(table(), share=inf)
    assert torch.allclose(threat.region(before, inf).size[:3], (before.amax(0) - before.amin(0))[:3])
    assert bool((after[:, :3] <= before.amax(0)[:3]).all())
    assert bool((threat.unbound().region(before, inf).size > 0).all())


def test_the_training_rows_count_as_seen() -> None:
    case = table()
    far = (case.test[0] * 3, case.test[1])
    threat = Threat.of(evidence(table(train=far)))
    assert torch.equal(threat.high, far[0].amax(0))


def test_a_deviation_respects_weights() -> None:
    inputs = torch.randn(40, 2, generator=source(0))
    target = torch.arange(40) % 2
    weight = torch.ones(40)
    weight[:10] = 3
    copies = torch.cat([inputs, inputs[:10], inputs[:10]])
    model = lambda x: x[:, 0]  # noqa: E731
    weighted = evidence(binary(test=(inputs, target.float()), weight=weight, model=model))
    copied = evidence(binary(test=(copies, torch.cat([target, target[:10], target[:10]]).float()), model=model))
    assert torch.allclose(deviations(weighted, inputs), deviations(copied, copies), rtol=1e-5)


def test_a_series_has_one_scale_for_all_its_steps() -> None:
    series = torch.randn(50, 8, 2, generator=source(0)) * torch.tensor([1.0, 5.0])
    case = binary(test=(series, (torch.arange(50) % 2).float()), model=lambda x: x.sum((1, 2)),
                  input_space=InputSpace(series=True, immutable=(1,)))  # fmt: skip
    threat = Threat.of(evidence(case))
    assert threat.scale.shape == (8, 2)
    assert len(threat.scale[:, 0].unique()) == 1
    assert float(threat.scale[0, 0]) == pytest.approx(float(series[..., 0].std(correction=0)), rel=0.02)
    assert threat.scale[:, 1].tolist() == [0.0] * 8


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"integer": ("height",)}, "there is no feature 'height'"),
        ({"immutable": (9,)}, "there is no column 9"),
        ({"low": (0.0, 1.0)}, "a bound has 2 numbers, and a row has 7"),
        ({"low": 2.0, "high": 1.0}, "low is above high"),
    ],
)
def test_what_does_not_fit_says_so(space: dict[str, Any], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        Threat.of(evidence(table(input_space=InputSpace(**space))))
