"""What an audit should look at and does not yet: said, so that silence is not taken for a pass."""

from __future__ import annotations

from ...findings import Finding

_REASON = "not built yet"

_PLANNED = (
    ("A103", "alignment", "training again with a loss that is consistent for the metric, over several seeds"),
    ("R205", "robustness", "shift: corruptions, missing values, splits by time and group"),
    ("R206", "robustness", "poison: label noise and backdoors in the training rows"),
    ("R207", "robustness", "declared scenarios for the tail, such as gaps and crashes"),
    ("G305", "gaming", "over-optimisation: best of n by the loss, judged by the metric"),
    ("T801", "training", "landscape and convergence: restarts, curvature, barriers between seeds"),
    ("T802", "training", "dynamics: initial loss, overfitting a batch, shuffled inputs and targets"),
)

UNBUILT = tuple(
    Finding(code=code, state="not_run", question=question, says=f"{asks}: {_REASON}")
    for code, question, asks in _PLANNED
)
