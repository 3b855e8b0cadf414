"""The way of a call to a program and back: what a user calls, with tensors that this machine takes for a GPU's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import wald
from wald.core import implementation
from wald.kernels.eligible import eligible
from wald.kernels.gpu import cross_entropy, elementwise
from wald.kernels.worthwhile import any_size

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

CASES = [
    wald.CrossEntropy(label_smoothing=0.1),
    wald.CrossEntropy(class_weight=(1.0, 2.0, 0.5, 3.0, 1.0), z_loss=0.01),
    wald.NextToken(shift=True),
    wald.Huber(),
    wald.Focal(gamma=1.5),
]
every = pytest.mark.parametrize(
    "loss", [*CASES[1:3], *(pytest.param(loss, marks=pytest.mark.slow) for loss in (CASES[0], *CASES[3:]))], ids=repr
)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (cross_entropy, elementwise):
        monkeypatch.setattr(module, "on_gpu", eligible)
    # Whatever else is registered would take tensors that are in truth the CPU's.
    ours = {kind: [each for each in found if "Triton" in each.name] for kind, found in implementation._TABLE.items()}
    monkeypatch.setattr(implementation, "_TABLE", ours)
    with any_size():
        yield


def leaf(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_()


def inputs(loss: wald.Loss) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(2)
    if isinstance(loss, (wald.CrossEntropy, wald.NextToken)):
        return 2 * torch.randn(3, 4, 5, generator=rng), torch.randint(5, (3, 4), generator=rng)
    return 2 * torch.randn(3, 4, generator=rng), torch.rand(3, 4, generator=rng).round()


@every
def test_it_is_what_runs(loss: wald.Loss) -> None:
    assert "Triton" in wald.which(loss, *inputs(loss))


@every
@pytest.mark.parametrize(
    "options",
    [
        *({}, {"weigh": True}),
        *(
            pytest.param(given, marks=pytest.mark.slow)
            for given in ({"reduction": "sum"}, {"reduction": "none"}, {"weigh": True, "normalizer": 7.0})
        ),
    ],
    ids=str,
)
def test_it_is_the_definition(loss: wald.Loss, options: dict[str, object]) -> None:
    prediction, target = inputs(loss)
    options = dict(options)
    if options.pop("weigh", False):
        options["weight"] = torch.rand(target.shape) + 0.1
        options["mask"] = torch.rand(target.shape) > 0.3
        prediction[~options["mask"]] = 0.0 if isinstance(loss, wald.NextToken) else torch.nan
    ours, right = leaf(prediction), leaf(prediction.double())
    value = loss(ours, target, **options)
    wide = {k: v.double() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in options.items()}
    # fp64 has no program.
    wanted = loss(right, target if not target.is_floating_point() else target.double(), **wide)
    torch.testing.assert_close(value.double(), wanted, rtol=1e-5, atol=1e-6)
    upstream = torch.randn(value.shape)
    value.backward(upstream)
    wanted.backward(upstream.double())
    torch.testing.assert_close(ours.grad.double(), right.grad, rtol=1e-5, atol=1e-6)


@every
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_contract_of_autograd(loss: wald.Loss, reduction: str) -> None:
    prediction, target = inputs(loss)
    before = prediction.clone()
    ours, right = leaf(prediction), leaf(prediction.double())
    wide = target.double() if target.is_floating_point() else target
    value, wanted = loss(ours, target, reduction=reduction), loss(right, wide, reduction=reduction)
    upstream = torch.rand(value.shape) + 0.5
    (gradient,) = torch.autograd.grad(wanted, right, upstream.double(), create_graph=True)
    for _ in range(2):  # a second backward is the first again
        (again,) = torch.autograd.grad(value, ours, upstream, retain_graph=True)
        torch.testing.assert_close(again.double(), gradient.detach(), rtol=1e-5, atol=1e-6)
    (graph,) = torch.autograd.grad(value, ours, upstream, create_graph=True)
    (second,) = torch.autograd.grad(graph.square().sum(), ours)
    (exact,) = torch.autograd.grad(gradient.square().sum(), right)
    torch.testing.assert_close(second.double(), exact, rtol=1e-4, atol=1e-6)
    assert torch.equal(ours.detach(), before)


def test_fp16_waits_for_what_comes_from_above() -> None:
    # 1 / 65536 of a gradient, made in fp16 before the loss is scaled up, would be 0 or a handful of digits.
    rows = 64
    logits = leaf(torch.randn(rows, 5).half())
    target = torch.randint(5, (rows,))
    value = cross_entropy._mean(wald.CrossEntropy(), logits, target, denominator=65536.0 * 8)
    (value * 65536.0).backward()
    right = leaf(logits.detach().double())
    (wald.CrossEntropy()(right, target, reduction="sum") / 8).backward()
    torch.testing.assert_close(logits.grad.double(), right.grad, rtol=2e-3, atol=1e-6)
    assert value.dtype == torch.float32


def test_what_has_no_program_takes_the_definition() -> None:
    logits, ids = inputs(CASES[0])
    for loss, *tensors in (
        (wald.CrossEntropy(), logits.double(), ids),
        (wald.CrossEntropy(), logits, torch.rand(3, 4, 5).softmax(-1)),
        (wald.CrossEntropy(class_mask=(True,) * 4 + (False,)), logits, ids),
        (wald.CrossEntropy(), logits.transpose(0, 2).contiguous().transpose(0, 2), ids),
        (wald.Huber(), logits, logits.clone().requires_grad_()),
        (wald.Poisson(full=True), logits, logits.abs()),
    ):
        assert "definition" in wald.which(loss, *tensors)
