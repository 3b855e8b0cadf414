"""What happens to the metric when inputs are shaken, rounded or lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..evidence import Evidence, run
from ..statistics import percentiles, whole_sample

#: How far features are shaken, in standard deviations.
NOISE = (0.1, 0.25, 0.5)

#: Features are rounded to multiples of so many standard deviations.
ROUNDED = 0.1

#: Columns that are lost in turn, at most, and the rows on which that is tried.
COLUMNS, ROWS = 40, 1_000


@dataclass(frozen=True)
class Change:
    """Inputs, changed.

    Attributes:
        name: what was done, in words.
        inputs: the inputs afterwards.
        kind: "noise", "rounding", "median" or "zero".
        size: how far, for noise; the number of the column, for a lost one.
    """

    name: str
    inputs: Tensor
    kind: str
    size: float


@dataclass(frozen=True)
class Changed:
    """What a change did.

    Attributes:
        change: what was done.
        before: what the rows cost by the metric as they are: its distance from perfect.
        after: what they cost when changed.
        effect: by how much more, as a share of what they cost before.
        interval: the 95 % interval of the effect.
    """

    change: Change
    before: float
    after: float
    effect: float
    interval: tuple[float, float]


def moving(evidence: Evidence) -> Tensor:
    """How far one standard deviation is, for each entry of a row: 0 for flags, categories and what is immutable."""
    inputs = evidence.inputs.detach()
    flat = inputs.reshape(len(inputs), -1).double()
    if inputs.ndim > 2:
        # Entries of an image or a series share one scale: the border of a picture does not vary, and can.
        return torch.full(inputs.shape[1:], float(flat.std(correction=0)), dtype=torch.float64)
    ranked = flat.sort(0).values
    kinds = 1 + (ranked[1:] != ranked[:-1]).sum(0)
    sizes = torch.where(kinds > 2, flat.std(0, correction=0), 0.0)
    space, features = evidence.case.input_space, evidence.case.features
    for fixed in (*space.groups(features), space.places(space.immutable, features)):
        sizes[list(fixed)] = 0.0
    return sizes


def shaken(evidence: Evidence) -> list[Change]:
    """All rows with noise of several sizes, and rounded; inside what was seen of each feature."""
    inputs, sizes = evidence.inputs.detach(), moving(evidence).to(evidence.inputs.device)
    if not bool((sizes > 0).any()):
        return []
    low, high = inputs.amin(0), inputs.amax(0)
    noise = torch.randn(inputs.shape, generator=evidence.random("shift noise"), dtype=torch.float64).to(inputs.device)
    found: list[Change] = []
    for size in NOISE:
        moved = inputs.double() + size * sizes * noise
        found.append(Change(f"noise of {size:g} sd", _held(moved, inputs, low, high), "noise", size))
    step = (ROUNDED * sizes).clamp_min(1e-300)
    rounded = torch.where(sizes > 0, (inputs.double() / step).round() * step, inputs.double())
    return [*found, Change(f"rounding to {ROUNDED:g} sd", _held(rounded, inputs, low, high), "rounding", ROUNDED)]


def _held(moved: Tensor, inputs: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(moved.to(inputs.dtype), low), high)


def columns_by_use(evidence: Evidence) -> list[int]:
    """The columns that vary, those that go most with the score first."""
    inputs = evidence.inputs.detach().cpu().double()
    score = evidence.score.double().reshape(len(inputs), -1)
    x = (inputs - inputs.mean(0)) / inputs.std(0, correction=0).clamp_min(1e-12)
    z = (score - score.mean(0)) / score.std(0, correction=0).clamp_min(1e-12)
    use = (x.T @ z / len(x)).abs().amax(-1)
    varies = (inputs != inputs[:1]).any(0)
    order = torch.where(varies, use, -1.0).argsort(descending=True, stable=True)[: int(varies.sum())]
    return order.tolist()


def lost(evidence: Evidence, rows: Tensor) -> list[Change]:
    """These rows with one column filled in by its median, or by 0, for each of the columns that matter most."""
    inputs = evidence.inputs.detach()
    names = evidence.case.features or tuple(f"column {number}" for number in range(1, inputs.shape[1] + 1))
    found: list[Change] = []
    for column in columns_by_use(evidence)[:COLUMNS]:
        for kind, value in (("median", inputs[:, column].median()), ("zero", inputs.new_zeros(()))):
            moved = inputs[rows.to(inputs.device)].clone()
            moved[:, column] = value
            found.append(Change(names[column], moved, kind, float(column)))
    return found


def changes(evidence: Evidence, tried: Sequence[Change], rows: Tensor) -> list[Changed]:
    """What each change does to the metric on these rows, paired."""
    if not tried:
        return []
    stick, part = evidence.by_metric, evidence.sample.part(rows)
    read = (lambda prediction: prediction) if evidence.space is None else evidence.space.read
    scores = [evidence.score[rows], *(read(run(evidence.model, one.inputs)) for one in tried)]
    points = [stick.mean(score, rows) for score in scores]
    if stick.decomposable:
        draws = part.bootstrap(evidence.budget.draws).means(torch.stack([stick.values(one, rows) for one in scores]))
    else:
        bootstrap = part.bootstrap(evidence.budget.whole_draws)
        draws = torch.stack(
            [whole_sample(lambda drawn, one=one: stick.mean(one[drawn], rows[drawn]), bootstrap) for one in scores]
        )
    before = points[0]
    base = max(abs(before), 1e-12)
    return [
        Changed(one, before, after, (after - before) / base, percentiles((drawn - draws[0]) / base))
        for one, after, drawn in zip(tried, points[1:], draws[1:], strict=True)
    ]
