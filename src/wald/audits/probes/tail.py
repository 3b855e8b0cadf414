"""Question 2: how much of the loss sits in its worst rows, and is that more than the model itself expects?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ..costing.space import Space
from ..costing.tails import carried, tail_curves, tail_mean, tail_means, worst_mean
from ..evidence import Evidence
from ..grouping.members import FEWEST_CLUSTERS, units_of
from ..probe import Outcome, Probe
from ..statistics import percentiles, permutation_p

QUESTION = "robustness"

#: The worst shares of the rows that are looked at, and the one that is judged.
SHARES = (0.05, 0.1, 0.2)
JUDGED = 0.05

#: Sizes of the χ² ball of reweightings.
RADII = (0.1, 0.5, 1.0)

#: A tail this much heavier than the model expects is worth a warning.
HEAVIER = 0.25

#: The shares in the picture.
_DRAWN = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)

_EXHIBITS = 5

#: What log-odds are multiplied by in the planted control: few rows show only that forecasts are wholly wrong.
_PLANTED = (0.5, -0.5)

#: Numbers that are worth holding at once.
_AT_ONCE = 2_000_000


def measure(evidence: Evidence) -> Outcome:
    """The mean loss of the worst rows, against what labels drawn from the model's own probabilities would give."""
    if not evidence.cost.separable:
        said = "the tail of the loss: rows have no loss of their own"
        return Outcome((Finding(code="R204", state="not_applicable", question=QUESTION, says=said),))
    values, weight = evidence.by_loss.values(evidence.score), evidence.sample.weight
    mean = evidence.sample.mean(values)
    tails = {share: tail_mean(values, share, weight) for share in SHARES}
    told = ", ".join(f"the worst {share:.0%} average {number_words(tail)}" for share, tail in tails.items())
    part = carried(values, JUDGED, weight)
    facts: dict[str, Any] = {
        "mean loss": mean,
        "tail means": {f"{share:.0%}": tail for share, tail in tails.items()},
        "share of the loss in the worst 5%": part,
        "worst mean of reweighted rows, by χ² radius": {f"{one:g}": worst_mean(values, one, weight) for one in RADII},
        "worst rows": _exhibits(evidence, values),
    }
    answer = f"the worst {JUDGED:.0%} of rows carry {part:.0%} of the loss" if part == part else ""
    if evidence.space is None or evidence.space.task == "regression":
        finding = Finding(
            code="R204",
            state="not_applicable",
            question=QUESTION,
            says=f"{told}, against a mean of {number_words(mean)}; the model states no law to compare a tail with",
            effect=tails[JUDGED],
            unit="loss",
            interval=_interval(evidence, values),
            evidence=facts,
            method=f"conditional value at risk of the loss of rows; {_METHOD}",
            source=_SOURCE,
        )
        return Outcome((finding,), (_figure(evidence, values, None),), answer)
    null = _expected(evidence, evidence.space)
    finding = _against_expected(evidence, evidence.space, values, null[:, _DRAWN.index(JUDGED)], told, facts)
    return Outcome((finding,), (_figure(evidence, values, null),), answer)


TAIL = Probe("tail", QUESTION, "R204", "the worst rows", measure)

_METHOD = (
    "weights respected, whole clusters resampled; the worst mean of reweighted rows is over all weightings within a χ² "
    "distance of the sample"
)
_SOURCE = "Rockafellar & Uryasev 2000, doi:10.21314/JOR.2000.038; Duchi & Namkoong 2021, doi:10.1214/20-AOS2004"


def _interval(evidence: Evidence, values: Tensor) -> tuple[float, float]:
    if units_of(evidence.sample) < FEWEST_CLUSTERS:
        # A handful of clusters does not know how clusters differ.
        return -torch.inf, torch.inf
    return percentiles(tail_means(values, (JUDGED,), evidence.sample, evidence.budget.draws)[0])


def _exhibits(evidence: Evidence, values: Tensor) -> list[dict[str, Any]]:
    worst = values.argsort(descending=True, stable=True)[:_EXHIBITS].tolist()
    return [
        {
            "row": int(evidence.chosen[row]),
            "loss": float(values[row]),
            "prediction": evidence.prediction[row].tolist(),
            "target": evidence.target[row].tolist(),
        }
        for row in worst
    ]


def _meant(evidence: Evidence) -> Tensor:
    """What the model means, which is not what it emits where the loss distorts probabilities."""
    return evidence.score if evidence.repaired is None else evidence.repaired


def _costs(evidence: Evidence, target: Tensor) -> Tensor:
    return evidence.cost.each(evidence.emit(evidence.score), target).detach().double()


