"""A loss that looks like a known one written wrong.

Copied losses go wrong in the same few ways. Nobody said here what this one was to be; but it is, in value and
gradient, what a loss of the catalogue becomes by a mistake that is well known, and that no other loss is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ...findings import Finding
from ..measured import Measured
from .rule import Rule, binary, reproduce


def look(measured: Measured) -> Iterator[Finding]:
    """Name the mistake, where it is one."""
    if measured.subject.claimed is not None:
        return
    found = measured.nearest
    if found.mistake is None or found.wrong is None:
        if found.known is not None and measured.subject.loss is None:
            yield _finding("pass", f"it is {_known(measured)}")
        return
    subject, loss = measured.subject, found.wrong
    names = ", ".join(name for name, _ in loss.named_domains)
    yield Finding(
        code="W702",
        state="warn",
        question="claims",
        says=f"it looks like {loss} with a known mistake, {found.mistake.name}: {found.mistake.says}",
        fix=found.mistake.fix or f"If {type(loss).__name__} was meant, use wald.{loss}({names}).",
        evidence={
            "loss": str(loss),
            "mistakes": [found.mistake.name],
            "reproduce": reproduce(
                subject, f"import wald; print(wald.check(loss, claims={str(loss)!r}).findings[-1].says)"
            ),
        },
        method="value and gradient beside those of the known mistakes, on the same inputs",
    )


def _known(measured: Measured) -> str:
    known = measured.nearest.known
    if known is None:
        return "a loss of its own"
    plus = f"{known.shift:.4g} plus " if known.shift else ""
    return f"{plus}{f'{known.scale:.4g} times ' if known.scale != 1 else ''}{known.loss}"


def _finding(state: str, says: str) -> Finding:
    return Finding(
        code="W702",
        state="pass" if state == "pass" else "warn",
        question="claims",
        says=says,
        method="value and gradient beside those of the catalogue, on the same inputs",
    )


def _focal(factor: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def loss(prediction: Tensor, target: Tensor) -> Tensor:
        cost = torch.nn.functional.binary_cross_entropy_with_logits(prediction, target, reduction="none")
        return (factor(-torch.expm1(-cost)) * cost).mean()

    return loss


RULE = Rule(
    codes={"W702": "it looks like a known loss with a known mistake"},
    explains=__doc__ or "",
    look=look,
    planted=lambda: binary(_focal(lambda wrong: 2 * wrong)),
    clean=lambda: binary(_focal(lambda wrong: wrong.square())),
)
