"""What every probe may look at: the model's predictions, what they cost, and the means to resample them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import check
from ..core import Loss
from .calibrating.class_link import meant_classes
from .case import Case
from .costing.cost import Cost
from .costing.link import Link, link_of
from .costing.space import Binary, Multiclass, Regression, Space, logarithmic, space_of
from .costing.yardstick import Yardstick
from .errors import CaseError
from .metrics import Columns
from .probe import Level as Level
from .statistics import Bootstrap, Sample, generator

#: The facts of a card that mean something where no check was made.
_FACTS = (
    "task", "elicits", "proper", "calibrated", "invertible", "symmetric", "threshold", "convex", "bounded_below",
    "perfect_is_minimal", "coupling",
)  # fmt: skip

#: Inputs that go through the model at once.
_BATCH = 8192


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much work a level may do.

    Attributes:
        rows: the most test rows that are looked at.
        draws: bootstrap draws of means.
        whole_draws: bootstrap draws of what needs the whole sample, which cost far more.
        permutations: draws of permutation and consistency tests.
        attacked: the most rows that are attacked.
        steps: gradient steps of an attack.
        restarts: random starts of an attack, beside the one at the inputs themselves.
        guesses: inputs that a random search tries for each row.
    """

    rows: int
    draws: int
    whole_draws: int
    permutations: int
    attacked: int
    steps: int
    restarts: int
    guesses: int


