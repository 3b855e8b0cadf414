"""Question 4, within one training: when the loss fell, did the metric improve? And did the log itself stay sound?"""

from __future__ import annotations

import torch
from torch import Tensor

from ...findings import Controls, Figure, Finding, judge
from ...findings.words import number_words
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..training.series import drift, smooth, together
from ..training.turning import FEWEST, best_place, surest, turn_controls, turns
from .log_health import health

QUESTION = "metric correlation"

#: A correlation of changes below these says that loss and metric go different ways.
WARN, FAIL = 0.0, -0.3

#: The metric lost since it was best, as a share of what it was.
LOST_WARN, LOST_FAIL = 0.02, 0.1

#: The held-out score lost while the reward rose, as a share of all that it moved.
GAMED_WARN, GAMED_FAIL = 0.1, 0.25

#: What a held-out score may be called beside a reward. More of it is better.
GOLD = ("held-out", "gold", "judge")


def measure(evidence: Evidence) -> Outcome:
    """Changes of loss and metric, where they part, reward against a held-out score, and the log's own faults."""
    log = {name: torch.as_tensor(list(values), dtype=torch.float64) for name, values in evidence.case.history.items()}
    findings: list[Finding] = []
    figures: list[Figure] = []
    answers: list[str] = []
    if "loss" in log:
        findings.append(health(log["loss"], evidence))
    for first, second, ask in (("loss", "metric", _in_step), ("reward", _gold(log), _gamed)):
        if first not in log or second not in log:
            continue
        if why := _unlike(log, first, second):
            findings.append(_unsure("M403" if first == "loss" else "G310", why))
            continue
        outcome = ask(evidence, log, second)
        findings += outcome.findings
        figures += outcome.figures
        answers += [outcome.answer] if outcome.answer else []
    if not findings or ("loss" in log and len(findings) == 1):
        findings.append(
            Finding(
                code="M403",
                state="not_run",
                question=QUESTION,
                says=f"loss and metric within a training: the history holds {', '.join(log) or 'nothing'}",
                fix='give Case(history={"loss": [...], "metric": [...]}), the metric on held-out rows, or "reward" and '
                '"held-out" of a training by reward',
            )
        )
    return Outcome(tuple(findings), tuple(figures), "; ".join(answers))


HISTORY = Probe("history", QUESTION, "M403", "loss and metric within a training", measure, needs=("history",))


def _gold(log: dict[str, Tensor]) -> str:
    return next((name for name in (*GOLD, "metric") if name in log), "")


def _unlike(log: dict[str, Tensor], first: str, second: str) -> str:
    """Why two logs cannot be compared; empty where they can."""
    a, b = log[first], log[second]
    if len(a) != len(b):
        return f"{first} has {len(a)} numbers and {second} {len(b)}; log both at the same epochs"
    if len(a) < FEWEST:
        return f"{len(a)} epochs show nothing; {FEWEST} are the least"
    if not bool((a.isfinite() & b.isfinite()).all()):
        return f"{first} or {second} holds values that are not finite, so its changes are unknown"
    return ""


def _unsure(code: str, why: str) -> Finding:
    return Finding(
        code=code,
        state="inconclusive",
        question="gaming" if code == "G310" else QUESTION,
        says=f"{'reward and held-out score' if code == 'G310' else 'loss and metric'} within a training: {why}",
        fix="log both at every epoch",
    )


