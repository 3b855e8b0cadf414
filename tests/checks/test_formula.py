"""The formula on a card against the loss: for ids and for probabilities, and where examples meet."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald
from wald.cards import Formula
from wald.cards.vocabulary import VOCABULARY
from wald.checks.measured import Measured
from wald.checks.rules import formula
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.draw import draw, variants
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


class WeighedByRows(wald.CrossEntropy):
    """The mean divides by the number of examples, where the card says by their class weights."""

    def share(self, *inputs: Tensor) -> Tensor | None:
        return None


class MeetsThoseLeftOut(wald.PairwiseLogistic):
    """An example that a mask leaves out is still met by the others."""

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        return super().per_example(prediction, target)


class WrongAtZero(wald.Squared):
    """Another loss where the target is hit."""

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return torch.where(prediction == target, torch.ones_like(target), (prediction - target).square())


@pytest.mark.parametrize("loss", [RightOfIdsOnly(), OtherWayRound(), WrongAtZero()], ids=repr)
def test_a_loss_that_is_not_its_formula_is_failed(loss: wald.Loss) -> None:
    assert found(loss).state == "fail"
    assert "the formula on its card gives" in found(loss).says


def test_a_mean_that_is_not_by_the_shares_on_the_card_is_failed() -> None:
    said = found(WeighedByRows(class_weight=(1.0, 2.0, 3.0, 4.0)))
    assert said.state == "fail"
    assert "by the shares on its card a weighted mean is" in said.says


def test_an_example_that_meets_those_who_are_left_out_is_failed() -> None:
    said = found(MeetsThoseLeftOut())
    assert said.state == "fail"
    assert "in a batch without those that it leaves out" in said.says


@pytest.mark.parametrize("kind", wald.catalogue(), ids=lambda kind: kind.__name__)
def test_a_loss_with_a_share_says_it_on_its_card(kind: type[wald.Loss]) -> None:
    for loss in variants(kind):
        share = loss.share(*draw(loss, 6, torch.Generator().manual_seed(0), classes=4))
        assert (share is None) == (loss.card.share is None)


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


@pytest.mark.parametrize("size", [1, 2, 5, 6, 8])
def test_fourier_is_that_of_torch(size: int) -> None:
    x = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(size))
    told = VOCABULARY["fourier"](x.tolist())
    torch.testing.assert_close(torch.tensor(told, dtype=torch.complex128), torch.fft.fft(x))
    again = VOCABULARY["fourier"](told)  # of complex numbers, of which no half mirrors the other
    torch.testing.assert_close(torch.tensor(again, dtype=torch.complex128), torch.fft.fft(torch.fft.fft(x)))


def test_inverse_is_that_of_torch() -> None:
    matrix = torch.tensor([[0.0, 2.0, 1.0], [1.0, 1.0, 0.0], [3.0, 0.0, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(
        torch.tensor(VOCABULARY["inverse"](matrix.tolist()), dtype=torch.float64), matrix.inverse()
    )


def test_what_a_falling_function_is_0_at() -> None:
    assert Formula("solve(lambda x: 2 - x**2, 0, 5)")() == pytest.approx(2**0.5, rel=1e-15)


def test_windows_are_those_of_an_image_in_its_order() -> None:
    image = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert VOCABULARY["windows"](image, 2, 2) == [[[1.0, 2.0, 4.0, 5.0], [2.0, 3.0, 5.0, 6.0]]]
    assert VOCABULARY["windows"](image, 1, 3) == [[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]


def test_a_vector_without_a_direction_stays_as_it_is() -> None:
    assert VOCABULARY["unit"]([0.0, 0.0]) == [0.0, 0.0]
    assert VOCABULARY["unit"]([3.0, 4.0]) == [0.6, 0.8]
