"""What is known without knowing anything: models that were trained on shuffled targets, and models at chance."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...findings import Controls, Finding, judge
from ..costing.constant import best_constant
from ..costing.yardstick import Yardstick
from ..evidence import Evidence
from ..reading.rows import Rows
from ..statistics import detectable, percentiles
from .fitting import CannotTrain, fit, fresh, refit, scores, seed_of
from .trials import mean_of

QUESTION = "training"

#: What training on noise may gain over a constant, as a share of what the constant misses.
TAUGHT_WARN, TAUGHT_FAIL = 0.05, 0.2

#: A model that gains less than this has learnt next to nothing.
LEARNT = 0.02

#: Trainings on shuffled targets.
SHUFFLES = 5

RATE, BATCH = 3e-3, 128


def constants(evidence: Evidence) -> Tensor:
    """Scores that know nothing of their row, (candidates, ...), the best of which is chance."""
    found = [best_constant(evidence)]
    if evidence.space is not None:
        found += [
            one.expand(evidence.score.shape[1:])
            for one in evidence.space.constants(evidence.score, evidence.target).values()
        ]
        if evidence.space.task == "regression":
            found += list(torch.quantile(evidence.target.double(), torch.linspace(0.02, 0.98, 49, dtype=torch.float64)))
        elif evidence.space.task == "binary":
            found += list(torch.linspace(-8, 8, 33))
    return torch.stack([one.to(evidence.score.dtype) for one in found])


def chance(evidence: Evidence, stick: Yardstick) -> Tensor:
    """The constant scores that come off best by this yardstick."""
    found = [one.expand_as(evidence.score) for one in constants(evidence)]
    costs = [stick.mean(one) for one in found]
    return found[min(range(len(costs)), key=lambda one: costs[one] if costs[one] == costs[one] else torch.inf)]


def skill(evidence: Evidence, stick: Yardstick, score: Tensor) -> tuple[float, tuple[float, float], float]:
    """What scores gain over chance, as a share of what chance costs: the value, its interval and its error."""
    base = chance(evidence, stick)
    drawn = stick.draws(torch.stack([base, score]), evidence.bootstrap_for(stick))
    points = torch.tensor([[stick.mean(base)], [stick.mean(score)]], dtype=torch.float64)
    both = torch.cat([points, drawn], 1)
    share = (both[0] - both[1]) / both[0].abs().clamp_min(1e-12)
    return float(share[0]), percentiles(share[1:]), float(share[1:].std())


def at_chance(evidence: Evidence) -> Finding:
    """Whether the model gains anything over a constant, by the metric or by the loss."""
    found = [
        (name, *skill(evidence, stick, evidence.score))
        for name, stick in ((evidence.case.metric.name, evidence.by_metric), ("the loss", evidence.by_loss))
    ]
    # A metric of decisions may be at chance where the loss is not: rare cases are refused by all alike.
    name, effect, interval, error = max(found, key=lambda one: one[2][1])
    controls = _chance_controls(evidence)
    state = judge(effect=effect, interval=interval, threshold=-torch.inf, warn=LEARNT, worse="below", controls=controls)
    told = " and ".join(f"{one[1]:+.1%} [{one[2][0]:+.1%}, {one[2][1]:+.1%}] by {one[0]}" for one in found)
    return Finding(
        code="T808",
        state=state,
        question=QUESTION,
        says=f"over the best constant prediction the model gains {told}",
        fix="check that targets belong to their inputs (a sort or a shuffle of one of them), and that the inputs hold "
        "anything about the targets at all",
        effect=effect,
        unit=f"of {name.removeprefix('the ')} at chance",
        interval=interval,
        threshold=LEARNT,
        detectable=detectable(error),
        controls=controls,
        method="paired resamples of the test rows; chance is the best of many constants. Warns where both metric and "
        "loss surely gain less than 2 %, never fails: some targets are nearly noise. Controls: the model's predictions "
        "on other rows, and predictions halfway to the targets",
    )


def _chance_controls(evidence: Evidence) -> Controls:
    stick, score = evidence.by_loss, evidence.score
    if evidence.space is None:
        return Controls()
    order = torch.randperm(evidence.rows, generator=evidence.random("other rows"))
    base = chance(evidence, stick)
    # Shrunk towards the constant, so that it is ignorance and not overconfidence that is seen.
    lost = base + 0.1 * (score[order] - score.mean(0))
    knows = evidence.space.perfect(score, evidence.target, 4.0)
    halfway = base + 0.5 * (knows - base)
    blind, seeing = skill(evidence, stick, lost), skill(evidence, stick, halfway)
    # Where the sample cannot tell 2 % from nothing, the control cannot either, and is left open.
    return Controls(positive=None if blind[2] > LEARNT / 2 else blind[0] < LEARNT, negative=not seeing[1][1] < LEARNT)


def taught_by_noise(evidence: Evidence, rows: Rows, steps: int, *, again: bool) -> Finding:
    """Whether training on shuffled targets still teaches something about the true ones."""
    train = _refitter(evidence) if again else _copier(evidence, steps)
    stick, metric = evidence.by_metric, evidence.case.metric
    inputs, target = rows
    try:
        taught = [
            train((inputs, target[_order(evidence, len(target), index, target)]), index) for index in range(SHUFFLES)
        ]
        planted = _planted(evidence, train, rows)
    except CannotTrain as error:
        return Finding(code="T805", state="not_run", question=QUESTION, says=f"training on shuffled targets: {error}")
    taught = [one for one in taught if bool(one.isfinite().all())]
    base = chance(evidence, stick)
    costs, floor = [stick.mean(one) for one in taught], stick.mean(base)
    gains = torch.tensor([(floor - one) / max(abs(floor), 1e-12) for one in costs], dtype=torch.float64)
    found = mean_of(gains, besides=_row_error(evidence, stick, base, taught))
    controls = Controls(positive=planted, negative=not _noise_gain(evidence) > TAUGHT_WARN)
    # A short training may leave a shortcut that is meant; a whole one, on shuffled targets, does not.
    threshold = torch.inf
    if again:
        own = (floor - stick.mean(evidence.score)) / max(abs(floor), 1e-12)
        threshold = min(TAUGHT_FAIL, max(TAUGHT_WARN, 0.5 * own))
    state = judge(effect=found.value, interval=found.interval, threshold=threshold, warn=TAUGHT_WARN, controls=controls)
    how = "your own refit" if again else f"{steps} steps on a copy that begins anew"
    return Finding(
        code="T805",
        state=state,
        question=QUESTION,
        says=f"after training on shuffled targets ({how}, {len(taught)} times) {metric.name} is "
        f"{metric.told(sum(costs) / max(1, len(costs)))}, at chance it is {metric.told(floor)}: a gain of "
        f"{found.value:+.1%} [{found.interval[0]:+.1%}, {found.interval[1]:+.1%}]",
        fix="find what knows the test targets before training: a part that is not begun anew, a buffer, a cached "
        "model, a training that reads the test rows",
        effect=found.value,
        unit=f"of {metric.name} at chance",
        interval=found.interval,
        threshold=threshold if again else TAUGHT_WARN,
        detectable=found.detectable,
        controls=controls,
        evidence={"after each": [metric.natural(one) for one in costs], "at chance": metric.natural(floor)},
        method=f"{SHUFFLES} trainings, each on its own shuffle of the training targets (shuffled inputs are the same "
        "pairs); Student's interval over them, with the spread of the test rows; chance is the best of many constants. "
        "Warns beyond 5 %, and where the user's own refit was trained fails beyond 20 % or half of what the "
        "model gains. Controls: training on targets that another beginner made, which must be learnt, and "
        "predictions that are random",
    )


def _order(evidence: Evidence, many: int, index: int, like: Tensor) -> Tensor:
    return torch.randperm(many, generator=evidence.random("shuffle", index)).to(like.device)


def _copier(evidence: Evidence, steps: int) -> Callable[[Rows, int], Tensor]:
    model = evidence.case.model
    assert isinstance(model, nn.Module)  # noqa: S101

    def train(rows: Rows, index: int) -> Tensor:
        beginner = fresh(model, seed_of(evidence, "shuffled", index))
        seed = seed_of(evidence, "shuffled order", index)
        fit(beginner, evidence.cost.total, rows, steps=steps, batch=BATCH, rate=RATE, seed=seed)
        return scores(evidence, beginner)

    return train


def _refitter(evidence: Evidence) -> Callable[[Rows, int], Tensor]:
    def train(rows: Rows, index: int) -> Tensor:
        return scores(evidence, refit(evidence.case, evidence.seed + index, evidence.case.loss, rows))

    return train


def _row_error(evidence: Evidence, stick: Yardstick, base: Tensor, taught: list[Tensor]) -> float:
    """The standard error of the mean gain that comes from the test rows, which all trainings share."""
    if not stick.decomposable or not taught:
        return 0.0
    values = torch.stack([stick.values(one) for one in taught]).mean(0)
    gains = evidence.bootstrap.means(torch.stack([stick.values(base), values]))
    return float((gains[0] - gains[1]).std()) / max(abs(stick.mean(base)), 1e-12)


def _noise_gain(evidence: Evidence) -> float:
    """What random predictions gain over chance, by the metric."""
    stick, source = evidence.by_metric, evidence.random("noise")
    base = chance(evidence, stick)
    unit = 1.0 if evidence.space is None else evidence.space.unit(evidence.target)
    noise = torch.randn(base.shape, generator=source, dtype=torch.float64).to(base)
    return (stick.mean(base) - stick.mean(base + unit * noise)) / max(abs(stick.mean(base)), 1e-12)


def _planted(evidence: Evidence, train: Callable[[Rows, int], Tensor], rows: Rows) -> bool | None:
    """Whether the same training learns targets that depend on the inputs by a known rule."""
    if evidence.space is None or evidence.score.ndim > 2:
        return None
    inputs, target = rows
    rule = _rule(evidence, inputs)
    both = torch.cat([rule(inputs).cpu(), rule(evidence.inputs).cpu()])
    made = _like(both, target.cpu(), evidence.space.task)
    own, others = made[: len(target)].to(target.device), made[len(target) :]
    learnt = train((inputs, own), SHUFFLES)
    if not evidence.cost.separable or not bool(learnt.isfinite().all()):
        return None
    # By the loss: the metric's columns belong to the true targets.
    values = evidence.cost.each(evidence.emit(learnt), others).detach().double()
    shuffled = evidence.cost.each(
        evidence.emit(learnt[torch.randperm(len(learnt), generator=evidence.random("mix"))]), others
    )
    return evidence.sample.mean(values) < evidence.sample.mean(shuffled.detach().double())


def _rule(evidence: Evidence, inputs: Tensor) -> Callable[[Tensor], Tensor]:
    """One number for each row, by a rule that any model of these inputs could learn."""
    source = evidence.random("rule")
    if not inputs.is_floating_point():
        worth = torch.randn(int(max(inputs.max(), evidence.inputs.max())) + 1, generator=source).to(inputs.device)
        return lambda x: worth[x.clamp_min(0)].flatten(1).mean(-1) if x.ndim > 1 else worth[x.clamp_min(0)]
    flat = inputs.flatten(1)
    spread = flat.std(0).clamp_min(1e-6)
    # One direction among those in which the inputs vary most.
    centred = (flat - flat.mean(0)) / spread
    way = centred[torch.randint(len(centred), (1,), generator=source)].mT.to(inputs)
    return lambda x: (((x.flatten(1) - flat.mean(0)) / spread) @ way)[:, 0]


def _like(rule: Tensor, target: Tensor, task: str) -> Tensor:
    """Targets in the order of the rule, with the values of the true ones."""
    place = rule.argsort().argsort().double() / max(1, len(rule) - 1)
    ordered = target.sort().values
    return ordered[(place * (len(ordered) - 1)).round().long()].to(target.dtype)
