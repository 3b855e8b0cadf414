"""From held-out predictions to the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...audits.costing.tails import tail_mean
from ...audits.grouping import SMALLEST
from ...audits.models.wanted import wanted_of
from ..candidate import Candidate
from ..errors import ChoiceError
from .constants import best_constants
from .folds import Split
from .pieces import Outcome, Work
from .problem import Problem
from .reading import Judge
from .result import Calibration, Entry, GroupGap, Race, held_out
from .standing import calibration, row_costs, standing
from .tables import tensor
from .verdicts import Comparison, judgement

#: The share of rows that cost most, of which the tail is the mean.
_TAIL = 0.05


def race_of(
    candidates: Sequence[Candidate], outcomes: Sequence[Sequence[Outcome]], work: Work, splits: tuple[Split, ...],
    seed: int,
) -> Race:  # fmt: skip
    """The table and the verdict.

    Args:
        candidates: what raced.
        outcomes: of each candidate, one for each division.
        work: what all shared.
        splits: the divisions.
        seed: of the race.

    Raises:
        ChoiceError: every candidate failed.
    """
    problem, judge = work.problem, work.judge
    entries = [_trained(one, found) for one, found in zip(candidates, outcomes, strict=True)]
    judged: list[list[Tensor] | None] = []
    for place, (entry, found) in enumerate(zip(entries, outcomes, strict=True)):
        predictions = None
        if not entry.failure:
            predictions = [one.readings[entry.candidate.after].judged for one in found]
            if wrong := _refused(predictions, problem, judge, splits):
                entries[place], predictions = replace(entry, failure=wrong), None
        judged.append(predictions)
    alive = [place for place, one in enumerate(judged) if one is not None]
    if not alive:
        told = "; ".join(f"{one.name}: {one.failure}" for one in entries)
        raise ChoiceError(f"every candidate failed. {told}")
    running: list[list[Tensor]] = [one for one in judged if one is not None]
    shape = running[0][0].shape
    constant = best_constants(problem, judge, splits, None if judge.classes or len(shape) == 1 else shape[1])
    held = standing([*running, constant], problem, judge, splits, seed)
    comparison = Comparison.of(held)
    plain = min(range(len(alive)), key=lambda one: (candidates[alive[one]].plainness, one))
    said = judgement(
        comparison,
        [candidates[place] for place in alive],
        judge,
        _rows(splits),
        _signal(running[plain], problem, splits),
    )
    for one, place in enumerate(alive):
        entry = entries[place]
        error = 1.96 * float(held.rows[one, one].clamp_min(0).sqrt())
        value = float(held.values[one])
        entries[place] = replace(
            entry,
            value=value,
            interval=(value - error, value + error),
            over_plain=None if one == plain else comparison.over(one, plain),
            over_best=None if one == said.best else comparison.over(one, said.best),
            over_constant=comparison.over(one, comparison.constant),
            calibration=_calibrated(entry.candidate, outcomes[place], problem, splits, judge.classes),
            groups=_grouped(running[one], problem, judge, splits),
            tail=_tail(running[one], problem, judge, splits),
            same_as=tuple(
                candidates[alive[other]].name for other in range(len(alive)) if other != one and held.same[one, other]
            ),
        )
    return Race(
        metric=judge.metric, entries=tuple(entries), verdict=said.verdict, says=said.says,
        recommended=candidates[alive[said.recommended]].name, best=candidates[alive[said.best]].name,
        constant=float(held.values[-1]), practical=said.practical, rows=_rows(splits), rows_needed=said.rows_needed,
        learner=work.learner.name, splits=splits,
        predictions={
            candidates[place].name: held_out(running[one], splits, len(problem)) for one, place in enumerate(alive)
        },
    )  # fmt: skip


def _trained(candidate: Candidate, outcomes: Sequence[Outcome]) -> Entry:
    """What training says, before anything is judged."""
    readings = [one.readings[candidate.after] for one in outcomes]
    failed = [(place, one.failure) for place, one in enumerate(readings) if one.failure]
    failure = ""
    if failed:
        where = "in every fold" if len(failed) == len(readings) else f"in {len(failed)} of {len(readings)} folds"
        failure = f"{failed[0][1]} ({where})"
    chosen = Counter(", ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in one.settings.items())
                     for one in readings if not one.failure)  # fmt: skip
    shift = None
    if candidate.after == "threshold" and not failure and all(np.ndim(one.shift) == 0 for one in readings):
        shift = float(np.mean([one.shift for one in readings]))
    return Entry(
        candidate=candidate, settings=dict(sorted(chosen.items())), shift=shift, failure=failure,
        seconds=float(np.mean([one.seconds for one in outcomes])),
        warning=next((one.warning for one in outcomes if one.warning), ""),
    )  # fmt: skip


def _refused(predictions: Sequence[Tensor], problem: Problem, judge: Judge, splits: Sequence[Split]) -> str:
    """Why the metric has no value for these predictions; empty where it has."""
    known = 0
    for predicted, split in zip(predictions, splits, strict=True):
        index = tensor(split.test)
        columns = {name: values[index] for name, values in problem.columns.items()}
        try:
            known += isfinite(judge.value(predicted, problem.target[index], columns))
        except Exception as error:
            return f"{judge.metric.name} could not be measured: {type(error).__name__}: {error}"
    if not known or (judge.metric.decomposable and known < len(splits)):
        return f"{judge.metric.name} is NaN or infinite on {len(splits) - known} of {len(splits)} held-out parts"
    return ""


def _rows(splits: Sequence[Split]) -> int:
    return len(np.unique(np.concatenate([split.test for split in splits])))


def _calibrated(
    candidate: Candidate, outcomes: Sequence[Outcome], problem: Problem, splits: Sequence[Split], classes: int
) -> Calibration | None:
    wanted = wanted_of(candidate.loss, classes)
    as_emitted = candidate.after not in ("prior correction", "recalibration")
    if classes and as_emitted and wanted is not None and wanted.form == "margins":
        return None
    rows = torch.cat([tensor(split.test) for split in splits])
    natural = torch.cat([tensor(one.readings[candidate.after].natural) for one in outcomes])
    target = problem.target[rows]
    weight = None if problem.weight is None else problem.weight[rows]
    if classes > 2:
        probability = natural.softmax(-1)
        surest, said = probability.max(-1)
        return Calibration(*calibration(surest, (said == target).double(), weight))
    if natural.ndim > 1 or target.ndim > 1:
        return None
    predicted = torch.sigmoid(natural) if classes else natural
    error, mean, seen = calibration(predicted, target, weight)
    asks_mean = classes or str(candidate.loss.card.elicits).startswith("mean")
    return Calibration(error if asks_mean else None, mean, seen)


def _grouped(
    predictions: Sequence[Tensor], problem: Problem, judge: Judge, splits: Sequence[Split]
) -> dict[str, GroupGap]:
    """The metric in each group that is large enough, on the first dealing of the rows."""
    first = [place for place, split in enumerate(splits) if split.repeat == splits[0].repeat]
    rows = np.concatenate([splits[place].test for place in first])
    natural, index = torch.cat([predictions[place] for place in first]), tensor(rows)
    found: dict[str, GroupGap] = {}
    for kind, (names, member) in problem.groups.items():
        values: list[tuple[float, str, float]] = []
        for number, name in enumerate(names):
            own = tensor(member[rows] == number).nonzero()[:, 0]
            if len(own) < SMALLEST:
                continue
            mine = index[own]
            columns = {key: held[mine] for key, held in problem.columns.items()}
            weight = None if problem.weight is None else problem.weight[mine]
            try:
                value = judge.value(natural[own], problem.target[mine], columns, weight)
            except ValueError:
                continue
            if isfinite(value):
                values.append((float(judge.metric.shortfall(value)), str(name), value))
        if values:
            worst, best = max(values), min(values)
            found[kind] = GroupGap(worst[1], worst[2], worst[0] - best[0])
    return found


def _tail(predictions: Sequence[Tensor], problem: Problem, judge: Judge, splits: Sequence[Split]) -> float | None:
    if not judge.metric.decomposable:
        return None
    costs = torch.cat([
        row_costs(one, split, problem, judge) for one, split in zip(predictions, splits, strict=True)
    ])  # fmt: skip
    weight = None if problem.weight is None else problem.weight[torch.cat([tensor(split.test) for split in splits])]
    return tail_mean(costs, _TAIL, weight)


def _signal(predictions: Sequence[Tensor], problem: Problem, splits: Sequence[Split]) -> str:
    """What shows that predictions know something of their rows, whatever the metric says of them; else empty."""
    from scipy.stats import rankdata  # pyright: ignore[reportMissingTypeStubs]

    total, spread, shown = 0.0, 0.0, []
    if len(problem.classes) > 2 or predictions[0].ndim > 1 or problem.target.ndim > 1:
        return ""
    # A cluster is one thing that was seen, as far as is known here.
    alone = 1.0 if problem.cluster is None else len(np.unique(problem.cluster)) / len(problem)
    for predicted, split in zip(predictions, splits, strict=True):
        if split.repeat != splits[0].repeat:
            continue
        truth = problem.target[tensor(split.test)].numpy()
        ranks: Any = rankdata(predicted.numpy())
        if problem.classes:
            many = np.bincount(truth, minlength=2)
            if not many.all():
                continue
            area = (ranks[truth == 1].sum() - many[1] * (many[1] + 1) / 2) / (many[0] * many[1])
            variance = (many.sum() + 1) / (12 * many[0] * many[1]) / alone
            agreement, middle = area, 0.5
        else:
            theirs: Any = rankdata(truth)
            if len(truth) < 3 or ranks.std() == 0 or theirs.std() == 0:
                continue
            agreement, middle = float(np.corrcoef(ranks, theirs)[0, 1]), 0.0
            variance = 1 / (len(truth) - 1) / alone
        # Folds count by how much they know.
        total += (agreement - middle) / variance
        spread += 1 / variance
        shown.append(agreement)
    if not shown or total / sqrt(spread) < 4:
        return ""
    if problem.classes:
        return f"they rank a positive above a negative in {100 * np.mean(shown):.0f} % of pairs"
    return f"they rank rows in the right order (rank correlation {np.mean(shown):.2f})"
