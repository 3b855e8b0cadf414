"""Whether minimising a loss leads predictions towards the targets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..statistics.vector_acts import finite_laws, risk, starts, vector_acts
from ..subjects.grids import inside, pairs, spread
from ..subjects.subject import CLASSES, Inputs, Subject
from .moves import Move, move_of

#: Batches that are tried, and examples in each.
_ROUNDS, _ROWS = 12, 16
#: Correlations that say that predictions follow targets, and that they do not.
_CLEARLY, _HARDLY = 0.7, 0.3


@dataclass(frozen=True, kw_only=True)
class Direction:
    """Which way minimising leads.

    Attributes:
        away: the share of places from which a step downhill leads away from the target; None where that has
            no meaning, or is not measured.
        wrong: whether predictions are driven away from the targets, however far off they are.
        why: what shows it.
        inputs: a prediction near the target, and one far from it.
        meaningless: whether no direction is right, rather than not measured.
    """

    away: float | None
    wrong: bool = False
    why: str = ""
    inputs: tuple[Inputs, ...] = ()
    meaningless: bool = False


def measure_direction(subject: Subject) -> Direction:
    """Whether minimising `subject` leads predictions towards the targets."""
    if not subject.whole and len(subject.domains) == 2:
        if subject.task == "regression" and subject.scalar:
            return _of_numbers(subject)
        if subject.task == "regression" and subject.outputs:
            return _of_outputs(subject)
        if subject.labelled:
            return _of_labels(subject)
        if subject.task == "multiclass":
            return _of_classes(subject)
    move = move_of(subject)
    if move is None:
        return Direction(away=None, why="which way is right cannot be told from its inputs", meaningless=True)
    return _of_moves(subject, move)


def _of_numbers(subject: Subject) -> Direction:
    generator = subject.generator()
    x = spread(subject.prediction, 120 if subject.together else 40, generator, wide=False).to(subject.dtype)
    # Targets from the middle, so that what is best for them lies inside the grid.
    y = spread(subject.target, 24, generator, wide=False).to(subject.dtype)[6 : 18 : 1 if subject.together else 3]
    table = _table(subject, x, y)
    best, worst, end = table.argmin(0), table.argmax(0), len(x) - 1
    wrong = bool(((worst > 0) & (worst < end) & ((best == 0) | (best == end))).all())
    middle = worst if wrong else best
    column = len(y) // 2
    near, far = int(middle[column]), int(best[column] if wrong else worst[column])
    return Direction(
        away=_away(table, middle),
        wrong=wrong,
        why=_told(x, table, column, f"for a target of {y[column]:.4g}", near, far),
        inputs=tuple((x[i : i + 1], y[column : column + 1]) for i in (near, far)),
    )


def _of_labels(subject: Subject) -> Direction:
    z = torch.linspace(-6, 6, 121, dtype=torch.float64)
    x = (torch.sigmoid(z) if subject.prediction.high == 1 else z).to(subject.dtype)
    y = torch.tensor(subject.labels, dtype=subject.dtype)
    table = _table(subject, x, y)
    end = len(x) - 1
    return Direction(
        away=_away(table, torch.tensor([0, end])),
        wrong=bool((table[end, 0] < table[0, 0]) & (table[end, 1] > table[0, 1])),
        why=_told(x, table, 1, f"under the label {y[1]:g}", end, 0),
        inputs=tuple((x[i : i + 1], y[1:]) for i in (end, 0)),
    )


def _table(subject: Subject, x: Tensor, y: Tensor) -> Tensor:
    return subject.values(*pairs(x, y)).detach().double().reshape(len(x), len(y)).nan_to_num(nan=torch.inf)


def _away(table: Tensor, goal: Tensor) -> float:
    """The share of steps along the grid in which the loss falls away from the goal of its column."""
    slope = table.diff(dim=0)
    right = torch.arange(len(slope)).unsqueeze(1) >= goal
    away = torch.where(right, slope < 0, slope > 0)
    return float(away.sum() / (slope != 0).sum().clamp(min=1))


def _told(x: Tensor, table: Tensor, column: int, where: str, near: int, far: int) -> str:
    costs = table[:, column]
    return (
        f"{where}, predicting {x[near]:.4g} costs {costs[near]:.4g} and predicting {x[far]:.4g} costs {costs[far]:.4g}"
    )


def _of_classes(subject: Subject) -> Direction:
    domain, size = subject.prediction, subject.prediction.size or CLASSES
    scores = torch.randn(64, size, generator=subject.generator(), dtype=torch.float64).to(subject.dtype)
    ids = torch.arange(64) % size
    one_hot = torch.nn.functional.one_hot(ids, size).to(subject.dtype)
    targets = subject.observed(ids, size)
    points = [inside(domain, scores + boost * one_hot) for boost in (0.0, 3.0, -3.0)]
    here, surer, doubtful = (subject.values(x, targets).detach().double() for x in points)
    away = (surer > here).double().mean()
    return Direction(
        away=float(away),
        wrong=bool((away > 0.9) & ((doubtful < here).double().mean() > 0.9)),
        why=f"scores surer of the true class cost {surer[0]:.4g}, doubtful ones {doubtful[0]:.4g}",
        inputs=tuple((x[:1], targets[:1]) for x in points[1:]),
    )


def _of_outputs(subject: Subject) -> Direction:
    """The best of many predictions must move up as the target does, in some entry, and the worst must not."""
    y = spread(subject.target, 24, subject.generator(), wide=False).to(subject.dtype)[4:20:2]
    x = starts(subject)[::2]
    costs = risk(subject, x.unsqueeze(0).expand(len(y), -1, -1), y.unsqueeze(1)).nan_to_num(nan=torch.inf)
    few, top = max(4, len(x) // 20), costs[-1].isfinite() * costs[-1].nan_to_num(posinf=0)
    best, worst = (x[costs.argsort(1, descending=last)[:, :few]].double().median(1).values for last in (False, True))
    along, against = _follows(best, y.double()), _follows(worst, y.double())
    wrong = along < _HARDLY and against > _CLEARLY
    if not wrong and (along < _CLEARLY or against > _HARDLY):
        # The cost of a spread may hide that of the place: what is best for whole laws decides.
        laws = finite_laws(subject)
        along, against = _of_acts(subject, laws), _of_acts(_flipped(subject), laws)
        wrong = along < _HARDLY and against > _CLEARLY
    near, far = int(costs[-1].argmin()), int(top.argmax())
    return Direction(
        away=min(1.0, max(0.0, (1 + against - along) / 2)),
        wrong=wrong,
        why=f"as targets rise its best predictions go along with {along:.2f}, its worst with {against:.2f}",
        inputs=tuple((x[row : row + 1], y[-1:]) for row in (near, far)),
    )


def _of_acts(subject: Subject, laws: Tensor) -> float:
    """How the best predictions go along with the mean or the middle of the law; 0 where there are none."""
    found = vector_acts(subject, laws)
    if found is None:
        return 0.0
    law = found.laws.double()
    return max(_follows(found.acts.double(), y) for y in (law.nanmean(1), law.nanmedian(1).values))


def _flipped(subject: Subject) -> Subject:
    """The loss with its sign turned."""
    return replace(
        subject,
        loss=None,
        call=lambda *inputs: -subject.batch(*inputs),
        each=(lambda *inputs: -subject.values(*inputs)) if subject.together and not subject.whole else None,
    )


def _follows(x: Tensor, y: Tensor) -> float:
    """How the entry that goes along best goes with the target: a correlation from -1 to 1."""
    middle, y = x - x.mean(0), (y - y.mean()).unsqueeze(1)
    return float(((middle * y).sum(0) / (middle.norm(dim=0) * y.norm()).clamp(min=1e-12)).max())


def _of_moves(subject: Subject, move: Move) -> Direction:
    """What a step for the better and one for the worse cost, over a dozen batches."""
    generator = subject.generator()
    away: list[bool] = []
    back: list[bool] = []
    shown: tuple[Inputs, ...] = ()
    told = ""
    try:
        for _ in range(_ROUNDS):
            here = subject.inputs(_ROWS, generator)
            better, worse = move(here, 0.5), move(here, -0.5)
            at, nearer, farther = (float(subject.batch(*x).detach().double().mean()) for x in (here, better, worse))
            away.append(nearer > at)
            back.append(farther < at)
            if nearer > at:
                shown, told = (better, here), f"after a step for the better it costs {nearer:.4g}, before {at:.4g}"
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        return Direction(away=None, why=f"{type(error).__name__}: {error}")
    share = sum(away) / _ROUNDS
    return Direction(away=share, wrong=share == 1 and sum(back) > 0.9 * _ROUNDS, why=told, inputs=shown)
