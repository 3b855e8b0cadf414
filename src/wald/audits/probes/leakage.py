"""Leaks: rows that are in train and test, features that are the label, and an order that tells of the target."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor

from ...findings import Controls, Finding, judge
from ..costing.space import Regression
from ..evidence import Evidence
from ..inspecting.copies import COMPARED, Copies, Known
from ..inspecting.single import Told, alikeness, single_columns
from ..probe import Outcome, Probe
from ..statistics import Sample, detectable

QUESTION = "preflight"

#: Copies of training rows, as a share of the test rows.
COPIED = 0.01

#: What one column alone explains of the target: suspicious, and as good as the target itself.
STRONG, SAME = 0.95, 0.98

#: How alike the targets of neighbouring rows may be.
ALIKE = 0.2

_LISTED = 20

#: Test rows on which the search is tried.
_TRIED = 1_000


def measure(evidence: Evidence) -> Outcome:
    """Look for copies of training rows, for columns that are the target, and for an order."""
    findings = (_copied(evidence), _label(evidence), _order(evidence))
    bad = [one.says for one in findings if one.state in ("warn", "fail")]
    return Outcome(findings, answer="; ".join(bad))


LEAKAGE = Probe(
    "leakage",
    QUESTION,
    "P002",
    "rows that are in train and test, and features that are the label",
    measure,
    independent=True,
)


# Copies.


def _copied(evidence: Evidence) -> Finding:
    if evidence.case.train is None:
        return Finding(
            code="P002",
            state="not_run",
            question=QUESTION,
            says="leaks: the case gives no training rows",
            fix="give Case(train=(inputs, targets))",
        )
    train, test = evidence.case.train[0].detach().cpu(), evidence.inputs.detach().cpu()
    source = evidence.random("leak")
    known = Known(train, source)
    copies = known.twins(test)
    effect, interval = _share(evidence.sample, known, copies)
    controls = _tried(evidence, known, train, test, source)
    state = judge(effect=effect, interval=interval, threshold=COPIED, controls=controls)
    return Finding(
        code="P002",
        state=state,
        question=QUESTION,
        says=f"{effect:.1%} of the test rows are copies of training rows, beyond what repeats by nature"
        + (_without(evidence, copies) if state == "fail" else "")
        if effect > 0
        else "no test row is a copy of a training row, beyond what repeats by nature",
        fix="split before rows are copied or resampled, and by customer or patient where rows belong together",
        effect=effect,
        unit="of the test rows",
        interval=interval,
        threshold=COPIED,
        controls=controls,
        evidence=_pairs(evidence, copies) if state == "fail" else {},
        method=f"test rows that equal one of {len(train)} training rows to the bit, or one of "
        f"{min(COMPARED, len(train))} up to a tenth of the distance between close neighbours, less the share of "
        "training rows that have such a twin in training; or equal to the bit, less the share that is almost equal; "
        "controls: a tenth of some test rows replaced by training rows, and test rows moved at random",
    )


def _share(sample: Sample, known: Known, copies: Copies) -> tuple[float, tuple[float, float]]:
    """The share of rows that are copies beyond what repeats by nature, and how sure that is."""
    nature, counted = known.repeated
    twins, equal, almost = (sample.mean(one) for one in (copies.near >= 0, copies.exact, copies.almost))
    # Weights and clusters make the rows worth fewer.
    units = sample.effective if sample.cluster is None else min(sample.effective, float(sample.cluster.max()) + 1)

    def beyond(share: float, usual: float, rows: float) -> tuple[float, tuple[float, float]]:
        # Twins come in pairs, so that their share varies twice as much as that of single rows.
        error = 1.96 * sqrt(2 * usual * (1 - usual) * (1 / units + 1 / max(1.0, rows)))
        gap = max(0.0, share - usual)
        return gap, (max(0.0, gap - error), min(1.0, gap + error))

    # Rows that were doubled before the split repeat within the training rows as well; but hardly any is almost equal.
    return max(beyond(twins, nature, counted), beyond(equal, almost, units), key=lambda one: one[1][0])


def _tried(evidence: Evidence, known: Known, train: Tensor, test: Tensor, source: torch.Generator) -> Controls:
    """A part of the test rows, a tenth of them replaced by training rows; and the same part, moved."""
    part = torch.randperm(len(test), generator=source)[:_TRIED]
    sample, planted = Sample(len(part)), test[part].clone()
    copied = torch.randint(len(train), (max(1, len(part) // 10),), generator=source)
    planted[: len(copied)] = train[copied].to(planted.dtype)
    own = _share(sample, known, known.twins(test[part]))[0]
    moved = _moved(test[part], source)
    return Controls(
        positive=_share(sample, known, known.twins(planted))[0] > min(own + COPIED, 0.99),
        negative=None if moved is None else _share(sample, known, known.twins(moved))[1][0] <= COPIED,
    )


def _moved(test: Tensor, source: torch.Generator) -> Tensor | None:
    """Rows like the test rows that are nobody's copy: between each of them and another."""
    if not test.is_floating_point():
        return None
    other = test[torch.randperm(len(test), generator=source)]
    share = 0.2 + 0.1 * torch.rand(len(test), *(1,) * (test.ndim - 1), generator=source, dtype=test.dtype)
    return test + share * (other - test)


def _without(evidence: Evidence, copies: Copies) -> str:
    """What the metric is without the copies."""
    rest = (copies.near < 0).nonzero()[:, 0]
    if not evidence.by_metric.decomposable or len(rest) < 10:
        return ""
    metric, values = evidence.case.metric, evidence.by_metric.values(evidence.score)
    every, others = evidence.sample.mean(values), evidence.sample.part(rest).mean(values[rest])
    return f"; the {metric.name} is {metric.told(every)} with them and {metric.told(others)} without"


