"""What a loss lets in: shapes, dtypes and values are held against its card before the formula sees them.

An error names who wants what, what it got with numbers, and the exact replacement. Shapes and dtypes are
always checked; they cost no look at the data. Values are looked at only where that is free of a device
synchronisation: plain tensors on the CPU, outside `torch.compile` and `torch.func`.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor
from torch.nn import Parameter

from ..cards import Domain
from .instead import refused_call
from .misfits import mismatch, rows_of_an_image, wrong_size
from .outside import outside, swapped

if TYPE_CHECKING:
    from .loss import Loss

Inputs = tuple[Tensor, ...]
Shape = tuple[int, ...]
Named = tuple[tuple[str, Domain], ...]
Usual = tuple[tuple[torch.dtype, int], ...]

#: How many values of a large tensor are looked at, evenly spread: enough to meet any value that is not rare.
SAMPLE: Final = 65_536

#: So many values are compared faster in Python than by the calls into torch that it takes.
_FEW: Final = 128

#: All values of a tensor of this size are compared as fast as those of one row are taken out of it.
_SMALL: Final = 4096

_HALF: Final = (torch.float16, torch.bfloat16)
_looking = True


class ShapeError(ValueError):
    """The inputs of a loss do not line up."""


class DtypeError(TypeError):
    """An input of a loss is of a type that cannot be meant."""


class DomainError(ValueError):
    """An input of a loss has values that its formula has no meaning for."""


@contextmanager
def value_checks(on: bool) -> Generator[None]:
    """Look, or do not look, at the values of inputs within a `with` block; shapes are always checked.

    >>> import torch, wald
    >>> with wald.value_checks(False):
    ...     wald.BinaryCrossEntropy()(torch.ones(2), torch.tensor([0.0, 255.0]))
    tensor(-126.1867)
    """
    global _looking
    before, _looking = _looking, on
    try:
        yield
    finally:
        _looking = before


def lined_up(usual: Usual, inputs: Inputs) -> Shape | None:
    """The shape of the batch, where all inputs are as they usually are and line up; None where a closer look is due."""
    if len(inputs) != len(usual):
        return None
    batch = None
    for x, (dtype, own) in zip(inputs, usual, strict=True):
        if not isinstance(x, Tensor) or x.dtype is not dtype or x.ndim < own:  # pyright: ignore[reportUnnecessaryIsInstance]
            return None
        shape = x.shape[:-own] if own else x.shape
        if batch is None:
            batch = shape
        elif batch != shape:
            return None
    return batch


def line_up(loss: Loss, inputs: Inputs) -> Shape:
    """The shape of the batch, once every input is known to have it; nothing is ever broadcast.

    Raises:
        ShapeError: the inputs have different batch shapes, or axes of the same name and different sizes.
        DtypeError: an input is not a tensor, is complex, or is a float where an id belongs.
    """
    named = loss.named_domains
    if len(inputs) != len(named):
        raise refused_call(loss, inputs, {})
    batch: Shape | None = None
    sizes: dict[str, int] = {}
    for (name, domain), x in zip(named, inputs, strict=True):
        if not isinstance(x, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DtypeError(
                f"{type(loss).__name__}: {name} is a {type(x).__name__}, not a tensor. Use torch.as_tensor({name})."
            )
        axes = domain.soft if domain.soft and x.is_floating_point() else domain.axes
        shape = x.shape
        if not axes:
            own = shape
        else:
            if len(shape) < len(axes):
                raise ShapeError(mismatch(loss, inputs))
            own = shape[: len(shape) - len(axes)]
            for axis, size in zip(axes, shape[len(own) :], strict=True):
                if sizes.setdefault(axis, size) != size:
                    raise ShapeError(mismatch(loss, inputs))
            if domain.size is not None and shape[-1] != domain.size:
                raise ShapeError(wrong_size(loss, inputs, name, domain.size, x))
        if batch is None:
            batch = own
        elif batch != own:
            raise ShapeError(mismatch(loss, inputs))
    if batch is not None and len(batch) > 2 and "pixels" in named[0][1].axes:
        raise ShapeError(rows_of_an_image(loss, inputs, batch))
    return batch or ()


def settled(loss: Loss, inputs: Inputs) -> Inputs:
    """The inputs in the dtypes that the formula computes in: fp32 or wider, ids as int64.

    Raises:
        DtypeError: the prediction is not a floating-point tensor, or an input is complex.
    """
    first = inputs[0].dtype
    if first is torch.float32 or first is torch.float64:
        for (_, domain), x in zip(loss.named_domains, inputs, strict=True):
            if x.dtype is not first and not (domain.integer and x.dtype is torch.int64):
                break
        else:
            return inputs
    wide = torch.float32
    for (name, _), x in zip(loss.named_domains, inputs, strict=True):
        if x.is_complex():
            raise DtypeError(f"{type(loss).__name__}: {name} is complex ({_short(x.dtype)}). Use its real part.")
        if x.is_floating_point():
            wide = torch.promote_types(wide, x.dtype)
        elif x is inputs[0]:
            swapped = len(inputs) > 1 and inputs[1].is_floating_point()
            fix = "the arguments look swapped: the prediction comes first" if swapped else f"use {name}.float()"
            raise DtypeError(
                f"{type(loss).__name__}: {name} is {_short(x.dtype)}, and a model's output is a floating-point "
                f"tensor with a gradient; {fix}."
            )
    return tuple(
        x if x.dtype is wide else x.to(torch.int64) if domain.integer and not x.is_floating_point() else x.to(wide)
        for (_, domain), x in zip(loss.named_domains, inputs, strict=True)
    )


def visible(x: Tensor) -> bool:
    """Whether the values of `x` may be looked at without a synchronisation, a graph break or an error."""
    return (
        _looking
        and x.is_cpu
        and (type(x) is Tensor or type(x) is Parameter)
        and not torch.compiler.is_compiling()
        # Under vmap or grad a value is a stand-in for many, or must not leave the transform.
        and not torch._C._functorch.is_functorch_wrapped_tensor(x)  # pyright: ignore  (no public equivalent)
    )


def refuse_values(loss: Loss, inputs: Inputs) -> None:
    """Raise if an input has values outside its domain.

    Raises:
        DomainError: with the share of values outside, the interval, and the usual cause.
    """
    plan = loss._call  # pyright: ignore[reportPrivateUsage]
    for place in plan.bounded:
        x = inputs[place]
        if not visible(x) or (count := x.numel()) == 0:
            continue
        name, domain = plan.named[place]
        soft = bool(domain.soft) and x.is_floating_point()
        if soft or domain.normalised:
            _refuse_unnormalised(loss, name, domain, x.detach())
        low, high = (0.0, 1.0) if soft else (domain.low, domain.high)
        if domain.integer and not soft and plan.classes is not None:
            high = min(high, inputs[plan.classes].shape[-1] - 1)
        seen = x if count <= _FEW else _sampled(x.detach())
        lowest, highest = extremes(seen)
        if lowest < low or highest > high or (domain.open_low and lowest <= low):
            raise DomainError(outside(loss, inputs, place, seen.detach(), low, high))


def whole_numbers(loss: Loss, inputs: Inputs) -> Inputs:
    """The inputs with ids as integers, also where they came as floats.

    Raises:
        DomainError: an id is not a whole number.
    """
    out = list(inputs)
    for place in loss._call.ids:  # pyright: ignore[reportPrivateUsage]
        x = inputs[place]
        if not x.is_floating_point():
            continue
        if visible(x) and (parts := x[x != x.round()]).numel():
            name, domain = loss.named_domains[place]
            cause = swapped(loss, inputs, place) or f"Use {name}.round().long() if rounding has moved it."
            raise DomainError(
                f"{type(loss).__name__}: {name} is {_short(x.dtype)} and contains {parts[0].item():g}; expected "
                f"{domain.says}, a whole number. {cause}"
            )
        out[place] = x.to(torch.int64)
    return tuple(out)


def refuse_weight(loss: Loss, weight: Tensor, name: str = "weight") -> None:
    """Raise if a weight is negative: the loss of that example would be driven up. `name` is what the caller calls it.

    Raises:
        DomainError: with the weight.
    """
    if visible(weight) and weight.numel() and (lowest := least(weight.detach())) < 0:
        raise DomainError(
            f"{type(loss).__name__}: {name} contains {lowest:g}, and a negative weight would drive the loss of its "
            'example up. Use weights from 0; for signed sums multiply the values of reduction="none".'
        )


def refuse_probabilities(loss: Loss, inputs: Inputs) -> None:
    """Raise if what should be logits is, row for row, a probability distribution.

    Raises:
        DomainError: with the value below which the loss could then not go.
    """
    plan = loss._call  # pyright: ignore[reportPrivateUsage]
    for place in plan.logits:
        x = inputs[place]
        if not visible(x) or x.shape[-1] < 2 or x.numel() == 0:
            continue
        x = x.detach()
        # Nearly all logits are told apart by one negative number, and in a large tensor by one in the first row.
        if least(x if x.numel() <= _SMALL else x[(0,) * (x.ndim - 1)]) < 0:
            continue
        rows = x.reshape(-1, x.shape[-1])[:64].double()
        if _distributions(rows, x.dtype):
            name, classes = plan.named[place][0], x.shape[-1]
            floor = math.log(math.e + classes - 1) - 1
            raise DomainError(
                f"{type(loss).__name__}: the rows of {name} lie in [0, 1] and sum to 1, so they look like "
                f"probabilities, and this loss wants logits. Remove the softmax, or pass {name}.log(). (With "
                f"probabilities in place of logits the loss cannot go below {floor:.3f} for {classes} classes.) "
                "To allow it: with wald.value_checks(False)."
            )


def _distributions(rows: Tensor, dtype: torch.dtype) -> bool:
    # One row of random logits is a distribution by accident about once in 10⁷ at this tolerance; the wider
    # one, which half precision needs, is accepted only from several rows that all agree.
    if dtype in _HALF and len(rows) < 8:
        return False
    tolerance = 1e-2 if dtype in _HALF else 1e-6 if len(rows) == 1 else 1e-5
    inside = (rows >= 0).all() & (rows <= 1).all()
    return bool(inside and ((rows.sum(-1) - 1).abs() <= tolerance).all())


def _refuse_unnormalised(loss: Loss, name: str, domain: Domain, x: Tensor) -> None:
    rows = x.reshape(-1, x.shape[-1])[:64].double()
    totals = (rows.exp() if domain.normalised == "log" else rows).sum(-1)
    # Soft labels are often rounded by hand or by half precision; only what cannot be a rounding is refused.
    wrong = totals[(totals - 1).abs() > 2e-2]
    if len(wrong) == 0:
        return
    seen = f"{type(loss).__name__}: the rows of {name} are read as {domain.says}, but one adds up to {wrong[0]:.3g}"
    if domain.normalised == "log":
        raise DomainError(f"{seen} after exp. Use {name}.log_softmax(-1) on logits, {name}.log() on probabilities.")
    if domain.normalised == "linear":
        raise DomainError(f"{seen}. Use {name}.softmax(-1) on logits, {name}.exp() on log-probabilities.")
    raise DomainError(
        f"{seen.replace(domain.says, 'probabilities')}, as they are floats. Divide by {name}.sum(-1, keepdim=True); "
        f"for class ids use {name}.long()."
    )


def extremes(x: Tensor) -> tuple[float, float]:
    """The least and the largest value."""
    if x.numel() <= _FEW:
        values = few(x)
        return min(values), max(values)
    low, high = torch.aminmax(x)
    return low.item(), high.item()


def least(x: Tensor) -> float:
    """The least value."""
    return min(few(x)) if x.numel() <= _FEW else x.min().item()


def finite(x: Tensor) -> bool:
    """Whether no value is infinite or NaN: one such value makes the sum infinite or NaN.

    A sum of finite values may overflow; then the answer is no, and a caller who must know looks again.
    """
    if x.numel() <= _FEW:
        return math.isfinite(sum(few(x)))
    # A mode that gives sums another meaning (the checker has one) is not asked.
    with torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage]  (no public equivalent)
        return math.isfinite(x.detach().sum().item())


def few(x: Tensor) -> list[float]:
    """All values of a small tensor, which Python goes through faster than torch is called."""
    return x.tolist() if x.ndim == 1 else x.detach().flatten().tolist()


def _sampled(x: Tensor) -> Tensor:
    return x if x.numel() <= SAMPLE else x.reshape(-1)[:: x.numel() // SAMPLE + 1]


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
