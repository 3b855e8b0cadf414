"""Which way minimising leads: towards the targets, or away from them where a sign is turned."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.cards import BinaryTarget, Logits, Vector
from wald.checks.behaviour.direction import Direction, measure_direction
from wald.checks.measured import Measured
from wald.checks.rules.rule import regression, squared_error
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject
from wald.checks.subjects.target import resolve

from . import known
from .known_statistics import OUTPUTS
from .test_reduction import dice, pearson
from .test_vector_statistic import of_outputs


def subject_for(loss: object) -> Subject:
    found = subject_of(resolve(loss))
    assert isinstance(found, Subject)
    return Measured(found).subject


def rows(loss: known.Loss, target: wald.cards.Domain = Vector, task: str = "regression") -> Subject:
    domains = (("prediction", Vector), ("target", target))
    return Subject(name="rows", recipe="", call=loss, task=task, domains=domains)


def turned(subject: Subject) -> Subject:
    """The same loss with its sign turned."""
    each = None if subject.loss is None and subject.each is None else lambda *inputs: -subject.values(*inputs)
    return replace(subject, call=lambda *inputs: -subject.call(*inputs), each=each, loss=None)


def masks(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t)


SUBJECTS: dict[str, Subject] = {
    "numbers": regression(squared_error),
    "labels": subject_for(F.binary_cross_entropy_with_logits),
    "classes": subject_for(F.cross_entropy),
    "distributions": subject_for(wald.KLDivergence()),
    "rows": rows(F.mse_loss),
    "masks": rows(masks, BinaryTarget.of("features"), "multilabel"),
    "correlation": replace(regression(pearson), whole=True),
    "root": replace(regression(known.STATISTICS["root mean squared error"][0]), whole=True),
    "Dice of a batch": replace(subject_for(F.binary_cross_entropy_with_logits), call=dice, each=None, whole=True),
    "classes that meet": replace(subject_for(F.cross_entropy), each=None, whole=True),
    "preferences": subject_for(wald.BradleyTerry()),
    "preferences against a reference": subject_for(wald.DPO()),
    "triplets": subject_for(wald.Triplet()),
    "pairs in a batch": subject_for(wald.InfoNCE()),
    "mean and variance": subject_for(wald.GaussianNLL()),
    "mean and scale": subject_for(wald.GaussianNLL(scale="log_std")),
    "quantiles": subject_for(wald.Pinball(level=(0.1, 0.5, 0.9))),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_sign_that_is_turned_is_seen(name: str) -> None:
    right, wrong = measure_direction(SUBJECTS[name]), measure_direction(turned(SUBJECTS[name]))
    assert right.away is not None
    assert right.away < 0.5
    assert not right.wrong
    assert wrong.wrong
    assert wrong.away is not None
    assert wrong.away > 0.5
    assert len(wrong.inputs) == 2


@pytest.mark.parametrize("name", OUTPUTS)
def test_no_loss_of_several_outputs_is_accused(name: str) -> None:
    loss, size, positive, _ = OUTPUTS[name]
    assert not measure_direction(of_outputs(loss, size, positive=positive)).wrong


@pytest.mark.parametrize("loss", [wald.GANDiscriminator(), wald.GANGenerator(), wald.ContrastivePair()], ids=repr)
def test_where_no_way_is_right_nothing_is_said(loss: wald.Loss) -> None:
    assert measure_direction(subject_for(loss)) == Direction(
        away=None, why="which way is right cannot be told from its inputs", meaningless=True
    )


def test_logits_of_classes_are_led_to_the_class() -> None:
    def shifted(z: Tensor, ids: Tensor) -> Tensor:
        return F.cross_entropy(-z, ids)

    domains = (("prediction", Logits), ("target", wald.cards.ClassId))
    found = measure_direction(Subject(name="", recipe="", call=shifted, task="multiclass", domains=domains))
    assert found.wrong
    assert torch.equal(found.inputs[0][1], found.inputs[1][1])
