"""Question 2: how hard can one wrong row pull, whatever the model?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Finding, judge
from ...findings.words import number_words
from ..aligning.search import compass_search
from ..costing.cost import Cost
from ..costing.space import Space
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "robustness"

#: The share of rows that are wrong, and how far out they are.
SHARE = 0.01
DISTANCES = (10.0, 100.0, 1000.0)

#: Beyond these a loss is at the mercy of its worst rows: so far the best constant may be moved by rows as far out as
#: the farthest of the case, and so many times more a label may cost that is wrong more surely.
MOVED_SD, GROWN = 0.1, 2.0

#: A control must tell a loss that outliers pull from one that they do not.
CONTROL_SD = 1.0


def measure(evidence: Evidence) -> Outcome:
    """Move the optimum by outliers (regression), or grow the wrongness of one label (classes)."""
    if evidence.space is None or not evidence.cost.separable:
        why = "the task has no known outliers" if evidence.space is None else "rows have no loss of their own"
        return Outcome((Finding(code="R201", state="not_applicable", question=QUESTION, says=f"influence: {why}"),))
    return _regression(evidence) if evidence.space.task == "regression" else _classes(evidence, evidence.space)


INFLUENCE = Probe("influence", QUESTION, "R201", "the pull of one wrong row", measure, independent=True)


def _regression(evidence: Evidence) -> Outcome:
    target = evidence.target.double()
    rows = torch.linspace(0, len(target) - 1, min(400, len(target))).long()
    few = _Few(target[rows], None if evidence.sample.weight is None else evidence.sample.weight[rows])
    farthest = float((target - evidence.score.double()).abs().max()) / few.spread
    *moved, here = _moves(evidence, evidence.cost, few, (*DISTANCES, farthest))
    sound, safe = Cost(_squared, few.target, few.target), Cost(_absolute, few.target, few.target)
    controls = Controls(
        positive=max(abs(one) for one in _moves(evidence, sound, few, DISTANCES)) > CONTROL_SD,
        negative=max(abs(one) for one in _moves(evidence, safe, few, DISTANCES)) <= CONTROL_SD,
    )
    effect = abs(here)
    # A pull without end is a property and may be meant, so this warns and never fails.
    state = judge(effect=effect, interval=(effect, effect), threshold=torch.inf, warn=MOVED_SD, controls=controls)
    curve = ", ".join(f"{number_words(one)} sd at {far:g} sd" for far, one in zip(DISTANCES, moved, strict=True))
    finding = Finding(
        code="R201",
        state=state,
        question=QUESTION,
        says=f"1 % of rows as far out as the farthest here ({number_words(farthest)} sd) would move the best constant "
        f"prediction by {number_words(effect)} sd; outliers farther out by {curve}",
        fix="use a loss whose slope is bounded, such as Huber or Absolute, or clean the targets",
        effect=effect,
        unit="sd of the target",
        interval=(effect, effect),
        controls=controls,
        evidence={"outliers at": DISTANCES, "moved": moved, "farthest row": farthest},
        method="the constant that minimises the loss on 99 % of the test targets and 1 % of outliers; controls: "
        "squared error (its mean moves without end) and absolute error (its median hardly moves). Warns beyond a "
        "tenth of a sd",
        source="Hampel 1974, doi:10.1080/01621459.1974.10482962",
    )
    far = f"1 % of rows {number_words(DISTANCES[-1])} spreads out would move the best constant by "
    return Outcome((finding,), answer=f"{far}{number_words(moved[-1])} spreads; the farthest row here is "
                   f"{number_words(farthest)} spreads out")  # fmt: skip


@dataclass(frozen=True)
class _Few:
    """Some targets, and what each counts for."""

    target: Tensor
    weight: Tensor | None

    def means(self, values: Tensor) -> Tensor:
        """Σwx / Σw along the last axis."""
        return values.double().mean(-1) if self.weight is None else values.double() @ self.weight / self.weight.sum()

    @cached_property
    def centre(self) -> float:
        return float(self.means(self.target))

    @cached_property
    def spread(self) -> float:
        return max(float(self.means((self.target - self.centre).square())) ** 0.5, 1e-12)


def _moves(evidence: Evidence, cost: Cost, few: _Few, distances: tuple[float, ...]) -> list[float]:
    clean = _optimum(evidence, cost, few, None)
    return [_optimum(evidence, cost, few, few.centre + size * few.spread) - clean for size in distances]


def _optimum(evidence: Evidence, cost: Cost, few: _Few, outlier: float | None) -> float:
    """The best constant, in standard deviations from the mean."""
    target = few.target

    def values(points: Tensor) -> Tensor:
        places = evidence.emit(few.centre + few.spread * points)
        own = cost.each(places.repeat_interleave(len(target)), target.repeat(len(places)))
        mean = few.means(own.detach().reshape(len(places), -1))
        if outlier is None:
            return mean
        wild = cost.each(places.flatten(), torch.full_like(places.flatten(), outlier)).detach()
        return (1 - SHARE) * mean + SHARE * wild

    starts = torch.linspace(-4, 12, 33, dtype=torch.float64)[:, None]
    best, _ = compass_search(values, starts, torch.tensor([0.5], dtype=torch.float64), finest=1 / 4096)
    return float(best[0])


def _squared(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).square()


def _absolute(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).abs()


def _classes(evidence: Evidence, space: Space) -> Outcome:
    pulls = _pulls(evidence, evidence.cost, space)
    effect = _growth(pulls)

    def exploding(prediction: Tensor, target: Tensor) -> Tensor:
        return (0.1 * _margin_of_wrong(space, space.read(prediction), target)).exp()

    def held(prediction: Tensor, target: Tensor) -> Tensor:
        return space.reference(space.read(prediction), target)

    few = slice(0, min(64, evidence.rows))
    planted = Cost(exploding, evidence.prediction[few], evidence.target[few])
    sound = Cost(held, evidence.prediction[few], evidence.target[few])
    controls = Controls(
        positive=_growth(_pulls(evidence, planted, space)) > GROWN,
        negative=_growth(_pulls(evidence, sound, space)) <= GROWN,
    )
    state = judge(effect=effect, interval=(effect, effect), threshold=torch.inf, warn=GROWN, controls=controls)
    imbalance = _imbalance(evidence, space)
    told: dict[str, Any] = {"wrong by logits": (5.0, 50.0), "pull": pulls} | imbalance
    extra = f"; {imbalance['says']}" if "says" in imbalance else ""
    finding = Finding(
        code="R201",
        state=state,
        question=QUESTION,
        says=f"a row that is wrong by 50 logits pulls {number_words(effect)} times as hard as one wrong by 5{extra}",
        fix="use a loss whose slope is bounded in the margin, such as BinaryCrossEntropy, CrossEntropy or Hinge",
        effect=effect,
        unit="times the pull",
        interval=(effect, effect),
        controls=controls,
        evidence={name: value for name, value in told.items() if name != "says"},
        method="the gradient of the loss in the prediction, for test rows made confidently wrong; controls: a loss "
        "that is exponential in the margin, and the log loss. Warns beyond twice the pull",
    )
    bounded = "one wrong label pulls with bounded force" if state == "pass" else "one wrong label pulls without bound"
    return Outcome((finding,), answer=bounded + extra)


def _pulls(evidence: Evidence, cost: Cost, space: Space) -> list[float]:
    """How hard rows pull that are wrong by 5 and by 50 logits."""
    few = slice(0, min(64, evidence.rows))
    return [_pull(cost, space, -space.perfect(evidence.score[few], evidence.target[few], size), evidence.target[few])
            for size in (5.0, 50.0)]  # fmt: skip


def _pull(cost: Cost, space: Space, score: Tensor, target: Tensor) -> float:
    score = score.double().requires_grad_()
    values = cost.each(space.emit(score), target.double() if target.is_floating_point() else target)
    (slope,) = torch.autograd.grad(values.sum(), score)
    size = slope.reshape(len(slope), -1).norm(dim=-1)
    return float(size.max())


def _growth(pulls: list[float]) -> float:
    near, far = pulls
    if far != far or near != near:
        return torch.inf
    return far / max(near, 1e-12) if far > 1e-12 else 0.0


def _imbalance(evidence: Evidence, space: Space) -> dict[str, Any]:
    """How much harder a wrongly marked positive pulls than a wrongly marked negative."""
    if space.task != "binary":
        return {}
    score = torch.tensor([-5.0, 5.0], dtype=torch.float64)
    target = torch.tensor([1.0, 0.0], dtype=torch.float64)
    yes = _pull(evidence.cost, space, score[:1], target[:1])
    no = _pull(evidence.cost, space, score[1:], target[1:])
    ratio = yes / max(no, 1e-12)
    if 0.5 <= ratio <= 2:
        return {"positive over negative": ratio}
    harder = (
        f"a false positive label {number_words(ratio)}"
        if ratio > 1
        else f"a false negative label {number_words(1 / ratio)}"
    )
    return {"positive over negative": ratio, "says": f"{harder} times as hard as the other kind"}


def _margin_of_wrong(space: Space, score: Tensor, target: Tensor) -> Tensor:
    """By how much the wrong answer leads."""
    if space.task == "binary":
        return -(2 * target - 1) * score
    own = score.gather(-1, target.long()[..., None])[..., 0]
    return score.logsumexp(-1) - own
