"""Question 2: how does the model hold against inputs that maximise its own loss?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ..attacking import Box, Each, Forward, Worst, aims, ascend, wander
from ..evidence import Evidence, in_use
from ..input_space import Attack
from ..metrics import capitalised
from ..probe import Outcome, Probe
from ..space import Regression, Space
from ..statistics import Bootstrap, percentiles
from ..yardstick import Yardstick

QUESTION = "robustness"

#: Multiples of the reach at which the curve is drawn.
REACHES = (0.125, 0.25, 0.5, 1.0, 2.0)

#: Beyond this share of rows without a gradient, what a gradient finds is not to be trusted.
MASKED = 0.1

#: Multiplications that an attack may cost, a parameter counted once for each row and pass.
_WORK = 3e9


@dataclass(frozen=True)
class _Target:
    """What is attacked."""

    forward: Forward
    each: Each
    inputs: Tensor
    target: Tensor
    size: Tensor
    seen: tuple[Tensor, Tensor]
    space: Space | None

    def box(self, reach: float) -> Box:
        return Box.around(self.inputs, self.size * reach, self.seen)


def measure(evidence: Evidence) -> Outcome:
    """Attack the loss with and without gradients, check the attack itself, and measure the metric under it."""
    attack, inputs = evidence.case.attack, evidence.inputs
    if why := _no_reason(evidence):
        return Outcome((Finding(code="R202", state="not_applicable", question=QUESTION, says=f"attack: {why}"),))
    chosen = torch.randperm(evidence.rows, generator=evidence.random("attacked"))[: _affordable(evidence)].sort().values
    place = chosen.to(inputs.device)
    target = evidence.target[chosen].to(inputs.device)
    victim = _Target(
        forward=_forward(evidence),
        each=lambda score, truth: evidence.cost.each(evidence.emit(score), truth),
        inputs=inputs[place],
        target=target,
        size=_sizes(attack, evidence),
        seen=_seen(evidence),
        space=evidence.space,
    )
    if not bool((victim.size > 0).any()):
        why = "every feature is a flag, or is held fixed"
        return Outcome((Finding(code="R202", state="not_applicable", question=QUESTION, says=f"attack: {why}"),))
    with in_use(evidence.model):
        return _attacked(evidence, victim, chosen, attack)


ATTACK = Probe(
    "attack",
    QUESTION,
    "R202",
    "the metric under inputs that maximise the loss",
    measure,
    needs=("model",),
    least="standard",
)


def _no_reason(evidence: Evidence) -> str:
    if not evidence.inputs.is_floating_point():
        return f"the inputs are {evidence.inputs.dtype}, and only real features can be moved"
    if not evidence.cost.separable:
        return "rows have no loss of their own to maximise"
    if not evidence.case.metric.decomposable:
        return f"{evidence.case.metric.name} has no value for a row, and inputs are attacked row by row"
    return ""


def _attacked(evidence: Evidence, victim: _Target, chosen: Tensor, attack: Attack) -> Outcome:
    budget, metric = evidence.budget, evidence.case.metric
    graph = _has_gradient(victim)
    stick = _among(evidence.by_metric, chosen)
    bootstrap = Bootstrap(len(chosen), budget.draws, evidence.seed)
    plain = stick.values(_scores(victim, victim.inputs))
    drawn_plain = bootstrap.means(plain)
    curve: list[tuple[float, float, float, float]] = [(0.0, float(plain.mean()), *percentiles(drawn_plain))]
    noise: list[tuple[float, float, float, float]] = list(curve)
    found: dict[float, _Found] = {}
    for share in REACHES:
        box = victim.box(attack.reach * share)
        found[share] = _search(victim, box, evidence, graph)
        hit = stick.values(_scores(victim, found[share].worst.inputs))
        curve.append((attack.reach * share, float(hit.mean()), *percentiles(bootstrap.means(hit))))
        shaken = box.hold(victim.inputs + box.size * _uniform(victim.inputs, evidence.random("noise", share)))
        by_chance = stick.values(_scores(victim, shaken))
        noise.append((attack.reach * share, float(by_chance.mean()), *percentiles(bootstrap.means(by_chance))))
    worst = found[1.0].worst
    hit = stick.values(_scores(victim, worst.inputs))
    base = max(abs(float(plain.mean())), 1e-12)
    effect = float((hit - plain).mean()) / base
    interval = percentiles((bootstrap.means(hit) - drawn_plain) / drawn_plain.abs().clamp_min(1e-12))
    controls = _controls(victim, evidence, graph)
    trips = _trips(victim, found)
    masked = _masking(victim, graph)
    changed = f"{metric.name} goes from {metric.told(float(plain.mean()))} to {metric.told(float(hit.mean()))}"
    random_cost = metric.told(noise[REACHES.index(1.0) + 1][1])
    says = (
        f"when features move by at most {attack.reach:g} sd so as to maximise the loss, {changed} "
        f"(moves at random: {random_cost})"
    )
    if trips:
        state, says = "inconclusive", f"the attack is not to be trusted ({'; '.join(trips)}): {says}"
    elif attack.tolerance is None:
        state, says = "not_applicable", f"{says}; no tolerance was stated, so this is a measurement and no verdict"
    else:
        state = judge(effect=effect, interval=interval, threshold=attack.tolerance, controls=controls)
    finding = Finding(
        code="R202",
        state=state,
        question=QUESTION,
        says=says,
        fix="train on attacked inputs, smooth the model (weight decay, fewer features, an average of several), or "
        "check what the applicant states",
        effect=effect,
        unit=f"of {metric.name}",
        interval=interval,
        threshold=attack.tolerance,
        controls=controls,
        evidence={"reach": [point[0] for point in curve], "metric shortfall": [point[1] for point in curve],
                  "rows": len(chosen), "features moved": int((victim.size > 0).sum())},
        method=f"{len(chosen)} rows; projected gradient ascent of the loss and of the score"
        f"{'' if graph else ' (not possible: the model has no gradient)'}, and a random search without gradients; the "
        "worst of all for each row; paired bootstrap over rows. Controls: a linear model, whose worst case is known "
        "exactly, and a constant model, which nothing can move",
        source="Madry et al. 2018, arXiv:1706.06083; Croce & Hein 2020, arXiv:2003.01690",
    )  # fmt: skip
    answer = (
        f"moving features by {attack.reach:g} sd against it takes {metric.name} from "
        f"{metric.told(float(plain.mean()))} to {metric.told(float(hit.mean()))}"
    ) + (" (the attack is not trusted)" if trips else "")
    return Outcome((finding, masked), (_figure(evidence, curve, noise),), answer)


@dataclass(frozen=True)
class _Found:
    """What was found without gradients, and with them where the model has any."""

    black: Worst
    white: Worst | None

    @property
    def worst(self) -> Worst:
        return self.black if self.white is None else self.black.or_worse(self.white)


def _search(victim: _Target, box: Box, evidence: Evidence, graph: bool) -> _Found:
    black = wander(
        victim.forward, victim.each, victim.inputs, victim.target, box,
        guesses=evidence.budget.guesses, source=evidence.random("wander"),
    )  # fmt: skip
    return _Found(black, _white(victim, box, evidence) if graph else None)


def _white(victim: _Target, box: Box, evidence: Evidence) -> Worst:
    worst: Worst | None = None
    for aim in aims(victim.space, victim.each).values():
        found = ascend(
            victim.forward, victim.each, aim, victim.inputs, victim.target, box,
            steps=evidence.budget.steps, restarts=evidence.budget.restarts, source=evidence.random("ascend"),
        )  # fmt: skip
        worst = found if worst is None else worst.or_worse(found)
    assert worst is not None  # noqa: S101  (there is always an aim)
    return worst


def _trips(victim: _Target, found: dict[float, _Found]) -> list[str]:
    """What speaks against the attack itself."""
    trips: list[str] = []
    means = [_mean(found[share].worst) for share in REACHES]
    slack = 0.02 * max(abs(means[-1] - means[0]), 1e-9) + 1e-6 * abs(means[-1])
    if any(later < earlier - slack for earlier, later in pairwise(means)):
        trips.append("the loss does not grow with the reach")
    white = found[1.0].white
    if white is not None:
        plain = float(victim.each(_scores(victim, victim.inputs), victim.target.cpu()).detach().double().mean())
        best, blind = _mean(white), _mean(found[1.0].black)
        if blind > best + 0.005 * abs(best) + 0.02 * abs(best - plain):
            trips.append(f"a search without gradients finds more ({blind:.3g}) than gradients do ({best:.3g})")
    return trips


def _mean(worst: Worst) -> float:
    return float(worst.values.double().mean())


def _masking(victim: _Target, graph: bool) -> Finding:
    if not graph:
        return Finding(
            code="R203",
            state="not_applicable",
            question=QUESTION,
            says="the model gives no gradients, so none can be masked",
        )
    few = slice(0, 256)
    small = _Target(victim.forward, victim.each, victim.inputs[few], victim.target[few], victim.size, victim.seen,
                    victim.space)  # fmt: skip
    still = _still(small, 1.0)
    # A clone that shouts: its predictions are so sure that the loss goes flat. And one that whispers.
    factor = 1e4 / max(1e-9, float(_scores(victim, victim.inputs[few]).double().std(correction=0)))
    probable = victim.space is not None and victim.space.task != "regression"
    controls = Controls(
        positive=_still(_with_reference(small), factor) > MASKED if probable else None,
        negative=_still(_with_reference(small), factor * 1e-4) <= MASKED if probable else None,
    )
    state = judge(effect=still, interval=(still, still), threshold=torch.inf, warn=MASKED, controls=controls)
    return Finding(
        code="R203",
        state=state,
        question=QUESTION,
        says=f"{still:.0%} of the rows get no gradient at all from the loss, so whoever follows it thinks them safe",
        fix="measure robustness by the score (margin) or without gradients, as was done here; scale the logits down",
        effect=still,
        unit="of the rows",
        interval=(still, still),
        controls=controls,
        method="rows whose gradient of the loss in every input is exactly 0; controls: the same model with its scores "
        "a thousandfold too sure, and brought back to one. Warns beyond a tenth of the rows",
        source="Athalye et al. 2018, arXiv:1802.00420",
    )


def _with_reference(victim: _Target) -> _Target:
    space = victim.space
    if space is None:
        return victim
    return _Target(victim.forward, space.reference, victim.inputs, victim.target, victim.size, victim.seen, space)


def _still(victim: _Target, factor: float) -> float:
    """The share of rows without a gradient, with scores this much larger."""
    moved = victim.inputs.detach().requires_grad_()
    values = victim.each(victim.forward(moved) * factor, victim.target)
    (slope,) = torch.autograd.grad(values.sum(), moved)
    return float((slope.reshape(len(slope), -1).abs().amax(-1) == 0).double().mean())


def _controls(victim: _Target, evidence: Evidence, graph: bool) -> Controls:
    """A linear model, whose worst case is known, and a constant one, which has none."""
    box = victim.box(evidence.case.attack.reach)
    flat = victim.inputs.reshape(len(victim.inputs), -1)
    source = evidence.random("linear")
    weight = torch.randn(flat.shape[1], generator=source).to(flat) / flat.shape[1] ** 0.5
    truth = flat @ weight + torch.randn(len(flat), generator=source).to(flat)

    def linear(x: Tensor) -> Tensor:
        return x.reshape(len(x), -1) @ weight

    def constant(x: Tensor) -> Tensor:
        return x.reshape(len(x), -1).sum(-1) * 0

    def squared(score: Tensor, target: Tensor) -> Tensor:
        return (score - target).square()

    low, high = box.low.reshape(flat.shape), box.high.reshape(flat.shape)
    most = torch.where(weight > 0, high, low) @ weight
    least = torch.where(weight > 0, low, high) @ weight
    exact = torch.maximum(squared(most, truth), squared(least, truth)).double().mean()
    plain = squared(linear(victim.inputs), truth).double().mean()

    def strongest(forward: Forward) -> Tensor:
        puppet = _Target(forward, squared, victim.inputs, truth, victim.size, victim.seen, Regression())
        # A search without gradients alone cannot reach an exact corner in the time it has.
        worst = _white(puppet, box, evidence) if graph else _search(puppet, box, evidence, graph).worst
        return worst.values.double().mean()

    share = 0.99 if graph else 0.5
    still = squared(constant(victim.inputs), truth).double().mean()
    return Controls(
        positive=bool(strongest(linear) - plain >= share * (exact - plain)),
        negative=bool((strongest(constant) - still).abs() <= 1e-6 * still.abs()),
    )


def _forward(evidence: Evidence) -> Forward:
    model, space = evidence.model, evidence.space
    return (lambda x: model(x)) if space is None else (lambda x: space.read(model(x)))


def _has_gradient(victim: _Target) -> bool:
    moved = victim.inputs[:2].detach().requires_grad_()
    try:
        values = victim.each(victim.forward(moved), victim.target[:2])
        torch.autograd.grad(values.sum(), moved)
    except RuntimeError:
        return False
    return True


def _scores(victim: _Target, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return victim.forward(inputs).detach().cpu()


def _among(stick: Yardstick, chosen: Tensor) -> Yardstick:
    """The same yardstick, with rows counted among the chosen ones."""
    each = stick.each
    assert each is not None  # noqa: S101  (asked before)
    return Yardstick(len(chosen), each=lambda score, rows: each(score, chosen[rows]))


def _affordable(evidence: Evidence) -> int:
    model, budget = evidence.model, evidence.budget
    if not isinstance(model, nn.Module):
        return budget.attacked
    # Counted and not timed, so that the same case gives the same numbers on any machine.
    parameters = sum(one.numel() for one in model.parameters())
    passes = len(REACHES) * (6 * budget.steps * (1 + budget.restarts) + budget.guesses)
    return max(
        50, min(budget.attacked, int(_WORK * (1 if evidence.level != "deep" else 20) / max(1, parameters * passes)))
    )


def _sizes(attack: Attack, evidence: Evidence) -> Tensor:
    """How far one reach moves each feature."""
    inputs = evidence.inputs
    if attack.scale is not None:
        return torch.tensor(attack.scale).to(inputs).reshape(inputs.shape[1:])
    flat = inputs.reshape(len(inputs), -1)
    spread = flat.double().std(0, correction=0)
    lowest, highest = flat.amin(0), flat.amax(0)
    # A feature of two values is a flag: between yes and no there is nothing to move to.
    flags = ((flat == lowest) | (flat == highest)).all(0)
    return torch.where(flags, 0.0, spread).to(inputs).reshape(inputs.shape[1:])


def _seen(evidence: Evidence) -> tuple[Tensor, Tensor]:
    inputs = evidence.inputs
    low, high = inputs.amin(0), inputs.amax(0)
    if evidence.case.train is not None:
        train = evidence.case.train[0].to(inputs)
        low, high = torch.minimum(low, train.amin(0)), torch.maximum(high, train.amax(0))
    return low, high


def _uniform(like: Tensor, source: torch.Generator) -> Tensor:
    return (torch.rand(like.shape, generator=source) * 2 - 1).to(like)


def _figure(
    evidence: Evidence, curve: list[tuple[float, float, float, float]], noise: list[tuple[float, float, float, float]]
) -> Figure:
    metric = evidence.case.metric
    series = [
        {
            "name": name,
            "x": [point[0] for point in points],
            "y": [_natural(evidence, point[1]) for point in points],
            "low": [min(_natural(evidence, point[2]), _natural(evidence, point[3])) for point in points],
            "high": [max(_natural(evidence, point[2]), _natural(evidence, point[3])) for point in points],
        }
        for name, points in (("moved to maximise the loss", curve), ("moved at random", noise))
    ]
    return Figure(
        kind="lines",
        title=f"{capitalised(metric.name)} under attack",
        caption=f"How {metric.name} changes when features move by at most so many standard deviations. "
        f"At {number_words(curve[-1][0])} sd it is {metric.told(curve[-1][1])}.",
        x="largest move of a feature (standard deviations)",
        y=metric.describe(),
        series=series,
        note="95 % bootstrap bands",
    )


def _natural(evidence: Evidence, shortfall: float) -> float:
    return evidence.case.metric.natural(shortfall)
