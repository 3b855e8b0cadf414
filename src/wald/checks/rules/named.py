"""What a loss is said to be, held against what it is.

`wald check mine.py:FocalLoss --claims focal` compares value and gradient with the loss of the catalogue on the same
inputs. Fields that are not named are searched for; scores or probabilities, labels 0 and 1 or -1 and 1 are told
apart. Where it differs, the ways in which that loss is known to be written wrong are tried, and the one that it is
has a name: alpha on both classes, the level reversed, a softmax taken twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from ...core import Loss
from ...findings import Finding
from ...losses import Focal
from ..likeness.battery import BATCH
from ..likeness.canon import mean
from ..likeness.claim import Claim, Match
from ..likeness.claimed import Claimed
from ..measured import Measured
from ..subjects.subject import Subject
from .rule import Rule, binary, literal

_ROWS = 3


def look(measured: Measured) -> Iterator[Finding]:
    """What it was found to be, where it was said to be something."""
    claimed = measured.subject.claimed
    if claimed is None:
        return
    match = claimed.match
    evidence: dict[str, Any] = {"claims": str(claimed.claim)}
    where = ""
    if match.loss is not None:
        evidence |= {"loss": str(match.loss), "mistakes": list(match.mistakes)}
        evidence |= {"scale": match.likeness.scale, "shift": match.likeness.shift}
    if match.reading is not None and match.loss is not None and match.state in ("fail", "warn"):
        where, shown = _shown(measured.subject, claimed, match)
        evidence |= shown
    yield Finding(
        code="W701",
        state=match.state,
        question="claims",
        says=f"{match.says.rstrip('.')}{where}",
        fix=match.fix,
        evidence=evidence,
        method="value and gradient beside those of the catalogue, on the same inputs",
    )


def _shown(subject: Subject, claimed: Claimed, match: Match) -> tuple[str, dict[str, Any]]:
    """Where they differ, in words, and the two lines that print it."""
    reading, loss = match.reading, match.loss
    if reading is None or loss is None:
        return "", {}
    inputs = reading.inputs
    if reading.coupled:
        start = BATCH * (match.worst or 0)
        rows = slice(start, start + BATCH)
    elif match.worst is None:
        rows = slice(0, _ROWS)
    else:
        rows = slice(match.worst, match.worst + 1)
    few = tuple(x[rows] for x in inputs)
    names = tuple(name for name, _ in loss.named_domains)
    given = ", ".join(names)
    tensors = ", ".join(literal(x) for x in few)
    call = reading.convention.written(names)
    holds = any(isinstance(getattr(loss, each.name), Loss) for each in fields(loss))  # pyright: ignore[reportArgumentType]
    canonical = f"wald.parse({str(loss)!r})" if holds else f"wald.{loss}"
    recipe = claimed.recipe(reading) or f"loss = loss  # {subject.name}, as it was checked"
    bent = match.likeness.relation == "gradient" or any(
        "detached" in one or "gradient" in one for one in match.mistakes
    )
    if bent:
        second = (
            f"{given}{',' * (len(names) == 1)} = {tensors}{',' * (len(names) == 1)}; {names[0]}.requires_grad_(); "
            f"print(torch.autograd.grad({call}.sum(), {names[0]}, allow_unused=True), "
            f"torch.autograd.grad({canonical}({given}), {names[0]}))"
        )
    else:
        comma = "," * (len(names) == 1)
        second = f"{given}{comma} = {tensors}{comma}; print({call}, {canonical}({given}))"
    shown: dict[str, Any] = {"reproduce": f"import torch, wald; {recipe}\n{second}"}
    try:
        first, other = reading.batch(*few).detach().double(), mean(loss, few).detach().double()
    except Exception:
        return "", shown
    shown |= {"inputs": {name: x.tolist() for name, x in zip(names, few, strict=True)}}
    shown |= {"gives": first.tolist(), "canonical": float(other)}
    if bent or first.numel() != 1 or few[0].numel() > 4 or match.worst is None:
        return "", shown
    at = ", ".join(f"{name} {_told(x)}" for name, x in zip(names, few, strict=True))
    return f". At {at} it gives {float(first.mean()):.6g}, and {loss} {float(other):.6g}", shown


def _told(x: Tensor) -> str:
    values = [f"{value:.4g}" for value in x.double().flatten().tolist()]
    return values[0] if len(values) == 1 else f"[{', '.join(values)}]"


def _focal(factor: Callable[[Tensor], Tensor | float]) -> Callable[..., Tensor]:
    def loss(prediction: Tensor, target: Tensor) -> Tensor:
        cost = torch.nn.functional.binary_cross_entropy_with_logits(prediction, target, reduction="none")
        return (factor(target) * (-torch.expm1(-cost)).square() * cost).mean()

    return loss


def _said(loss: Callable[..., Tensor]) -> Subject:
    return replace(binary(loss), claimed=Claimed(calls=(loss,), claim=Claim(kind=Focal, loss=None)))


RULE = Rule(
    codes={"W701": "it is not what it is said to be"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: _said(_focal(lambda target: 0.25)),
    clean=lambda: _said(_focal(lambda target: 0.25 * target + 0.75 * (1 - target))),
)
