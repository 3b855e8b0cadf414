"""Choosing a loss: look at the target, propose, race, and say what can be said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from time import perf_counter
from typing import Any

from ..audits.metrics.metric import capitalised
from ..checks import check
from .arguments import (
    costs_of,
    kinds_of,
    losses_of,
    metric_asked,
    refuse_counts,
    refuse_inputs,
    rows_of,
    usual_metric,
)
from .choice import Choice
from .costs import Costs
from .profiling import profile
from .proposing import doubts, propose
from .racing import race
from .telling import answers_of, figures_of, findings_of, given_of, money_of

#: Told while it runs: what is being done, how much is done, and of how much.
Progress = Callable[[str, int, int], None]


def choose(
    X: Any,  # noqa: N803  (as scikit-learn calls inputs)
    y: Any,
    metric: Any = None,
    *,
    costs: Costs | Mapping[str, Any] | str | None = None,
    losses: Iterable[Any] | Any = (),
    only: bool = False,
    learner: Any = "linear",
    weights: Any = None,
    groups: Any = None,
    clusters: Any = None,
    ordered: bool = False,
    columns: Mapping[str, Any] | None = None,
    quantiles: Any = None,
    task: str | None = None,
    positive: Any = None,
    lower_is_better: bool | None = None,
    folds: int = 5,
    repeats: int = 1,
    budget: float | None = None,
    jobs: int | None = None,
    resume: str | PathLike[str] | None = None,
    seed: int = 0,
    name: str = "",
    unit: str = "",
    progress: Progress | None = None,
) -> Choice:
    """Which loss to train by, on these rows and for this metric, with the evidence.

    The target is looked at first: what each loss would estimate on it, and which cannot work. The rest is trained on
    the same folds and seeds with the same learner, tuned alike, and compared on held-out rows. The plainest
    within one standard error of the best is recommended. The plain loss as it is, with its threshold moved, and a
    weighted one with the closed-form prior correction are always among them, so that nothing wins against straw.

    `with joblib.parallel_config(backend="ray", n_jobs=8):` around the same call spreads it over a cluster; the table
    is the same, bit for bit. Nothing that is given is changed.

    Args:
        X: a data frame with words, dates and gaps as it is, or an array or tensor (rows, columns).
        y: what is predicted, one value a row: class names, yes and no, class numbers or numbers.
        metric: what counts: a `wald.Metric`, a name such as "average_precision" or "mape", a scorer or a function of
            (prediction, target); None for what the costs say, or else the usual one for the target.
        costs: what mistakes cost: `wald.Costs`, a dict, or "fn=100,fp=1"; a name in place of a number is a column of
            X or of `columns`. Without a metric, the cost is what counts.
        losses: a further loss to try, or several: losses, names such as "Focal(gamma=3)", or candidates.
        only: try these alone, beside the baselines.
        learner: "linear", "boosting", "mlp", or a function (loss, seed) that returns an object with
            `fit(X, y, sample_weight)` and `raw(X)` or what scikit-learn's estimators have.
        weights: what each row counts for; 0 leaves it out.
        groups: the group of each row, or several kinds of groups by name; the metric is told for each.
        clusters: what each row belongs to, such as a patient; a cluster is never split between training and test.
        ordered: whether rows come in order of time: later ones are then predicted by models of earlier ones.
        columns: numbers of each row that the metric or the costs need.
        quantiles: the levels that are wanted, where the metric does not say so itself.
        task: "binary", "multiclass", "ordinal", "regression" or "counts"; None to find out.
        positive: which of two classes is yes; None for the second in their order.
        lower_is_better: of a metric that is a function.
        folds: into how many parts the rows are dealt.
        repeats: how often they are dealt.
        budget: seconds it may take, about; less is then run for all candidates alike, and the report says what.
        jobs: processes; None for what joblib's context says, else one.
        resume: a folder for finished work, from which the same call goes on after an interruption.
        seed: what every random number comes from.
        name: what to call it in the report.
        unit: of the predictions, such as "minutes", for words.
        progress: called with what is being done.

    Raises:
        ChoiceError: something does not fit together; the message says what was seen and what to write instead.

    >>> import numpy as np, wald
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(300, 2))
    >>> y = (X[:, 0] + random.normal(size=300) > 0).astype(int)
    >>> choice = wald.choose(X, y, metric="log_loss", folds=3)
    >>> choice.loss
    BinaryCrossEntropy()
    """
    started = perf_counter()
    step = progress or (lambda told, done, total: None)
    step("looking at the target", 0, 1)
    refuse_counts(folds=folds, repeats=repeats, seed=seed, jobs=jobs)
    refuse_inputs(X, own=not isinstance(learner, str) and getattr(learner, "encoding", "given") == "given")
    money, known = costs_of(costs, X, columns, unit)
    judged = metric_asked(metric, money, quantiles, lower_is_better)
    kinds = kinds_of(groups)
    # A single kind of groups needs no name, as there is no other to tell it from.
    members = kinds if len(kinds) > 1 else next(iter(kinds.values()), None)
    facts = profile(
        y, X, weight=weights, groups=members, clusters=clusters, order=ordered or None,
        columns=known, task=task, metric=judged, positive=positive, seed=seed,
    )  # fmt: skip
    notes: list[str] = []
    if judged is None:
        judged, said = usual_metric(facts.task)
        notes.append(said)
    candidates, refusals = propose(facts, judged, costs=money, losses=losses_of(losses), quantiles=quantiles)
    if only:
        candidates = tuple(one for one in candidates if one.given or one.baseline)
    rows = facts.kept.numpy()

    def part(values: Any) -> Any:
        return None if values is None else rows_of(values, rows)

    found = race(
        part(X), facts.target.numpy(), candidates, judged, learner=learner, weight=part(weights),
        groups={kind: part(values) for kind, values in kinds.items()} or None, clusters=part(clusters), ordered=ordered,
        columns={kind: part(values) for kind, values in known.items()}, costs=money, folds=folds, repeats=repeats,
        seed=seed, budget=budget, jobs=jobs, resume=resume,
        progress=lambda done, total, told: step(told, done, total),
    )  # fmt: skip
    step("writing the report", 1, 1)
    worth = None if money is None else money_of(found, facts, money)
    doubted = doubts(facts, judged, costs=money)
    given = given_of(
        X, facts, candidates, weighted=weights is not None, costs=money, by_costs=found.metric.name == "cost"
    )
    notes += [f"{capitalised(one)}." for one in (found.plan, found.interrupted) if one]
    if facts.missing:
        notes.append(f"{facts.missing} rows without a target were left out.")
    return Choice(
        kind="choose",
        subject=name or f"{facts.rows:,} rows, {judged.name}",
        findings=findings_of(found, facts, doubted, refusals, worth, given, perf_counter() - started),
        card=check(found.entry(found.recommended).candidate.loss).card,
        figures=figures_of(found, facts, candidates, refusals, worth),
        answers=answers_of(found, facts, doubted, worth),
        notes=tuple(notes),
        seed=seed,
        race=found,
        profile=facts,
        refusals=refusals,
        given=given,
    )
