"""The findings of the battery: one for each code, with the worst cell in words and the others as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...findings import Finding
from .judge import Row, placed
from .table import cells_of, worst_first


def told(
    rows: Sequence[Row], code: str, *, fix: str, method: str, question: str = "edge cases", quiet: str = ""
) -> list[Finding]:
    """One finding, if there is anything to say.

    Args:
        rows: what was seen, of this code.
        code: of the finding.
        fix: what to do about a fault.
        method: how it was looked for.
        question: the question that it belongs to.
        quiet: what to say where all is well; empty to say nothing, as the whole table says it.
    """
    bad = worst_first(tuple(rows))
    if not bad:
        if not rows or not quiet:
            return []
        return [Finding(code=code, state="pass", question=question, says=quiet, method=method)]
    worst = bad[0]
    others = [row for row in bad[1:] if row.cell != worst.cell]
    says = worst.says if not others else f"{worst.says} ({_counted(others)})"
    evidence: Mapping[str, Any] = {"reproduce": worst.reproduce, "cells": cells_of(tuple(rows))}
    if worst.magnitude is not None:
        evidence = {**evidence, "magnitude": worst.magnitude}
    if others:
        evidence = {**evidence, "others": [row.says for row in others]}
    return [
        Finding(
            code=code,
            state=worst.grade,
            question=question,
            says=says,
            fix=fix,
            evidence=evidence,
            method=method,
        )
    ]


def _counted(rows: list[Row]) -> str:
    if all(row.magnitude is not None for row in rows):
        return ", ".join(f"from {row.magnitude:.4g} {row.cell.partition(',')[0]}" for row in rows)
    names = [row.cell for row in rows]
    return f"likewise {placed(names[0])}" if len(names) == 1 else f"likewise in {len(names)} more cases"
