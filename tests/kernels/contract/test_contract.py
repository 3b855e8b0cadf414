"""The contract of autograd, for every faster way to compute a loss: nothing that is asked for is silently wrong."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from .subject import Subject, heads, registered

SUBJECTS = [
    pytest.param(subject, id=repr(subject), marks=[pytest.mark.slow] if subject.slow else [])
    for subject in (*registered(), *heads())
]

every = pytest.mark.parametrize("subject", SUBJECTS)


def near(found: Tensor, wanted: Tensor) -> None:
    scale = wanted.abs().max().clamp(min=1e-6) if wanted.numel() else 1.0
    torch.testing.assert_close(found.double() / scale, wanted.double() / scale, rtol=2e-5, atol=2e-5)


def gradients(subject: Subject, upstream: Tensor | None = None, **options: bool) -> tuple[Tensor, ...]:
    leaves = subject.leaves()
    value = subject.runs(*leaves)
    return torch.autograd.grad(value, leaves, torch.ones_like(value) if upstream is None else upstream, **options)


@every
def test_value_and_gradient_are_those_of_the_definition(subject: Subject) -> None:
    value, wanted = subject.wanted()
    near(subject.runs(*subject.tensors()), value)
    with torch.no_grad():
        near(subject.runs(*subject.leaves()), value)
    for found, exact in zip(gradients(subject), wanted, strict=True):
        near(found, exact)


@every
def test_whatever_comes_from_above_reaches_the_gradient(subject: Subject) -> None:
    shape = subject.runs(*subject.tensors()).shape
    for upstream in (torch.full(shape, 1.0), torch.full(shape, -3.0), torch.rand(shape) + 0.5, torch.zeros(shape)):
        for found, exact in zip(gradients(subject, upstream), subject.wanted(upstream)[1], strict=True):
            near(found, exact)


@every
def test_a_graph_that_is_kept_gives_the_same_twice(subject: Subject) -> None:
    leaves = subject.leaves()
    value = subject.runs(*leaves)
    above = torch.ones_like(value)
    first = torch.autograd.grad(value, leaves, above, retain_graph=True)
    kept = [x.clone() for x in first]
    second = torch.autograd.grad(value, leaves, 2 * above, retain_graph=True)
    third = torch.autograd.grad(value, leaves, above)
    for a, saved, b, c in zip(first, kept, second, third, strict=True):
        assert torch.equal(a, saved), "a later backward wrote into a gradient that had been given away"
        near(b, 2 * saved)
        near(c, saved)


@every
def test_gradients_add_up_in_the_leaf(subject: Subject) -> None:
    leaves = subject.leaves()
    for _ in range(2):
        value = subject.runs(*leaves)
        value.backward(torch.ones_like(value))
    for x, exact in zip(leaves, subject.wanted()[1], strict=True):
        assert x.grad is not None
        near(x.grad, 2 * exact)


@every
def test_a_gradient_can_be_differentiated(subject: Subject) -> None:
    def twice(function, tensors: list[Tensor]) -> tuple[Tensor | None, ...]:
        value = function(*tensors)
        slopes = torch.autograd.grad(value.sum(), tensors, create_graph=True)
        total = sum(((k + 1) * slope.square().sum() for k, slope in enumerate(slopes)), torch.zeros(()))
        if not total.requires_grad:
            return tuple(torch.zeros_like(x) for x in tensors)
        return torch.autograd.grad(total, tensors, allow_unused=True)

    found = twice(subject.runs, subject.leaves())
    wanted = twice(subject.means, [x.detach().double().requires_grad_() for x in subject.tensors()])
    for ours, exact in zip(found, wanted, strict=True):
        near(torch.zeros(()) if ours is None else ours, torch.zeros(()) if exact is None else exact)


@every
def test_what_is_frozen_costs_the_rest_nothing(subject: Subject) -> None:
    exact = subject.wanted()[1]
    for moving in range(len(exact)):
        leaves = [x.requires_grad_(place == moving) for place, x in enumerate(subject.leaves())]
        value = subject.runs(*leaves)
        (found,) = torch.autograd.grad(value, [leaves[moving]], torch.ones_like(value))
        near(found, exact[moving])


@every
def test_nothing_of_the_callers_is_written_to(subject: Subject) -> None:
    leaves = subject.leaves()
    before = [x.detach().clone() for x in leaves]
    value = subject.runs(*leaves)
    found = torch.autograd.grad(value, leaves, torch.ones_like(value))
    for x, copy, gradient in zip(leaves, before, found, strict=True):
        assert torch.equal(x, copy)
        assert gradient.data_ptr() != x.data_ptr()


@every
def test_an_input_that_was_changed_meanwhile_is_told_or_harmless(subject: Subject) -> None:
    leaves = [x.clone() for x in subject.leaves()]  # not leaves of autograd, so that they may be changed in place
    value = subject.runs(*leaves)
    with torch.no_grad():
        for x in leaves:
            x.zero_()
    try:
        found = torch.autograd.grad(value, leaves, torch.ones_like(value))
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)  # noqa: PT017  (either way is right)
        return
    for ours, exact in zip(found, subject.wanted()[1], strict=True):
        near(ours, exact)


@every
def test_it_repeats_bit_for_bit(subject: Subject) -> None:
    for a, b in zip(gradients(subject), gradients(subject), strict=True):
        assert torch.equal(a, b)


@every
def test_functional_transforms_are_right(subject: Subject) -> None:
    tensors = subject.tensors()
    slopes = torch.func.grad(lambda *x: subject.runs(*x).sum(), argnums=tuple(range(len(tensors))))(*tensors)
    for found, exact in zip(slopes, subject.wanted()[1], strict=True):
        near(found, exact)
    along = tuple(torch.ones_like(x) for x in tensors)
    _, ours = torch.func.jvp(subject.runs, tensors, along)
    _, theirs = torch.func.jvp(subject.means, tuple(x.double() for x in tensors), tuple(x.double() for x in along))
    near(ours, theirs)
    many = tuple(torch.stack([x, 0.5 * x]) for x in tensors)
    found = torch.func.vmap(subject.runs)(*many)
    near(found[1], subject.means(*(0.5 * x.double() for x in tensors)))


@every
def test_forward_derivatives_are_right(subject: Subject) -> None:
    tensors = subject.tensors()
    with torch.autograd.forward_ad.dual_level():
        dual = [torch.autograd.forward_ad.make_dual(x, torch.ones_like(x)) for x in tensors]
        slope = torch.autograd.forward_ad.unpack_dual(subject.runs(*dual)).tangent
        wide = [torch.autograd.forward_ad.make_dual(x.double(), torch.ones_like(x).double()) for x in tensors]
        exact = torch.autograd.forward_ad.unpack_dual(subject.means(*wide)).tangent
    near(slope, exact)


@every
def test_a_batch_of_upstream_gradients_is_a_loop(subject: Subject) -> None:
    leaves = subject.leaves()
    value = subject.runs(*leaves)
    above = torch.stack([torch.ones_like(value), 2 * torch.ones_like(value)])
    found = torch.autograd.grad(value, leaves, above, is_grads_batched=True)
    for ours, exact in zip(found, subject.wanted()[1], strict=True):
        near(ours[1], 2 * exact)