def _in_step(evidence: Evidence, log: dict[str, Tensor], name: str) -> Outcome:
    loss, metric = log["loss"], evidence.case.metric
    lost = torch.tensor([metric.shortfall(value) for value in log[name].tolist()], dtype=torch.float64)
    value, interval = together(loss, lost)
    controls = _step_controls(evidence, loss, lost)
    moved = "worsened" if value < 0 else "improved"
    finding = Finding(
        code="M403",
        state=judge(effect=value, interval=interval, threshold=FAIL, warn=WARN, worse="below", controls=controls),
        question=QUESTION,
        says=f"over {len(loss)} epochs, where the loss fell {metric.name} {moved}: the changes of both correlate "
        f"{value:+.2f} [{interval[0]:+.2f}, {interval[1]:+.2f}]"
        if value == value
        else f"the loss or {metric.name} never changes in {len(loss)} epochs, so there is nothing to compare",
        fix="choose the epoch by the metric; if the loss goes its own way throughout, take one that is consistent for "
        f"{metric.name}",
        effect=value,
        unit="rank correlation of the changes",
        interval=interval,
        threshold=FAIL,
        controls=controls,
        evidence={"epochs": len(loss)},
        method="rank correlation of the changes from epoch to epoch, never of the curves, which wander together by "
        "chance; its interval counts neighbours that are alike as fewer (Bartlett). Warns below 0. Controls: the loss "
        "turned around, with noise, and the metric's own changes in random order",
        source="Bartlett 1935, doi:10.2307/2342284",
    )
    parted = _parted(evidence, loss, lost)
    answer = ""
    if parted.state in ("warn", "fail"):
        answer = parted.says
    elif finding.state in ("pass", "warn", "fail"):
        answer = f"within its training, {metric.name} {moved} where the loss fell"
    return Outcome((finding, parted), (_figure(loss, log[name], metric.name, metric.unit),), answer)


def _step_controls(evidence: Evidence, loss: Tensor, lost: Tensor) -> Controls:
    source = evidence.random("history controls")
    change = loss.diff()
    noise = torch.randn(len(change), generator=source, dtype=torch.float64) * change.std() / 4
    contrary = torch.nn.functional.pad((noise - change).cumsum(0), (1, 0))
    order = torch.randperm(len(change), generator=source)
    mixed = torch.nn.functional.pad(lost.diff()[order].cumsum(0), (1, 0))
    return Controls(
        positive=together(loss, contrary)[1][1] < WARN if float(change.std()) > 0 else None,
        negative=not together(loss, mixed)[1][1] < FAIL,
    )


