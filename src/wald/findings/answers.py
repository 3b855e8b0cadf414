"""The answer to a question, for somebody who knows the work and no statistics."""

from __future__ import annotations

from math import isfinite
import re
from typing import TYPE_CHECKING

from wald.findings.questions import OPENINGS, question_key
from wald.findings.state import STATES, State, overall_state
from wald.findings.words import number_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wald.findings.finding import Finding

#: Sentences of an answer, after the one or two words that open it.
MOST = 3

_INTERVAL = re.compile(r"\s*\[([^\[\],]+), ([^\[\],]+)\]")
_P = re.compile(r"[,;]? \(?p\s*[=<]\s*[\d.e-]*\d\)?( over \d+ \w+)?")
_SPREAD = re.compile(r"(\d) sd\b")
_OPENED = re.compile(r"^(no|yes|nearly|mostly|partly)\s*[:,]\s+", re.IGNORECASE)


#: What nobody should have to look up to read an answer.
_JARGON = re.compile(
    r"\bp\s*[=<]|[τρσχαβ²]|\b(bootstrap\w*|quantile|kendall\w*|spearman\w*|cox|holm|percentile|p-value|studenti\w+|"
    r"null hypothesis|permut\w+|confidence interval|standard errors?|logits?|slope|eigenvalue\w*|hessian|covariance|"
    r"sd|cvar|quantiles|monte carlo)\b",
    re.IGNORECASE,
)


def jargon(said: str) -> list[str]:
    """The words in it that only a statistician knows.

    >>> jargon("p = 0.003 by a bootstrap; cost is 12% higher")
    ['p =', 'bootstrap']
    """
    return [found[0] for found in _JARGON.finditer(said)]


def compose(question: str, parts: Iterable[tuple[State, str]]) -> tuple[str, tuple[str, ...]]:
    """Make one answer of what several probes say: the worst of it first, and no more than a few sentences.

    Args:
        question: what is answered.
        parts: the state of each probe, and what it says; "" where it says nothing.

    Returns:
        The answer, and the sentences that found no room in it.

    >>> compose("gaming", [("pass", "no constant wins"), ("fail", "always saying no scores 94%")])
    ('Yes. Always saying no scores 94%. No constant wins.', ())
    """
    given = list(parts)
    told = [sentence(said) for _, said in sorted(given, key=lambda part: STATES.index(part[0])) if said.strip()]
    opening = OPENINGS.get(question_key(question), {}).get(overall_state(state for state, _ in given), "")
    return " ".join([*([opening] if opening else []), *told[:MOST]]), tuple(told[MOST:])


def sentence(said: str) -> str:
    """A sentence with a capital and a full stop, and no statistician's shorthand.

    >>> sentence("cost is 12% higher [3%, 21%], p = 0.003 over 47 groups")
    'Cost is 12% higher (between 3% and 21%).'
    """
    said = _INTERVAL.sub(r" (between \1 and \2)", _P.sub("", said.strip().rstrip(".;")))
    said = _OPENED.sub("", _SPREAD.sub(r"\1 of the usual spread", said))
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith(('?', '!')) else '.'}"


def certainty(findings: Sequence[Finding]) -> str:
    """How sure the answer is, by the worst of its findings; empty where nothing was measured.

    What a statistician calls an interval is told as a range that the truth may lie in.
    """
    measured = [one for one in findings if one.state in ("fail", "warn", "inconclusive", "pass")]
    if not measured:
        return ""
    state = overall_state(one.state for one in measured)
    worst = [one for one in measured if one.state == state]
    if state == "inconclusive" and all(one.controls.wrong for one in worst):
        return "Not sure: on a case where the truth is known the check went wrong, so it says nothing here."
    ranged = next((one for one in worst if _known(one)), None)
    if ranged is None or ranged.interval is None or ranged.threshold is None or (state == "pass" and len(worst) > 1):
        return _counted(state, len(worst))
    low, high, level = (_amount(bound, ranged.unit) for bound in (*ranged.interval, ranged.threshold))
    unit = f" {ranged.unit}".rstrip()
    if low == high and state != "inconclusive":
        return f"Certain: the effect is {low}{unit} exactly, and the limit is {level}."
    told = f"the effect lies between {low} and {high}{unit}; the limit is {level}."
    return {
        "fail": f"Sure: {told}",
        "warn": f"Sure that it is there: {told}",
        "inconclusive": f"Not sure: {told} More rows would tell.",
        "pass": f"Sure: {told}",
    }[state]


def _amount(value: float | None, unit: str) -> str:
    """A number for a person: a share of something in percent."""
    if value is not None and unit.startswith("of "):
        return f"{100 * value:.3g}%" if abs(value) < 10 else f"{100 * value:.0f}%"
    return number_words(value)


def _known(finding: Finding) -> bool:
    """Whether its range can be told to somebody who knows no statistics."""
    if finding.threshold is None or finding.interval is None or jargon(finding.unit):
        return False
    return all(map(isfinite, finding.interval))


def _counted(state: State, count: int) -> str:
    times = f"{count} check{'' if count == 1 else 's'}"
    return {
        "fail": f"Sure: {times} failed.",
        "warn": f"{times.capitalize()} gave a warning.",
        "inconclusive": f"Not sure: {times} came out undecided.",
        "pass": f"{times.capitalize()} passed; none failed.",
    }[state]
