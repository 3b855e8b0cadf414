"""The whole contract of autograd: what is asked of eager torch may be asked of a loss of a linear head."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.kernels.heads import linear

from .linear_oracle import head

BOUNDED = wald.Bounded(wald.CrossEntropy(), ceiling=2.0)

#: Ways of calling, each with the same loss from eager torch.
WAYS: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "mean": (
        lambda x, w, b, y: linear(wald.CrossEntropy(), x, w, y, b),
        lambda x, w, b, y: F.cross_entropy(F.linear(x, w, b), y),
    ),
    "none": (
        lambda x, w, b, y: linear(wald.CrossEntropy(), x, w, y, b, reduction="none"),
        lambda x, w, b, y: F.cross_entropy(F.linear(x, w, b), y, reduction="none"),
    ),
    "another loss": (
        lambda x, w, b, y: linear(BOUNDED, x, w, y, b),
        lambda x, w, b, y: BOUNDED(F.linear(x, w, b), y),
    ),
    "entropy": (
        lambda x, w, b, y: linear(wald.CrossEntropy(), x, w, y, b, outputs=("entropy",)).entropy.sum(),
        lambda x, w, b, y: -(F.linear(x, w, b).softmax(-1) * F.linear(x, w, b).log_softmax(-1)).sum(),
    ),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    return WAYS[request.param]


def close(one: Any, two: Any) -> None:
    torch.testing.assert_close(one, two, rtol=2e-5, atol=2e-6)


def test_backward_twice_and_a_third_time(way: Any) -> None:
    x, w, b, y = head()
    ours, theirs = way[0](x, w, b, y), way[1](x, w, b, y)
    for factor in (1.0, 0.25, 3.0):
        pull = torch.full_like(ours, factor) * torch.rand(ours.shape)
        got = torch.autograd.grad(ours, (x, w, b), pull, retain_graph=True)
        close(got, torch.autograd.grad(theirs, (x, w, b), pull, retain_graph=True))


def test_gradients_add_up_in_grad(way: Any) -> None:
    x, w, b, y = head()
    for compute in way:
        for leaf in (x, w, b):
            leaf.grad = None
        value = compute(x, w, b, y).sum()
        value.backward(retain_graph=True)
        kept = [leaf.grad for leaf in (x, w, b)]
        (value * 2).backward()
        if compute is way[0]:
            ours = kept, [leaf.grad.clone() for leaf in (x, w, b) if leaf.grad is not None]
        else:
            close(ours[1], [leaf.grad for leaf in (x, w, b)])


def test_a_gradient_of_the_gradient(way: Any) -> None:
    x, w, b, y = head(7, 5, 6)
    seconds = []
    for compute in way:
        first = torch.autograd.grad(compute(x, w, b, y).sum() * 1.5, (x, w, b), create_graph=True)
        seconds.append(torch.autograd.grad(sum((g * g).sum() for g in first), (x, w, b)))
    close(*seconds)


@pytest.mark.parametrize("graph", [False, True])
def test_tied_weights(graph: bool) -> None:
    _, w, _, y = head(9, 13, 37)
    tokens = torch.randint(37, (9,))
    found = []
    for compute in (
        lambda x: linear(wald.CrossEntropy(), x, w, y),
        lambda x: F.cross_entropy(F.linear(x, w), y),
    ):
        value = compute(torch.tanh(F.embedding(tokens, w)) @ w.T @ w)
        found.append(torch.autograd.grad(value, w, create_graph=graph))
    close(*found)


def test_gradcheck() -> None:
    x, w, b, y = head(3, 2, 4, dtype=torch.float64)
    for names in ((), ("entropy", "log_prob")):

        def compute(*leaves: Tensor, names: tuple[str, ...] = names) -> Any:
            found = linear(
                wald.CrossEntropy(z_loss=0.1), leaves[0], leaves[1], y, leaves[2], softcap=2.0, outputs=names
            )
            return (found.loss, found.entropy, found.log_prob) if names else found

        assert torch.autograd.gradcheck(compute, (x, w, b))
        assert torch.autograd.gradgradcheck(compute, (x, w, b))


@pytest.mark.parametrize("frozen", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2)])
def test_frozen_parts_get_no_gradient_and_the_others_theirs(way: Any, frozen: tuple[int, ...]) -> None:
    x, w, b, y = head()
    leaves = (x, w, b)
    for k in frozen:
        leaves[k].requires_grad_(False)
    live = [leaf for leaf in leaves if leaf.requires_grad]
    got = torch.autograd.grad(way[0](x, w, b, y).sum(), live)
    close(got, torch.autograd.grad(way[1](x, w, b, y).sum(), live))


def test_a_frozen_matrix_is_not_multiplied_by(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w, _, y = head()
    down, up = torch.randn(2, 13, requires_grad=True), torch.zeros(37, 2, requires_grad=True)
    w.requires_grad_(False)
    from wald.kernels.heads.products import Products

    monkeypatch.setattr(Products, "_add_weight", lambda *_: pytest.fail("the gradient of a frozen matrix was computed"))
    linear(wald.CrossEntropy(), x, w, y, lora=(down, up, 2.0)).backward()
    assert w.grad is None
    assert up.grad is not None
    assert up.grad.abs().sum() > 0


def test_many_upstream_gradients_at_once(way: Any) -> None:
    x, w, b, y = head()
    ours, theirs = way[0](x, w, b, y), way[1](x, w, b, y)
    pulls = torch.rand(3, *ours.shape)
    got = torch.autograd.grad(ours, (x, w, b), pulls, is_grads_batched=True)
    close(got, torch.autograd.grad(theirs, (x, w, b), pulls, is_grads_batched=True))


def test_torch_func(way: Any) -> None:
    x, w, b, y = (t.detach() for t in head(6, 5, 7))
    for transform in (
        lambda f: torch.func.grad(lambda *p: f(*p, y).sum(), argnums=(0, 1, 2))(x, w, b),
        lambda f: torch.func.vmap(lambda p: f(p, w, b, y))(torch.stack([x, 2 * x])),
        lambda f: torch.func.jvp(lambda p: f(p, w, b, y), (x,), (torch.ones_like(x),)),
    ):
        close(transform(way[0]), transform(way[1]))


def test_without_gradients_the_value_is_the_same(way: Any) -> None:
    x, w, b, y = head()
    with torch.no_grad():
        close(way[0](x, w, b, y), way[1](x, w, b, y))
    with torch.inference_mode():
        close(way[0](x, w, b, y), way[1](x, w, b, y))


def test_what_is_changed_between_forward_and_backward_is_noticed() -> None:
    x, w, _, y = head()
    loss = linear(wald.CrossEntropy(), x, w, y)
    with torch.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_the_tensors_of_the_caller_are_left_alone() -> None:
    x, w, b, y = head()
    before = [t.detach().clone() for t in (x, w, b, y)]
    linear(wald.CrossEntropy(), x, w, y, b, softcap=3.0, temperature=0.5).backward()
    for one, two in zip(before, (x, w, b, y), strict=True):
        assert torch.equal(one, two.detach())


def test_autocast() -> None:
    x, w, b, y = head(64, 40, 50)
    with torch.autocast("cpu", torch.bfloat16):
        ours = linear(wald.CrossEntropy(), x, w, y, b)
        theirs = wald.CrossEntropy()(F.linear(x, w, b), y)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-2)
    got, want = (torch.autograd.grad(loss, (x, w, b)) for loss in (ours, theirs))
    for one, two in zip(got, want, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, two, rtol=3e-2, atol=1e-3)


@pytest.mark.parametrize("rows", [300, 3000])
def test_fp16_with_a_gradient_scaler(rows: int) -> None:
    x, w, _, y = head(rows, 24, 300, dtype=torch.float16)
    scale = 65536.0
    got = torch.autograd.grad(linear(wald.CrossEntropy(), x, w, y) * scale, (x, w))
    wide = [t.detach().double().requires_grad_() for t in (x, w)]
    want = torch.autograd.grad(F.cross_entropy(F.linear(*wide), y) * scale, wide)
    for one, two in zip(got, want, strict=True):
        assert (one.double() - two).norm() / two.norm() < 4e-4


def test_the_same_numbers_twice() -> None:
    x, w, b, y = head(200, 13, 301)
    runs = [
        torch.autograd.grad(linear(wald.CrossEntropy(), x, w, y, b, memory_budget=400_000), (x, w, b)) for _ in "ab"
    ]
    for one, two in zip(*runs, strict=True):
        assert torch.equal(one, two)


@pytest.mark.slow
def test_torch_compile(way: Any) -> None:
    x, w, b, y = head()
    compiled = torch.compile(lambda *given: way[0](*given), fullgraph=True, backend="aot_eager")
    ours, theirs = compiled(x, w, b, y), way[1](x, w, b, y)
    close(ours, theirs)
    close(torch.autograd.grad(ours.sum(), (x, w, b)), torch.autograd.grad(theirs.sum(), (x, w, b)))
