"""Language models: are they surer of the next token than they are right?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Finding, State, judge
from ..evidence import Evidence
from ..statistics import (
    Estimate,
    Sample,
    benjamini_hochberg,
    consistency,
    detectable,
    generator,
)
from .forecasts import DRAWN

#: So many classes are a vocabulary.
VOCABULARY = 50

#: Confidence beyond what comes true, in shares of the tokens: worth a warning, and a failure.
WARN, FAIL = 0.02, 0.05

#: The level of the test.
LEVEL = 0.01

#: Where a token is called nearly sure.
_SURE = 0.9

#: Tokens that were predicted less often, or in fewer sequences, are not judged on their own.
_OFTEN, _SEQUENCES = 30, 5

#: Tokens and rows that are shown, at most.
_SHOWN = 10


def token_finding(evidence: Evidence, code: str, question: str) -> Finding:
    """The mean confidence in the predicted token, against how often it was right; sequences are the units."""
    if evidence.sample.cluster is None or evidence.score.shape[-1] < VOCABULARY:
        said = (
            "over-confidence by token: rows are tokens where the case gives clusters (one for each sequence) and at "
            f"least {VOCABULARY} classes"
        )
        return Finding(code=code, state="not_applicable", question=question, says=said)
    confidence, chosen = evidence.score.double().softmax(-1).max(-1)
    right = (chosen == evidence.target).double()
    sample = evidence.sample
    estimate, p = _read(confidence, right, sample)
    controls = _controls(confidence, estimate, sample)
    state = _verdict(estimate, p, controls)
    sure = confidence >= _SURE
    stated, kept = sample.mean(confidence), sample.mean(right)
    says = f"the model is {stated:.1%} sure of the next token on average and right in {kept:.1%}"
    facts: dict[str, Any] = {"confidence": stated, "right": kept, "p": p}
    if bool(sure.any()):
        own = sample.part(sure.nonzero()[:, 0])
        wrong, expected = own.mean(1 - right[sure]), own.mean(1 - confidence[sure])
        says += f"; where it is at least {_SURE:.0%} sure it is wrong in {wrong:.1%}, and says {expected:.1%}"
        facts |= {"wrong where nearly sure": wrong, "expected where nearly sure": expected}
    says += f"; p = {p:.2g} over {estimate.freedom + 1} sequences"
    low, high = estimate.interval()
    return Finding(
        code=code,
        state=state,
        question=question,
        says=says,
        fix="divide the logits by a temperature fitted on held-out text; look at the surest mistakes for text that the "
        "model has memorised or that was mislabelled",
        effect=estimate.value,
        unit="of the tokens",
        interval=(low, high),
        threshold=FAIL,
        detectable=detectable(estimate.error),
        controls=controls,
        evidence=facts
        | {
            "tokens that are too sure": _by_token(confidence - right, chosen, sample),
            "surest mistakes": _mistakes(confidence, chosen, evidence),
        },
        method="mean confidence in the likeliest token less the share that were right; errors over sequences, and p "
        f"from those or from {DRAWN} draws of outcomes from the confidence, whichever is larger. Tokens on their own "
        "by Benjamini and Hochberg. Controls: outcomes drawn from the confidence, and from less of it",
        source="Guo et al. 2017, arXiv:1706.04599",
    )


def _read(confidence: Tensor, right: Tensor, sample: Sample) -> tuple[Estimate, float]:
    gap = confidence - right
    estimate = Estimate(sample.mean(gap), float(sample.errors(gap)), sample.units - 1)
    weight = torch.ones_like(gap) if sample.weight is None else sample.weight
    drawn = consistency(weight[None], confidence, right, DRAWN, generator(sample.seed, "tokens")).p[0]
    return estimate, max(drawn, estimate.p())


def _verdict(estimate: Estimate, p: float, controls: Controls) -> State:
    state = judge(effect=estimate.value, interval=estimate.interval(), threshold=FAIL, warn=WARN, controls=controls)
    return "inconclusive" if state in ("fail", "warn") and p >= LEVEL else state


def _controls(confidence: Tensor, estimate: Estimate, sample: Sample) -> Controls:
    known = Controls(positive=True, negative=True)
    rank = torch.rand(sample.rows, generator=generator(sample.seed, "token controls"), dtype=torch.float64)
    clean = _read(confidence, (rank < confidence).double(), sample)
    quiet = _verdict(*clean, known), clean[1]
    # As much over-confidence as so many sequences can show.
    share = min(0.9, (0.1 + 6 * estimate.error) / max(sample.mean(confidence), 1e-9))
    loud = _verdict(*_read(confidence, (rank < confidence * (1 - share)).double(), sample), known)
    return Controls(positive=loud == "fail", negative=quiet[0] not in ("fail", "warn") or quiet[1] >= LEVEL / 2)


def _by_token(gap: Tensor, chosen: Tensor, sample: Sample) -> list[dict[str, Any]]:
    """Predicted tokens that are surer than right, the worst first."""
    found: list[tuple[int, int, Estimate]] = []
    for token in torch.unique(chosen).tolist():
        rows = (chosen == token).nonzero()[:, 0]
        own = sample.part(rows)
        if len(rows) >= _OFTEN and own.units >= _SEQUENCES:
            found.append((token, len(rows), Estimate(own.mean(gap[rows]), float(own.errors(gap[rows])), own.units - 1)))
    adjusted = benjamini_hochberg([one.p() for *_, one in found])
    kept = [(*one, p) for one, p in zip(found, adjusted, strict=True) if one[2].value > 0 and p < 0.05]
    kept.sort(key=lambda one: -one[2].value)
    return [{"token": token, "rows": rows, "too sure by": one.value, "p": p} for token, rows, one, p in kept[:_SHOWN]]


def _mistakes(confidence: Tensor, chosen: Tensor, evidence: Evidence) -> list[dict[str, Any]]:
    wrong = (chosen != evidence.target).nonzero()[:, 0]
    surest = wrong[confidence[wrong].argsort(descending=True, stable=True)[:_SHOWN]]
    return [
        {
            "row": int(evidence.chosen[row]),
            "predicted": int(chosen[row]),
            "target": int(evidence.target[row]),
            "confidence": float(confidence[row]),
        }
        for row in surest.tolist()
    ]
