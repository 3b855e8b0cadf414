"""A teacher is the moving average of its student, and nothing is learned through it."""

from __future__ import annotations

import copy
import io
import math
import pickle

import pytest
import torch
from torch import nn

import wald


def net(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 2))


def shaken(student: nn.Module, rng: torch.Generator) -> nn.Module:
    """The student after some training: other weights, other statistics."""
    with torch.no_grad():
        for x in student.parameters():
            x += torch.randn(x.shape, generator=rng)
    student.train()(torch.randn(8, 3, generator=rng))
    return student


def test_weights_move_a_share_of_the_way(rng: torch.Generator) -> None:
    student = net()
    teacher = wald.Teacher(student, momentum=0.9)
    wanted = [x.detach().clone() for x in student.parameters()]
    for _ in range(3):
        teacher.update(shaken(student, rng))
        wanted = [0.9 * old + 0.1 * new.detach() for old, new in zip(wanted, student.parameters(), strict=True)]
    for found, x in zip(teacher.module.parameters(), wanted, strict=True):
        torch.testing.assert_close(found, x)


@pytest.mark.parametrize("kind", ["average", "copy", "own"])
def test_buffers_are_averaged_copied_or_left_alone(kind: str, rng: torch.Generator) -> None:
    student = shaken(net(), rng)
    teacher = wald.Teacher(student, momentum=0.75, buffers=kind)
    before = {name: x.clone() for name, x in teacher.module.named_buffers()}
    teacher.update(shaken(student, rng))
    new = dict(student.named_buffers())
    for name, x in teacher.module.named_buffers():
        averaged = 0.75 * before[name] + 0.25 * new[name] if x.is_floating_point() else new[name]
        torch.testing.assert_close(x, {"average": averaged, "copy": new[name], "own": before[name]}[kind])
    assert int(new["1.num_batches_tracked"]) == 2


def test_nothing_is_learned_through_a_teacher(rng: torch.Generator) -> None:
    student = net()
    teacher, x = wald.Teacher(student), torch.randn(8, 3, generator=rng, requires_grad=True)
    assert not teacher(x).requires_grad
    assert not any(each.requires_grad for each in teacher.parameters())
    assert all(each.requires_grad for each in student.parameters())
    teacher.update(shaken(student, rng))
    assert not any(each.requires_grad for each in teacher.parameters())


def test_it_begins_in_the_mode_of_its_student_and_keeps_its_own(rng: torch.Generator) -> None:
    student = net().eval()
    teacher = wald.Teacher(student)
    assert not teacher.module.training
    teacher.train()
    student.eval()
    teacher.update(student)
    assert teacher.module.training
    assert not student.training


def test_the_momentum_rises_by_half_a_cosine() -> None:
    student = net()
    teacher = wald.Teacher(student, momentum=0.9, steps=4)
    found: list[float] = []
    for _ in range(6):
        found.append(teacher.momentum)
        teacher.update(student)
    wanted = [1 - 0.1 * (math.cos(math.pi * min(k, 4) / 4) + 1) / 2 for k in range(6)]
    assert found == pytest.approx(wanted)
    assert found[0] == 0.9
    assert found[-1] == 1


def test_a_teacher_that_is_stored_goes_on_where_it_was(rng: torch.Generator) -> None:
    student = net()
    teacher = wald.Teacher(student, momentum=0.9, steps=10)
    teacher.update(shaken(student, rng))
    file = io.BytesIO()
    torch.save(teacher.state_dict(), file)
    file.seek(0)
    loaded = wald.Teacher(net(), momentum=0.9, steps=10)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    for twin in (loaded, copy.deepcopy(teacher), pickle.loads(pickle.dumps(teacher))):
        assert twin.updates == 1
        assert twin.momentum == teacher.momentum
        for found, wanted in zip(twin.state_dict().values(), teacher.state_dict().values(), strict=True):
            assert torch.equal(found, wanted)


