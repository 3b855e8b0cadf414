"""What the battery works on: a loss, an ordinary batch for it, and what is known of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
import inspect
from typing import Any, Final

import torch
from torch import Tensor

from ...cards import Domain
from ...core import Loss
from ..subjects.spelling import literal
from ..subjects.subject import Subject
from .ran import Call, Inputs, Ran, run, same

#: Rows of the ordinary batch: few, so that a person can run it; neither the classes nor the features are as many.
ROWS: Final = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """A loss and an ordinary batch for it.

    Attributes:
        call: the loss, as its user calls it.
        inputs: an ordinary batch, in the shapes and dtypes in which it is called; the first is the prediction.
        domains: each input's name, and where it lives.
        task: the kind of problem, in the words of a card.
        labels: how "no" and "yes" are written, for a loss of labels.
        batch: the shape of a weight or a mask.
        known: whether a card says where its inputs live; else that was found by trial.
        whole: whether only whole batches have a value, so that fewer rows may rightly have none.
        weighs: whether it takes `weight=`, one number a row.
        masks: whether it takes `mask=`, one boolean a row.
        ignores: the class id that it leaves out, if it has one.
        steady: whether equal calls give equal answers, so that a number that changes was found in memory.
        unit: how far a prediction must move for that to matter.
        close: the relative difference beyond which two of its values differ.
        recipe: a line of Python that makes it under the name `loss`.
    """

    call: Call
    inputs: Inputs
    domains: tuple[tuple[str, Domain], ...]
    task: str
    labels: tuple[float, float] = (0.0, 1.0)
    batch: tuple[int, ...] = ()
    known: bool = False
    whole: bool = False
    weighs: bool = False
    masks: bool = False
    ignores: int | None = None
    steady: bool = True
    unit: float = 1.0
    close: float = 1e-5
    recipe: str = ""

    @property
    def prediction(self) -> Tensor:
        """The prediction of the ordinary batch."""
        return self.inputs[0]

    @property
    def target(self) -> Tensor | None:
        """What was observed, for a loss of one prediction and one target."""
        return self.inputs[1] if len(self.inputs) == 2 and self.domains[1][0] == "target" else None

    @property
    def classes(self) -> int | None:
        """How many classes it tells apart by their scores, for a loss of several."""
        return self.prediction.shape[-1] if self.task == "multiclass" and self.prediction.ndim > 1 else None

    def labelled(self, place: int) -> bool:
        """Whether an input is a label: one of two numbers."""
        domain = self.domains[place][1]
        return not domain.axes and not domain.integer and (domain.low, domain.high) == self.labels

    @cached_property
    def plain(self) -> Ran:
        """What the loss does with the ordinary batch."""
        return run(self.call, self.inputs)

    def run(self, inputs: Inputs, **options: Any) -> Ran:
        """What the loss does with these inputs."""
        return run(self.call, inputs, options)

    def alike(self, one: Tensor, other: Tensor) -> bool:
        """Whether two of its values are the same up to rounding."""
        return same(one, other, self.close)

    def put(self, place: int, x: Tensor) -> Inputs:
        """The ordinary batch with another tensor in one place."""
        return (*self.inputs[:place], x, *self.inputs[place + 1 :])

    def rows(self, *rows: int) -> Inputs:
        """These rows of the ordinary batch."""
        return tuple(x[list(rows)] for x in self.inputs)

    def shown(self, inputs: Inputs, options: Mapping[str, Tensor] | None = None, *, slope: bool = False) -> str:
        """Two lines that print what it gives for these inputs, and the gradient where that is the point."""
        first, *rest = map(literal, inputs)
        others = "".join(f", {x}" for x in rest)
        others += "".join(f", {name}={literal(x)}" for name, x in (options or {}).items())
        if not slope:
            return self.two_lines(f"print(loss({first}{others}))")
        return self.two_lines(
            f"x = {first}.requires_grad_(); value = loss(x{others}); "
            "print(value, torch.autograd.grad(value.sum(), x, materialize_grads=True))"
        )

    def two_lines(self, statement: str) -> str:
        """Two lines of Python: one that makes `loss`, and one that shows what was found."""
        return f"import torch; {self.recipe or 'loss = loss  # as it was checked'}\n{statement}"


def bench_of(subject: Subject, *, steady: bool = True) -> Bench:
    """The bench of a subject: typical inputs, and what can be seen of the arguments that it takes."""
    inputs = subject.inputs(ROWS)
    named = subject.domains
    # Rounded, so that what is printed is what was measured; not where entries must add to 1.
    inputs = subject.shaped(tuple(_rounded(x, domain) for x, (_, domain) in zip(inputs, named, strict=True)))
    taken = arguments_of(subject.call)
    bench = Bench(
        call=subject.call,
        inputs=inputs,
        domains=named,
        task=subject.task,
        labels=subject.labels,
        batch=_batch_shape(subject, inputs),
        known=subject.loss is not None,
        whole=subject.whole,
        ignores=ignored_id(subject.call) if _of_ids(named) else None,
        steady=steady,
        close=max(subject.close, 1e-6),
        recipe=subject.recipe or f"loss = loss  # {subject.name}, as it was checked",
        weighs=isinstance(subject.call, Loss) or "weight" in taken,
        masks=isinstance(subject.call, Loss) or "mask" in taken,
    )
    return with_arguments(_with_labels(bench))


def _with_labels(bench: Bench) -> Bench:
    """The bench with labels where numbers between them were drawn, as for pairs that are alike or not."""
    places = [k for k in range(1, len(bench.inputs)) if bench.labelled(k)]
    if bench.known or not places:
        return bench
    no, yes = bench.labels
    labels = no + (yes - no) * (torch.arange(len(bench.prediction)) % 2)
    inputs = tuple(
        labels.to(x.dtype).reshape_as(x) if k in places and x.numel() == len(x) else x
        for k, x in enumerate(bench.inputs)
    )
    return replace(bench, inputs=inputs)


def with_arguments(bench: Bench) -> Bench:
    """The bench without the arguments that turn out not to be one number, or one boolean, a row."""
    ones = torch.ones(bench.batch, dtype=bench.prediction.dtype)
    return replace(
        bench,
        weighs=bench.weighs and _neutral(bench, weight=ones),
        masks=bench.masks and _neutral(bench, mask=ones.bool()),
    )


def _neutral(bench: Bench, **option: Tensor) -> bool:
    """Whether an argument that leaves every row as it is changes nothing."""
    plain, found = bench.plain, bench.run(bench.inputs, **option)
    return plain.value is not None and found.value is not None and bench.alike(plain.value, found.value)


def _batch_shape(subject: Subject, inputs: Inputs) -> tuple[int, ...]:
    axes = len(subject.domains[0][1].axes)
    # A foreign loss that is called with columns weighs them by columns.
    if subject.column and subject.loss is not None:
        axes += 1
    return tuple(inputs[0].shape[: inputs[0].ndim - axes])


def _rounded(x: Tensor, domain: Domain) -> Tensor:
    if not x.is_floating_point() or domain.normalised:
        return x
    return x.double().round(decimals=2).to(x.dtype)


def _of_ids(named: tuple[tuple[str, Domain], ...]) -> bool:
    return any(domain.integer for _, domain in named[1:])


def arguments_of(call: Call) -> Mapping[str, Any]:
    """The arguments of a loss by name, with what they are where nobody says."""
    inner = call.func if isinstance(call, partial) else call
    bound: dict[str, Any] = dict(call.keywords) if isinstance(call, partial) else {}
    try:
        parameters = inspect.signature(getattr(inner, "forward", inner)).parameters
    except (TypeError, ValueError):
        return bound
    return {name: one.default for name, one in parameters.items()} | bound


def ignored_id(call: Call) -> int | None:
    """The class id that a loss leaves out: a field or an argument named `ignore_index` or `ignore`."""
    taken = arguments_of(call)
    for name in ("ignore_index", "ignore"):
        found = getattr(call, name, taken.get(name))
        if isinstance(found, int) and not isinstance(found, bool):
            return found
    return None
