"""Degenerate minimisers: being least without solving anything.

The same prediction for all, all embeddings in one point, a spread of nothing: training that finds one of these
reports a low loss and has learned nothing. A loss of embeddings must push something apart, or a single point is
best; a likelihood with a spread must hold the spread up, or one exact hit is worth more than all other examples. A
confidence without end is the rule for cross-entropy, and harmless with early stopping or smoothed labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from ...cards import Vector
from ...findings import Finding, State
from ..measured import Measured
from ..subjects.subject import Inputs, Subject
from .rule import Rule, shown, told_again

_FIXES: Final = {
    "constant": "Make the loss depend on the error of each example.",
    "collapse": "Add negatives or a margin: something must push embeddings apart.",
    "zero spread": "Bound the spread from below, for instance with softplus(s) + 1e-3.",
}


def look(measured: Measured) -> Iterator[Finding]:
    """One finding with every degenerate minimiser."""
    found = measured.degenerate
    subject = measured.subject
    accused = [way for way in found.ways if way in ("constant", "collapse")]
    told = "; ".join(f"{way}: {why}" for way, why in zip(found.ways, found.why, strict=True))
    state: State = "pass"
    says = f"a minimum is reached by: {told}" if told else "no degenerate prediction is a minimum"
    if accused:
        state = "fail"
    elif "zero spread" in found.ways:
        state = "pass" if subject.claims.get("bounded_below") == "no" else "warn"
    elif not found.tried:
        state, says = "not_applicable", "none of the degenerate minimisers that are known is possible here"
    elif found.plateau is not None:
        says += f"; a loss that sits at {found.plateau:.4g} has all embeddings in one point, where its gradient is zero"
    fixes = [_FIXES[way] for way in found.ways if way in _FIXES] if state in ("fail", "warn") else []
    inputs = found.inputs
    yield Finding(
        code="W605",
        state=state,
        question="gaming",
        says=says,
        fix=" ".join(fixes),
        evidence={"reproduce": _lines(subject, inputs)} if state in ("fail", "warn") else {},
        method="constants, single points and shrinking spreads against what can be reached downhill",
    )


def _lines(subject: Subject, inputs: tuple[Inputs, ...]) -> str:
    return shown(subject, *inputs) if inputs else told_again(subject, "W605")


def _pulled(query: Tensor, key: Tensor) -> Tensor:
    return (query - key).square().sum(-1).mean()


def _pushed(query: Tensor, key: Tensor) -> Tensor:
    scores = torch.nn.functional.normalize(query, dim=-1) @ torch.nn.functional.normalize(key, dim=-1).mT
    return torch.nn.functional.cross_entropy(5 * scores, torch.arange(len(scores)))


def _embeddings(call: object) -> Subject:
    domains = (("query", Vector), ("key", Vector))
    return Subject(name="control", recipe="", call=call, task="other", domains=domains, whole=True)  # pyright: ignore[reportArgumentType]


RULE = Rule(
    codes={"W605": "a degenerate prediction is a minimum"},
    explains=__doc__ or "",
    look=look,
    aimed=True,
    planted=lambda: _embeddings(_pulled),
    clean=lambda: _embeddings(_pushed),
)