BUDGETS: dict[Level, Budget] = {
    "quick": Budget(
        rows=4_000, draws=400, whole_draws=60, permutations=199, attacked=400, steps=12, restarts=0, guesses=40
    ),
    "standard": Budget(
        rows=6_000, draws=1_000, whole_draws=100, permutations=999, attacked=1_500, steps=40, restarts=1, guesses=200
    ),
    "deep": Budget(
        rows=30_000, draws=4_000, whole_draws=400, permutations=4_999, attacked=5_000, steps=100, restarts=4,
        guesses=1_000,
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """A case, measured once.

    Attributes:
        case: the case itself.
        level: how much work may be done.
        seed: what all random numbers come from.
        space: the kind of the task; None where its predictions are of no kind that is known here.
        cost: the loss.
        inputs: the test rows that are looked at, on the model's device.
        score: the model's predictions for them, as scores.
        target: their targets.
        columns: what the metric needs besides.
        chosen: which of the test rows these are.
        sample: what each of them counts for, and which belong together.
        facts: what probes found that later probes must know, such as "unstable predictions".
    """

    case: Case
    level: Level
    seed: int
    space: Space | None
    cost: Cost
    inputs: Tensor
    score: Tensor
    target: Tensor
    columns: Columns
    chosen: Tensor
    sample: Sample
    facts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def budget(self) -> Budget:
        """How much work this level may do."""
        return BUDGETS[self.level]

    @property
    def model(self) -> nn.Module | Callable[[Tensor], Tensor]:
        """The model, for a probe that needs one."""
        assert self.case.model is not None  # noqa: S101  (what needs a model is not run without)
        return self.case.model

    @property
    def rows(self) -> int:
        """How many rows are looked at."""
        return len(self.target)

    @property
    def prediction(self) -> Tensor:
        """What the model emits for them."""
        return self.emit(self.score)

    def emit(self, score: Tensor) -> Tensor:
        """The prediction that a score stands for."""
        return score if self.space is None else self.space.emit(score)

    @cached_property
    def measured_card(self) -> dict[str, Any]:
        """What the loss was measured to be, without model or data; what it claims, where that broke."""
        loss = self.case.loss
        claimed = loss.card.to_dict() if isinstance(loss, Loss) else {}
        try:
            task = None if isinstance(loss, Loss) or self.space is None else self.space.task
            measured = dict(check(loss, task=task, seed=self.seed).card)
        except Exception as error:
            self.facts["check"] = f"the loss could not be measured from outside: {type(error).__name__}: {error}"
            measured = {}
        return {name: claim for name, claim in claimed.items() if name in _FACTS} | measured

    @cached_property
    def link(self) -> Link | None:
        """What a binary loss does to probabilities, and how to undo it."""
        return link_of(self.cost, self.space) if isinstance(self.space, Binary) else None

    @cached_property
    def repaired(self) -> Tensor | None:
        """The log-odds that the model means, read through the link of its loss; None where there is none."""
        return None if self.link is None else self.link.undo(self.score)

    @cached_property
    def meant(self) -> Tensor | None:
        """The scores whose sigmoid or softmax is what the model means, read through its loss; None if none can be."""
        if isinstance(self.space, Multiclass):
            return meant_classes(self.cost, self.score, self.random("meant classes"))
        return self.repaired

    @cached_property
    def bootstrap(self) -> Bootstrap:
        """Resamples of the rows, for means."""
        return self.sample.bootstrap(self.budget.draws)

    def bootstrap_for(self, *sticks: Yardstick) -> Bootstrap:
        """Resamples that are affordable for these yardsticks."""
        if all(stick.decomposable for stick in sticks):
            return self.bootstrap
        return self.sample.bootstrap(self.budget.whole_draws)

    @cached_property
    def by_loss(self) -> Yardstick:
        """What scores cost by the loss."""
        return self.judged_by(self.cost)

    @cached_property
    def by_metric(self) -> Yardstick:
        """What scores cost by the metric: its distance to a perfect value."""
        metric, target, columns = self.case.metric, self.target, self.columns

        def picked(rows: Tensor) -> dict[str, Tensor]:
            return {name: columns[name][rows] for name in metric.columns}

        if metric.decomposable:

            def each(score: Tensor, rows: Tensor) -> Tensor:
                return metric.shortfall(metric.values(self.emit(score), target[rows], picked(rows)))

            return Yardstick(self.rows, each=each, weight=self.sample.weight)

        def whole(score: Tensor, rows: Tensor) -> float:
            return metric.shortfall(metric.value(self.emit(score), target[rows], picked(rows), self._weights(rows)))

        return Yardstick(self.rows, whole=whole, weight=self.sample.weight)

    def judged_by(self, cost: Cost) -> Yardstick:
        """What scores cost by a loss."""
        if cost.separable:
            return Yardstick(
                self.rows,
                each=lambda score, rows: cost.each(self.emit(score), self.target[rows]),
                weight=self.sample.weight,
            )
        return Yardstick(
            self.rows,
            whole=lambda score, rows: cost.mean(self.emit(score), self.target[rows], self._weights(rows)),
            weight=self.sample.weight,
        )

    def judged_by_values(self, each: Callable[[Tensor, Tensor], Tensor], target: Tensor | None = None) -> Yardstick:
        """What scores cost by a function of (score, target), on these targets or others."""
        truth = self.target if target is None else target
        return Yardstick(self.rows, each=lambda score, rows: each(score, truth[rows]), weight=self.sample.weight)

    def _weights(self, rows: Tensor) -> Tensor | None:
        return None if self.sample.weight is None else self.sample.weight[rows]

    def random(self, *purpose: object) -> torch.Generator:
        """A generator for one purpose."""
        return generator(self.seed, *purpose)


def gather(case: Case, *, level: Level, seed: int) -> Evidence:
    """Run the model once and find out what kind of task this is.

    Raises:
        CaseError: the model or the loss refuses the test rows, or predicts what is not finite.
    """
    chosen = _chosen(case, BUDGETS[level].rows, seed)
    inputs, target = (one[chosen.to(one.device)] for one in case.test)
    prediction = _predicted(case, inputs, chosen)
    target = target.detach().cpu()
    if len(prediction) != len(target):
        raise CaseError(f"the model gave {len(prediction)} predictions for {len(target)} rows; one a row is wanted.")
    if not bool(prediction.isfinite().all()):
        bad = int((~prediction.isfinite()).reshape(len(prediction), -1).any(-1).sum())
        raise CaseError(
            f"the model predicts NaN or infinity for {bad} of {len(prediction)} test rows, so nothing measured on "
            "them would mean anything. Mend the model, or leave those rows out of the case and say so in `about`."
        )
    if target.is_floating_point():
        target = target.to(prediction.dtype)
    try:
        cost = Cost(case.loss, prediction, target)
    except Exception as error:
        raise CaseError(
            f"the loss raised {type(error).__name__} on the model's predictions {tuple(prediction.shape)} and the "
            f"targets {tuple(target.shape)}: {error}"
        ) from error
    space = space_of(case.task, case.loss, prediction, target)
    if isinstance(space, Regression) and logarithmic(cost, target):
        space = replace(space, logarithm=True)
    columns = {name: values[chosen] for name, values in case.columns.items()}
    weight = None if case.weight is None else case.weight[chosen]
    _try_metric(case, prediction, target, columns, weight)
    return Evidence(
        case=case,
        level=level,
        seed=seed,
        space=space,
        cost=cost,
        inputs=inputs,
        score=prediction if space is None else space.read(prediction),
        target=target,
        columns=columns,
        chosen=chosen,
        sample=Sample(len(target), seed, weight, _numbered(case, chosen), case.ordered),
    )


def _chosen(case: Case, most: int, seed: int) -> Tensor:
    """The test rows that are looked at, in order: those of weight 0 do not count."""
    rows = torch.arange(len(case.test[1])) if case.weight is None else case.weight.nonzero()[:, 0]
    if len(rows) <= most:
        return rows
    if case.ordered:
        # Rows drawn here and there would no longer be neighbours.
        return rows[-most:]
    return rows[torch.randperm(len(rows), generator=generator(seed, "rows"))[:most]].sort().values


def _predicted(case: Case, inputs: Tensor, chosen: Tensor) -> Tensor:
    if case.prediction is not None:
        return case.prediction[chosen]
    assert case.model is not None  # noqa: S101  (a case has one of the two)
    try:
        return run(case.model, inputs)
    except Exception as error:
        raise CaseError(f"the model raised {type(error).__name__} on the test inputs: {error}") from error


def _numbered(case: Case, chosen: Tensor) -> Tensor | None:
    if case.clusters is None:
        return None
    numbers: dict[Hashable, int] = {}
    return torch.tensor([numbers.setdefault(case.clusters[row], len(numbers)) for row in chosen.tolist()])


def _try_metric(case: Case, prediction: Tensor, target: Tensor, columns: Columns, weight: Tensor | None = None) -> None:
    metric = case.metric
    try:
        value = metric.value(prediction, target, columns, weight)
        if metric.decomposable:
            # What depends on its neighbours would make every interval wrong.
            half = torch.arange(0, len(target), 2)
            picked = {name: values[half] for name, values in columns.items()}
            alone = metric.values(prediction[half], target[half], picked)
            if not torch.allclose(alone, metric.values(prediction, target, columns)[half], rtol=1e-4, equal_nan=True):
                raise CaseError(
                    f"metric {metric.name!r}: the value of a row changes when other rows are left out, so it is no "
                    "mean over rows. Give it as Metric(of=...), which is measured on whole samples."
                )
    except CaseError:
        raise
    except Exception as error:
        raise CaseError(f"metric {metric.name!r} raised {type(error).__name__} on the test rows: {error}") from error
    if value != value:
        raise CaseError(f"metric {metric.name!r} is NaN on the test rows; an audit needs a number to hold on to.")


def run(model: nn.Module | Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The model's predictions on the CPU, without a graph, as it would make them in use."""
    with torch.no_grad(), in_use(model):
        return torch.cat([model(part).detach().cpu() for part in inputs.split(_BATCH)])


@contextmanager
def in_use(model: object) -> Generator[None]:
    """A module in evaluation mode, and each of its parts back in its own mode afterwards."""
    if not isinstance(model, nn.Module):
        yield
        return
    before = {part: part.training for part in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for part, mode in before.items():
            part.training = mode
