"""Elementwise losses on a GPU: value, gradient and mean in one reading of prediction and target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from ...core import Loss, implements
from ..one_pass import Gradients, one_pass
from ..programs import PROGRAMS, Program
from ..two_passes import two_passes
from ..worthwhile import worthwhile
from .available import DTYPES, on_gpu
from .proving import believed
from .scales import reciprocal, weighted

#: Below this size a call costs more than the work, and torch's own kernel, or the definition, is as fast.
_WORTHWHILE = 65_536

#: How many examples a program has: 8 a thread, which are 128 bits of bf16. More would run the longest formulas out of
#: registers.
_BLOCK = 1024


#: The programs that a GPU has, and their functions in `programs/families.py`. Each takes up to three numbers, which are
#: arguments, so that a new value compiles nothing.
_FUNCTIONS: Final = {
    "Squared": "squared",
    "Absolute": "absolute",
    "Percentage": "percentage",
    "Huber": "huber",
    "PseudoHuber": "pseudo_huber",
    "LogCosh": "log_cosh",
    "Pinball": "pinball",
    "SmoothedPinball": "smoothed_pinball",
    "Expectile": "expectile",
    "Poisson": "poisson",
    "Gamma": "gamma",
    "BinaryCrossEntropy": "binary_cross_entropy",
    "Focal": "focal",
    "AsymmetricFocal": "asymmetric_focal",
    "Hinge": "hinge",
    "SquaredHinge": "squared_hinge",
}

#: The losses whose own programs these are.
KINDS: Final = tuple(kind for kind in PROGRAMS if kind.__name__ in _FUNCTIONS)


def _program(loss: Loss) -> Program | None:
    found = PROGRAMS[type(loss)](loss)
    return found if found is not None and found.name in _FUNCTIONS else None


def _accepts(loss: Loss, prediction: Tensor, target: Tensor) -> bool:
    return (
        on_gpu(prediction, target)
        and worthwhile(prediction.numel(), _WORTHWHILE)
        and prediction.shape == target.shape
        and prediction.dtype in DTYPES
        and target.dtype in DTYPES
        # The slope of the target has no program.
        and not target.requires_grad
        and _program(loss) is not None
        and believed(_values, loss, prediction, target)
    )


def _values(loss: Loss, prediction: Tensor, target: Tensor) -> Tensor:
    """The values; their gradient needs what comes from above, so it is made in the backward pass."""

    def values(x: Tensor) -> tuple[Tensor, None]:
        return _launch(loss, x, target, values=True).values, None

    def slopes(needed: tuple[bool, ...], upstream: Tensor, kept: None, x: Tensor) -> Gradients:
        return (_launch(loss, x, target, weight=upstream, gradient=True).gradient,)

    return two_passes(values, slopes, lambda x: loss.per_example(x.float(), target.float()), prediction)


def _mean(
    loss: Any, *inputs: Tensor, weight: Tensor | None = None, denominator: Tensor | float | None = None
) -> Tensor:
    prediction, target = inputs
    if denominator is None:
        denominator = float(prediction.numel()) if weight is None else weight.sum()
    scale = reciprocal(denominator, prediction)

    def total(needed: tuple[bool, ...], x: Tensor) -> tuple[Tensor, Gradients]:
        found = _launch(loss, x, target, weight=weight, scale=scale, gradient=needed[0], sums=True)
        return found.sums.sum() * scale, (found.gradient if needed[0] else None,)

    def definition(x: Tensor) -> Tensor:
        return weighted(loss.per_example, x, target.float(), weight).sum() * scale

    if prediction.dtype != torch.float16:
        return one_pass(total, definition, prediction)

    # In fp16 a gradient divided by a large number of examples is 0 before anybody can scale it up, so it waits for
    # what comes from above.
    def value(x: Tensor) -> tuple[Tensor, None]:
        return total((False,), x)[0], None

    def slopes(needed: tuple[bool, ...], upstream: Tensor, kept: None, x: Tensor) -> Gradients:
        return (_launch(loss, x, target, weight=weight, scale=scale * upstream, gradient=True).gradient,)

    return two_passes(value, slopes, definition, prediction)


@dataclass(frozen=True, slots=True)
class _Found:
    values: Tensor
    gradient: Tensor
    sums: Tensor


def _launch(
    loss: Loss,
    prediction: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    scale: Tensor | None = None,
    values: bool = False,
    gradient: bool = False,
    sums: bool = False,
) -> _Found:
    """What is asked for; the rest is empty."""
    from .programs import families
    from .programs.elementwise import elementwise

    launched: Any = elementwise
    program = _program(loss)
    assert program is not None  # noqa: S101  (`_accepts` has asked)
    numbers = (*program.numbers, 0.0, 0.0, 0.0)[:3]
    size = prediction.numel()
    blocks = -(-size // _BLOCK)

    def made(wanted: bool, dtype: torch.dtype, *shape: int) -> Tensor:
        return torch.empty(shape if wanted else (0,), dtype=dtype, device=prediction.device)

    found = _Found(
        made(values, torch.float32, *prediction.shape),
        made(gradient, prediction.dtype, *prediction.shape),
        made(sums, torch.float32, blocks),
    )
    if size:
        # Programs are launched on the current GPU, which need not be the one that has the tensor.
        with torch.cuda.device_of(prediction):
            launched[(blocks,)](
                prediction.contiguous(),
                target.contiguous(),
                None if weight is None else weight.contiguous(),
                scale,
                found.values if values else None,
                found.gradient if gradient else None,
                found.sums if sums else None,
                size,
                *(float(x) for x in numbers),
                LOSS=getattr(families, _FUNCTIONS[program.name]),
                BLOCK=_BLOCK,
                num_warps=4,
            )
    return found


for _kind in KINDS:
    implements(_kind, name="wald.kernels.gpu.elementwise (Triton)", accepts=_accepts, mean=_mean, skips=True)(_values)
