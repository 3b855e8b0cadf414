"""Question 2: how much of the loss sits in its worst rows, and is that more than the model itself expects?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...core import CVaR
from ...findings import Controls, Finding, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..space import Space
from ..statistics import percentiles, permutation_p

QUESTION = "robustness"

#: The worst shares of the rows that are looked at, and the one that is judged.
SHARES = (0.05, 0.1, 0.2)
JUDGED = 0.05

#: A tail this much heavier than the model expects is worth a warning.
HEAVIER = 0.25


def measure(evidence: Evidence) -> Outcome:
    """The mean loss of the worst rows, against what labels drawn from the model's own probabilities would give."""
    if not evidence.cost.separable:
        said = "the tail of the loss: rows have no loss of their own"
        return Outcome((Finding(code="R204", state="not_applicable", question=QUESTION, says=said),))
    values = evidence.by_loss.values(evidence.score)
    tails = {share: _tail(values, share) for share in SHARES}
    mean = float(values.mean())
    told = ", ".join(f"the worst {share:.0%} average {number_words(tail)}" for share, tail in tails.items())
    facts: dict[str, Any] = {"mean loss": mean, "tail means": {f"{share:.0%}": tail for share, tail in tails.items()}}
    answer = f"the worst {JUDGED:.0%} of rows carry {_carried(values, JUDGED):.0%} of the loss"
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
            method="conditional value at risk of the loss of rows; bootstrap over rows",
        )
        return Outcome((finding,), answer=answer)
    return Outcome((_against_expected(evidence, evidence.space, values, told, facts),), answer=answer)


TAIL = Probe("tail", QUESTION, "R204", "the worst rows", measure)


def _against_expected(evidence: Evidence, space: Space, values: Tensor, told: str, facts: dict[str, Any]) -> Finding:
    # What the model means, which is not what it emits where the loss distorts probabilities.
    meant = evidence.score if evidence.repaired is None else evidence.repaired
    null = _expected(evidence, space, meant, evidence.score)
    observed = _tail(values, JUDGED)
    effect = observed / float(null.mean()) - 1
    interval = percentiles(_tail_draws(evidence, values) / float(null.mean()) - 1)
    p = permutation_p(observed, null)
    # The clean twin draws its labels from the model; the planted one draws them from a far less sure one.
    source = evidence.random("tail controls")
    twin = evidence.judged_by_values(lambda s, y: evidence.cost.each(evidence.emit(s), y),
                                     space.twin(meant, evidence.target, source))  # fmt: skip
    wild_target = space.twin(_flattened(evidence, meant), evidence.target, source)
    wild = evidence.judged_by_values(lambda s, y: evidence.cost.each(evidence.emit(s), y), wild_target)
    clean_p = permutation_p(_tail(twin.values(evidence.score), JUDGED), null)
    planted_p = permutation_p(_tail(wild.values(evidence.score), JUDGED), null)
    controls = Controls(positive=planted_p <= 0.01, negative=clean_p > 0.005)
    state = judge(effect=effect, interval=interval, threshold=torch.inf, warn=HEAVIER, controls=controls)
    if state == "warn" and p > 0.01:
        state = "inconclusive"
    return Finding(
        code="R204",
        state=state,
        question=QUESTION,
        says=f"{told}; labels drawn from the model's own probabilities would give the worst {JUDGED:.0%} "
        f"{number_words(float(null.mean()))} (p = {p:.2g}), so the tail is heavier by",
        fix="look at those rows for wrong labels and missing features; train the tail (reduction=CVaR(0.05)) or "
        "trim it",
        effect=effect,
        unit="of the expected tail",
        interval=interval,
        controls=controls,
        evidence=facts | {"expected": float(null.mean()), "p": p},
        method=f"conditional value at risk at {JUDGED:.0%}, against {len(null)} draws of labels from the model's "
        "probabilities, read through the link of the loss; bootstrap over rows. Controls: one such draw, and labels "
        "drawn from a model half as sure. Warns beyond a quarter more, if p is below 0.01",
        source="Rockafellar & Uryasev 2000, doi:10.21314/JOR.2000.038",
    )


def _flattened(evidence: Evidence, meant: Tensor) -> Tensor:
    space = evidence.space
    assert space is not None  # noqa: S101
    centre = space.centre(meant)
    # Half as sure, and less afraid of the rare answer.
    return (meant - centre) * 0.5 + centre * 0.5


def _expected(evidence: Evidence, space: Space, meant: Tensor, score: Tensor) -> Tensor:
    source = evidence.random("tail")
    draws = min(evidence.budget.permutations, 499)
    found: list[float] = []
    for _ in range(draws):
        drawn = space.twin(meant, evidence.target, source)
        found.append(_tail(evidence.cost.each(evidence.emit(score), drawn).detach().double(), JUDGED))
    return torch.tensor(found, dtype=torch.float64)


def _tail(values: Tensor, share: float) -> float:
    return float(CVaR(share)(values, torch.ones_like(values)))


def _carried(values: Tensor, share: float) -> float:
    total = float(values.sum())
    count = max(1, round(share * len(values)))
    return float(values.topk(count).values.sum()) / total if total > 0 else float("nan")


def _tail_draws(evidence: Evidence, values: Tensor) -> Tensor:
    ranked, order = values.sort(descending=True)
    found: list[Tensor] = []
    for counts in evidence.bootstrap.counts():
        mass = counts[:, order]
        upto = mass.cumsum(-1)
        inside = (torch.minimum(upto, torch.tensor(JUDGED * len(values))) - (upto - mass)).clamp_min(0)
        found.append((inside * ranked).sum(-1) / inside.sum(-1))
    return torch.cat(found)


def _interval(evidence: Evidence, values: Tensor) -> tuple[float, float]:
    return percentiles(_tail_draws(evidence, values))
