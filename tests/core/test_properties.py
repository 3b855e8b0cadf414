"""What every loss of the catalogue promises, written once and held for each."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.func import grad, jvp, vmap

import wald

from ..catalogue import CASES, DEFAULTS, PROOFS, SEPARABLE, batch_of, broken, in_core, leaf

every = pytest.mark.parametrize("loss", CASES, ids=repr)
separable = pytest.mark.parametrize("loss", SEPARABLE, ids=repr)

#: What is dearer: all losses at their defaults, and the other settings with the slow tests.
dear = pytest.mark.parametrize("loss", PROOFS)

ROWS = 6
ODD = torch.arange(ROWS) % 2 == 1


def same(a: Tensor | None, b: Tensor | None, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@every
def test_what_is_masked_reaches_neither_value_nor_gradient(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    first, *rest = broken(loss, inputs, ODD)
    dirty, clean = leaf(first), leaf(inputs[0])
    value = loss(dirty, *rest, mask=~ODD)
    value.backward()
    wanted = loss(clean, *inputs[1:], mask=~ODD)
    wanted.backward()
    same(value, wanted)
    assert dirty.grad is not None
    assert (dirty.grad[ODD] == 0).all()
    same(dirty.grad, clean.grad)


@every
def test_a_masked_row_is_a_removed_row(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    same(loss(*inputs, mask=~ODD), loss(*(x[~ODD] for x in inputs)))


@every
def test_weight_zero_removes_a_row_and_gradient(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    first, *rest = broken(loss, inputs, ODD)
    same(loss(first, *rest, weight=(~ODD).double()), loss(*(x[~ODD] for x in inputs)))


@separable
def test_weight_k_is_k_copies(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (3,), rng)
    copies = torch.tensor([1, 3, 2])
    same(loss(*inputs, weight=copies.double()), loss(*(x.repeat_interleave(copies, 0) for x in inputs)))


@every
def test_a_loss_says_whether_its_rows_meet(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    together = loss(*inputs, reduction="none")[:2]
    alone = loss(*(x[:2] for x in inputs), reduction="none")
    assert torch.allclose(together, alone) == (loss.card.coupling == "separable")


@every
def test_reductions_are_one_another(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    each = loss(*inputs, reduction="none")
    assert each.shape[0] == ROWS
    same(loss(*inputs, reduction="sum"), each.sum())
    same(loss(*inputs, normalizer="rows"), each.mean())
    same(loss(*inputs, normalizer=5.0), each.sum() / 5)
    same(loss(*inputs, reduction=wald.TrimmedMean(0.0)), each.mean())
    same(loss(*inputs, reduction=wald.CVaR(1e-9)), each.max())


@dear
@pytest.mark.parametrize("rows", [0, ROWS])
def test_a_mean_of_nothing_follows_the_policy(loss: wald.Loss, rows: int, rng: torch.Generator) -> None:
    first, *rest = batch_of(loss, (rows,), rng)
    nobody = torch.zeros(rows, dtype=torch.bool)
    prediction = leaf(first)
    value = loss(prediction, *rest, mask=nobody)
    value.backward()
    assert value.item() == 0
    assert prediction.grad is not None
    assert (prediction.grad == 0).all()
    assert loss(first, *rest, mask=nobody, empty="nan").isnan()
    assert loss.tally(first, *rest, mask=nobody).count == 0
    with pytest.raises(wald.EmptyBatchError, match="nothing to average"):
        loss(first, *rest, mask=nobody, empty="raise")


@dear
def test_functional_transforms_agree_with_autograd(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = batch_of(loss, (ROWS,), rng)
    prediction = leaf(first)
    loss(prediction, *rest).backward()
    assert prediction.grad is not None
    same(grad(lambda x: loss(x, *rest))(first), prediction.grad)
    direction = torch.randn(first.shape, generator=rng, dtype=first.dtype)
    _, slope = jvp(lambda x: loss(x, *rest), (first,), (direction,))
    same(slope, (prediction.grad * direction).sum(), 1e-10)


@dear
def test_vmap_is_a_loop(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (3, ROWS), rng)
    if any(x.ndim and x.shape[:2] != (3, ROWS) for x in inputs):
        pytest.skip("this layout has its batch axes elsewhere; the plain layout is tested")
    looped = torch.stack([loss(*(x[i] for x in inputs), reduction="none") for i in range(3)])
    same(vmap(lambda *x: loss(*x, reduction="none"))(*inputs), looped)
    same(vmap(loss.per_example)(*inputs), looped)


#: Losses of whole images, sequences and clouds of points. Entry by entry, three of them took half the time of all.
TABLES = [loss for loss in DEFAULTS if len(loss.named_domains[0][1].axes) > 1]


def differentiates_twice(loss: wald.Loss, rng: torch.Generator, *, fast_mode: bool) -> bool:
    """Whether both derivatives are what differences say: entry by entry, or along a random direction."""
    first, *rest = batch_of(loss, (3,), rng)

    def value(x: Tensor) -> Tensor:
        return loss(x, *rest)

    return torch.autograd.gradcheck(
        value, (leaf(first),), atol=1e-5, rtol=1e-3, fast_mode=fast_mode
    ) and torch.autograd.gradgradcheck(value, (leaf(first),), atol=1e-4, rtol=1e-3, fast_mode=fast_mode)


@dear
def test_double_backward(loss: wald.Loss, rng: torch.Generator) -> None:
    assert differentiates_twice(loss, rng, fast_mode=loss in TABLES)


@pytest.mark.slow
@pytest.mark.parametrize("loss", TABLES, ids=repr)
def test_double_backward_of_tables_entry_by_entry(loss: wald.Loss, rng: torch.Generator) -> None:
    assert differentiates_twice(loss, rng, fast_mode=False)


@pytest.mark.parametrize("loss", [one for one in PROOFS if one.values[0] in SEPARABLE])
def test_gradient_and_hessian_are_those_of_the_sum(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = batch_of(loss, (3,), rng)
    gradient, diagonal = wald.gradient_and_hessian(loss, first, *rest)
    whole = torch.func.hessian(lambda x: loss(x, *rest, reduction="sum"))(first)
    size = first.numel()
    same(gradient, grad(lambda x: loss(x, *rest, reduction="sum"))(first), 1e-10)
    same(diagonal.reshape(-1), whole.reshape(size, size).diagonal(), 1e-9)


@dear
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
def test_half_precision_computes_in_single(loss: wald.Loss, dtype: torch.dtype, rng: torch.Generator) -> None:
    inputs = tuple(x.to(dtype) if x.is_floating_point() else x for x in batch_of(loss, (ROWS,), rng))
    with wald.value_checks(False):  # rounding may leave a domain by half a step
        first, *rest = inputs
        narrow, wide = leaf(first), leaf(first.double())
        value = loss(narrow, *rest)
        value.backward()
        truth = loss(wide, *(x.double() if x.is_floating_point() else x for x in rest))
        truth.backward()
    assert value.dtype == torch.float32
    same(value.double(), truth, 1e-4)
    assert narrow.grad is not None
    assert narrow.grad.dtype == dtype
    step = max(torch.finfo(dtype).eps, 1e-5)
    same(narrow.grad.double(), wide.grad, 8 * step)


@dear
def test_autocast_changes_nothing(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = tuple(x.float() if x.is_floating_point() else x for x in batch_of(loss, (ROWS,), rng))
    alone = loss(*inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        same(loss(*inputs), alone, 0)


@dear
def test_layout_in_memory_changes_nothing(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    strided = tuple(torch.stack([x, x], -1)[..., 0] for x in inputs)
    expanded = tuple(x[:1].expand(x.shape) for x in inputs)
    same(loss(*strided), loss(*inputs))
    same(loss(*expanded), loss(*(x.clone() for x in expanded)))


@every
def test_inputs_are_never_written_to(loss: wald.Loss, rng: torch.Generator) -> None:
    first, *rest = batch_of(loss, (ROWS,), rng)
    inputs = (leaf(first), *rest)
    before = [x.detach().clone() for x in inputs]
    loss(*inputs, mask=~ODD).backward()
    for x, was in zip(inputs, before, strict=True):
        assert torch.equal(x.detach(), was)


@every
def test_calls_repeat_and_leave_randomness_alone(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    state = torch.get_rng_state()
    assert torch.equal(loss(*inputs), loss(*inputs))
    assert torch.equal(torch.get_rng_state(), state)


@every
def test_inputs_may_be_named(loss: wald.Loss, rng: torch.Generator) -> None:
    inputs = batch_of(loss, (ROWS,), rng)
    names = [name for name, _ in loss.named_domains]
    same(loss(**dict(zip(names, inputs, strict=True))), loss(*inputs), 0)


@every
def test_an_extra_axis_is_refused_in_one_sentence(loss: wald.Loss, rng: torch.Generator) -> None:
    if len(loss.named_domains) == 1:
        pytest.skip("one input has nothing to line up with")
    first, *rest = batch_of(loss, (ROWS,), rng)
    with pytest.raises((wald.ShapeError, wald.DtypeError)) as caught:
        loss(first.unsqueeze(1), *rest)
    assert type(loss).__name__ in str(caught.value)
    assert str(tuple(first.unsqueeze(1).shape)) in str(caught.value)


@every
def test_a_loss_is_a_value(loss: wald.Loss) -> None:
    for twin in (
        pickle.loads(pickle.dumps(loss)),
        copy.deepcopy(loss),
        wald.from_dict(loss.to_dict()),
        wald.parse(repr(loss)),
        loss.replace(),
    ):
        assert twin == loss
        assert hash(twin) == hash(loss)
        assert twin.id == loss.id
        assert repr(twin) == repr(loss)
    assert loss.to("cpu") is loss


@pytest.mark.slow
def test_an_id_is_the_same_in_another_process() -> None:
    code = "import wald; print(wald.Focal(gamma=3).id)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == wald.Focal(gamma=3).id


def test_two_losses_never_share_an_id() -> None:
    assert len({loss.id for loss in CASES}) == len(set(CASES))


# The compiler. What can break is the capture of a graph: held with its gradient at the defaults, and without at the
# other settings, where a field may take another path. The generator of code behind it is torch's own, so that the core
# of the catalogue is enough for it.


@pytest.mark.slow
@pytest.mark.parametrize("loss", DEFAULTS, ids=repr)
def test_value_and_gradient_are_captured_whole_by_the_compiler(loss: wald.Loss, rng: torch.Generator) -> None:
    torch.compiler.reset()
    first, *rest = batch_of(loss, (ROWS,), rng)

    def step(prediction: Tensor, keep: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
        return loss(prediction, *others, mask=keep), loss.tally(prediction, *others, mask=keep).mean.detach()

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    a, b = leaf(first), leaf(first)
    (one, tallied), (two, _) = compiled(a, ~ODD, *rest), step(b, ~ODD, *rest)
    one.backward()
    two.backward()
    same(one, two)
    same(tallied, two)
    same(a.grad, b.grad)


OTHERS = [[loss for loss in CASES if type(loss) is type(plain) and loss != plain] for plain in DEFAULTS]


@pytest.mark.slow
@pytest.mark.parametrize("losses", [some for some in OTHERS if some], ids=lambda losses: type(losses[0]).__name__)
def test_every_setting_is_captured_whole_by_the_compiler(losses: list[wald.Loss], rng: torch.Generator) -> None:
    torch.compiler.reset()
    batches = [batch_of(loss, (ROWS,), rng) for loss in losses]

    def values(batches: list[tuple[Tensor, ...]]) -> list[Tensor]:
        return [loss(*inputs, mask=~ODD) for loss, inputs in zip(losses, batches, strict=True)]

    compiled = torch.compile(values, fullgraph=True, backend="eager")
    for loss, found, wanted in zip(losses, compiled(batches), values(batches), strict=True):
        assert torch.allclose(found, wanted, rtol=1e-12, atol=1e-12), loss


@pytest.mark.slow
@pytest.mark.parametrize("loss", [loss for loss in DEFAULTS if in_core(loss)], ids=repr)
def test_generated_code_is_the_definition(loss: wald.Loss, rng: torch.Generator) -> None:
    torch.compiler.reset()
    compiled = torch.compile(lambda *x: loss(*x), fullgraph=True, dynamic=True)
    for rows in (ROWS, ROWS + 3):
        inputs = batch_of(loss, (rows,), rng)
        same(compiled(*inputs), loss(*inputs), 1e-10)
