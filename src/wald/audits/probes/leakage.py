"""Rows that are in train and test, and features that are the label."""

from __future__ import annotations

import torch
from torch import Tensor

from ...findings import Controls, Finding, judge
from ..evidence import Evidence
from ..probe import Outcome, Probe

QUESTION = "preflight"


def measure(evidence: Evidence) -> Outcome:
    """Look for copies of training rows."""
    return Outcome((_leak(evidence),))


LEAKAGE = Probe(
    "leakage", QUESTION, "P002", "rows that are in train and test, and features that are the label", measure
)


def _leak(evidence: Evidence) -> Finding:
    if evidence.case.train is None:
        return Finding(
            code="P002",
            state="not_run",
            question=QUESTION,
            says="leaks: the case gives no training rows",
            fix="give Case(train=(inputs, targets))",
        )
    train, test = evidence.case.train[0].detach().cpu(), evidence.inputs.detach().cpu()
    effect = _excess(train, test)
    source = evidence.random("leak")
    planted = test.clone()
    copies = max(1, len(test) // 20)
    where = torch.randperm(len(test), generator=source)[:copies]
    planted[where] = train[torch.randint(len(train), (copies,), generator=source)].to(planted.dtype)
    clean = test
    if test.is_floating_point():
        clean = test + torch.randn(test.shape, generator=source, dtype=test.dtype) * 1e-3 * test.std().clamp_min(1e-6)
    controls = Controls(
        positive=_excess(train, planted) > 0.01,
        negative=_excess(train, clean) <= 0.01 if test.is_floating_point() else None,
    )
    state = judge(effect=effect, interval=(effect, effect), threshold=0.01, controls=controls)
    return Finding(
        code="P002",
        state=state,
        question=QUESTION,
        says=f"{effect:.1%} of the test rows are copies of training rows, beyond what repeats within the training rows",
        fix="split before rows are copied or resampled, and by customer or patient where rows belong together",
        effect=effect,
        unit="of the test rows",
        interval=(effect, effect),
        threshold=0.01,
        controls=controls,
        method="exact copies of inputs, less the share of training rows that have a twin in training; controls: 5 % "
        "of the test rows replaced by training rows, and test rows moved by a thousandth",
    )


def _excess(train: Tensor, test: Tensor) -> float:
    seen: dict[bytes, int] = {}
    for row in _keys(train):
        seen[row] = seen.get(row, 0) + 1
    twins = sum(count for count in seen.values() if count > 1) / max(1, len(train))
    copied = sum(row in seen for row in _keys(test)) / max(1, len(test))
    return max(0.0, copied - twins)


def _keys(rows: Tensor) -> list[bytes]:
    return [row.tobytes() for row in rows.reshape(len(rows), -1).numpy()]
