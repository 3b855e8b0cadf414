"""How far a loss can be computed, in each dtype."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.rules.rule import binary, regression
from wald.checks.shape.magnitudes import DTYPES, Range, measure_range
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject
from wald.checks.subjects.target import resolve


def ranges(loss: object) -> dict[torch.dtype, Range]:
    subject = subject_of(resolve(loss))
    assert isinstance(subject, Subject)
    return {dtype: measure_range(subject, dtype) for dtype in DTYPES}


def written_out(z: Tensor, t: Tensor) -> Tensor:
    return (torch.log(1 + torch.exp(z)) - t * z).mean()


def test_an_exponential_overflows_where_the_dtype_ends() -> None:
    places = {torch.float64: 709.78, torch.float32: 88.72, torch.bfloat16: 88.72, torch.float16: 11.09}
    for dtype, found in ranges(written_out).items():
        assert found.overflow is not None
        assert found.overflow.magnitude == pytest.approx(places[dtype], rel=0.01)


def test_what_overflows_of_itself_is_no_fault() -> None:
    found = ranges(F.poisson_nll_loss)[torch.float32]
    assert found.overflow is None
    assert found.intrinsic is not None
    assert found.intrinsic.magnitude == pytest.approx(88.7, rel=0.01)
    squares = ranges(F.mse_loss)[torch.float16]
    assert squares.overflow is None
    assert squares.intrinsic is not None
    assert squares.intrinsic.magnitude == pytest.approx(256, rel=0.02)


@pytest.mark.parametrize(
    "loss", [F.binary_cross_entropy_with_logits, F.huber_loss, F.cross_entropy, F.binary_cross_entropy]
)
def test_stable_forms_are_in_order_everywhere(loss: object) -> None:
    for found in ranges(loss).values():
        assert (found.overflow, found.broken, found.dead, found.refused) == (None, None, None, "")


def test_a_gradient_dies_where_a_sigmoid_saturates() -> None:
    def loss(z: Tensor, t: Tensor) -> Tensor:
        return F.binary_cross_entropy(torch.sigmoid(z), t)

    found = {dtype: measure_range(binary(loss), dtype) for dtype in (torch.float32, torch.bfloat16)}
    for dtype, place in ((torch.float32, 16.64), (torch.bfloat16, 6.24)):
        dead = found[dtype].dead
        assert dead is not None
        assert dead.magnitude == pytest.approx(place, rel=0.01)


def test_a_gradient_that_is_nan_beside_a_finite_value_is_found() -> None:
    def clamped(x: Tensor, y: Tensor) -> Tensor:
        return torch.clamp((x - y).exp() - 1, max=10).mean()

    found = measure_range(regression(clamped), torch.float32)
    assert found.broken is not None
    assert found.broken.magnitude < 100
    assert found.broken.value == pytest.approx(10, abs=1e-3)


def test_a_slope_too_large_for_any_number_is_no_fault() -> None:
    """Of 1 / p the slope is the square of the value: beside 1e154 it has no place in double precision either."""
    assert ranges(wald.ChiSquared(prediction_space="probabilities"))[torch.float64].broken is None


def test_a_dtype_that_is_refused_is_told() -> None:
    found = ranges(F.multi_margin_loss)[torch.float16]
    assert "not implemented" in found.refused
    assert found.overflow is None


def test_a_loss_whose_examples_meet_is_measured_by_the_batch() -> None:
    def root(x: Tensor, y: Tensor) -> Tensor:
        return (x - y).square().mean().sqrt()

    found = measure_range(regression(root, whole=True), torch.float16)
    assert found.overflow is not None
    assert 250 < found.overflow.magnitude < 260
    assert found.overflow.truth < 65504
    assert len(found.overflow.inputs[0]) > 1
