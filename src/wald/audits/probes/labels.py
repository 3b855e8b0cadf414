"""Wrong labels: how many, and which, as far as they can be told from labels that are only hard."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ...findings import Controls, Figure, Finding, judge
from ..costing.space import Binary, Multiclass, Regression
from ..evidence import Evidence
from ..inspecting.crossfit import Learner, folds_of
from ..inspecting.features import described
from ..inspecting.flips import flipped, flips, forecasts
from ..inspecting.outliers import Tail, tail_of
from ..probe import Level, Outcome, Probe
from ..statistics import Sample

QUESTION = "data"
CODE = "D901"

#: Shares of wrong labels that matter.
WARN, FAIL = 0.02, 0.05

#: Rows that are looked at, at most: the others are as likely to be wrong.
ROWS: dict[Level, int] = {"quick": 1_000, "standard": 3_000, "deep": 10_000}

#: Fewer rows than this say nothing of a few per cent.
FEWEST = 100

#: Shares that are planted to see what would have been found, and the one by which suspects are picked.
PLANTED = (0.05, 0.1, 0.2)
#: Of the planted ones, the share that the list of suspects must catch.
CAUGHT = 0.9

#: Suspects and resamples.
_LISTED, _DRAWS = 50, 200


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows whose labels are examined.

    Attributes:
        where: "training" or "test".
        numbers: which of those rows they are.
        inputs: what they are predicted from, standardised.
        target: what they say.
        sample: what each counts for.
    """

    where: str
    numbers: Tensor
    inputs: Tensor
    target: Tensor
    sample: Sample


def measure(evidence: Evidence) -> Outcome:
    """Compare each label with what the other rows say of it."""
    if evidence.space is None:
        return _idle("the task is none of regression, binary and multiclass")
    rows = _rows(evidence)
    if len(rows.target) < FEWEST or rows.inputs.shape[1] == 0:
        return _idle(f"{len(rows.target)} rows with inputs that vary are too few; {FEWEST} are wanted")
    if isinstance(evidence.space, Regression):
        return _outlying(evidence, rows)
    if isinstance(evidence.space, Binary | Multiclass):
        return _mislabelled(evidence, rows)
    return _idle("labels are compared for one target a row")


LABELS = Probe("labels", QUESTION, CODE, "wrong labels", measure, least="standard")


def _idle(why: str) -> Outcome:
    return Outcome((Finding(code=CODE, state="not_applicable", question=QUESTION, says=f"wrong labels: {why}"),))


def _rows(evidence: Evidence) -> _Rows:
    case, source, most = evidence.case, evidence.random("labels", "rows"), ROWS[evidence.level]
    if case.train is None:
        inputs, target, sample, where = evidence.inputs, evidence.target, evidence.sample, "test"
        numbers = evidence.chosen
    else:
        inputs, target, where = *case.train, "training"
        numbers, sample = torch.arange(len(target)), Sample(len(target), evidence.seed)
    if len(numbers) > most:
        some = torch.randperm(len(numbers), generator=source)[:most].sort().values
        inputs, target = inputs[some.to(inputs.device)], target[some.to(target.device)]
        numbers, sample = numbers[some], sample.part(some)
    known = described(inputs, source, tokens=case.input_space.tokens)
    return _Rows(where, numbers, known, target.detach().cpu(), sample)


# Classes.


def _mislabelled(evidence: Evidence, rows: _Rows) -> Outcome:
    label = (rows.target >= 0.5).long() if isinstance(evidence.space, Binary) else rows.target.long()
    # Numbered anew: a class that does not occur cannot be a wrong label either.
    kinds, label = label.unique(return_inverse=True)
    classes = len(kinds)
    if classes < 2:
        return _idle("there is one class only")
    source = evidence.random("labels", "planted")
    learner = Learner(rows.inputs, folds_of(rows.sample, source), source)
    expected = _expected(learner, label, classes)
    found = flips(expected, label, rows.sample, _DRAWS)
    seen: dict[float, float] = {}
    threshold = 0.0
    for share in PLANTED:
        planted, where = flipped(label, classes, share, source)
        again = _expected(learner, planted, classes)
        seen[share] = flips(again, planted, rows.sample, _DRAWS).interval[0]
        if share == PLANTED[0]:
            caught = _doubt(again, planted)[where]
            threshold = float(caught.quantile(1 - CAUGHT)) if len(caught) else torch.inf
    honest = torch.multinomial(forecasts(expected, label, found.sharpness), 1, generator=source)[:, 0]
    innocent = flips(_expected(learner, honest, classes), honest, rows.sample, _DRAWS)
    controls = Controls(positive=seen[PLANTED[-1]] > WARN, negative=innocent.interval[0] <= WARN)
    state = judge(effect=found.share, interval=found.interval, threshold=FAIL, warn=WARN, controls=controls)
    doubt = _doubt(expected, label)
    suspects = (doubt >= threshold).nonzero()[:, 0]
    suspects = suspects[doubt[suspects].argsort(descending=True)]
    precise = min(1.0, CAUGHT * found.share * len(label) / max(1, len(suspects)))
    better = _others(expected, label).argmax(1)
    accused = state in ("warn", "fail")
    listed = suspects[:_LISTED]
    says = _says(state, found.share, found.interval, rows.where, len(suspects), precise, controls.positive is True)
    finding = Finding(
        code=CODE,
        state=state,
        question=QUESTION,
        says=says,
        fix="have the listed rows labelled again, the most doubtful first; until then train with a loss that a few "
        "wrong labels do not bend, such as wald.GeneralizedCrossEntropy",
        effect=found.share,
        unit=f"of the {rows.where} labels",
        interval=found.interval,
        threshold=FAIL,
        detectable=next((share for share, low in seen.items() if low > WARN), None),
        controls=controls,
        evidence={
            "suspects": [
                {
                    "row": int(rows.numbers[row]),
                    "given": kinds[label[row]].item(),
                    "suggested": kinds[better[row]].item(),
                    "doubt": round(float(doubt[row]), 4),
                }
                for row in listed.tolist()
            ],
            "suspected": len(suspects),
            "estimated": {"precision": precise if accused else None, "recall": CAUGHT if accused else None},
            "rows": len(label),
        },
        method=f"each of {len(label)} {rows.where} labels against a forecast from the other folds (kernel ridge "
        "regression, five folds), and the share of contradictions that does not vanish where the forecast is sure; "
        f"suspects are picked so as to catch {CAUGHT:.0%} of {PLANTED[0]:.0%} labels flipped on purpose; controls: "
        f"{PLANTED[-1]:.0%} flipped on purpose, and labels drawn from the forecasts themselves",
        source="Wichmann & Hill 2001, The psychometric function",
    )
    return Outcome((finding,), (_figure(doubt, threshold, rows.where),) if accused else (), says)


