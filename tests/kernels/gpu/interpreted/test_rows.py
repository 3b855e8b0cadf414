"""Cross-entropy of rows as the GPU computes it: value, statistics and gradient against fp64."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from wald.kernels.gpu.rows import Features, Upstream, gradient_of, rows_in_place, rows_of
from wald.kernels.gpu.tiles import tile

from .exact import Batch, batch, close, exact, hold

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, for -inf - -inf and the like


@pytest.mark.parametrize("full", [False, True], ids=["plain", "all features"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize(
    ("rows", "classes"),
    [(67, 7), *(pytest.param(*shape, marks=pytest.mark.slow) for shape in [(4, 1), (9, 128), (5, 1001), (3, 33001)])],
)
def test_rows_are_right(rows: int, classes: int, dtype: torch.dtype, full: bool) -> None:
    hold(batch(rows, classes, dtype, full=full))


def test_a_row_longer_than_a_block_is_right() -> None:
    given = batch(2, 16500, full=True)
    assert not tile(16500, heavy=True).whole
    hold(given)


def test_the_largest_logit_may_come_last() -> None:
    given = batch(2, 16500)
    given.logits[0, -1], given.logits[1, 0] = 20.0, 20.0
    hold(replace(given, features=Features(label_smoothing=0.1)))


@pytest.mark.slow
def test_a_long_plain_row_is_right() -> None:
    assert not tile(40001).whole
    hold(batch(2, 40001))


@pytest.mark.parametrize(
    "only",
    [
        {"label_smoothing": 0.2},
        {"z_loss": 0.1},
        {"softcap": 5.0},
        {"class_weight": torch.rand(23) + 0.1},
        {"row_weight": torch.tensor([0.5, 0.0, 2.0])},
        {"temperature": torch.tensor([0.5, 1.0, 3.0])},
    ],
    ids=lambda only: next(iter(only)),
)
def test_each_feature_alone_is_right(only: dict[str, object]) -> None:
    hold(replace(batch(3, 23), features=Features(**only)))


def test_in_place_overwrites_the_logits_alone() -> None:
    hold(batch(5, 33, full=True), in_place=True)


def test_in_place_refuses_a_view() -> None:
    with pytest.raises(ValueError, match="rows_of"):
        rows_in_place(torch.zeros(4, 6)[:, :3], torch.zeros(4, dtype=torch.int64))


def test_what_cannot_occur_has_no_part() -> None:
    given = batch(4, 40, full=False)
    given.logits[:, 5:9] = -torch.inf
    given.logits[0, :20] = -torch.inf
    given = replace(
        given,
        target=torch.tensor([30, 1, 2, 3]),
        features=Features(label_smoothing=0.1, class_weight=torch.rand(40) + 0.1),
        upstream=Upstream(loss=torch.tensor(0.3), entropy=torch.ones(4)),
    )
    hold(given)
    gradient = torch.empty(4, 40)
    rows_of(given.logits, given.target, given.features, gradient=gradient)
    assert (gradient[:, 5:9] == 0).all()


def test_a_first_block_of_impossible_classes_is_no_nan() -> None:
    given = batch(1, 9000)
    given.logits[:, :8500] = -torch.inf
    hold(replace(given, target=torch.tensor([8700]), features=Features(label_smoothing=0.1)))


def test_what_is_not_a_number_stays_none() -> None:
    given = batch(5, 30)
    given.logits[0, 3] = torch.nan
    given.logits[1, 4] = torch.inf
    given.logits[2] = -torch.inf
    given.logits[3, int(given.target[3])] = -torch.inf  # impossible, and true
    gradient = torch.empty(5, 30)
    value = rows_of(given.logits, given.target, gradient=gradient).value
    assert value[:3].isnan().all()
    assert gradient[:2].isnan().any(-1).all()
    assert value[3] == torch.inf
    assert gradient[3].isfinite().all()
    close(value[4:], exact(given).value[4:])


def refused(ids: list[int], features: Features) -> None:
    """Rows with these ids, which are no classes, and a last one that is right."""
    given = batch(len(ids) + 1, 30)
    target = torch.tensor([*ids, int(given.target[-1])])
    gradient = torch.empty(given.logits.shape)
    found = rows_of(given.logits, target, features, gradient=gradient)
    assert found.value[:-1].isnan().all()
    assert gradient[:-1].isnan().all()
    assert found.value[-1].isfinite()
    assert gradient[-1].isfinite().all()


@pytest.mark.parametrize("features", [Features(), Features(class_weight=torch.ones(30), label_smoothing=0.1)])
def test_an_id_that_is_no_class_is_not_a_number_and_reads_nothing(features: Features) -> None:
    refused([30, -1, 1 << 40, -(1 << 40)], features)


def test_a_large_offset_costs_no_digits() -> None:
    given = batch(3, 50)
    moved = replace(given, logits=(given.logits.round(decimals=1) * 8).round() / 8 + 8192.0)
    features = Features(label_smoothing=0.1)
    value = rows_of(moved.logits, moved.target, features).value
    torch.testing.assert_close(
        value, rows_of(moved.logits - 8192.0, moved.target, features).value, rtol=1e-6, atol=1e-6
    )


def test_a_text_without_its_last_position_is_not_copied() -> None:
    text = torch.randn(3, 5, 17)
    shifted = text[:, :-1]
    target = torch.randint(17, (3, 4))
    gradient = torch.empty(3, 4, 17)
    found = rows_of(shifted, target, gradient=gradient)
    dense = Batch(shifted.reshape(-1, 17), target.reshape(-1), Features())
    close(found.value, exact(dense).value)
    close(gradient.reshape(-1, 17), exact(dense).gradient)


def test_offsets_are_wider_than_32_bits() -> None:
    # The memory between the rows is never touched, and so never there; before them lies as much, where a sum that
    # overflows would end up.
    try:
        memory = torch.empty((1 << 32) + 128, dtype=torch.float16)
    except RuntimeError:
        pytest.skip("this machine does not promise 8 GiB of memory that nobody will use")
    given = batch(4, 33, torch.float16)
    far = memory.as_strided((4, 33), (715_827_900, 1), 1 << 31)
    far.copy_(given.logits)
    hold(replace(given, logits=far))


def test_weights_of_a_later_pass_may_differ() -> None:
    given = batch(4, 20)
    found = rows_of(given.logits, given.target, Features(label_smoothing=0.1))
    above = Features(label_smoothing=0.1, row_weight=torch.tensor([2.0, 0.0, -1.0, 0.5]))
    close(gradient_of(given.logits, given.target, above, found), exact(replace(given, features=above)).gradient)


@pytest.mark.parametrize("name", ["loss", "log_sum_exp", "log_prob", "entropy"])
def test_each_upstream_alone_is_right(name: str) -> None:
    hold(replace(batch(3, 23), upstream=Upstream(**{name: torch.tensor([1.5, 0.0, -2.0])})))


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(rows: int) -> None:
    found = rows_of(torch.zeros(rows, 4), torch.zeros(rows, dtype=torch.int64), gradient=torch.empty(rows, 4))
    assert found.value.shape == (rows,)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.uint8], ids=str)
def test_ids_of_any_integer_type(dtype: torch.dtype) -> None:
    given = batch(3, 20)
    assert torch.equal(rows_of(given.logits, given.target.to(dtype)).value, rows_of(given.logits, given.target).value)


def test_statistics_that_were_not_kept_are_not_made_up() -> None:
    with pytest.raises(ValueError, match="keep=True"):
        _ = rows_of(torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64), keep=False).log_sum_exp
