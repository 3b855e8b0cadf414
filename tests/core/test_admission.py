"""Refusals say what was seen, why it matters and what to write instead; healthy calls are never refused."""

from __future__ import annotations

import pytest
import torch

import wald

SQUARED = wald.Squared()


@pytest.mark.parametrize(
    ("a", "b", "fix"),
    [
        ((5, 1), (5,), "target.unsqueeze(-1) or prediction.squeeze(-1)"),
        ((5,), (5, 1), "prediction.unsqueeze(-1) or target.squeeze(-1)"),
        ((1, 5), (4, 5), "prediction.expand(4, 5)"),
        ((4, 5), (), "target.expand(4, 5)"),
        ((3,), (4,), "same batch"),
    ],
)
def test_shapes_that_differ(a: tuple[int, ...], b: tuple[int, ...], fix: str) -> None:
    with pytest.raises(wald.ShapeError) as caught:
        SQUARED(torch.zeros(a), torch.zeros(b))
    said = str(caught.value)
    assert fix in said
    assert str(a) in said
    assert str(b) in said


def test_the_shape_fixes_work() -> None:
    column, row = torch.ones(5, 1), torch.ones(5)
    assert SQUARED(column, row.unsqueeze(-1)) == SQUARED(column.squeeze(-1), row)
    assert SQUARED(torch.ones(1, 5).expand(4, 5), torch.ones(4, 5)) == 0


def test_swapped_arguments_are_told_apart() -> None:
    with pytest.raises(wald.DtypeError, match="look swapped"):
        SQUARED(torch.tensor([1, 2]), torch.tensor([0.1, 0.2]))


def test_integer_predictions_are_refused() -> None:
    with pytest.raises(wald.DtypeError, match=r"prediction\.float\(\)"):
        SQUARED(torch.tensor([1, 2]), torch.tensor([1, 2]))


def test_integer_targets_are_numbers() -> None:
    assert SQUARED(torch.tensor([1.0, 2.0]), torch.tensor([1, 3])).item() == 0.5


def test_complex_and_foreign_inputs_are_refused() -> None:
    with pytest.raises(wald.DtypeError, match="complex"):
        SQUARED(torch.zeros(2), torch.zeros(2, dtype=torch.complex64))
    with pytest.raises(wald.DtypeError, match=r"torch\.as_tensor\(target\)"):
        SQUARED(torch.zeros(2), [0.0, 1.0])  # pyright: ignore[reportArgumentType]


def test_double_targets_do_not_lose_their_digits() -> None:
    assert SQUARED(torch.zeros(1), torch.full((1,), 0.1, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("name", ["mask", "weight"])
def test_masks_and_weights_have_the_shape_of_the_batch(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} \(4,\) must have the shape of the batch, \(4, 3\)"):
        SQUARED(torch.zeros(4, 3), torch.zeros(4, 3), **{name: torch.ones(4).bool()})


def test_a_float_mask_is_a_weight() -> None:
    with pytest.raises(TypeError, match="weight="):
        SQUARED(torch.zeros(2), torch.zeros(2), mask=torch.ones(2))


def test_an_integer_mask_keeps_its_ones() -> None:
    x = torch.tensor([1.0, 5.0])
    assert SQUARED(x, torch.zeros(2), mask=torch.tensor([1, 0])).item() == 1


def test_negative_weights_are_refused() -> None:
    with pytest.raises(wald.DomainError, match=r"weight contains -1"):
        SQUARED(torch.zeros(2), torch.zeros(2), weight=torch.tensor([1.0, -1.0]))


def test_inputs_by_the_wrong_name() -> None:
    with pytest.raises(TypeError, match="has no input y_pred"):
        wald.DPO()(y_pred=torch.zeros(2))
    with pytest.raises(TypeError, match="rejected, reference_chosen and reference_rejected are missing"):
        wald.DPO()(chosen=torch.zeros(2))


def test_class_ids_out_of_range_name_the_cause() -> None:
    loss, logits = wald.CrossEntropy(), torch.randn(4, 3)
    with pytest.raises(wald.DomainError, match=r"start at 1\? Use target - 1"):
        loss(logits, torch.tensor([1, 2, 3, 3]))
    with pytest.raises(wald.DomainError, match=r"contains 255.*mask=target != 255"):
        loss(logits, torch.tensor([1, 2, 255, 0]))
    with pytest.raises(wald.DomainError, match=r"contains -1"):
        loss(logits, torch.tensor([1, 2, -1, 0]))


def test_channels_first_is_recognised() -> None:
    with pytest.raises(wald.ShapeError, match=r"CrossEntropy\(axis=1\)"):
        wald.CrossEntropy()(torch.randn(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.int64))


def test_float_class_ids_are_recognised() -> None:
    with pytest.raises(wald.ShapeError, match=r"target\.long\(\)"):
        wald.CrossEntropy()(torch.randn(4, 3), torch.zeros(4))


def test_soft_targets_that_do_not_add_up() -> None:
    with pytest.raises(wald.DomainError, match="adds up to 2"):
        wald.CrossEntropy()(torch.randn(2, 2), torch.ones(2, 2))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_every_integer_type_is_an_id(dtype: torch.dtype) -> None:
    logits, ids = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    assert wald.CrossEntropy()(logits, ids.to(dtype)) == wald.CrossEntropy()(logits, ids)


def test_value_checks_can_be_switched_off_and_come_back() -> None:
    wild = torch.zeros(2), torch.tensor([0.0, 255.0])
    with wald.value_checks(False):
        assert wald.BinaryCrossEntropy()(*wild).isfinite()
    with pytest.raises(wald.DomainError):
        wald.BinaryCrossEntropy()(*wild)


@pytest.mark.slow
def test_the_compiler_meets_no_value_check() -> None:
    loss = wald.BinaryCrossEntropy()
    compiled = torch.compile(lambda z, y: loss(z, y), fullgraph=True, backend="aot_eager")
    assert compiled(torch.zeros(2), torch.tensor([0.0, 255.0])).isfinite()


def test_a_rare_value_in_a_large_tensor_is_met_if_it_is_not_rare() -> None:
    target = torch.zeros(1000, 1000)
    target[::25] = 255
    with pytest.raises(wald.DomainError, match="255"):
        wald.BinaryCrossEntropy()(torch.zeros(1000, 1000), target)


def test_random_logits_are_never_taken_for_probabilities(rng: torch.Generator) -> None:
    loss = wald.CrossEntropy()
    for trial in range(4000):
        rows, classes = 1 + trial % 5, 2 + trial % 4
        dtype = (torch.float32, torch.float64, torch.bfloat16, torch.float16)[trial % 4]
        loss(torch.rand(rows, classes, generator=rng).to(dtype), torch.zeros(rows, dtype=torch.int64))


def test_softmax_outputs_are_always_taken_for_probabilities(rng: torch.Generator) -> None:
    loss = wald.CrossEntropy()
    for trial in range(500):
        rows, classes = 1 + trial % 9, 3 + trial % 20
        softmax = (torch.randn(rows, classes, generator=rng) * (1 + trial % 7)).softmax(-1)
        with pytest.raises(wald.DomainError, match="look like probabilities"):
            loss(softmax, torch.zeros(rows, dtype=torch.int64))
