"""Does a choice hold on rows that it has not seen? Its candidates are trained on what it chose by, and judged beyond.

How good a loss is varies with the rows that it is trained on, so that each is trained five times, on four fifths of the
rows, and the spread of the five counts in every comparison. Two models, however alike, differ surely on rows enough.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
from math import sqrt
from pathlib import Path
import sys
from time import perf_counter
from typing import Any

import numpy as np
from scipy.stats import t
import torch

import wald
from wald.choices import Candidate, Choice, Costs
from wald.choices.racing import Race
from wald.choices.racing.constants import best_constants
from wald.choices.racing.folds import Split, Structure, splits_of
from wald.choices.racing.learners import learner_of
from wald.choices.racing.pieces import Piece, Work
from wald.choices.racing.problem import Problem, problem_of
from wald.choices.racing.reading import Judge
from wald.choices.racing.standing import Standing, standing
from wald.choices.racing.tasks import worked

from .real import REAL, Real

#: How often each candidate is trained.
TIMES = 5


@dataclass(frozen=True)
class Held:
    """A choice on two thirds of the rows, and what the last third says of it.

    Attributes:
        name: of the data.
        source: where they come from.
        about: what is predicted.
        rows: of the two thirds and of the third.
        metric: what counted.
        said: the verdict of the choice.
        recommended: by the choice.
        value: its metric on the third.
        best: the best candidate on the third.
        best_value: its metric there.
        behind: how much less good the recommended one is there, with its interval for all candidates at once.
        worse: whether it is surely less good, by more than 0.5 % of what the best gains over a constant.
        apart: how many candidates are surely less good than the best there.
        candidates: how many there are.
        seconds: of the choice.
    """

    name: str
    source: str
    about: str
    rows: tuple[int, int]
    metric: str
    said: str
    recommended: str
    value: float
    best: str
    best_value: float
    behind: tuple[float, float, float]
    worse: bool
    apart: int
    candidates: int
    seconds: float


def thirds(rows: int, *, ordered: bool, seed: int) -> tuple[Any, Any]:
    """Two thirds and one: drawn, or in order of time the last."""
    order = np.arange(rows) if ordered else np.random.default_rng(seed).permutation(rows)
    cut = rows * 2 // 3
    return np.sort(order[:cut]), np.sort(order[cut:])


def problem_for(choice: Choice, inputs: Any, target: Any, *, ordered: bool) -> Problem:
    """All rows, the chosen by and the others."""
    assert choice.profile is not None
    columns = {name: inputs[name] for name in choice.profile.columns}
    numbers = choice.profile.task == "regression"
    return problem_of(inputs, np.asarray(target), numbers=numbers, ordered=ordered, columns=columns)


def beyond(race: Race, problem: Problem, train: Any, test: Any, costs: Costs | None, learner: str) -> Standing:
    """The candidates of a race and, last, the best constant, on rows that it has not seen."""
    judge = Judge.of(race.metric, len(problem.classes))
    work = Work(problem, judge, learner_of(learner), learner_of(learner).settings, costs)
    candidates = [one.candidate for one in race.entries if not one.failure]
    classes = problem.target[train].numpy() if problem.classes else None
    dealt = splits_of(Structure(len(train), classes), TIMES, 1, 0)
    splits = [Split(place, place, train[one.train], test, one.seed) for place, one in enumerate(dealt)]
    outcomes = {(loss, split.fold): worked(Piece(loss, afters, split), work)
                for loss, afters in _afters(candidates).items() for split in splits}  # fmt: skip
    predictions = [
        [outcomes[one.loss, split.fold].readings[one.after].judged for split in splits] for one in candidates
    ]
    shape = predictions[0][0].shape
    constant = best_constants(problem, judge, splits, None if judge.classes or len(shape) == 1 else shape[1])
    return standing([*predictions, constant], problem, judge, splits, 0)


def difference(found: Standing, one: int, other: int, many: int) -> tuple[float, float, float]:
    """How much less good one is than another, with an interval that holds for so many at once."""
    gap = float(found.costs[one] - found.costs[other])
    if bool(found.same[one, other]):
        return 0.0, 0.0, 0.0
    apart = found.splits[one] - found.splits[other]
    # The same rows judge all five: what they differ by is training alone.
    learned = float(apart.var()) * (1 / TIMES + 1 / (TIMES - 1))
    seen = float(found.by_rows[one, other])
    freedom = (seen + learned) ** 2 / (seen**2 / (found.units - 1) + learned**2 / (TIMES - 1) + 1e-300)
    half = float(t.ppf(1 - 0.025 / max(1, many), max(1.0, freedom))) * sqrt(seen + learned)
    return gap, gap - half, gap + half


def held(real: Real, *, learner: str = "linear", seed: int = 0, jobs: int = 1) -> Held:
    """Choose on two thirds, and look at the third."""
    torch.set_num_threads(1)
    frame = real.frame()
    target, inputs = frame[real.target], frame.drop(columns=real.target)
    options = dict(real.options)
    ordered = bool(options.get("ordered"))
    train, test = thirds(len(frame), ordered=ordered, seed=seed)
    groups = options.pop("groups", None)
    started = perf_counter()
    choice = wald.choose(
        inputs.iloc[train], target.iloc[train], learner=learner, seed=seed, jobs=jobs,
        groups=None if groups is None else inputs[groups].iloc[train], **options,
    )  # fmt: skip
    seconds = perf_counter() - started
    race = choice.race
    assert race is not None
    costs = Costs.read(options["costs"]) if "costs" in options else None
    found = beyond(race, problem_for(choice, inputs, target, ordered=ordered), train, test, costs, learner)
    names = [one.name for one in race.entries if not one.failure]
    place, best = names.index(race.recommended), int(found.costs[:-1].argmin())
    behind = difference(found, place, best, len(names) - 1)
    gained = float(found.costs[-1] - found.costs[best])
    apart = sum(difference(found, one, best, len(names) - 1)[1] > 0 for one in range(len(names)))
    return Held(
        real.name, real.source, real.about, (len(train), len(test)), race.metric.describe(), choice.said, names[place],
        float(found.values[place]), names[best], float(found.values[best]), behind,
        behind[1] > 0 and behind[0] > 0.005 * gained, apart, len(names), round(seconds, 1),
    )  # fmt: skip


def _afters(candidates: list[Candidate]) -> dict[Any, tuple[Any, ...]]:
    found: dict[Any, tuple[Any, ...]] = {}
    for one in candidates:
        found[one.loss] = (*found.get(one.loss, ()), one.after)
    return found


def main(path: str, learner: str, names: list[str]) -> None:
    """Measure the data sets of these names, all without, and keep what is measured as it comes."""
    kept = Path(path)
    found: dict[str, Any] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    for real in REAL:
        if real.name in found or (names and real.name not in names):
            continue
        one = held(real, learner=learner)
        found[real.name] = asdict(one)
        kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(
            f"{one.name}: {one.said}; {one.recommended} {one.value:.5g}; best {one.best} {one.best_value:.5g}; behind "
            f"{one.behind[0]:.3g} [{one.behind[1]:.3g}, {one.behind[2]:.3g}]; worse {one.worse}; {one.apart} of "
            f"{one.candidates} apart; {one.seconds} s",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
