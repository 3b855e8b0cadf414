"""The same call in other modes: without a graph, in half precision, differentiated twice, mapped over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final
import warnings

import torch
from torch import Tensor
from torch.func import vmap

from ..subjects.spelling import literal
from .bench import Bench
from .cell import Cell, Complaint, fine, must_be, tried
from .ran import Inputs, Ran, run, same

#: Half precision keeps three digits; a loss of a few rows may lose one.
_HALF: Final = 0.05


def without_graph(bench: Bench) -> Iterator[Cell]:
    """Where no gradient is wanted."""
    yield _within(bench, "under torch.no_grad()", torch.no_grad(), "torch.no_grad()")
    yield _within(bench, "under torch.inference_mode()", torch.inference_mode(), "torch.inference_mode()")


def learnt_targets(bench: Bench) -> Iterator[Cell]:
    """Targets that require a gradient, as where a model makes them."""
    floats = [k for k, x in enumerate(bench.inputs) if k and x.is_floating_point()]
    if floats:
        learnt = tuple(x.clone().requires_grad_() if k in floats else x for k, x in enumerate(bench.inputs))
        yield Cell(
            name="targets that require a gradient",
            kind="ordinary",
            run=lambda: run(bench.call, learnt),
            wrong=must_be(bench, bench.inputs),
            reproduce=lambda: bench.two_lines(
                f"batch = {_tuple(bench.inputs)}; print(loss(*batch), "
                "loss(*(x.requires_grad_() if x.is_floating_point() else x for x in batch)))"
            ),
        )


def half(bench: Bench) -> Iterator[Cell]:
    """The ordinary batch in half precision, and as a model gives it under autocast."""
    for dtype in (torch.float16, torch.bfloat16):
        narrow = tuple(_cast(x, dtype) for x in bench.inputs)
        wide = tuple(_cast(x, torch.float64) for x in narrow)
        name = f"in {str(dtype).removeprefix('torch.')}, an ordinary batch,"
        yield tried(bench, name, "edge", narrow, _near(bench, wide), mild=True)
    yield _autocast(bench)


def after_others(bench: Bench) -> Iterator[Cell]:
    """The same batch after itself, after one of another size, and after one of the same size."""
    turned = tuple(x.flip(0) for x in bench.inputs)

    def after(*others: Inputs) -> Ran:
        for other in others:
            bench.run(other)
        return bench.run(bench.inputs)

    def call() -> Ran:
        return after(tuple(x[:3] for x in turned))

    def wrong(ran: Ran) -> str:
        before = after(bench.inputs)
        for found in (ran, after(turned)):
            if found.value is None or before.value is None or bench.alike(found.value, before.value):
                continue
            return f"{found.number:.6g}, and {before.number:.6g} after itself"
        return ""

    yield Cell(
        name="after another batch",
        kind="ordinary",
        run=call,
        wrong=wrong,
        reproduce=lambda: bench.two_lines(
            f"batch = {_tuple(bench.inputs)}; print([loss(*each) for each in "
            "(batch, batch, [x[:3] for x in batch], batch, [x.flip(0) for x in batch], batch)])"
        ),
        otherwise="state or random generator changed",
    )


def second_derivative(bench: Bench) -> Iterator[Cell]:
    """The derivative of the gradient."""

    def call() -> Ran:
        first = bench.prediction.clone().requires_grad_()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                value = bench.call(first, *(x.clone() for x in bench.inputs[1:]))
                (slope,) = torch.autograd.grad(value.sum(), first, create_graph=True, materialize_grads=True)
                bend = torch.zeros_like(first)
                if slope.requires_grad:
                    (bend,) = torch.autograd.grad(slope.sum(), first, materialize_grads=True)
            except Exception as error:
                return Ran(error=error)
        return Ran(value=value.detach(), slope=bend.detach())

    yield Cell(
        name="differentiated twice",
        kind="ordinary",
        run=call,
        wrong=fine,
        reproduce=lambda: bench.two_lines(
            f"batch = {_tuple(bench.inputs)}; print(torch.func.hessian(lambda x: loss(x, *batch[1:]).sum())(batch[0]))"
        ),
        mild=True,
    )


def mapped(bench: Bench) -> Iterator[Cell]:
    """Two batches at once, by `torch.func.vmap`."""
    both = tuple(torch.stack([x, x.flip(0)]) for x in bench.inputs)

    def call() -> Ran:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return Ran(value=vmap(bench.call)(*both).detach())
            except Exception as error:
                return Ran(error=error)

    def wrong(ran: Ran) -> str:
        each = [bench.run(tuple(x[k] for x in both)).value for k in range(2)]
        if ran.value is None or each[0] is None or each[1] is None:
            return ""
        right = torch.stack([each[0], each[1]])
        return "" if bench.alike(ran.value, right) else f"{ran.number:.4g} in place of {float(right.mean()):.4g}"

    yield Cell(
        name="under torch.func.vmap",
        kind="ordinary",
        run=call,
        wrong=wrong,
        reproduce=lambda: bench.two_lines(
            f"batch = {_tuple(bench.inputs)}; print(loss(*batch), "
            "torch.func.vmap(loss)(*(x.unsqueeze(0) for x in batch)))"
        ),
    )


def _within(bench: Bench, name: str, mode: AbstractContextManager[Any], written: str) -> Cell:
    def call() -> Ran:
        with mode:
            return run(bench.call, bench.inputs, slope=False)

    return Cell(
        name=name,
        kind="ordinary",
        run=call,
        wrong=must_be(bench, bench.inputs),
        reproduce=lambda: bench.two_lines(
            f"batch = {_tuple(bench.inputs)}; print(loss(*batch), {written}(lambda: loss(*batch))())"
        ),
    )


def _autocast(bench: Bench) -> Cell:
    """A prediction of half precision, as a model gives under autocast, against targets of single precision."""
    inputs = tuple(_cast(x, torch.bfloat16 if k == 0 else torch.float32) for k, x in enumerate(bench.inputs))
    wide = tuple(_cast(x, torch.float32) for x in inputs)

    def call() -> Ran:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return bench.run(inputs)

    return Cell(
        name="under autocast, with a bfloat16 prediction,",
        kind="ordinary",
        run=call,
        wrong=_near(bench, wide),
        reproduce=lambda: bench.two_lines(
            f"batch = {_tuple(inputs)}; print(loss(batch[0].float(), *batch[1:]), "
            "torch.autocast('cpu', dtype=torch.bfloat16)(lambda: loss(*batch))())"
        ),
        mild=True,
    )


def _near(bench: Bench, wide: Inputs) -> Complaint:
    """The value of wider inputs, but for what half precision may lose."""

    def wrong(ran: Ran) -> str:
        right = bench.run(wide)
        if ran.value is None or right.value is None or not right.finite or same(ran.value, right.value, _HALF):
            return ""
        return f"{ran.number:.4g} in place of {right.number:.4g}"

    return wrong


def _cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.is_floating_point() else x


def _tuple(inputs: Inputs) -> str:
    return f"({', '.join(map(literal, inputs))},)"