def _pairs(evidence: Evidence, copies: Copies) -> dict[str, object]:
    assert evidence.case.train is not None  # noqa: S101
    rows = (copies.near >= 0).nonzero()[:, 0]
    train = evidence.case.train[1].detach().cpu()[copies.near[rows]]
    same = (train == evidence.target[rows].to(train.dtype)).reshape(len(rows), -1).all(1)
    return {
        "copies": [
            {"test row": int(evidence.chosen[row]), "training row": int(copies.near[row])}
            for row in rows[:_LISTED].tolist()
        ],
        "copied": len(rows),
        "to the bit": int(copies.exact.sum()),
        "with the same target": int(same.sum()),
    }


# A feature that is the label.


def _label(evidence: Evidence) -> Finding:
    columns = evidence.inputs.detach().cpu()
    table = columns.ndim == 2 and columns.shape[1] > 0
    if evidence.space is None or not table or evidence.case.input_space.tokens is not None:
        why = "looked for among the columns of a table, one target a row"
        return Finding(
            code="P005", state="not_applicable", question=QUESTION, says=f"features that are the label: {why}"
        )
    source = evidence.random("single")
    numbers = isinstance(evidence.space, Regression)
    target = evidence.target.double()
    found = single_columns(columns, target, evidence.sample, numbers=numbers)
    if found is None:
        why = "too few rows, or too few of all classes but the largest, to tell"
        return Finding(
            code="P005", state="not_applicable", question=QUESTION, says=f"features that are the label: {why}"
        )
    moves = target.diff() if numbers and evidence.sample.ordered else target
    secret = target + 0.01 * moves.std(correction=0) * torch.randn(len(target), generator=source).double()
    shuffled = secret[torch.randperm(len(secret), generator=source)]

    def seen(one: Tensor) -> Told | None:
        return single_columns(one[:, None], target, evidence.sample, numbers=numbers)

    bad, good = seen(secret), seen(shuffled)
    controls = Controls(
        positive=bad is not None and bad.explained > STRONG, negative=good is None or good.explained <= STRONG
    )
    state = judge(effect=found.explained, interval=found.interval, threshold=SAME, warn=STRONG, controls=controls)
    names = evidence.case.features
    name = names[found.column] if names else f"column {found.column}"
    return Finding(
        code="P005",
        state=state,
        question=QUESTION,
        says=f"{name} alone explains {found.explained:.1%} of the target, which is as good as knowing it"
        if state in ("warn", "fail")
        else f"no single column gives the target away; the strongest, {name}, explains {max(0.0, found.explained):.0%} "
        "of it",
        fix=f"find out when {name} becomes known: what is only known after the target, or is made of it, has to go",
        effect=found.explained,
        unit="of the target",
        interval=found.interval,
        threshold=SAME,
        controls=controls,
        evidence={"columns": [{"column": names[k] if names else k, "explains": round(v, 4)} for k, v in found.best]},
        method="each column alone: a row of one half of the test rows is predicted from the five of the other half "
        "with the nearest values, and how much that lowers the error rate of always saying the most frequent class, or "
        "the squared error of the mean rank (of the change, where rows are in order of time); controls: the target "
        "with a hundredth of noise, and the same shuffled",
    )


# Order.


def _order(evidence: Evidence) -> Finding:
    target, sample = evidence.target, evidence.sample
    said = "an order that tells of the target: "
    why = (
        "the case says that rows are in order of time"
        if sample.ordered
        else "there is no single target a row"
        if target.ndim > 1
        else "too few rows to tell"
        if evidence.rows < 60
        else ""
    )
    if why:
        return Finding(code="P006", state="not_applicable", question=QUESTION, says=said + why)
    source = evidence.random("order")
    numbers = isinstance(evidence.space, Regression)
    found = alikeness(target, sample.cluster, numbers=numbers)
    if found is None:
        return Finding(code="P006", state="not_applicable", question=QUESTION, says=said + "too few clusters to tell")
    effect, error = found
    drawn = torch.randperm(evidence.rows, generator=source)
    planted, mixed = (
        alikeness(target.sort().values, None, numbers=numbers),
        alikeness(target[drawn], None, numbers=numbers),
    )
    # Three standard errors: a warning for nothing is rarer than 1 in 700.
    interval = (effect - 3 * error, effect + 3 * error)
    controls = Controls(
        positive=planted is not None and planted[0] - 3 * planted[1] > ALIKE,
        negative=mixed is None or mixed[0] - 3 * mixed[1] <= ALIKE,
    )
    state = judge(effect=effect, interval=interval, threshold=torch.inf, warn=ALIKE, controls=controls)
    return Finding(
        code="P006",
        state=state,
        question=QUESTION,
        says=f"neighbouring test rows have targets that are alike ({max(0.0, effect):.0%} beyond chance), so rows are "
        "in order of time, in clusters, or sorted by the target"
        if state == "warn"
        else f"the order of the test rows says little about their targets ({max(0.0, effect):.0%} beyond chance)",
        fix="in order of time, say so with Case(ordered=True); in clusters, give Case(clusters=...), or every interval "
        "is too narrow; if the file was only sorted, shuffle it, and never split it by position",
        effect=effect,
        unit="beyond chance",
        interval=interval,
        detectable=detectable(error),
        controls=controls,
        method="how much more alike the targets of neighbouring rows are than those of any two (clusters, where there "
        "are some, by their means); controls: the rows sorted by target, and shuffled",
    )