def _expected(evidence: Evidence, space: Space) -> Tensor:
    """The tails if labels were drawn from the model, (draws, shares of the picture)."""
    source, meant, weight = evidence.random("tail"), _meant(evidence), evidence.sample.weight
    draws, found = min(evidence.budget.permutations, 499), list[Tensor]()
    step = max(1, _AT_ONCE // meant.numel())
    for start in range(0, draws, step):
        some = min(step, draws - start)

        def several(values: Tensor, some: int = some) -> Tensor:
            return values.repeat(some, *[1] * (values.ndim - 1))

        labels = space.twin(several(meant), several(evidence.target), source)
        costs = evidence.cost.each(evidence.emit(several(evidence.score)), labels).detach().double()
        found.append(tail_curves(costs.reshape(some, -1), _DRAWN, weight))
    return torch.cat(found, -1).T


def _against_expected(
    evidence: Evidence, space: Space, values: Tensor, null: Tensor, told: str, facts: dict[str, Any]
) -> Finding:
    weight, expected = evidence.sample.weight, float(null.mean())
    observed = tail_mean(values, JUDGED, weight)
    effect = observed / expected - 1
    low, high = _interval(evidence, values)
    interval = (low / expected - 1, high / expected - 1)
    p = permutation_p(observed, null)
    # The clean twin draws its labels from the model; the planted one draws them from a far less sure one.
    source, meant = evidence.random("tail controls"), _meant(evidence)
    clean = _costs(evidence, space.twin(meant, evidence.target, source))
    planted = (_costs(evidence, space.twin(_flattened(space, meant, by), evidence.target, source)) for by in _PLANTED)
    controls = Controls(
        positive=any(permutation_p(tail_mean(one, JUDGED, weight), null) <= 0.01 for one in planted),
        negative=permutation_p(tail_mean(clean, JUDGED, weight), null) > 0.005,
    )
    state = judge(effect=effect, interval=interval, threshold=torch.inf, warn=HEAVIER, controls=controls)
    if state == "warn" and p > 0.01:
        state = "inconclusive"
    return Finding(
        code="R204",
        state=state,
        question=QUESTION,
        says=f"{told}; labels drawn from the model's own probabilities would give the worst {JUDGED:.0%} "
        f"{number_words(expected)} (p = {p:.2g}), so the tail is {'heavier' if effect >= 0 else 'lighter'} by "
        f"{abs(effect):.0%}",
        fix="look at those rows for wrong labels and missing features; train the tail (reduction=CVaR(0.05)) or "
        "trim it",
        effect=effect,
        unit="of the expected tail",
        interval=interval,
        controls=controls,
        evidence=facts | {"expected": expected, "p": p},
        method=f"conditional value at risk at {JUDGED:.0%}, against {len(null)} draws of labels from the model's "
        f"probabilities, read through the link of the loss; {_METHOD}. Controls: one such draw, and labels drawn from "
        "a model half as sure, or wrong where few rows show no less. Warns beyond a quarter more, if p is below 0.01",
        source=_SOURCE,
    )


def _flattened(space: Space, meant: Tensor, by: float) -> Tensor:
    centre = space.centre(meant)
    # Half as sure, and less afraid of the rare answer; or wrong.
    return (meant - centre) * by + centre * 0.5


def _figure(evidence: Evidence, values: Tensor, null: Tensor | None) -> Figure:
    draws = min(evidence.budget.draws, 200)
    bounds = [percentiles(one) for one in tail_means(values, _DRAWN, evidence.sample, draws)]
    series: list[dict[str, Any]] = [
        {
            "name": "seen",
            "x": list(_DRAWN),
            "y": tail_curves(values[None], _DRAWN, evidence.sample.weight)[:, 0].tolist(),
            "low": [low for low, _ in bounds],
            "high": [high for _, high in bounds],
        }
    ]
    if null is not None:
        ends = torch.quantile(null, torch.tensor([0.025, 0.975], dtype=torch.float64), dim=0)
        series.append(
            {
                "name": "expected by the model",
                "x": list(_DRAWN),
                "y": null.mean(0).tolist(),
                "low": ends[0].tolist(),
                "high": ends[1].tolist(),
            }
        )
    return Figure(
        kind="lines",
        title="The loss of the worst rows",
        caption="The mean loss of the worst rows, from all of them (1) to the worst hundredth (0.01). "
        + (
            "Where the curve of what was seen leaves the band of what the model expects, the worst rows are worse than "
            "its own probabilities allow."
            if null is not None
            else "The steeper the rise, the more a few rows decide."
        ),
        x="share of the rows, the worst first",
        y="mean loss",
        series=series,
        log="x",
    )
