"""What the native library is asked: its structs (`source/calls.hpp`, field by field) and the functions around them."""

from __future__ import annotations

from ctypes import Structure, byref, c_double, c_float, c_int64, c_void_p
from functools import cache
from typing import Final

import torch
from torch import Tensor

from ..engine import Pass
from ..programs import Program
from .loading import Library, library

#: How many parameters an elementwise loss may have.
PARAMETERS: Final = 4


class Elementwise(Structure):
    """An elementwise loss of `count` numbers; an address that is None is not given, or not wanted."""

    _fields_ = (
        ("loss", c_int64),
        ("count", c_int64),
        ("prediction", c_void_p),
        ("target", c_void_p),
        ("weight", c_void_p),
        ("values", c_void_p),
        ("gradient", c_void_p),
        ("scale", c_double),
        ("parameters", c_float * PARAMETERS),
        ("sum", c_double),
    )


class Softmax(Structure):
    """Cross-entropy of rows of logits, which lie in memory `inner` rows at a time."""

    _fields_ = (
        ("rows", c_int64),
        ("classes", c_int64),
        ("inner", c_int64),
        ("outer_step", c_int64),
        ("row_step", c_int64),
        ("logits", c_void_p),
        ("ids", c_void_p),
        ("shares", c_void_p),
        ("class_weight", c_void_p),
        ("weight", c_void_p),
        ("values", c_void_p),
        ("gradient", c_void_p),
        ("scale", c_double),
        ("label_smoothing", c_double),
        ("z_loss", c_double),
        ("sum", c_double),
        ("wrong", c_int64),
    )


def elementwise(program: Program, asked: Pass) -> float:
    """Σ weight · value of fp32 numbers, by a program that the library has; the results go where `asked` says."""
    # Copies that live until the call is over.
    prediction, target, weight = _contiguous(asked.prediction), _contiguous(asked.target), _contiguous(asked.weight)
    call = Elementwise(
        loss=_number(program.name),
        count=asked.prediction.numel(),
        prediction=_address(prediction),
        target=_address(target),
        weight=_address(weight),
        values=_address(asked.values),
        gradient=_address(asked.gradient),
        scale=asked.scale,
        parameters=(c_float * PARAMETERS)(*program.numbers),
    )
    _made(_present().wald_elementwise(byref(call), torch.get_num_threads()))
    return call.sum


def softmax(
    asked: Pass,
    steps: tuple[int, int, int],
    class_weight: Tensor | None = None,
    *,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
) -> float:
    """Σ weight · value of rows of fp32 logits; the results go where `asked` says, the gradient without gaps.

    Args:
        asked: logits, the classes last and without gaps between them, and the class of each row or the probabilities
            of its classes. The gradient may be the logits themselves, to be overwritten.
        steps: where the rows lie: `inner` of them `row_step` apart, and each such group `outer_step` from the last.
        class_weight: what each class counts.
        label_smoothing: the share of the target spread evenly over the classes that can occur.
        z_loss: how much of the squared log-partition is added.

    Raises:
        IndexError: an id is no class.
    """
    inner, outer_step, row_step = steps
    logits, classes, soft = asked.prediction, asked.prediction.shape[-1], asked.target.is_floating_point()
    target, weight = _contiguous(asked.target), _contiguous(asked.weight)
    call = Softmax(
        rows=logits.numel() // classes,
        classes=classes,
        inner=inner,
        outer_step=outer_step,
        row_step=row_step,
        logits=logits.data_ptr(),
        ids=None if soft else _address(target),
        shares=_address(target) if soft else None,
        class_weight=_address(class_weight),
        weight=_address(weight),
        values=_address(asked.values),
        gradient=_address(asked.gradient),
        scale=asked.scale,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
    )
    _made(_present().wald_softmax(byref(call), torch.get_num_threads()))
    if call.wrong >= 0:
        found = int(asked.target.reshape(-1)[call.wrong])
        raise IndexError(f"target contains {found}, and prediction has classes 0 to {classes - 1}.")
    return call.sum


def _present() -> Library:
    found = library()
    if found is None:
        raise RuntimeError("the native library does not run here; `wald doctor` says why.")
    return found


def _made(done: int) -> None:
    if not done:
        raise MemoryError("the native library found no memory for the sums of its blocks.")


@cache
def _number(loss: str) -> int:
    number = _present().wald_elementwise_loss(loss.encode())
    if number < 0:
        raise ValueError(f"the native library has no loss {loss}.")
    return number


def _contiguous(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.contiguous()


def _address(x: Tensor | None) -> int | None:
    return None if x is None else x.data_ptr()