def _parted(evidence: Evidence, loss: Tensor, lost: Tensor) -> Finding:
    """Where the metric turned while the loss went on falling."""
    metric = evidence.case.metric
    window = max(3, len(loss) // 10)
    level = smooth(lost, window)
    best = int(level.argmin())
    scale = float(level[best].abs().clamp_min(1e-12 + 1e-3 * float(lost.abs().max())))
    part = surest(turns(loss, lost))
    effect = part.second.change / scale
    interval = (part.second.interval[0] / scale, part.second.interval[1] / scale)
    controls = turn_controls(evidence, lost, LOST_WARN * scale)
    state = judge(effect=effect, interval=interval, threshold=LOST_FAIL, warn=LOST_WARN, controls=controls)
    if state in ("warn", "fail") and not part.first.change < 0:
        return _both_worse(metric.name, part.since)
    onset = best_place(evidence, lost, window)
    told = metric.told
    if state in ("warn", "fail"):
        says = (
            f"{metric.name} was best at epoch {best + 1} [{onset[0] + 1}, {onset[1] + 1}] of {len(loss)} "
            f"({told(float(level[best]))}); at the end it is {told(float(level[-1]))}, while the loss fell on"
        )
    else:
        says = (
            f"{metric.name} was best at epoch {best + 1} of {len(loss)}; since epoch {part.since + 1} it moved "
            f"{effect:+.1%} [{interval[0]:+.1%}, {interval[1]:+.1%}] towards worse"
        )
    return Finding(
        code="M406",
        state=state,
        question=QUESTION,
        says=says,
        fix=f"keep the model of epoch {best + 1}, or stop when {metric.name} on held-out rows no longer improves",
        effect=effect,
        unit=f"of {metric.name}",
        interval=interval,
        threshold=LOST_FAIL,
        controls=controls,
        evidence={"best epoch": best + 1, "its interval": [onset[0] + 1, onset[1] + 1], "since epoch": part.since + 1},
        method="the drift of the metric over the last three quarters and the last half, from the means of eight "
        "pieces, with Student's interval widened for wandering and for two looks; the best epoch of the smoothed "
        "curve, its interval by resampling runs of what the curve leaves. Warns beyond 2 %. Controls: the same log "
        "with a rise planted in its second half, and its changes in random order without their mean",
    )


def _both_worse(name: str, since: int) -> Finding:
    """The loss rose as well, so it says itself when to stop."""
    return Finding(
        code="M406",
        state="pass",
        question=QUESTION,
        says=f"since epoch {since + 1} {name} got worse, and the loss rose with it: the loss shows where to stop",
    )


def _gamed(evidence: Evidence, log: dict[str, Tensor], name: str) -> Outcome:
    reward, gold = log["reward"], log[name]
    if name == "metric" and evidence.case.metric.lower_is_better:
        gold = -gold
    moved = float((smooth(gold, 5).max() - smooth(gold, 5).min()).clamp_min(1e-12))
    part = surest(turns(reward, -gold))
    effect, interval = part.second.change / moved, tuple(bound / moved for bound in part.second.interval)
    interval = (interval[0], interval[1])
    controls = turn_controls(evidence, -gold, GAMED_WARN * moved)
    state = judge(effect=effect, interval=interval, threshold=GAMED_FAIL, warn=GAMED_WARN, controls=controls)
    if state in ("warn", "fail") and not part.first.up:
        state = "inconclusive"
    best = int(smooth(gold, max(3, len(gold) // 10)).argmax())
    beside = _beside(log, part.since)
    went = "rose" if part.first.up else "did not surely rise"
    says = (
        f"since epoch {part.since + 1} the reward {went} ({number_words(float(reward[part.since]))} to "
        f"{number_words(float(reward[-1]))}) and {name} moved {-effect:+.0%} [{-interval[1]:+.0%}, "
        f"{-interval[0]:+.0%}] of its range{beside}"
    )
    finding = Finding(
        code="G310",
        state=state,
        question="gaming",
        says=says,
        fix=f"stop at epoch {best + 1}, where {name} was best; raise the weight of the KL term, or mend the reward",
        effect=effect,
        unit=f"of the range of {name}, lost",
        interval=interval,
        threshold=GAMED_FAIL,
        controls=controls,
        evidence={"best epoch": best + 1, "since epoch": part.since + 1},
        method="drift of both over the last three quarters and the last half, from the means of eight pieces, with "
        "Student's interval widened for wandering and for two looks; warns where the reward surely rises and the "
        "held-out score loses more than a tenth of its range. Controls: a fall planted in the second half, and the "
        "held-out score's changes in random order without their mean",
        source="Gao, Schulman & Hilton 2023, arXiv:2210.10760",
    )
    answer = ""
    if state in ("warn", "fail"):
        answer = f"late in training the reward went on rising while {name} fell: the reward was being gamed"
    return Outcome((finding,), (_figure(reward, log[name], name, "", "reward"),), answer)


def _beside(log: dict[str, Tensor], since: int) -> str:
    """What else moved: the distance from where the policy began, and how long its outputs are."""
    told: list[str] = []
    for name in ("kl", "length"):
        if name in log and len(log[name]) > since + 8 and bool(log[name].isfinite().all()):
            went = drift(log[name][since:])
            if went.up or went.down:
                told.append(f"{name} {'rose' if went.up else 'fell'} to {number_words(float(log[name][-1]))}")
    return f"; {', '.join(told)}" if told else ""


def _figure(first: Tensor, second: Tensor, name: str, unit: str, what: str = "loss") -> Figure:
    epochs = list(range(1, len(first) + 1))

    def share(values: Tensor) -> list[float]:
        low, high = float(values.min()), float(values.max())
        return ((values - low) / max(high - low, 1e-12)).tolist()

    return Figure(
        kind="lines",
        title=f"{what} and {name} in training".capitalize(),
        caption=f"Both between their least and their largest: {what} from {number_words(float(first.min()))} to "
        f"{number_words(float(first.max()))}, {name} from {number_words(float(second.min()))} to "
        f"{number_words(float(second.max()))} {unit}".rstrip()
        + ".",
        x="epoch",
        y="share of its own range",
        series=[{"name": what, "x": epochs, "y": share(first)}, {"name": name, "x": epochs, "y": share(second)}],
    )
