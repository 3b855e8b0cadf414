"""The race: every candidate on the same rows, folds and seeds, with the same learner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from os import PathLike
from time import perf_counter
from typing import Any

import torch

from ...audits.metrics.names import metric_of
from ...audits.reading.libraries import library
from ..candidate import After, Candidate
from ..costs import Costs
from ..errors import ChoiceError
from .entries import race_of
from .folds import splits_of
from .learners import learner_of
from .pieces import Outcome, Piece, Work
from .plans import Plan, pieces_of, planned, tried
from .problem import Problem, problem_of
from .reading import Judge
from .result import Race
from .store import Store, kept

#: Told after each finished piece: how many are done, of how many, and what the last one was.
Progress = Callable[[int, int, str], None]


def race(
    inputs: Any,
    target: Any,
    candidates: Sequence[Candidate],
    metric: Any,
    *,
    learner: Any = "linear",
    weight: Any = None,
    groups: Any = None,
    clusters: Any = None,
    ordered: bool = False,
    columns: Mapping[str, Any] | None = None,
    costs: Costs | None = None,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
    budget: float | None = None,
    jobs: int | None = None,
    resume: str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Race:
    """Train every candidate on the same folds and say which is best, or that it cannot be said.

    Each loss is trained once for all ways of reading its predictions. Settings are chosen by the metric on inner
    rows, the same tries for all. Work is spread by joblib, so `with joblib.parallel_config(backend="ray"):` or
    "dask" spreads it over a cluster; results are the same bit for bit.

    Args:
        inputs: a data frame with words, dates and gaps, or an array (rows, columns).
        target: one a row: classes where the losses are of classes, numbers otherwise.
        candidates: what races.
        metric: a `wald.Metric`, a name such as "average_precision", a scorer or a metric function.
        learner: "linear", "mlp", "boosting", a `Learner`, or a function (loss, seed) that returns an object with
            `fit(X, y, sample_weight)`.
        weight: what each row counts for.
        groups: the group of each row, or several kinds of groups by name.
        clusters: which rows belong together; they are never split.
        ordered: whether rows come in order of time; then later rows are predicted by models of earlier ones.
        columns: what the metric or the costs need beside, one number a row.
        costs: what mistakes cost, where the metric is that.
        folds: into how many parts rows are dealt.
        repeats: how often they are dealt.
        seed: what everything random comes from.
        budget: seconds; where all does not fit, less is run for all alike, and the result says what.
        jobs: how many processes; None for what `joblib.parallel_config` says, else one.
        resume: a folder for finished pieces of work, from which an interrupted race goes on.
        progress: called after each piece with how many are done, of how many, and what it was.

    Raises:
        ChoiceError: the arguments do not fit together, or every candidate fails.
    """
    started = perf_counter()
    if folds < 2 or repeats < 1:
        raise ChoiceError(f"folds is at least 2 and repeats at least 1; got folds={folds}, repeats={repeats}.")
    runners = _checked(candidates)
    numbers = all(one.loss.card.task == "regression" for one in runners) and not _named(target)
    problem = problem_of(
        inputs, target, numbers=numbers, weight=weight, groups=groups, clusters=clusters, ordered=ordered,
        columns=columns,
    )  # fmt: skip
    if costs is not None and (missing := [name for name in costs.columns if name not in problem.columns]):
        raise ChoiceError(f"the costs need the columns {', '.join(missing)}; give columns={{name: one number a row}}.")
    judge = Judge.of(metric_of(metric, classes=problem.classes), len(problem.classes))
    trained = learner_of(learner)
    # Only where the metric is the costs do thresholds follow from them; for any other they are searched.
    told = (
        costs if costs is not None and judge.metric.name == "cost" and judge.metric.takes == "probabilities" else None
    )
    work = Work(problem, judge, trained, tuple(trained.settings), told)
    plain = min(runners, key=lambda one: one.plainness)
    whole = Plan(folds, 1 if ordered else repeats, len(trained.settings), len(problem))
    split = splits_of(problem.structure, folds, 1, seed)[0]
    plan = planned(
        whole, work, Piece(plain.loss, ("nothing",), split), losses=len(_losses(runners)), budget=budget,
        jobs=_jobs(jobs), seed=seed,
    )  # fmt: skip
    work = _shortened(work, plan, seed)
    splits = splits_of(work.problem.structure, plan.folds, plan.repeats, seed)
    pieces = pieces_of([Piece(loss, afters, splits[0]) for loss, afters in _losses(runners).items()], splits)
    outcomes, interrupted = _finished(pieces, work, Store.of(resume, work), jobs, progress)
    if interrupted:
        many = len(_losses(runners))
        whole_splits = [
            i for i in range(len(splits)) if all(o is not None for o in outcomes[i * many : (i + 1) * many])
        ]
        if not whole_splits:
            raise KeyboardInterrupt(f"stopped before the first of {len(splits)} divisions was finished by all losses")
        interrupted = f"stopped after {len(whole_splits)} of {len(splits)} divisions of the rows"
        pieces = [one for i in whole_splits for one in pieces[i * many : (i + 1) * many]]
        outcomes = [one for i in whole_splits for one in outcomes[i * many : (i + 1) * many]]
        splits = tuple(splits[i] for i in whole_splits)
    held = {(piece.loss, id(piece.split)): outcome for piece, outcome in zip(pieces, outcomes, strict=True)}
    found = race_of(
        runners, [[held[one.loss, id(split)] for split in splits] for one in runners], work, splits, seed,
    )  # fmt: skip
    return replace(found, plan=plan.says, interrupted=interrupted, seconds=perf_counter() - started)


def _finished(
    pieces: list[Piece], work: Work, store: Store, jobs: int | None, progress: Progress | None
) -> tuple[list[Any], str]:
    """The outcome of each piece, None where somebody stopped before; and whether somebody did."""
    outcomes: list[Outcome | None] = [store.read(piece) for piece in pieces]
    left = [place for place, outcome in enumerate(outcomes) if outcome is None]
    done = len(pieces) - len(left)
    shared = replace(work, problem=replace(work.problem, table=_needed(work)))
    try:
        with closing(_spread([pieces[place] for place in left], shared, store, jobs)) as found:
            for place, outcome in zip(left, found, strict=True):
                outcomes[place] = outcome
                store.write(pieces[place], outcome)
                done += 1
                if progress is not None:
                    split = pieces[place].split
                    progress(done, len(pieces), f"{pieces[place].loss}, fold {split.fold + 1}")
    except KeyboardInterrupt:
        return outcomes, "stopped"
    return outcomes, ""


def _spread(pieces: list[Piece], work: Work, store: Store, jobs: int | None) -> Any:
    """The outcomes in the order of pieces, as they come."""
    if _jobs(jobs) == 1 or len(pieces) < 2:
        yield from (kept(piece, work, store) for piece in pieces)
        return
    joblib = library("joblib", extra="choose", what="Work is spread over processes")
    backend = joblib.parallel.get_active_backend()[0]
    one_by_one = getattr(backend, "supports_return_generator", False)
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator" if one_by_one else "list", batch_size=1)
    found: Iterable[Outcome] = parallel(joblib.delayed(kept)(piece, work, store) for piece in pieces)
    yield from found


def _jobs(jobs: int | None) -> int:
    joblib = library("joblib", extra="choose", what="Work is spread over processes")
    if jobs is None:
        # The context's own number; without a context one.
        jobs = joblib.parallel.get_active_backend()[1]
    return 1 if jobs in (None, 1) else int(joblib.effective_n_jobs(jobs))


def _needed(work: Work) -> Any:
    """The table without what this learner does not look at, which need not travel."""
    table = work.problem.table
    return table if work.learner.encoding == "given" else replace(table, given=None)


def _shortened(work: Work, plan: Plan, seed: int) -> Work:
    from .folds import sampled

    problem: Problem = work.problem
    if plan.rows < len(problem):
        problem = problem.part(sampled(problem.structure, plan.rows, seed))
    return replace(work, problem=problem, settings=tried(work.settings, plan))


def _losses(candidates: Sequence[Candidate]) -> dict[Any, tuple[After, ...]]:
    """The ways in which predictions of each loss are read, in the order given."""
    found: dict[Any, tuple[After, ...]] = {}
    for one in candidates:
        had = found.get(one.loss, ())
        found[one.loss] = had if one.after in had else (*had, one.after)
    return found


def _checked(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    found = tuple(candidates)
    if not found:
        raise ChoiceError(
            "there is no candidate to race; give at least one wald.choices.Candidate(name=..., loss=...)."
        )
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ChoiceError(f"two candidates are called {twice[0]!r}; a table could not tell them apart. Rename one.")
    return found


def _named(target: Any) -> bool:
    from ...audits.reading.labels import are_names

    return not isinstance(target, torch.Tensor) and are_names(target)
