"""What the native library is asked: its structs (`source/calls.hpp`, field by field) and the functions around them."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import Structure, byref, c_double, c_float, c_int64, c_void_p
from functools import cache
from typing import Final

import torch
from torch import Tensor

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


def elementwise(
    loss: str,
    parameters: Sequence[float],
    prediction: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    scale: float = 1.0,
    values: Tensor | None = None,
    gradient: Tensor | None = None,
) -> float:
    """Σ weight · value, with the values in `values` and weight · scale · slope in `gradient`; all fp32, contiguous."""
    call = Elementwise(
        loss=_number(loss),
        count=prediction.numel(),
        prediction=prediction.data_ptr(),
        target=target.data_ptr(),
        weight=_address(weight),
        values=_address(values),
        gradient=_address(gradient),
        scale=scale,
        parameters=(c_float * PARAMETERS)(*parameters),
    )
    _made(_present().wald_elementwise(byref(call), torch.get_num_threads()))
    return call.sum


def softmax(
    logits: Tensor,
    steps: tuple[int, int, int],
    *,
    ids: Tensor | None = None,
    shares: Tensor | None = None,
    class_weight: Tensor | None = None,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    scale: float = 1.0,
    values: Tensor | None = None,
    gradient: Tensor | None = None,
) -> float:
    """Σ weight · value of rows of fp32 logits, with the values in `values` and the gradient in `gradient`.

    Args:
        logits: the classes last, without gaps between them.
        steps: where the rows lie: `inner` of them `row_step` apart, and each such group `outer_step` from the last.
        ids: the class of each row; either these or the shares are given.
        shares: the probabilities of the classes of each row.
        class_weight: what each class counts.
        weight: what each row counts; 0 is never looked at, and its gradient is 0.
        label_smoothing: the share of the target spread evenly over the classes that can occur.
        z_loss: how much of the squared log-partition is added.
        scale: what the gradient is multiplied by, beside the weight.
        values: takes the values of the rows, unweighted.
        gradient: takes the gradient, contiguous; or the logits themselves, to be overwritten.

    Raises:
        IndexError: an id is no class.
    """
    inner, outer_step, row_step = steps
    classes = logits.shape[-1]
    call = Softmax(
        rows=logits.numel() // classes,
        classes=classes,
        inner=inner,
        outer_step=outer_step,
        row_step=row_step,
        logits=logits.data_ptr(),
        ids=_address(ids),
        shares=_address(shares),
        class_weight=_address(class_weight),
        weight=_address(weight),
        values=_address(values),
        gradient=_address(gradient),
        scale=scale,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
    )
    _made(_present().wald_softmax(byref(call), torch.get_num_threads()))
    if call.wrong >= 0 and ids is not None:
        found = int(ids.reshape(-1)[call.wrong])
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


def _address(x: Tensor | None) -> int | None:
    return None if x is None else x.data_ptr()
