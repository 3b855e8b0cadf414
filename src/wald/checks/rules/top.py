"""Whether the likeliest class comes out on top.

Whoever takes the class with the highest score wants the likeliest one. A loss that is calibrated leads there, with
enough data and a model that can follow. Some well-known losses do not: margins against every rival lose the likeliest
class where none has a majority, and weights prefer the classes that weigh more. The least expected cost with the
right class on top is held against that with a wrong one, for some thirty laws over the classes.

Zhang 2004, JMLR 5:1225; Tewari & Bartlett 2007, JMLR 8:1007.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ...cards import ClassId, Logits
from ...findings import Finding, State
from ..measured import Measured
from ..probabilities.multiclass import Scores
from ..subjects.subject import Subject
from .rule import Rule, binary, reproduce


def look(measured: Measured) -> Iterator[Finding]:
    """State it, and warn where a wrong class is on top and nothing says that it is meant."""
    subject, found = measured.subject, measured.probabilities
    if not isinstance(found, Scores) or measured.direction.wrong:
        return
    verdict, fix = found.calibrated, ""
    state: State = "inconclusive" if verdict.word == "unresolved" else "pass"
    says = verdict.why
    if verdict.word == "no":
        meant = subject.claims.get("calibrated") == "no"
        state = "pass" if meant else "warn"
        says = f"the likeliest class need not be on top: {says}{', as its card says' * meant}"
        if found.link.inverse:
            fix = f"Take the largest of {found.link.inverse}, with x the prediction, or leave out the weights."
        else:
            fix = "Use a loss such as wald.CrossEntropy()."
    yield Finding(
        code="W205",
        state=state,
        question="what it elicits",
        says=says,
        fix=fix,
        evidence={
            "reproduce": reproduce(subject, 'import wald; print(wald.check(loss).card["calibrated"])'),
            **verdict.facts,
        },
        method="the least expected cost with each class on top, for laws with and without a majority",
        source="Tewari & Bartlett 2007, JMLR 8:1007",
    )


def _classes(call: Callable[..., Tensor]) -> Subject:
    domains = (("prediction", Logits), ("target", ClassId))
    return replace(binary(call), task="multiclass", domains=domains)


def _hinge(prediction: Tensor, target: Tensor) -> Tensor:
    own = prediction.gather(-1, target.unsqueeze(-1))
    return (1 + prediction - own).clamp(min=0).sum(-1).mean() - 1


RULE = Rule(
    codes={"W205": "the likeliest class is not on top"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: _classes(_hinge),
    clean=lambda: _classes(torch.nn.functional.cross_entropy),
)
