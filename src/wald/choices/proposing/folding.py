"""Candidates that cannot differ under a metric are one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...audits import Metric
from ..candidate import After, Candidate
from ..profiling import Profile
from .drafts import undressed
from .reads import Reads


def folded(candidates: Sequence[Candidate], profile: Profile, metric: Metric, read: Reads) -> list[Candidate]:
    """The candidates of which each can differ from the others; what stands for several says so."""
    kept: dict[tuple[object, After], Candidate] = {}
    for one in candidates:
        after = _seen(one.after, profile, read)
        key = (one.loss, after)
        if key not in kept:
            kept[key] = one if after == one.after else replace(undressed(one), after=after)
            continue
        first = kept[key]
        why = first.why
        if one.after != first.after or one.name != first.name:
            why = f"{why}. {_same(one, metric, read)}"
        kept[key] = replace(
            first, baseline=first.baseline or one.baseline, given=first.given or one.given, why=why,
            plainness=min(first.plainness, one.plainness),
        )  # fmt: skip
    return list(kept.values())


def _seen(after: After, profile: Profile, read: Reads) -> After:
    """What of that is done after training the metric can see."""
    if profile.task != "binary":
        return after
    if read.kind == "ranking":
        return "nothing"
    return "nothing" if read.kind == "probabilities" and after == "threshold" else after


def _same(one: Candidate, metric: Metric, read: Reads) -> str:
    """Why another candidate is this one."""
    if one.after == "threshold" and read.kind in ("ranking", "probabilities"):
        reads_what = "the order of the scores" if read.kind == "ranking" else "probabilities"
        return f"Moving the threshold changes nothing: {metric.name} reads {reads_what}, not decisions"
    if one.after in ("prior correction", "recalibration") and read.kind == "ranking":
        return (
            f"Its {one.after} changes nothing: it keeps the order of the scores, which is all that {metric.name} reads"
        )
    return f"{one.name} is the same loss here"