def test_a_student_of_half_precision_has_a_teacher_of_single(rng: torch.Generator) -> None:
    student = nn.Linear(3, 2).to(torch.bfloat16)
    with pytest.raises(wald.DtypeError, match=r"bfloat16.* step of 0\.004 .*Teacher\(student\)\.float\(\)"):
        wald.Teacher(student).update(student)
    teacher = wald.Teacher(student, momentum=0.996).float()
    with torch.no_grad():
        student.weight += 1
    before = teacher.module.weight.clone()
    teacher.update(student)
    torch.testing.assert_close(teacher.module.weight, torch.lerp(before, student.weight.float(), 0.004))
    exact = wald.Teacher(student, momentum=0.0)
    exact.update(student)  # a plain copy loses nothing


def test_weights_that_are_shared_stay_shared(rng: torch.Generator) -> None:
    student = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    student[1].weight = student[0].weight
    teacher = wald.Teacher(student, momentum=0.5)
    with torch.no_grad():
        student[0].weight += 1
    teacher.update(student)
    assert teacher.module[1].weight is teacher.module[0].weight
    torch.testing.assert_close(teacher.module[0].weight, student[0].weight - 0.5)


def test_a_student_that_cannot_be_copied_is_told_what_to_do(rng: torch.Generator) -> None:
    student = nn.Linear(3, 2)
    student.kept = student.weight * 2  # a tensor with a graph
    with pytest.raises(TypeError, match=r"no copy of Linear can be made: .*twin=build\(\)"):
        wald.Teacher(student)
    twin = nn.Linear(3, 2)
    teacher = wald.Teacher(student, momentum=0.9, twin=twin)
    x = torch.randn(4, 3, generator=rng)
    assert torch.equal(teacher(x), student(x))
    assert not twin.weight.requires_grad
    with pytest.raises(ValueError, match=r"the first that differ are \(5, 3\) and \(2, 3\)"):
        wald.Teacher(student, twin=nn.Linear(3, 5))


def test_a_student_that_has_changed_is_refused(rng: torch.Generator) -> None:
    student = net()
    teacher = wald.Teacher(student)
    student.append(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="6 parameters and the student 8; the first ones are alike"):
        teacher.update(student)


def test_a_teacher_cannot_follow_what_it_is_part_of() -> None:
    student = nn.Linear(3, 2)
    student.teacher = wald.Teacher(student)
    with pytest.raises(ValueError, match="itself part of the student"):
        student.teacher.update(student)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"momentum": 1.5}, r"momentum must be a number from 0 to 1, got 1\.5"),
        ({"steps": 0}, "steps must be a whole number from 1 on, got 0"),
        ({"buffers": "mean"}, r"buffers must be .* got 'mean'"),
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        wald.Teacher(nn.Linear(3, 2), **fields)


def test_a_mean_teacher_is_steadier_than_its_student(rng: torch.Generator) -> None:
    """Weights learned from noisy labels move around the truth; their average lies nearer to it."""
    truth, student = torch.tensor([[1.0, -2.0, 0.5]]), nn.Linear(3, 1, bias=False)
    teacher, loss = wald.Teacher(student, momentum=0.98), wald.Squared()
    optimiser = torch.optim.SGD(student.parameters(), lr=0.1)
    far: list[tuple[float, float]] = []
    for step in range(300):
        x = torch.randn(8, 3, generator=rng)
        y = (x @ truth.mT).squeeze(-1) + torch.randn(8, generator=rng)
        optimiser.zero_grad()
        loss(student(x).squeeze(-1), y).backward()
        optimiser.step()
        teacher.update(student)
        if step > 200:
            far.append(((student.weight - truth).norm().item(), (teacher.module.weight - truth).norm().item()))
    own, averaged = (sum(each) / len(each) for each in zip(*far, strict=True))
    assert averaged < 0.6 * own
