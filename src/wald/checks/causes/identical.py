"""Two inputs that should differ and are one and the same.

A chosen answer that equals the rejected one, a policy that equals its reference, a positive that equals the negative:
the loss then sits at ln 2 or at the margin. A policy equals its reference at step 0, and never again unless it is not
trained, or is compared with itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Run, by_row
from ..batches.plateau import told
from .cause import Cause, Suspect, called, jitter, listed, run_of, spread

_PAIRS = (
    (
        "W955",
        "chosen",
        "rejected",
        "the two answers are the same, or their log-probabilities are taken from one of them",
    ),
    ("W955", "positive", "negative", "the negative is the positive: nothing can be learned from such a triplet"),
    ("W955", "real", "fake", "the critic is shown the same examples as real and as generated"),
    ("W955", "input1", "input2", "both sides of the comparison are the same"),
)

#: This share of the rows must be the same.
_SHARE = 0.5


def look(run: Run) -> Iterator[Suspect]:
    """A policy that is its own reference; then pairs that are one."""
    reference = _policy(run)
    if reference is not None:
        yield reference
        return
    for code, one, other, why in _PAIRS:
        x, y = run.inputs.get(one), run.inputs.get(other)
        if x is None or y is None or x.shape != y.shape or not x.numel():
            continue
        same = by_row(x == y).all(1)
        rows = same.nonzero().flatten().cpu()
        if len(rows) < max(1, _SHARE * run.rows) or (x.ndim == 1 and len(rows) < run.rows and len(rows) < 4):
            continue
        if x[same].numel() == 1 and x.element_size() <= 2:
            continue  # two numbers of half precision are the same by chance once in some hundred draws
        names = {slot.name: called(slot) for slot in run.call.slots}
        yield Suspect(
            code=code,
            says=(
                f"{names[one]} and {names[other]} are equal in {len(rows)} of {run.rows} rows ({listed(rows)}): {why}; "
                f"the loss sits at {told(run.outcome.total, run)}"
            ),
            fix="Look at the collator: which two columns does it read, and does it pad or truncate them to the same?",
            tried=f"another {names[other]}",
            cure=lambda part, name=other: _moved(part, name),
            rows=rows,
        )
        return


def _policy(run: Run) -> Suspect | None:
    pairs = [(name.removeprefix("reference_"), name) for name in run.inputs if name.startswith("reference_")]
    pairs = [pair for pair in pairs if pair[0] in run.inputs]
    names = [slot.name for slot in run.emitted]
    if not pairs and len(names) == len(run.inputs) == 4 and all(run.inputs[name].ndim == 1 for name in names):
        # Four log-probabilities by hand: the policy's two, and those of its reference in the same order.
        pairs = [(names[0], names[2]), (names[1], names[3])]
    if not pairs or not all(torch.equal(run.inputs[a], run.inputs[b]) for a, b in pairs):
        return None
    return Suspect(
        code="W956",
        says=(
            f"the policy equals its reference in all {run.rows} rows, so every implicit reward is 0 and the loss is "
            f"{told(run.outcome.total, run)}. That is right at step 0 and never again"
        ),
        fix="After the first step: check that the policy is trained (requires_grad, the optimiser's parameters), and "
        "that the reference is a frozen copy and not the same module.",
        tried="another policy",
        cure=lambda part: _moved(part, pairs[0][0]),
    )


def _moved(run: Run, name: str) -> Run:
    x = run.inputs[name]
    return run.put(**{name: x + 0.3 * (1 + x.abs()) * jitter(run, x)})


def _ranked(chosen: Tensor, rejected: Tensor) -> Tensor:
    return -torch.nn.functional.logsigmoid(chosen - rejected).mean()


RULE = Cause(
    codes={"W955": "two inputs that are one", "W956": "a policy that is its reference"},
    explains=__doc__ or "",
    look=look,
    when="finite",
    planted=lambda: run_of(_ranked, chosen=spread(5), rejected=spread(5)),
    clean=lambda: run_of(_ranked, chosen=spread(5), rejected=spread(5).flip(0)),
)
