"""Warning sign: is the model at hand one of many that end alike, or a bad draw?"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ..case import Case
from ..evidence import Budget, Evidence
from ..probe import Outcome, Probe, Work
from ..training.fitting import CannotTrain, refits, scores
from ..training.trials import next_of

QUESTION = "training"

#: How much worse than other seeds the model is, as a share of the metric.
WARN, FAIL = 0.05, 0.15

#: Trainings, and places on the line between two of them.
SEEDS, PLACES = 5, 11


def measure(evidence: Evidence) -> Outcome:
    """Train again on other seeds: their spread, the place of the model among them, the way between two of them."""
    case = evidence.case
    try:
        models = refits(evidence, case.loss, SEEDS)
    except CannotTrain as error:
        finding = Finding(code="T803", state="not_run", question=QUESTION, says=f"other seeds: {error}")
        return Outcome((finding,))
    made = [scores(evidence, model) for model in models]
    fine = [one for one in made if bool(one.isfinite().all())]
    if len(fine) < 3:
        says = f"{SEEDS - len(fine)} of {SEEDS} other seeds ended with predictions that are not finite"
        fix = "lower the step size or clip the gradient: most trainings of this kind diverge"
        return Outcome((Finding(code="T803", state="inconclusive", question=QUESTION, says=says, fix=fix),))
    stick, metric = evidence.by_metric, case.metric
    values = torch.tensor([stick.mean(one) for one in fine], dtype=torch.float64)
    losses = torch.tensor([evidence.by_loss.mean(one) for one in fine], dtype=torch.float64)
    own = stick.mean(evidence.score)
    effect, interval = worse(own, values)
    controls = _controls(evidence, fine, values)
    barrier = _barrier(evidence, models[:2])
    says = (
        f"{len(fine)} other seeds end with {metric.name} between {metric.told(float(values.min()))} and "
        f"{metric.told(float(values.max()))} (loss {number_words(float(losses.mean()))} ± "
        f"{number_words(float(losses.std()))}); the model has {metric.told(own)}, {effect:+.1%} "
        f"[{interval[0]:+.1%}, {interval[1]:+.1%}] worse than another seed would"
    )
    if barrier is not None:
        rise = max(barrier[1]) - max(barrier[1][0], barrier[1][-1])
        says += f"; on the straight way between two of them the loss rises by {number_words(max(0.0, rise))}"
    if len(fine) < len(made):
        says += f"; {len(made) - len(fine)} more ended with predictions that are not finite"
    finding = Finding(
        code="T803",
        state=judge(effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls),
        question=QUESTION,
        says=says,
        fix="train again on a few seeds and keep the best by held-out rows; if the model is worse than all of them, "
        "its training was cut short or went wrong",
        effect=effect,
        unit=f"of {metric.name}",
        interval=interval,
        threshold=FAIL,
        controls=controls,
        evidence={
            "metric of each seed": [metric.natural(one) for one in values.tolist()],
            "loss of each seed": losses,
            "metric of the model": metric.natural(own),
            "spread": float(values.std() / values.abs().mean().clamp_min(1e-12)),
        },
        method=f"{SEEDS} trainings by the case's own refit on the same test rows; Student's interval for one more "
        "training. Warns beyond 5 %. Controls: a seed's predictions with a part of the rows mixed up, and the seed in "
        "the middle against the others. One test",
    )
    spread = float(values.std() / values.abs().mean().clamp_min(1e-12))
    answer = f"another seed changes {metric.name} by about {spread:.1%}"
    if finding.state in ("warn", "fail"):
        answer = f"the model is worse than other seeds, by {effect:.1%} of {metric.name}"
    return Outcome((finding,), () if barrier is None else (_figure(barrier),), answer)


def _work(case: Case, budget: Budget) -> Work:
    return Work(passes=SEEDS + PLACES, fits=SEEDS)


RESTARTS = Probe(
    "restarts",
    QUESTION,
    "T803",
    "how far other seeds end from here",
    measure,
    needs=("refit",),
    least="deep",
    work=_work,
)


def worse(own: float, others: Tensor) -> tuple[float, tuple[float, float]]:
    """How much worse one training is than one more of the others would be, as a share of these."""
    scale = max(float(others.abs().mean()), 1e-12)
    low, high = next_of(others)
    return (own - float(others.mean())) / scale, ((own - high) / scale, (own - low) / scale)


def _controls(evidence: Evidence, fine: list[Tensor], values: Tensor) -> Controls:
    source = evidence.random("restart controls")
    middle = int(values.argsort()[len(values) // 2])
    others = torch.cat([values[:middle], values[middle + 1 :]])
    quiet = worse(float(values[middle]), others)
    found = False
    for part in (0.3, 0.6, 1.0):
        mixed = fine[middle].clone()
        some = torch.randperm(evidence.rows, generator=source)[: max(2, int(part * evidence.rows))]
        mixed[some] = mixed[some[torch.randperm(len(some), generator=source)]]
        found = found or worse(evidence.by_metric.mean(mixed), others)[1][0] > WARN
    return Controls(positive=found, negative=not quiet[1][0] > WARN)


def _barrier(evidence: Evidence, models: list[object]) -> tuple[list[float], list[float]] | None:
    """The loss along the straight line between two modules; None where they are no two of a kind."""
    first, second = models
    if not isinstance(first, nn.Module) or not isinstance(second, nn.Module):
        return None
    one, other = first.state_dict(), second.state_dict()
    if one.keys() != other.keys() or any(one[name].shape != other[name].shape for name in one):
        return None
    between = copy.deepcopy(first)
    places = torch.linspace(0, 1, PLACES, dtype=torch.float64).tolist()
    found: list[float] = []
    for place in places:
        mixed = {
            name: torch.lerp(value, other[name], place) if value.is_floating_point() else value
            for name, value in one.items()
        }
        between.load_state_dict(mixed)
        found.append(evidence.by_loss.mean(scores(evidence, between)))
    return places, found


def _figure(barrier: tuple[list[float], list[float]]) -> Figure:
    return Figure(
        kind="lines",
        title="From one seed's weights to another's",
        caption="The loss on the test rows on the straight way between two trainings. A hill says that they are "
        "different solutions, which is common and no fault.",
        x="share of the way",
        y="loss",
        series=[{"name": "the straight way", "x": barrier[0], "y": barrier[1]}],
    )
