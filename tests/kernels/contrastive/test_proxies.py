"""`linear_proxy` is its loss of all cosines, whatever the blocks of classes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import wald
from wald.kernels.contrastive import linear_proxy
from wald.losses.pieces.distance import direction


def drawn(rng: torch.Generator, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    embedding = torch.randn(7, 5, 9, generator=rng, dtype=torch.float64).to(dtype).requires_grad_()
    proxies = torch.randn(113, 9, generator=rng, dtype=torch.float64).to(dtype).requires_grad_()
    return embedding, proxies, torch.randint(113, (7, 5), generator=rng)


def wanted(loss: wald.ProxySoftmax, embedding: Tensor, proxies: Tensor, target: Tensor, **how: object) -> Tensor:
    return loss(direction(embedding) @ direction(proxies).mT, target, **how)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("loss", [wald.ProxySoftmax(), wald.ProxySoftmax(margin=0.35, temperature=0.002)], ids=repr)
@pytest.mark.parametrize("budget", [1, 5000, 1 << 26])
@pytest.mark.parametrize("how", ["mean", "sum", "none", "rows", "tail"])
def test_it_is_the_loss_of_all_cosines(loss: wald.ProxySoftmax, budget: int, how: str, rng: torch.Generator) -> None:
    embedding, proxies, target = drawn(rng)
    settings: dict[str, object] = {
        "mean": {},
        "sum": {"reduction": "sum"},
        "none": {"reduction": "none"},
        "rows": {"normalizer": "rows"},
        "tail": {"reduction": wald.CVaR(0.3)},
    }[how]
    settings["mask"] = torch.rand(7, 5, generator=rng) < 0.7
    settings["weight"] = torch.rand(7, 5, generator=rng, dtype=torch.float64)
    found = linear_proxy(loss, embedding, proxies, target, memory_budget=budget, **settings)
    exact = wanted(loss, embedding, proxies, target, **settings)
    torch.testing.assert_close(found, exact)
    upstream = torch.randn(exact.shape, generator=rng, dtype=torch.float64)
    ours, theirs = (torch.autograd.grad(v, (embedding, proxies), upstream) for v in (found, exact))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_narrow_types_are_computed_wide(dtype: torch.dtype, rng: torch.Generator) -> None:
    embedding, proxies, target = drawn(rng, dtype)
    found = linear_proxy(wald.ProxySoftmax(temperature=0.1), embedding, proxies, target, memory_budget=9000)
    assert found.dtype is torch.float32
    slopes = torch.autograd.grad(found, (embedding, proxies))
    assert [x.dtype for x in slopes] == [dtype, dtype]
    exact = [x.detach().double().requires_grad_() for x in (embedding, proxies)]
    value = wanted(wald.ProxySoftmax(temperature=0.1), *exact, target)
    assert found.item() == pytest.approx(value.item(), rel=1e-5)
    tolerance = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}[dtype]
    for ours, theirs in zip(slopes, torch.autograd.grad(value, exact), strict=True):
        assert (ours.double() - theirs).abs().max() <= tolerance * theirs.abs().max()


def test_a_gradient_can_be_differentiated_and_one_side_frozen(rng: torch.Generator) -> None:
    embedding, proxies, target = drawn(rng)
    loss = wald.ProxySoftmax(temperature=0.5)
    twice: list[Tensor] = []
    for function in (linear_proxy, wanted):
        slopes = torch.autograd.grad(
            function(loss, embedding, proxies, target), (embedding, proxies), create_graph=True
        )
        twice.append(torch.autograd.grad(slopes[0].square().sum() + slopes[1].sum(), proxies)[0])
    torch.testing.assert_close(*twice)
    value = linear_proxy(loss, embedding, proxies.detach(), target)
    value.backward(retain_graph=True)
    value.backward()
    assert proxies.grad is None
    (once,) = torch.autograd.grad(wanted(loss, embedding, proxies.detach(), target), embedding)
    torch.testing.assert_close(embedding.grad, 2 * once)


def test_what_is_left_out_is_never_looked_at(rng: torch.Generator) -> None:
    embedding, proxies, target = drawn(rng)
    hidden, loss = embedding.detach().clone(), wald.ProxySoftmax()
    hidden[2], target[2], mask = torch.nan, -100, torch.ones(7, 5, dtype=torch.bool)
    mask[2] = False
    hidden.requires_grad_()
    value = linear_proxy(loss, hidden, proxies, target, mask=mask)
    value.backward()
    assert value.isfinite()
    assert (hidden.grad[2] == 0).all()  # pyright: ignore[reportOptionalSubscript]
    nobody = torch.zeros(7, 5, dtype=torch.bool)
    assert linear_proxy(loss, hidden, proxies, target, mask=nobody).item() == 0
    assert linear_proxy(loss, hidden, proxies, target, mask=nobody, empty="nan").isnan()
    assert linear_proxy(loss, torch.zeros(0, 9), proxies, torch.zeros(0, dtype=torch.long)).item() == 0


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"target": torch.tensor([0, 3])}, wald.DomainError, "target contains 3, and there are proxies 0 to 2"),
        ({"target": torch.tensor([0, -100])}, wald.DomainError, "mask=target != -100"),
        ({"target": torch.tensor([0.0, 1.0])}, wald.DtypeError, "target.long()"),
        ({"target": torch.tensor([0])}, wald.ShapeError, "the shape of the batch"),
        ({"proxies": torch.ones(3, 5)}, wald.ShapeError, "with as many features"),
        ({"proxies": torch.ones(3, 4, dtype=torch.long)}, wald.DtypeError, "proxies.float()"),
        ({"loss": wald.CrossEntropy()}, TypeError, "wald.linear(loss"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: dict[str, object], error: type[Exception], says: str) -> None:
    given: dict[str, object] = {
        "loss": wald.ProxySoftmax(),
        "embedding": torch.ones(2, 4),
        "proxies": torch.ones(3, 4),
        "target": torch.tensor([0, 1]),
    }
    with pytest.raises(error) as raised:
        linear_proxy(**(given | change))  # pyright: ignore[reportArgumentType]
    assert says in str(raised.value)