def _says(
    state: str,
    share: float,
    interval: tuple[float, float],
    where: str,
    suspected: int,
    precision: float,
    shown: bool,
) -> str:
    low, high = interval
    if state in ("warn", "fail"):
        return (
            f"about {share:.0%} of the {where} labels look wrong ({low:.0%} to {high:.0%}): other rows like them are "
            f"labelled otherwise; {suspected} are listed for a second look, of which about {precision:.0%} should be "
            "wrong"
        )
    if state == "pass":
        return f"no sign that more than {max(high, 0.005):.1%} of the {where} labels are wrong"
    if not shown:
        return (
            f"wrong labels cannot be told from hard ones here: {PLANTED[-1]:.0%} of the {where} labels flipped on "
            "purpose would not have shown"
        )
    return (
        f"wrong labels cannot be told from hard ones here: anything from {low:.1%} to {high:.0%} of the {where} labels "
        "could be wrong"
    )


def _expected(learner: Learner, label: Tensor, classes: int) -> Tensor:
    return learner.expected(functional.one_hot(label, classes))


def _others(expected: Tensor, label: Tensor) -> Tensor:
    return expected.scatter(1, label[:, None], -torch.inf)


def _doubt(expected: Tensor, label: Tensor) -> Tensor:
    """By how much another class is expected more than the given one."""
    return _others(expected, label).amax(1) - expected.gather(1, label[:, None])[:, 0]


def _figure(doubt: Tensor, threshold: float, where: str) -> Figure:
    counts, edges = torch.histogram(doubt.float(), 24)
    return Figure(
        kind="bars",
        title=f"How much other rows contradict the {where} labels",
        caption="right labels gather on the left; a second heap on the right is wrong labels",
        x="how much more another class is expected than the given one",
        y="rows",
        series=[{"name": "rows", "labels": [f"{float(edge):.2f}" for edge in edges[:-1]], "y": counts.tolist()}],
        note=f"suspects lie above {threshold:.2f}",
    )


# Numbers.


def _outlying(evidence: Evidence, rows: _Rows) -> Outcome:
    target = rows.target.double()
    if float(target.std(correction=0)) < 1e-12:
        return _idle("every target is the same")
    source = evidence.random("labels", "planted")
    residual = target - Learner(rows.inputs, folds_of(rows.sample, source), source).expected(target)
    found = tail_of(residual)
    # A misplaced decimal point: a few residuals ten times the largest.
    wild = residual.clone()
    few = torch.randperm(len(wild), generator=source)[: max(2, len(wild) // 200)]
    wild[few] = 10 * residual.abs().max() * (1 + torch.rand(len(few), generator=source).double())
    calm = found.drawn(len(target), source)
    controls = Controls(positive=tail_of(wild).outlying > 0, negative=tail_of(calm).outlying == 0)
    beyond = residual.abs().topk(found.outlying).indices if found.outlying else torch.zeros(0, dtype=torch.long)
    share = found.outlying / len(target)
    state = judge(effect=share, interval=(share, share), threshold=torch.inf, warn=0.0, controls=controls)
    says = _says_outlying(found, rows.where, len(target))
    return Outcome(
        (
            Finding(
                code=CODE,
                state=state,
                question=QUESTION,
                says=says,
                fix="look at the listed rows: a wrong unit, a misplaced decimal point or a code such as -999; what is "
                "real keeps its value and wants a loss that one row does not bend, such as wald.Huber",
                effect=share,
                unit=f"of the {rows.where} targets",
                interval=(share, share),
                controls=controls,
                evidence={
                    "suspects": [
                        {
                            "row": int(rows.numbers[row]),
                            "given": float(target[row]),
                            "expected": float(target[row] - residual[row]),
                        }
                        for row in beyond[:_LISTED].tolist()
                    ],
                    "chance": found.chance,
                    "tail": found.exponent,
                },
                method=f"residuals of {len(target)} {rows.where} targets, each predicted from the other folds; the "
                "gaps between the largest, against those of a heavy (Pareto) tail fitted below them; controls: a few "
                "residuals ten times the largest, and draws from that tail",
                source="Hill 1975, doi:10.1214/aos/1176343247",
            ),
        ),
        answer=says,
    )


def _says_outlying(found: Tail, where: str, rows: int) -> str:
    if found.outlying:
        return (
            f"{found.outlying} of {rows} {where} targets lie far outside everything else, {found.gap:.1f} times as far "
            "from what is expected as the next one, which even a heavy tail does not explain"
        )
    return f"no {where} target lies further out than the tail of the others explains"
