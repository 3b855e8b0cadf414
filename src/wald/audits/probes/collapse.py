"""Question 3: do the predictions vary as much as what they know?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...findings import Controls, Finding, State, judge
from ..costing.space import Binary, Multiclass, Regression, Space
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..statistics import Bootstrap, Sample, percentiles

QUESTION = "gaming"

#: The share of the spread that predictions should have, below which they have collapsed.
WARN, FAIL = 0.25, 0.1

#: What the loss must elicit for the spread of predictions to be known, roughly, from their covariance with the targets.
_CENTRAL = ("mean", "mean through log", "median", "m-functional", "probability", "distribution")

#: The share of one and the same prediction beyond which nothing else is said of the rest.
_SAME = 0.95

#: Outputs are vectors that lie on a line: an effective rank below this.
_LINE = 1.05


@dataclass(frozen=True)
class _Spread:
    """How much predictions vary, as a share of how much they should, given how they go with the targets.

    Attributes:
        effect: the share: 1 where predictions mean what they say, near 0 where they have collapsed.
        interval: of the share.
        known: whether they go with the targets at all, beyond chance.
    """

    effect: float
    interval: tuple[float, float]
    known: bool


def measure(evidence: Evidence) -> Outcome:
    """Hold the spread of the predictions against the spread that they should have."""
    space = evidence.space
    if space is None:
        return Outcome((_of_vectors(evidence),))
    meant, happened = _meant(evidence, space), _happened(evidence, space)
    same = _commonest(evidence.sample, evidence.prediction)
    facts: dict[str, Any] = {
        "share of the commonest prediction": same,
        "spread of predictions / spread of targets": _ratio(evidence.sample, meant, happened),
    }
    if evidence.score.ndim > 1:
        facts["effective rank"] = effective_rank(evidence.score)
        facts["share of the commonest decision"] = _commonest(evidence.sample, evidence.score.argmax(-1))
    if _commonest(evidence.sample, evidence.target) < _SAME < same:
        return Outcome((_one_for_all(evidence, same, facts),), answer=f"{same:.0%} of the rows get one prediction")
    elicits = None if evidence.meant is not None else evidence.measured_card.get("elicits") or "no known statistic"
    if elicits is not None and elicits not in _CENTRAL:
        why = f"the loss elicits {elicits}, so how far its predictions should spread is not known"
        return Outcome((_idle(why, facts),))
    return _judged(evidence, space, meant, happened, facts)


COLLAPSE = Probe("collapse", QUESTION, "G307", "predictions that hardly vary", measure)


def _judged(evidence: Evidence, space: Space, meant: Tensor, happened: Tensor, facts: dict[str, Any]) -> Outcome:
    bootstrap, sample = evidence.bootstrap, evidence.sample
    found = _spread(sample, bootstrap, meant, happened)
    middle = torch.tensor([sample.mean(column) for column in meant.T], dtype=torch.float64)
    # The clean twin: the same predictions, spread as far as they should be.
    factor = 1 / max(found.effect, 1e-6) if found.known else 1.0
    clean = middle + factor * (meant - middle)
    crushed = _spread(sample, bootstrap, middle + 0.02 * (clean - middle), happened)
    kept = _spread(sample, bootstrap, clean, happened)
    controls = Controls(
        positive=crushed.interval[1] < FAIL if found.known else None,
        negative=kept.interval[1] >= WARN if found.known else None,
    )
    state: State = "inconclusive"
    if found.known:
        state = judge(
            effect=found.effect, interval=found.interval, threshold=FAIL, warn=WARN, controls=controls, worse="below"
        )
    words = {
        "pass": "the predictions vary no less than what they know justifies",
        "warn": f"the predictions vary {1 / max(found.effect, 1e-9):.1f} times less than what they know would justify",
        "fail": f"the predictions have collapsed: they vary {1 / max(found.effect, 1e-9):.1f} times less than what "
        "they know would justify",
    }
    says = words.get(state, "the predictions and the targets do not go together clearly enough to say how far "
                     "predictions should spread")  # fmt: skip
    if not found.known:
        says = "the predictions are not shown to go with the targets, so there is no spread that they should have"
    what = "forecasts" if space.task == "regression" else "probabilities"
    finding = Finding(
        code="G307",
        state=state,
        question=QUESTION,
        says=says,
        fix="train longer, or with less regularisation (weight decay, dropout, label smoothing); predictions scaled up "
        "on held-out rows repair the spread at once",
        effect=found.effect if found.known else None,
        unit="of the spread that they should have",
        interval=found.interval if found.known else None,
        threshold=FAIL,
        controls=controls,
        evidence=facts,
        method=f"the variance of the {what}, as a share of their covariance with what happened, which is the variance "
        "that predictions of the same knowledge have when they mean what they say; bootstrap over rows; warns below "
        f"{WARN:g}. Controls: the same predictions spread as they should be, and crushed to a fiftieth of that. One "
        "test, so no correction",
    )
    return Outcome((finding,), answer=says if state in ("warn", "fail") else "")


def _meant(evidence: Evidence, space: Space) -> Tensor:
    """What the predictions say will happen on average, (rows, outcomes)."""
    score = (evidence.score if evidence.meant is None else evidence.meant).double()
    if isinstance(space, Binary):
        return torch.sigmoid(score)[:, None]
    if isinstance(space, Multiclass):
        return score.softmax(-1)
    return (score.exp() if isinstance(space, Regression) and space.logarithm else score)[:, None]


def _happened(evidence: Evidence, space: Space) -> Tensor:
    if isinstance(space, Multiclass):
        return functional.one_hot(evidence.target.long(), evidence.score.shape[-1]).double()
    return evidence.target.double()[:, None]


def _spread(sample: Sample, bootstrap: Bootstrap, meant: Tensor, happened: Tensor) -> _Spread:
    """Variance over covariance, summed over the outcomes."""

    def centred(values: Tensor) -> Tensor:
        return values - torch.tensor([sample.mean(column) for column in values.T], dtype=torch.float64)

    # From the middle of all rows: that of a resample differs from it by too little to matter.
    x, y = centred(meant), centred(happened)
    own, shared = x.square().sum(-1), (x * y).sum(-1)
    drawn_own, drawn_shared = bootstrap.means(torch.stack([own, shared]))
    effect = sample.mean(own) / max(sample.mean(shared), 1e-300)
    return _Spread(
        effect if sample.mean(shared) > 0 else torch.inf,
        percentiles(torch.where(drawn_shared > 0, drawn_own / drawn_shared, torch.inf)),
        percentiles(drawn_shared)[0] > 0,
    )


def _ratio(sample: Sample, meant: Tensor, happened: Tensor) -> float:
    def variance(values: Tensor) -> float:
        return sum(sample.mean((column - sample.mean(column)).square()) for column in values.T)

    return variance(meant) / max(variance(happened), 1e-300)


def _commonest(sample: Sample, values: Tensor) -> float:
    """The share of the rows that have the commonest value, by weight."""
    rows = values.reshape(len(values), -1).double()
    size = (rows.amax(0) - rows.amin(0)).clamp_min(1e-300)
    # Rounding must not make two values of one, nor the scale of a column hide that it never changes.
    near = ((rows - rows.amin(0)) / size * 1e9).round() if bool((size > 1e-9 * (1 + rows.abs().amax(0))).any()) else (
        torch.zeros_like(rows))  # fmt: skip
    _, place = torch.unique(near, dim=0, return_inverse=True)
    weight = torch.ones(len(rows), dtype=torch.float64) if sample.weight is None else sample.weight.double()
    return float(
        torch.zeros(int(place.max()) + 1, dtype=torch.float64).index_add(0, place, weight).max() / weight.sum()
    )


def _one_for_all(evidence: Evidence, same: float, facts: dict[str, Any]) -> Finding:
    """Almost every row gets one and the same prediction, and the targets are not like that."""
    target = _commonest(evidence.sample, evidence.target)
    shuffled = evidence.target.double() + torch.rand(
        evidence.rows, generator=evidence.random("collapse"), dtype=torch.float64
    )
    constant = torch.zeros(evidence.rows)
    controls = Controls(
        positive=_commonest(evidence.sample, constant) > _SAME, negative=_commonest(evidence.sample, shuffled) <= _SAME
    )
    return Finding(
        code="G307",
        state=judge(effect=same, interval=(same, same), threshold=_SAME, controls=controls),
        question=QUESTION,
        says=f"the predictions have collapsed: {same:.1%} of the rows get one and the same prediction, and the "
        f"commonest target is that of {target:.1%}",
        fix="look at the last layer: a dead activation, a saturated one, or weights that went to zero",
        effect=same,
        unit="of the rows",
        interval=(same, same),
        threshold=_SAME,
        controls=controls,
        evidence=facts,
        method="the share of rows with the commonest prediction, exact on these rows. Controls: one prediction for "
        "all, and one for each",
    )


def effective_rank(vectors: Tensor) -> float:
    """In how many directions vectors vary: the exponential of the entropy of their singular values' shares.

    Roy & Vetterli 2007, "The effective rank: a measure of effective dimensionality", EUSIPCO.

    Args:
        vectors: (rows, dimensions).
    """
    values = torch.linalg.svdvals(vectors.double() - vectors.double().mean(0))
    if not float(values.sum()) > 0:
        return 0.0
    shares = values / values.sum()
    return float(torch.special.entr(shares).sum().exp())


def _of_vectors(evidence: Evidence) -> Finding:
    """Predictions of no kind that is known here; where they are vectors they must not lie on a line."""
    vectors = evidence.score
    if vectors.ndim != 2 or vectors.shape[1] < 3 or len(vectors) < 2 * vectors.shape[1]:
        return _idle("what predictions of this task should vary by is not known", {})
    rank = effective_rank(vectors)
    source = evidence.random("collapse")
    line = torch.randn(len(vectors), 1, generator=source, dtype=torch.float64) @ torch.randn(
        1, vectors.shape[1], generator=source, dtype=torch.float64
    )
    cloud = torch.randn(vectors.shape, generator=source, dtype=torch.float64)
    controls = Controls(positive=effective_rank(line) < _LINE, negative=effective_rank(cloud) >= _LINE)
    state = judge(effect=rank, interval=(rank, rank), threshold=_LINE, controls=controls, worse="below")
    said = f"the outputs vary in {rank:.1f} of {vectors.shape[1]} directions"
    return Finding(
        code="G307",
        state=state,
        question=QUESTION,
        says=f"{said}: they have collapsed to a line or a point" if state == "fail" else said,
        fix="use a loss that keeps outputs apart (a contrastive one with negatives, or a variance term)",
        effect=rank,
        unit="directions",
        interval=(rank, rank),
        threshold=_LINE,
        controls=controls,
        method="the effective rank of the centred outputs. Controls: outputs on a line, and a cloud of them",
        source="Roy & Vetterli 2007, EUSIPCO",
    )


def _idle(why: str, facts: dict[str, Any]) -> Finding:
    return Finding(
        code="G307", state="not_applicable", question=QUESTION, says=f"predictions that hardly vary: {why}",
        evidence=facts,
    )  # fmt: skip
