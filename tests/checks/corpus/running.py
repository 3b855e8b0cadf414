"""Checking the corpus: what the checker says of each loss, and whether that is the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import re

import torch

import wald
from wald.findings import Finding, Report

from .correct import CORRECT
from .entry import Entry
from .wrong import WRONG

ENTRIES = {entry.id: entry for entry in (*WRONG, *CORRECT)}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the checker said of one loss.

    Attributes:
        entry: which loss, by its id.
        verdict: of its report.
        failed: the codes that failed, each once.
        warned: the codes that warned, each once.
        named: whether a failing finding names the defect.
        says: the failing findings, in words.
    """

    entry: str
    verdict: str
    failed: tuple[str, ...]
    warned: tuple[str, ...]
    named: bool
    says: tuple[str, ...]


def outcome_of(name: str) -> Outcome:
    """Check one loss, by its id."""
    torch.set_num_threads(1)
    entry = ENTRIES[name]
    report = wald.check(entry.loss, claims=entry.claims, task=entry.task, domain=entry.domain)
    failures = [one for one in report.findings if one.state == "fail"]
    return Outcome(
        entry=name,
        verdict=report.verdict,
        failed=_codes(report, "fail"),
        warned=_codes(report, "warn"),
        named=bool(entry.code) and any(names(entry, one) for one in failures),
        says=tuple(f"{one.code} {one.says}" for one in failures),
    )


def names(entry: Entry, finding: Finding) -> bool:
    """Whether a finding says what is wrong with a loss: by its code, and in words."""
    told = f"{finding.says} {finding.fix}"
    return bool(re.match(entry.code, finding.code)) and bool(re.search(entry.says, told, re.IGNORECASE))


def _codes(report: Report, state: str) -> tuple[str, ...]:
    return tuple(sorted({one.code for one in report.findings if one.state == state}))


def sample(entries: Sequence[Entry], each: int) -> list[Entry]:
    """As many of every family, spread over it."""
    families: dict[str, list[Entry]] = {}
    for entry in entries:
        families.setdefault(entry.family, []).append(entry)
    return [one for of in families.values() for one in of[:: -(-len(of) // each)]]
