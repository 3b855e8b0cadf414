"""The page that says how good the checker is: `python -m tests.checks.corpus.page`, or `make honesty`.

Everything on it is measured anew and nothing on it depends on the machine's speed, so that a test can hold the
page to what the checker does today.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
import re
import sys
from typing import Any

import wald
from wald.cards import Formula, shelf
from wald.checks import CODES, RULES
from wald.checks.rules.rule import _controls as controls_of

from ..mutants.running import EACH, FORMULA, Harvest, harvest_of
from .claims import Claims, claims_of, line, whose
from .correct import CORRECT
from .running import ENTRIES, Outcome, outcome_of
from .truth import TABLES, Score, score_of
from .wrong import WRONG

PAGE = Path(__file__).parents[3] / "docs" / "honesty.md"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All that the page tells."""

    wrong: tuple[Outcome, ...]
    correct: tuple[Outcome, ...]
    truth: tuple[Score, ...]
    mutants: tuple[Harvest, ...]
    claims: tuple[Claims, ...]


def measure(processes: int = 2) -> Measured:
    """Check everything once."""
    losses = [kind.__name__ for kind in wald.catalogue()]
    # A fresh interpreter each, as a copy of this one would share its threads and its caches.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return Measured(
            mutants=tuple(pool.map(harvest_of, losses)),
            claims=tuple(pool.map(claims_of, losses, chunksize=4)),
            wrong=tuple(pool.map(outcome_of, [entry.id for entry in WRONG], chunksize=4)),
            correct=tuple(pool.map(outcome_of, [entry.id for entry in CORRECT], chunksize=4)),
            truth=tuple(pool.map(score_of, TABLES)),
        )


def text(found: Measured) -> str:
    """The page."""
    parts = (_short, _families, _codes, _missed, _truth, _cards, _mutants)
    return "\n\n".join((_HEAD, *(part(found) for part in parts), _BLIND)) + "\n"


_HEAD = """# How good is the checker?

A check that misses what is wrong, or accuses what is right, is worse than none. So `wald check` is itself checked: on
losses of which it is known what is wrong with them, on losses with nothing wrong, on losses of which theorems say
what they are, and on losses of the catalogue with one small error sown by a program. This page is written by
`make honesty` from what the checker does today, and a test fails when it says anything else."""

_BLIND = """## What it cannot see

- **Whether a loss is the right one.** It says what a loss elicits, not whether that is what you need. For that, audit
  the loss with its model, data and metric.
- **What no claim was made about.** Where nobody says what a loss is meant to be, half the squared error, a quantile at
  0.1 in place of 0.9 and a divergence in the other direction are losses like any other. Most of the wrong losses
  above are found because `--claims` says what their author believes them to be.
- **What happens beyond what is tried.** Inputs are typical ones, large and small ones, and the edges. A loss that goes
  wrong for one value in the middle of nowhere, for a batch of exactly 4,096, or on the third of May passes.
- **How it is called.** A shape that broadcasts in your training loop, logits that were already passed through a
  softmax, labels that begin at 1: what the loss gets is not known here. `wald why` looks at the batch itself.
- **What more than one machine does.** Means of means over several devices are a matter of the training loop; the
  reduction on the card tells what to beware of.
- **Losses that take more than tensors**, such as a model or a target of several parts in a dictionary.

The corpus was written by the people who wrote the checker. Its wrong losses are re-created from defects that others
made in public, but a list of mistakes and a list of known mistakes grow together; the mutants, which nobody chose,
are the fairer test."""


def _short(found: Measured) -> str:
    failed, named = _count(found.wrong, _fails), _count(found.wrong, _named)
    false = _count(found.correct, _accused)
    alive = sum(one.alive for one in found.mutants)
    unaided = sum(one.unaided for one in found.mutants)
    rows = [
        ("losses with a known defect: failed", failed, len(found.wrong)),
        ("losses with a known defect: failed, and the defect is named", named, len(found.wrong)),
        ("losses with nothing wrong: failed", false, len(found.correct)),
        ("mutants of losses whose card has a formula that runs: killed", *killed_of(found.mutants, spoken=True)),
        ("mutants of losses whose card has a formula in words: killed", *killed_of(found.mutants, spoken=False)),
        ("mutants of the catalogue: killed without the formula on the card", unaided, alive),
        *((f"known truth, {one.table}: facts right", one.right, _facts(one)) for one in found.truth),
    ]
    lines = [f"| {words} | {part} of {whole} | {_percent(part, whole)} |" for words, part, whole in rows if whole]
    return "\n".join(("## In short", "", "| | | |", "|---|--:|--:|", *lines))


def killed_of(mutants: Sequence[Harvest], *, spoken: bool) -> tuple[int, int]:
    """How many mutants were killed, and of how many, where the formula on the card can be run, or cannot."""
    of = [one for one in mutants if isinstance(shelf.find(one.loss).at_defaults().formula, Formula) == spoken]
    return sum(one.killed for one in of), sum(one.alive for one in of)


def _families(found: Measured) -> str:
    lines = ["## By family", "", "| family | wrong | failed | named |", "|---|--:|--:|--:|"]
    lines += [
        f"| {family} | {len(of)} | {_count(of, _fails)} | {_count(of, _named)} |"
        for family, of in _grouped(found.wrong).items()
    ]
    lines += ["", "| family | right | failed | warned |", "|---|--:|--:|--:|"]
    lines += [
        f"| {family} | {len(of)} | {_count(of, _accused)} | {_count(of, lambda one: bool(one.warned))} |"
        for family, of in _grouped(found.correct).items()
    ]
    return "\n".join(lines)


