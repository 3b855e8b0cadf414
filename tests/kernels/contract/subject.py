"""What the contract of autograd is held against: every faster way to compute a loss, beside its definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

import wald
from wald.core.implementation import Implementation, implementations
from wald.kernels.worthwhile import any_size

from ...catalogue import CASES, batch_of, leaf

Function = Callable[..., Tensor]


@dataclass(frozen=True)
class Subject:
    """A loss as it runs, and the same by its definition.

    Attributes:
        name: what a test is called by.
        runs: from the tensors to a number, or to one value an example.
        means: the same in plain differentiable torch.
        tensors: makes the tensors that it depends on, in single precision; every one may ask for its gradient.
        by: the name of the implementation.
        slow: whether another subject shows nearly the same.
    """

    name: str
    runs: Function
    means: Function
    tensors: Callable[[], tuple[Tensor, ...]]
    by: str
    slow: bool = False

    def leaves(self) -> list[Tensor]:
        """Tensors that collect their gradient."""
        return [leaf(x) for x in self.tensors()]

    def wanted(self, upstream: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Value and gradients by the definition, in double precision."""
        exact = [leaf(x.double()) for x in self.tensors()]
        value = self.means(*exact)
        above = torch.ones_like(value) if upstream is None else upstream.to(value.dtype)
        return value.detach(), torch.autograd.grad(value, exact, above)

    def __repr__(self) -> str:
        return self.name


def registered(shape: tuple[int, ...] = (7, 3)) -> Iterator[Subject]:
    """Each implementation of the table that runs on the CPU, through the call that a user makes.

    The mean is weighted and masked, so that whatever is fused is fused with both.
    """
    seen: set[tuple[type, str, str]] = set()
    for loss in CASES:
        for reduction in ("mean", "sum", "none"):
            subject = of_loss(loss, reduction, shape)
            if subject is not None:
                kind = (type(loss), subject.by, reduction)
                yield subject if kind not in seen and reduction != "sum" else replace(subject, slow=True)
                seen.add(kind)


#: What is asked of a linear head, beside each reduction.
HEADS: dict[str, dict[str, Any]] = {
    "plain": {},
    "by the definition of Focal": {"loss": wald.Focal(kind="multiclass")},
    "capped, with entropy": {"softcap": 5.0, "outputs": ("entropy",)},
    "smoothed, weighted": {
        "loss": wald.CrossEntropy(label_smoothing=0.1, z_loss=0.01, class_weight=tuple(1 + k % 3 for k in range(33)))
    },
    "in small chunks": {"memory_budget": 24_000},
}


def heads() -> Iterator[Subject]:
    """`wald.linear` with one thing or another asked of it; hidden states, head and bias may move."""
    rng = torch.Generator().manual_seed(11)
    hidden, weight, bias = torch.randn(70, 5, generator=rng), torch.randn(33, 5, generator=rng), torch.randn(33)
    target = torch.randint(33, (70,), generator=rng)
    counts, mask = torch.rand(70, generator=rng) + 0.5, torch.rand(70, generator=rng) > 0.3
    for name, options in HEADS.items():
        for reduction in ("mean", "sum", "none"):
            yield _head(name, reduction, (hidden, weight, bias), target, counts, mask, dict(options))


def _head(
    name: str,
    reduction: str,
    tensors: tuple[Tensor, ...],
    target: Tensor,
    counts: Tensor,
    mask: Tensor,
    options: dict[str, Any],
) -> Subject:
    loss = options.pop("loss", wald.CrossEntropy())
    cap = options.get("softcap")
    entropy = "entropy" in options.get("outputs", ())

    def runs(*given: Tensor) -> Tensor:
        head, bias = given[1:]
        found = wald.linear(
            loss, given[0], head, target, bias, token_weight=counts, mask=mask, reduction=reduction, **options
        )
        return found.loss + 0.1 * found.entropy.sum() if entropy else found

    def means(*given: Tensor) -> Tensor:
        scores = torch.nn.functional.linear(*given)
        scores = scores if cap is None else cap * (scores / cap).tanh()
        value = loss(scores, target, weight=counts.double(), mask=mask, reduction=reduction)
        if not entropy:
            return value
        each = -(scores.log_softmax(-1) * scores.softmax(-1)).sum(-1)
        return value + 0.1 * torch.where(mask, each, 0.0).sum()

    return Subject(f"linear {name}, {reduction}", runs, means, lambda: tensors, "wald.linear", reduction == "sum")


def of_loss(loss: wald.Loss, reduction: str, shape: tuple[int, ...]) -> Subject | None:
    """The subject that a call of this loss is; None where its definition runs, and nothing is to be held."""
    rng = torch.Generator().manual_seed(3)
    if not any(one.of is type(loss) for one in implementations()):
        return None
    batch = shape[:1] if loss.card.coupling == "coupled" else shape
    inputs = tuple(x.float() if x.is_floating_point() else x for x in batch_of(loss, batch, rng))
    found = runs_by(loss, inputs)
    if found is None:
        return None
    everything = [place for place, x in enumerate(inputs) if x.is_floating_point()]
    moving = everything if isinstance(loss, wald.Contrastive | wald.Preference | wald.Generative) else [0]
    own = len(loss.named_domains[0][1].axes)
    examples = inputs[0].shape[: inputs[0].ndim - own]
    weight = torch.rand(examples, generator=rng) + 0.5
    mask = torch.rand(examples, generator=rng) > 0.3
    options = {} if reduction == "none" else {"weight": weight, "mask": mask}

    def call(*tensors: Tensor, definition: bool) -> Tensor:
        given = list(inputs)
        for place, x in zip(moving, tensors, strict=True):
            given[place] = x
        if not definition:
            with any_size():
                return loss(*given, reduction=reduction, **options)
        wide = [x.double() if x.is_floating_point() else x for x in given]
        values = _values(loss, tuple(wide), options.get("mask"))
        if reduction == "none":
            return values
        counts = torch.where(mask, weight, 0.0).double()
        share = loss.plain.share(*loss.prepared(*wide))
        mass = counts if share is None else counts * share
        total = (torch.where(mask, values, 0.0) * counts).sum()
        return total if reduction == "sum" else total / mass.sum()

    return Subject(
        f"{loss!r} by {found.name}, {reduction}",
        lambda *tensors: call(*tensors, definition=False),
        lambda *tensors: call(*tensors, definition=True),
        lambda: tuple(inputs[place] for place in moving),
        found.name,
    )


def runs_by(loss: wald.Loss, inputs: tuple[Tensor, ...]) -> Implementation | None:
    """What runs this loss on these inputs, if it is not the definition."""
    arranged, prepared = loss.arranged(inputs, None, None)[0], loss.prepared(*inputs)
    with any_size():
        for found in implementations():
            if type(arranged) is found.of and found.accepts(arranged, *prepared):
                return found
    return None


def _values(loss: wald.Loss, inputs: tuple[Tensor, ...], keep: Tensor | None) -> Tensor:
    arranged, prepared = loss.arranged(inputs, None, None)[0], loss.prepared(*inputs)
    if loss.card.coupling == "coupled":
        return arranged.per_example(*prepared, keep=keep)
    return arranged.per_example(*prepared)
