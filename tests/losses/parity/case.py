"""One loss of ours beside one of somebody else's, as functions of one tensor, and how far apart they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, metadata
from importlib.util import find_spec
import os
from typing import Any, Literal
import warnings

import numpy as np
import torch
from torch import Tensor

import wald

os.environ.setdefault("KERAS_BACKEND", "torch")

#: What a package gives: values that torch can differentiate, values with their slope, or values alone.
Function = Callable[[Tensor], Any]

#: How the other slope was had: by torch, by the package itself, or from its values, by differences.
By = Literal["torch", "itself", "differences"]

#: Where an error is taken from values, how far the input moves each way.
STEP = 1e-6

#: Packages of the everyday tests; all others are `peers`.
EVERYDAY = ("torch", "scipy", "sklearn", "xgboost", "lightgbm", "catboost")

#: Names of packages that are not what they are imported as.
INSTALLED_AS = {
    "sklearn": ("scikit-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "pyro": ("pyro-ppl",),
    "open_clip": ("open_clip_torch",),
    "info_nce": ("info-nce-pytorch",),
    "allrank": ("allRank",),
    "neuralop": ("neuraloperator",),
    "riskfolio": ("riskfolio-lib",),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A loss here and its like elsewhere, at one point.

    Attributes:
        loss: its name here.
        name: its full name there.
        ours: our loss, as a function of what the slope is taken in.
        theirs: the other, of the same: a tensor; or `(values, slope)`, where it knows its own slope, with None for
            values that it has not, and "differences" in the third place where the slope was had so; or numbers that
            torch knows nothing of.
        at: where both are compared.
        within: how far apart they may be, in units of their largest number.
        fields: the fields of ours that are not the package's own, for people to read.
    """

    loss: str
    name: str
    ours: Callable[[Tensor], Tensor]
    theirs: Function
    at: Tensor
    within: float = 1e-6
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def package(self) -> str:
        """The package that has the other."""
        return self.name.partition(".")[0]

    @property
    def installed(self) -> bool:
        """Whether the other can be asked here."""
        return find_spec(self.package) is not None

    def __str__(self) -> str:
        """What a test is called."""
        told = ", ".join(f"{name}={value}" for name, value in self.fields.items() if not isinstance(value, Tensor))
        return f"{self.loss}({told}) = {self.name}"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two are apart, in units of the largest number of the other; a value that it does not give is None."""

    value: float | None
    slope: float
    by: By

    @property
    def worst(self) -> float:
        """The larger of the two."""
        return max(self.value or 0.0, self.slope)


def of_port(
    name: str,
    theirs: Function,
    at: Tensor,
    *rest: Any,
    how: Callable[..., Tensor] | None = None,
    within: float = 1e-6,
    **fields: Any,
) -> Case:
    """A case of a name that is on a card.

    Args:
        name: the full name there, at whose fields ours is made.
        theirs: the other, as a function of the first input.
        at: the first input, of which slopes are taken.
        rest: the other inputs of ours.
        how: of our loss and all inputs; each example's value if nothing is said.
        within: as in `Case`.
        fields: fields of ours beside those of the port.
    """

    def ours(x: Tensor) -> Tensor:
        loss = wald.get(name)(like=name, **fields)
        return (how or each)(loss, x, *rest)

    return Case(loss=wald.get(name).__name__, name=name, ours=ours, theirs=theirs, at=at, within=within, fields=fields)


def each(loss: wald.Loss, *inputs: Any) -> Tensor:
    """One value an example."""
    return loss.per_example(*inputs)


def mean(loss: wald.Loss, *inputs: Any) -> Tensor:
    """The mean of a batch."""
    return loss(*inputs)


def total(loss: wald.Loss, *inputs: Any) -> Tensor:
    """The sum of a batch."""
    return loss(*inputs, reduction="sum")


def attribute(name: str) -> Any:
    """What a full name stands for, imported as late as this."""
    parts = name.split(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cut in range(len(parts), 0, -1):
            try:
                found = import_module(".".join(parts[:cut]))
            except ModuleNotFoundError as missing:
                if missing.name and not name.startswith(missing.name):
                    raise
                continue
            for part in parts[cut:]:
                found = getattr(found, part)
            return found
    raise ModuleNotFoundError(name)


def by_jax(function: Callable[[Any], Any]) -> Function:
    """A function of JAX: its values, and its own slope of their sum."""

    def run(x: Tensor) -> tuple[Any, Any]:
        jax = import_module("jax")
        given = jax.numpy.asarray(x.detach().numpy(), dtype="float32")
        return np.array(function(given)), np.array(jax.grad(lambda z: function(z).sum())(given))

    return run


def by_numbers(function: Callable[[Tensor], Any]) -> Function:
    """A function of numbers that torch cannot look into."""
    return lambda x: function(x.detach())


def measure(case: Case) -> Agreement:
    """Compute both sides and compare."""
    mine, other = (case.at.detach().clone().requires_grad_() for _ in range(2))
    value = case.ours(mine)
    (slope,) = torch.autograd.grad(value.sum(), mine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given, wanted, by = _asked(case.theirs, other)
    return Agreement(value=None if given is None else _apart(value, given), slope=_apart(slope, wanted), by=by)


def _asked(theirs: Function, x: Tensor) -> tuple[Any, Any, By]:
    given = theirs(x)
    if isinstance(given, tuple):
        value, slope, *by = given
        return value, slope, by[0] if by else "itself"
    if isinstance(given, Tensor) and given.requires_grad:
        (slope,) = torch.autograd.grad(given.sum(), x)
        return given, slope, "torch"
    return given, _differences(theirs, x.detach()), "differences"


def _differences(theirs: Function, x: Tensor) -> Tensor:
    slope = torch.zeros_like(x)
    for index in range(x.numel()):
        ahead, behind = x.clone(), x.clone()
        ahead.view(-1)[index] += STEP
        behind.view(-1)[index] -= STEP
        rise = np.sum(np.asarray(theirs(ahead), dtype=float)) - np.sum(np.asarray(theirs(behind), dtype=float))
        slope.view(-1)[index] = rise / (2 * STEP)
    return slope


def _apart(ours: Tensor, theirs: Any) -> float:
    a = ours.detach().double()
    b = torch.as_tensor(np.array(theirs.detach() if isinstance(theirs, Tensor) else theirs)).double().reshape(a.shape)
    if not a.numel():
        return 0.0
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-12))


@cache
def version(package: str) -> str:
    """The version of a package that is installed."""
    for name in (*INSTALLED_AS.get(package, ()), package):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "?"
