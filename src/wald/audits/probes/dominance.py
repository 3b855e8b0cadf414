"""Question 4: would every metric that fits the loss agree, or is there one that prefers something else?"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ..aligning.elementary import Statistic, statistic_named
from ..costing.space import Binary, Multiclass, Space
from ..evidence import Evidence, run
from ..probe import Outcome, Probe

QUESTION = "metric correlation"
WARN, FAIL = 0.05, 0.15

#: Thresholds of a diagram, and rows that must cost something at one, at least, for its interval to be trusted.
_THRESHOLDS, _FEWEST = 60, 15

#: Checkpoints that are compared, at most.
_MOST = 4


@dataclass(frozen=True)
class _Diagram:
    """The elementary scores of forecasts: a curve over thresholds, and what each row adds to it.

    Attributes:
        thresholds: (thresholds,).
        rows: (thresholds, rows).
        curve: (thresholds,) their means.
    """

    thresholds: Tensor
    rows: Tensor
    curve: Tensor


@dataclass(frozen=True)
class _Order:
    """One set of forecasts against another, at every threshold at once.

    Attributes:
        gap: (thresholds,) by how much more the first costs, as a share of the second's dearest threshold.
        low: (thresholds,) the simultaneous band.
        high: (thresholds,).
        known: (thresholds,) where enough rows cost something.
    """

    gap: Tensor
    low: Tensor
    high: Tensor
    known: Tensor

    @property
    def most(self) -> tuple[float, tuple[float, float]]:
        """How much more the first costs at the threshold that is worst for it, with its interval."""
        gap, low, high = (float(one[self.known].max()) for one in (self.gap, self.low, self.high))
        return gap, (low, high)

    @property
    def verdict(self) -> str:
        """Which of the two every consistent metric prefers, as far as the band tells."""
        worse, better = bool((self.low > 0)[self.known].any()), bool((self.high < 0)[self.known].any())
        return "flips" if worse and better else "worse" if worse else "better" if better else "alike"


def measure(evidence: Evidence) -> Outcome:
    """Draw the diagram of the model and of the best constant, and see whether their order ever turns."""
    space = evidence.space
    elicits = evidence.measured_card.get("elicits")
    statistic = statistic_named(elicits)
    if evidence.meant is not None:
        statistic = statistic_named("probability")
    if space is None or statistic is None or (statistic.name == "probability") == (space.task == "regression"):
        said = f"what every consistent metric would say: the loss elicits {elicits or 'no known statistic'}, for which "
        said += "no family of metrics is known here"
        return Outcome((Finding(code="M405", state="not_applicable", question=QUESTION, says=said),))
    forecasts, targets = _forecasts(evidence, space, statistic, evidence.score), _targets(evidence, space)
    constant = torch.stack(
        [torch.full_like(column, statistic.constant(column, evidence.sample.weight)) for column in targets]
    )
    if bool((targets.amin(-1) == targets.amax(-1)).all()) or (statistic.power and bool((targets <= 0).any())):
        said = "what every consistent metric would say: these targets have no such statistic to forecast"
        return Outcome((Finding(code="M405", state="not_applicable", question=QUESTION, says=said),))
    at = _thresholds(statistic, forecasts, targets)
    own, base = (_diagram(evidence, statistic, one, targets, at) for one in (forecasts, constant))
    order = _compared(evidence, own, base)
    if not bool(order.known.any()):
        said = f"at no threshold do {_FEWEST} rows tell the model from a constant"
        return Outcome((Finding(code="M405", state="inconclusive", question=QUESTION, says=said),))
    others = {name: _diagram(evidence, statistic, _forecasts(evidence, space, statistic, score), targets, at)
              for name, score in _checkpoints(evidence, space).items()}  # fmt: skip
    ranks = {name: _compared(evidence, own, other, share=len(others)) for name, other in others.items()}
    finding, answer = _told(evidence, statistic, order, at, ranks, _controls(evidence, statistic, targets, base, at))
    return Outcome((finding,), (_figure(evidence, statistic, own, base, order, others),), answer)


DOMINANCE = Probe("dominance", QUESTION, "M405", "whether every consistent metric would agree", measure)


def _told(
    evidence: Evidence, statistic: Statistic, order: _Order, at: Tensor, ranks: dict[str, _Order], controls: Controls
) -> tuple[Finding, str]:
    effect, interval = order.most
    state = judge(effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls)
    kind = f"metric that is consistent for the {statistic.name}"
    span = _spans(at, order.known & (order.low > 0))
    if state == "pass":
        says = (
            f"no {kind} prefers the best constant to the model by more than {WARN:.0%}: the ranking does not hang on "
        )
        says += "which of them is chosen"
    elif state in ("warn", "fail"):
        says = f"the order turns: at decision thresholds{span} the best constant is better than the model, by up to "
        says += f"{effect:.0%} of what the constant costs at its dearest, so some {kind} prefers the constant"
    else:
        says = f"not settled whether every {kind} prefers the model to the best constant"
    words = {
        "better": "the model is at least as good under every one",
        "worse": "it is at least as good as the model under every one",
        "flips": "which is better depends on the metric",
        "alike": "they are not told apart",
    }
    compared = {name: one.verdict for name, one in ranks.items() if bool(one.known.any())}
    says += "".join(f"; against {name}, {words[verdict]}" for name, verdict in compared.items())
    finding = Finding(
        code="M405",
        state=state,
        question=QUESTION,
        says=says,
        fix="choose the metric by the thresholds at which decisions are taken, and recalibrate the model there",
        effect=effect,
        unit="of the constant's cost at its dearest threshold",
        interval=interval,
        threshold=FAIL,
        controls=controls,
        evidence={"thresholds": at, "model minus constant": order.gap, "low": order.low, "high": order.high} | compared,
        method=f"elementary scores of the {statistic.name} at {len(at)} thresholds, of which every consistent metric "
        "is a mixture; the model against the constant that is best on these rows; a simultaneous 95 % band by "
        f"bootstrap over rows; warns beyond {WARN:.0%}. Controls: the targets shuffled among the rows, and as "
        "they are, as forecasts. The band covers all thresholds, so no further correction",
        source="Ehm, Gneiting, Jordan & Krüger 2016, doi:10.1111/rssb.12154",
    )
    answers = {
        "pass": "every metric that fits the loss would prefer the model to the best constant",
        "inconclusive": "it is not settled whether every metric that fits the loss would prefer the model",
    }
    return finding, answers.get(state, f"at decision thresholds{span} a constant is better than the model")


def _spans(at: Tensor, where: Tensor) -> str:
    """The stretches of thresholds that are marked, in words."""
    told: list[str] = []
    start: int | None = None
    for place, marked in enumerate([*where.tolist(), False]):
        if marked and start is None:
            start = place
        elif not marked and start is not None:
            told.append(f"{number_words(float(at[start]))} to {number_words(float(at[place - 1]))}")
            start = None
    return f" from {' and from '.join(told)}" if told else ""


def _forecasts(evidence: Evidence, space: Space, statistic: Statistic, score: Tensor) -> Tensor:
    """What is forecast, in the scale of the targets, (outcomes, rows)."""
    if isinstance(space, Binary):
        return torch.sigmoid((score if evidence.link is None else evidence.link.undo(score)).double())[None]
    if isinstance(space, Multiclass):
        own = evidence.meant if score is evidence.score and evidence.meant is not None else score
        return own.double().softmax(-1).T
    return statistic.meant(space.emit(score))[None]


def _targets(evidence: Evidence, space: Space) -> Tensor:
    if isinstance(space, Multiclass):
        return functional.one_hot(evidence.target.long(), evidence.score.shape[-1]).double().T
    return evidence.target.double()[None]


def _thresholds(statistic: Statistic, forecasts: Tensor, targets: Tensor) -> Tensor:
    """Thresholds where forecasts or targets are: between the ends, a forecast of which would cost nothing."""
    shares = torch.linspace(0, 1, _THRESHOLDS + 2, dtype=torch.float64)[1:-1]
    if statistic.name == "probability":
        return shares
    values = torch.cat([forecasts.flatten(), targets.flatten()])
    # Quantiles of a part: a diagram does not need every row to know where rows are.
    return torch.quantile(values[:: max(1, len(values) // 20_000)], shares).unique()


def _diagram(evidence: Evidence, statistic: Statistic, forecasts: Tensor, targets: Tensor, at: Tensor) -> _Diagram:
    """The elementary scores, averaged over the outcomes where there are several."""
    rows = torch.zeros(len(at), targets.shape[1], dtype=torch.float64)
    for forecast, target in zip(forecasts, targets, strict=True):
        rows += statistic.scores(forecast, target, at)
    rows /= len(targets)
    return _Diagram(at, rows, torch.tensor([evidence.sample.mean(one) for one in rows], dtype=torch.float64))


def _compared(evidence: Evidence, one: _Diagram, other: _Diagram, *, share: int = 1) -> _Order:
    """The difference of two diagrams, with a band that holds at all thresholds at once.

    Args:
        evidence: the rows.
        one: the first diagram.
        other: the second.
        share: among how many comparisons the chance of an error is divided.
    """
    apart = one.rows - other.rows
    gap = one.curve - other.curve
    drawn = evidence.bootstrap.means(apart) - gap[:, None]
    error = drawn.std(-1)
    known = ((apart != 0).sum(-1) >= _FEWEST) & (error > 0)
    if not bool(known.any()):
        return _Order(gap, gap, gap, known)
    farthest = (drawn[known].abs() / error[known, None]).amax(0)
    reach = float(torch.quantile(farthest, 1 - 0.05 / share)) * error
    size = other.curve.max().clamp_min(1e-300)
    return _Order(gap / size, (gap - reach) / size, (gap + reach) / size, known)


def _controls(evidence: Evidence, statistic: Statistic, targets: Tensor, base: _Diagram, at: Tensor) -> Controls:
    """Forecasts as spread as the targets that know nothing of their row; and the targets themselves."""
    order = torch.randperm(targets.shape[1], generator=evidence.random("dominance"))
    lost, known = (_diagram(evidence, statistic, one, targets, at) for one in (targets[:, order], targets))
    wrong, right = (_compared(evidence, one, base) for one in (lost, known))
    return Controls(
        positive=wrong.most[1][0] > WARN if bool(wrong.known.any()) else None,
        negative=right.most[1][0] <= WARN if bool(right.known.any()) else None,
    )


def _checkpoints(evidence: Evidence, space: Space) -> dict[str, Tensor]:
    """What the model forecast at earlier stages of its training."""
    case = evidence.case
    unlike = isinstance(space, Multiclass) and evidence.measured_card.get("proper") != "yes"
    # What earlier scores of an improper loss meant is not known for several classes.
    if evidence.level == "quick" or unlike or not case.checkpoints or not isinstance(case.model, nn.Module):
        return {}
    places = torch.linspace(0, len(case.checkpoints) - 1, min(_MOST, len(case.checkpoints))).round().long().unique()
    # A copy, because the user's model is left as it was found.
    copied = copy.deepcopy(case.model)
    found: dict[str, Tensor] = {}
    for place in places.tolist():
        copied.load_state_dict(case.checkpoints[place])
        found[f"checkpoint {place + 1}"] = space.read(run(copied, evidence.inputs))
    return found


def _figure(
    evidence: Evidence, statistic: Statistic, own: _Diagram, base: _Diagram, order: _Order, others: dict[str, _Diagram]
) -> Figure:
    size = float(base.curve.max())
    series: list[dict[str, Any]] = [
        {"name": "the model", "x": own.thresholds, "y": own.curve, "low": base.curve + order.low * size,
         "high": base.curve + order.high * size},
        {"name": "the best constant", "x": base.thresholds, "y": base.curve},
    ]  # fmt: skip
    series += [{"name": name, "x": one.thresholds, "y": one.curve} for name, one in others.items()]
    return Figure(
        kind="lines",
        title="Every consistent metric at once",
        caption="Each threshold is one simple metric, and every metric that fits the loss is a mixture of them. Where "
        "the model's line lies below another everywhere, all of them prefer the model.",
        x="decision threshold" if statistic.name == "probability" else "threshold",
        y="mean cost at this threshold",
        series=series,
        note=f"{evidence.rows} rows; the band is of the model against the best constant, at all thresholds at once",
    )
