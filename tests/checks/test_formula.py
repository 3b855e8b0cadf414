"""The formula on a card against the loss: for ids and for probabilities, and where examples meet."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald
from wald.cards import Formula
from wald.checks.measured import Measured
from wald.checks.rules import formula
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.target import resolve
from wald.findings import Finding


def found(loss: wald.Loss) -> Finding:
    subject = subject_of(resolve(loss))
    (finding,) = formula.look(Measured(subject))  # pyright: ignore[reportArgumentType]
    return finding


class RightOfIdsOnly(wald.CrossEntropy):
    """Squared where the target is a distribution."""

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        logp = prediction.log_softmax(-1)
        if target.is_floating_point():
            return -(target.square() * logp).sum(-1)
        return -logp.gather(-1, target.unsqueeze(-1)).squeeze(-1)


class OtherWayRound(wald.InfoNCE):
    """Keys pick queries."""

    def per_example(self, query: Tensor, key: Tensor, *, keep: Tensor | None = None) -> Tensor:
        scores = torch.nn.functional.normalize(query, dim=-1) @ torch.nn.functional.normalize(key, dim=-1).mT
        return torch.nn.functional.cross_entropy(
            scores.mT / self.temperature, torch.arange(len(scores)), reduction="none"
        )


@pytest.mark.parametrize("loss", [RightOfIdsOnly(), OtherWayRound()], ids=repr)
def test_a_loss_that_is_not_its_formula_is_failed(loss: wald.Loss) -> None:
    assert found(loss).state == "fail"
    assert "the formula on its card gives" in found(loss).says


@pytest.mark.parametrize(
    "loss",
    [
        wald.CrossEntropy(),
        wald.CrossEntropy(class_weight=(1.0, 2.0, 3.0, 4.0)),
        wald.Focal(kind="multiclass"),
        wald.InfoNCE(),
        wald.InfoNCE(normalise=False),
        wald.InfoNCE(symmetric=True),
    ],
    ids=repr,
)
def test_the_catalogue_is_its_formulas(loss: wald.Loss) -> None:
    assert found(loss).state == "pass"


def test_where_examples_meet_a_formula_sees_all_of_them() -> None:
    told = Formula("x[i] - mean(x)")(x=[1.0, 2.0, 6.0], i=2)
    assert told == 3.0


def test_vectors_have_words_of_their_own() -> None:
    assert Formula("dot(a, b)")(a=[1.0, 2.0], b=[3.0, 4.0]) == 11.0
    assert Formula("cosine(a, b)")(a=[2.0, 0.0], b=[3.0, 3.0]) == pytest.approx(0.5**0.5)
    assert Formula("cosine(a, b)")(a=[0.0, 0.0], b=[3.0, 3.0]) == 0.0
