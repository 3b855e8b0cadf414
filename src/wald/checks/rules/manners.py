"""Whether a loss leaves its inputs and the random state alone, and answers the same twice.

An in-place operation on a prediction or target changes what the next term of the objective sees. A loss that
draws from, or seeds, the global random state makes runs differ by how often it is called. One that is random
itself cannot be compared between two models.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...findings import Finding
from ..measured import Measured
from .rule import Rule, called, regression, reproduce, squared_error


def look(measured: Measured) -> Iterator[Finding]:
    """Two calls, with a look at everything before and after."""
    subject, found = measured.subject, measured.manners
    changes = [name for name in found.touched if name != "random state"]
    yield Finding(
        code="W404",
        state="fail" if changes else "warn" if found.touched else "pass",
        question="call",
        says=found.pure.why,
        fix="Write no in-place operation on what was given, and draw from a generator of your own."
        if found.touched
        else "",
        evidence={"reproduce": _pure(measured)} if found.touched else {},
        method="inputs and random states before and after a call",
    )
    same = found.deterministic.word == "yes"
    call = called(subject, found.inputs)
    yield Finding(
        code="W405",
        state="pass" if same else "warn",
        question="call",
        says=found.deterministic.why,
        fix="" if same else "Draw from a generator that the caller gives, or leave out what is random; see eval mode.",
        evidence={} if same else {"reproduce": reproduce(subject, f"print({call}, {call})")},
        method="value and gradient of two equal calls",
    )


def _pure(measured: Measured) -> str:
    subject, inputs = measured.subject, measured.manners.inputs
    call = called(subject, inputs)
    if "random state" in measured.manners.touched:
        return reproduce(
            subject, "before = torch.get_rng_state()", call, "print(torch.equal(before, torch.get_rng_state()))"
        )
    arguments = call.removeprefix("loss(").removesuffix(")")
    return reproduce(
        subject,
        f"given = ({arguments},)",
        "before = [x.clone() for x in given]",
        "loss(*given)",
        "print(before, given)",
    )


def _in_place(prediction: Tensor, target: Tensor) -> Tensor:
    target += 0.1 * torch.rand(()).to(target)
    return squared_error(prediction, target)


RULE = Rule(
    codes={"W404": "inputs or random state are changed", "W405": "two equal calls give different answers"},
    explains=__doc__ or "",
    steady=False,
    look=look,
    planted=lambda: regression(_in_place),
    clean=lambda: regression(squared_error),
)