def _codes(found: Measured) -> str:
    """How each code did. A wrong loss is planted for a code if that code would name its defect."""
    pairs = [controls_of(rule) for rule in RULES if rule.planted is not None]
    lines = [
        "## By code",
        "",
        f"Each of the {len(pairs)} rules that accuse has a planted loss and an innocent twin of its own, and is tried",
        f"on both before it accuses anybody: {sum(pair.right for pair in pairs)} are right about both. *Planted* are",
        "the wrong losses whose defect a code could name, *found* those that it did fail; others may have named the",
        "rest. A warning is no accusation, so those on right losses are shown apart.",
        "",
        "| code | what | planted | found | failed in all | false alarms | warned on right ones |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    silent: list[str] = []
    for code, (title, _) in sorted(CODES.items()):
        planted = [one for one in found.wrong if re.match(ENTRIES[one.entry].code, code)]
        cells = (
            len(planted),
            sum(code in one.failed for one in planted),
            sum(code in one.failed for one in found.wrong),
            sum(code in one.failed for one in found.correct),
            sum(code in one.warned for one in found.correct),
        )
        if any(cells):
            lines.append(f"| {code} | {title} | {' | '.join(map(str, cells))} |")
        else:
            silent.append(code)
    if silent:
        lines += ["", f"Planted nowhere here, and never raised: {', '.join(silent)}."]
    return "\n".join(lines)


def _missed(found: Measured) -> str:
    lines = ["## What it missed"]
    for words, of in (
        ("Wrong, and not failed:", [one for one in found.wrong if not _fails(one)]),
        ("Failed, but the defect is not named:", [one for one in found.wrong if _fails(one) and not one.named]),
        ("Right, and failed all the same:", [one for one in found.correct if _accused(one)]),
    ):
        lines += ["", words, "", *(f"- {_told(one)}" for one in of)] if of else ["", f"{words} none."]
    return "\n".join(lines)


def _told(one: Outcome) -> str:
    entry = ENTRIES[one.entry]
    claims = f", claimed to be `{entry.claims}`" if entry.claims else ""
    codes = ", ".join(one.failed) or ", ".join(one.warned) or one.verdict
    return f"{entry.family}: {entry.name}{claims}: {codes}"


def _truth(found: Measured) -> str:
    lines = [
        "## Against known truth",
        "",
        "The truth is from theorems or worked out by hand. *Unresolved* is an answer, *wrong* an error of the checker.",
        "",
        "| table | losses | facts | right | unresolved | wrong |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for one in found.truth:
        cells = (one.table, one.losses, _facts(one), one.right, one.unresolved, len(one.wrong))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    wrong = [f"- {each}" for one in found.truth for each in one.wrong]
    return "\n".join((*lines, *(("", *wrong) if wrong else ())))


def _cards(found: Measured) -> str:
    """What the cards claim, and what could not be settled, by name."""
    lines = [
        "## The cards of the catalogue",
        "",
        "Every card, at the defaults of its loss, is held to what is measured; at all other settings a slow test does",
        f"the same. {line(found.claims)}.",
    ]
    for words, state in (
        ("Failed", "failed"),
        ("Unresolved: neither shown nor refuted", "unresolved"),
        (
            "Not measurable: of a kind that is not measured for such inputs; a formula in words cannot be run",
            "unmeasured",
        ),
    ):
        if of := whose(found.claims, state):
            lines += ["", f"{words}.", ""]
            lines += [f"- {claim} ({len(losses)}): {', '.join(losses)}" for claim, losses in of.items()]
    return "\n".join(lines)


def _mutants(found: Measured) -> str:
    equal, stillborn = sum(one.equal for one in found.mutants), sum(one.stillborn for one in found.mutants)
    lines = [
        "## Mutants",
        "",
        f"Up to {EACH} of every loss, chosen by a seed: an operator, a comparison, a number, an axis, a branch or a",
        "gradient of its definition is changed, and the card stays. *Unaided* are those that would have been killed",
        f"without the formula on the card ({FORMULA}), which is the loss written a second time. Set aside were {equal}",
        f"that give the same value and gradient wherever was looked, and {stillborn} that raise on typical inputs.",
        "",
        "| loss | mutants | killed | unaided |",
        "|---|--:|--:|--:|",
        *(f"| {one.loss} | {one.alive} | {one.killed} | {one.unaided} |" for one in found.mutants),
    ]
    survivors = [(change, loss) for one in found.mutants for change, loss in one.survivors]
    if survivors:
        lines += ["", "Survivors, and the loss in which they live:", ""]
        lines += [f"- {_code(change)} in `{loss}`" for change, loss in survivors]
    return "\n".join(lines)


def _code(change: str) -> str:
    where, _, what = change.partition(": ")
    old, _, new = what.partition(" -> ")
    return f"{where}: `{old}` became `{new}`"


def _grouped(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault(ENTRIES[one.entry].family, []).append(one)
    return groups


def _fails(one: Outcome) -> bool:
    return one.verdict == "fail"


def _accused(one: Outcome) -> bool:
    # What it could not measure of a loss with nothing wrong is its own fault.
    return one.verdict in ("fail", "error")


def _named(one: Outcome) -> bool:
    return one.named


def _count(outcomes: Sequence[Outcome], holds: Callable[[Outcome], bool]) -> int:
    return sum(map(holds, outcomes))


def _facts(score: Score) -> int:
    return score.right + score.unresolved + len(score.wrong)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.1f} %"


def main(arguments: Sequence[str] = ()) -> Any:
    """Write the page, or print it with `--print`."""
    found = measure()
    page = text(found)
    print(line(found.claims))
    if "--print" in arguments:
        print(page)
    else:
        PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
