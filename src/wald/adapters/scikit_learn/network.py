"""A small network fitted by a loss: Adam over small batches, with the average of its weights as the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
import math

import torch
from torch import Tensor
from torch.nn import functional

from .constant import best_constant, pull_of, units_of
from .rows import Rows
from .scaling import Scaling

#: Up to so many rows each step sees all of them, in float64, so that a row of weight k is k rows to the last digit.
WHOLE = 512

#: Of more rows, the smallest and the largest batch that is chosen, and how many batches there then are at least.
_SMALLEST, _LARGEST, _BATCHES = 128, 1024, 50

#: Steps of a fit whose passes are not given: of whole samples, and of batches.
_STEPS_WHOLE, _STEPS = 1000, 2000

#: How much more recent weights count in the average (Shamir & Zhang 2013, arXiv:1212.1824).
_RECENT = 8


@dataclass(frozen=True, eq=False)
class NetworkFit:
    """A fitted network.

    Attributes:
        scaling: of the features.
        layers: weights (outputs, inputs) and biases (outputs,), in turn.
        constant: the score that costs least when all rows get it, (outputs,).
        unit: in which the network's outputs are counted, (outputs,).
        penalty: what the squared weights were held by, (outputs,).
        curve: the mean of what was minimised in each pass.
        held_out: the cost of the rows that were held out, after each pass.
        settled: whether the weights stayed finite.
    """

    scaling: Scaling
    layers: tuple[Tensor, ...]
    constant: Tensor
    unit: Tensor
    penalty: Tensor
    curve: tuple[float, ...]
    held_out: tuple[float, ...]
    settled: bool

    def score(self, features: Tensor) -> Tensor:
        """(rows, outputs), in float64."""
        inner = self.scaling.scaled(features).to(self.layers[0].dtype)
        return self.constant + self.unit * _through(self.layers, inner).double()


def fit_network(
    features: Tensor,
    rows: Rows,
    *,
    hidden: Sequence[int],
    penalty: float,
    passes: int | None,
    batch: int | None,
    rate: float,
    held_out: float | None,
    patience: int,
    tolerance: float,
    source: torch.Generator,
) -> NetworkFit:
    """The network that costs little: features (rows, features), float64.

    Args:
        features: of the rows.
        rows: what judges the scores.
        hidden: how many units each hidden layer has.
        penalty: on half the squared weights, as a share of a row's usual pull.
        passes: over the rows; None for enough of them.
        batch: rows a step; None for what suits their number.
        rate: the size of the first steps.
        held_out: the share of rows by which the end is found; None to fit on all of them, to the end.
        patience: how many passes without a gain are waited for.
        tolerance: the least gain that counts, as a share.
        source: of all randomness.
    """
    scaling = Scaling.of(features, rows.weight)
    unit = units_of(rows.emission, rows.target, rows.weight)
    constant, _ = best_constant(rows, unit)
    pull = pull_of(rows, constant, unit)
    watched: tuple[Tensor, Rows] | None = None
    inner = scaling.scaled(features)
    if held_out is not None:
        kept, out = _apart(rows, held_out, source)
        watched, inner, rows = (inner[out], rows.part(out)), inner[kept], rows.part(kept)
    whole = len(rows) <= WHOLE and batch is None
    size = len(rows) if whole else batch or min(_LARGEST, max(_SMALLEST, len(rows) // _BATCHES))
    inner = inner if whole else inner.float()
    many = math.ceil(len(rows) / size)
    passes = passes or math.ceil((_STEPS_WHOLE if whole else _STEPS) / many)
    layers = _begun([inner.shape[1], *hidden, len(unit)], inner.dtype, source)
    training = _Training(layers, rate, passes * many, falling=watched is None)
    mass, strength = float(rows.weight.mean()), penalty * float(pull.mean())
    curve: list[float] = []
    seen: list[float] = []
    best, least, waited = training.average, math.inf, 0
    for _ in range(passes):
        total = 0.0
        for chosen in _batches(len(rows), size, source):
            part = rows.part(chosen)
            score = constant + unit * _through(layers, inner[chosen]).double()
            cost = (part.weight @ part.values(score)) / (mass * len(part))
            held = 0.5 * strength * torch.stack([one.square().sum() for one in layers[::2]]).sum()
            goal = cost + held.double()
            training.step(torch.autograd.grad(goal, layers))
            total += float(goal.detach()) * len(part)
        curve.append(total / len(rows))
        if not training.finite:
            break
        if watched is not None:
            with torch.no_grad():
                given = watched[0].to(inner.dtype)
                value = watched[1].values(constant + unit * _through(training.average, given).double())
            seen.append(float(watched[1].weight @ value / watched[1].weight.sum()))
            gained = seen[-1] < least - tolerance * abs(least) if math.isfinite(least) else True
            if seen[-1] < least:
                best, least = tuple(one.clone() for one in training.average), seen[-1]
            waited = 0 if gained else waited + 1
            if waited >= patience:
                break
    last = best if watched is not None else training.average
    return NetworkFit(
        scaling=scaling,
        layers=tuple(one.detach().clone() for one in last),
        constant=constant,
        unit=unit,
        penalty=penalty * pull / unit.square(),
        curve=tuple(curve),
        held_out=tuple(seen),
        settled=training.finite,
    )


class _Training:
    """Adam, and the average of the weights that it passes."""

    def __init__(self, layers: list[Tensor], rate: float, steps: int, *, falling: bool) -> None:
        self._layers, self._rate, self._steps, self._falling = layers, rate, steps, falling
        self._adam = torch.optim.Adam(layers, lr=rate, foreach=True)
        self._done = 0
        self.average = tuple(one.detach().clone() for one in layers)
        self.finite = True

    def step(self, gradients: Sequence[Tensor]) -> None:
        """One step; one that is not a number is left out."""
        if not all(bool(one.isfinite().all()) for one in gradients):
            self.finite = False
            return
        if self._falling:
            self._adam.param_groups[0]["lr"] = self._rate * 0.5 * (1 + math.cos(math.pi * self._done / self._steps))
        for layer, gradient in zip(self._layers, gradients, strict=True):
            layer.grad = gradient
        self._adam.step()
        self._done += 1
        share = (_RECENT + 1) / (self._done + _RECENT)
        with torch.no_grad():
            for mean, layer in zip(self.average, self._layers, strict=True):
                mean.lerp_(layer, share)


def _through(layers: Sequence[Tensor], inner: Tensor) -> Tensor:
    for place in range(0, len(layers) - 2, 2):
        inner = torch.relu(functional.linear(inner, layers[place], layers[place + 1]))
    return functional.linear(inner, layers[-2], layers[-1])


def _begun(sizes: Sequence[int], dtype: torch.dtype, source: torch.Generator) -> list[Tensor]:
    """First weights: of the size that keeps signals alike through ReLU (He et al. 2015), the last near the constant."""
    layers: list[Tensor] = []
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        last = place == len(sizes) - 2
        spread = (0.1 if last else 1.0) * math.sqrt(6 / max(1, inputs))
        weight = (2 * torch.rand(outputs, inputs, generator=source, dtype=torch.float64) - 1) * spread
        layers += [weight.to(dtype).requires_grad_(True), torch.zeros(outputs, dtype=dtype, requires_grad=True)]
    return layers


def _batches(rows: int, size: int, source: torch.Generator) -> Iterator[slice | Tensor]:
    if size >= rows:
        yield slice(0, rows)
        return
    order = torch.randperm(rows, generator=source)
    yield from order.split(size)


def _apart(rows: Rows, share: float, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows to fit on, and rows to watch that have the same mix of targets."""
    count = len(rows)
    watched = min(max(1, round(share * count)), count - 1)
    if watched < 1:
        raise ValueError(f"early_stopping=True holds rows out, and there is only {count}. Use early_stopping=False.")
    shuffled = torch.randperm(count, generator=source)
    # The target of a row may be its class or a distribution over them.
    target = rows.target if rows.target.ndim == 1 else rows.target.argmax(-1)
    order = shuffled[target[shuffled].argsort(stable=True)]
    places = ((torch.arange(watched, dtype=torch.float64) + 0.5) * count / watched).long()
    out = torch.zeros(count, dtype=torch.bool)
    out[order[places]] = True
    return (~out).nonzero()[:, 0], out.nonzero()[:, 0]
