"""Warning sign: is there a part of the data, sayable in words, that the model serves worse?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, State, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..grouping import Quantity
from ..grouping.members import units_of
from ..metrics import capitalised
from ..probe import Outcome, Probe
from ..slicing import Conditions, Confirmed, conditions, confirmed
from ..slicing.expected import lots
from ..slicing.search import SMALLEST_SHARE
from ..statistics import detectable, shuffles

QUESTION = "groups"

#: An excess this large, as a share of the mean over all rows, matters in practice.
WARN, FAIL = 0.1, 0.25

#: The level of the list of slices.
LEVEL = 0.05

#: Fewer rows than this, and fewer clusters, have no halves to speak of.
FEWEST, FEWEST_CLUSTERS = 200, 20

_CONTROL_DRAWS = 99


def measure(evidence: Evidence) -> Outcome:
    """Look for the worst slice on one half of the rows, and measure it on the other; and the other way round."""
    if why := _no_reason(evidence):
        return Outcome((_idle("not_applicable", why),))
    name, each = _measured_by(evidence)
    values = each(evidence.target)
    scale = max(evidence.sample.mean(values.abs()), 1e-12)
    quantity = Quantity(name, values, scale, lots(evidence, each))
    known = conditions(evidence.inputs, evidence.case.features)
    if not known.column:
        return Outcome((_idle("not_applicable", "every column of the inputs is constant"),))
    try:
        found = _Run(evidence, known).slices(quantity, min(evidence.budget.permutations, 499), "slices")
    except ModuleNotFoundError as error:
        return Outcome((replace(_idle("not_run", str(error)), fix='pip install "wald[audit]"'),))
    if not found:
        return Outcome((_idle("not_applicable", "no slice is large enough in both halves of the rows"),))
    finding = _judged(evidence, known, quantity, found)
    return Outcome(
        (finding,), (_figure(known, quantity, found),), _answer(evidence, known, quantity, found[0], finding)
    )


SLICES = Probe("slices", QUESTION, "F705", "parts of the data that the model serves worse", measure)


def _no_reason(evidence: Evidence) -> str:
    inputs = evidence.inputs
    if inputs.ndim != 2 or not inputs.is_floating_point() or evidence.case.input_space.tokens is not None:
        return f"inputs {tuple(inputs.shape)} of {inputs.dtype} are no table of numbers, so slices have no names"
    if not evidence.by_metric.decomposable and not evidence.cost.separable:
        return "neither the metric nor the loss has a value for a row"
    if evidence.sample.effective < FEWEST:
        few = f"{evidence.sample.effective:.0f} rows, by weight, are too few"
        return f"{few} to look on one half and confirm on the other; {FEWEST} are enough"
    if (clusters := units_of(evidence.sample)) < FEWEST_CLUSTERS:
        return f"{clusters} clusters are too few to look in half of them and confirm in the others"
    return ""


def _idle(state: str, why: str) -> Finding:
    return Finding(
        code="F705",
        state="not_run" if state == "not_run" else "not_applicable",
        question=QUESTION,
        says=f"slices: {why}",
    )


def _measured_by(evidence: Evidence) -> tuple[str, Callable[[Tensor], Tensor]]:
    """The metric where a row has one, else the loss: what each row costs if these were the targets."""
    metric, columns, prediction = evidence.case.metric, evidence.columns, evidence.prediction
    if metric.decomposable:
        return metric.name, lambda target: metric.shortfall(metric.values(prediction, target, columns))
    return "the loss", lambda target: evidence.cost.each(prediction, target).detach().double()


@dataclass(frozen=True)
class _Run:
    """The whole procedure, so that the controls go through all of it."""

    evidence: Evidence
    known: Conditions

    def slices(self, quantity: Quantity, draws: int, *purpose: object) -> list[Confirmed]:
        """The slices of a quantity, the surest first."""
        return confirmed(self.known, quantity, self.evidence.sample, draws, self.evidence.random(*purpose))

    def controls(self, quantity: Quantity) -> Controls:
        """Values permuted among rows of one lot must give no slice; an excess planted in a slice must be found."""
        (mixed,) = shuffles(
            torch.zeros(self.evidence.rows), 1, self.evidence.random("slice controls"), strata=quantity.strata
        )
        values = quantity.values.double()[mixed[0]]
        quiet = self.slices(replace(quantity, values=values), _CONTROL_DRAWS, "quiet slices")
        planted = self._fifth(quantity.strata)
        # As large as half of the rows can show, and half a spread at least.
        least = 9 / float(planted.sum() / 2) ** 0.5
        marked = values + max(0.5, least) * float(values.std().clamp_min(1e-12)) * planted
        loud = self.slices(replace(quantity, values=marked), _CONTROL_DRAWS, "loud slices")
        return Controls(
            positive=bool(loud) and loud[0].p <= LEVEL and float(planted[loud[0].rows].double().mean()) > 0.5,
            negative=not quiet or quiet[0].p > 0.01,
        )

    def _fifth(self, strata: Tensor) -> Tensor:
        """A condition that holds for about a fifth of the rows, and least depends on what is compared with what."""
        holds = self.known.holds.double()
        _, place, sizes = strata.unique(return_inverse=True, return_counts=True)
        means = torch.zeros(len(sizes), holds.shape[1], dtype=torch.float64).index_add_(0, place, holds)
        means /= sizes[:, None]
        varies = (holds - means[place]).square().mean(0)
        far = (holds.mean(0) - 0.2).abs()
        return holds[:, int(torch.where(far <= far.min() + 0.1, varies, -1.0).argmax())] > 0.5


def _judged(evidence: Evidence, known: Conditions, quantity: Quantity, found: list[Confirmed]) -> Finding:
    scale, worst = quantity.scale, found[0]
    effect = worst.excess / scale
    # The least that is known of the surest, and the most that could be true of any.
    interval = (worst.interval[0] / scale, max(one.interval[1] for one in found) / scale)
    controls = _Run(evidence, known).controls(quantity)
    state: State = judge(effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls)
    if state in ("fail", "warn") and worst.p >= LEVEL:
        state = "inconclusive"
    told = _Told(evidence, known, quantity, worst)
    return Finding(
        code="F705",
        state=state,
        question=QUESTION,
        says=f"where {told.words} ({told.share:.0%} of the rows), {quantity.name} is {told.inside}, and {told.outside} "
        f"elsewhere: {abs(effect):.0%} {'more' if effect > 0 else 'less'} than for rows of which the model expects as "
        f"much, p = {number_words(worst.p)}",
        fix="look at rows of the slice for wrong labels and missing features; collect more of them, or weight them",
        effect=effect,
        unit=f"of mean {quantity.name.removeprefix('the ')}",
        interval=interval,
        threshold=FAIL,
        detectable=detectable(worst.error) * worst.width / 1.96 / scale,
        controls=controls,
        evidence={
            "slices": [known.words(one.slice.parts) for one in found],
            "excess": [one.excess / scale for one in found],
            "low": [one.interval[0] / scale for one in found],
            "p": [one.p for one in found],
            "rows where measured": [len(one.rows) for one in found],
            "worst rows": told.exhibits,
        },
        method=f"one or two conditions on the inputs, as the model gets them, that hold for {SMALLEST_SHARE:.0%} of "
        "the rows at least; found on one half, measured on the other, and the other way round; against rows of which "
        "the model expects about the same, permuted among themselves (whole clusters resampled, where there are any); "
        "one-sided, Benjamini & Hochberg over all slices of both halves. Warns beyond a tenth. Controls: the whole "
        "search on permuted values, and with an excess planted in a fifth of the rows",
        source="Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x",
    )


class _Told:
    """A slice as a person is told of it."""

    def __init__(self, evidence: Evidence, known: Conditions, quantity: Quantity, one: Confirmed) -> None:
        inside = known.rows(one.slice.parts)
        sample, values = evidence.sample, quantity.values.double()
        metric = evidence.case.metric

        def mean(rows: Tensor) -> str:
            found = sample.part(rows).mean(values[rows])
            return metric.told(found) if metric.decomposable else number_words(found)

        self.words = known.words(one.slice.parts)
        self.share = sample.mean(inside.double())
        # Where it was measured and not where it was found: there the worst looks worse than it is.
        self.inside = mean(one.rows)
        self.outside = mean((~inside).nonzero()[:, 0])
        order = one.rows[values[one.rows].argsort(descending=True)[:5]]
        self.exhibits = [
            {"row": int(evidence.chosen[row]), quantity.name.removeprefix("the "): float(values[row])}
            for row in order.tolist()
        ]


def _answer(evidence: Evidence, known: Conditions, quantity: Quantity, worst: Confirmed, finding: Finding) -> str:
    if finding.state in ("fail", "warn"):
        told = _Told(evidence, known, quantity, worst)
        there = f"{quantity.name} is {told.inside} there, {told.outside} elsewhere"
        return f"the model serves rows with {told.words} worse: {there}"
    return "no part of the data was shown to be served worse than the rest"


def _figure(known: Conditions, quantity: Quantity, found: list[Confirmed]) -> Figure:
    name = quantity.name.removeprefix("the ")
    return Figure(
        kind="intervals",
        title=f"{capitalised(name)}, by slice",
        caption="The worst slices that were found on one half of the rows, measured on the other: how far they lie "
        "above (right) rows of which the model expects as much. An interval that touches 0 shows nothing.",
        x=f"excess, as a share of the mean {name}",
        series=[
            {
                "name": name,
                "x": [one.excess / quantity.scale for one in found],
                "low": [one.interval[0] / quantity.scale for one in found],
                "high": [one.interval[1] / quantity.scale for one in found],
                "labels": [f"{known.words(one.slice.parts)} ({len(one.rows)})" for one in found],
            }
        ],
        reference=0.0,
        note="in brackets: the rows of the half where it was measured",
    )
