"""Whether a forecast that knows nothing can win.

Constants, shuffled and opposite forecasts are held against an honest forecaster, whose forecasts are first
recalibrated as suits the loss, and against a perfect one, on small made-up problems. Where one of the first wins
the loss is FOOLED: training will find the cheat, as it is easier than the task. If it wins where no answer is right
by being common, that is a failure. If it wins only where one answer is nearly always right, or where the loss counts
targets by their size, as a percentage error does, it is warned of: there is a use for such losses, by whoever knows
it, and a card that says so is believed.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...findings import Finding, State
from ..gaming.cheats import Duel
from ..measured import Measured
from .rule import Rule, called, regression, reproduce, squared_error, told_again


def look(measured: Measured) -> Iterator[Finding]:
    """One finding: the plainest win, or that there is none."""
    found = measured.cheats
    if not found.duels:
        yield _finding("not_run", f"cheats were not tried: {found.why}")
        return
    if found.won:
        yield _won(measured, found.won)
        return
    tried = len({duel.cheat for duel in found.duels})
    scenes = len({duel.scene for duel in found.lost or found.duels})
    says = f"RESISTED: none of {tried} forecasts that know nothing beats an honest one, on {scenes} made-up problems"
    if found.unsettled:
        duel = found.unsettled[0]
        doubt = f"; not settled by the samples: {duel.cheat} on {duel.scene}, {_costs(duel)}"
        yield _finding("inconclusive", says + doubt, duel)
        return
    yield _finding("pass", says, min(found.lost, key=lambda duel: duel.interval[0]))


def _won(measured: Measured, won: list[Duel]) -> Finding:
    duel = won[0]
    weighted = measured.statistic.name.startswith("weighted")
    claimed = weighted and measured.subject.claims.get("elicits") == measured.statistic.name
    state: State = "fail" if duel.balanced and not weighted else "warn"
    says = f"FOOLED on {duel.scene}: {duel.cheat} costs {duel.cost:.4g}, "
    says += f"a perfect forecast {duel.perfect:.4g}" if duel.beats_perfect else f"an honest one {duel.honest:.4g}"
    says += f", although its {duel.metric_name} is {duel.metric:.2g} (chance is {duel.chance:g})"
    fix = "Add what the cheat ignores: the error of every example, of both labels, in both directions."
    if weighted:
        says += f"; it asks for the {measured.statistic.name}, so sizes count unequally"
        fix = "Use Absolute, Squared or Pinball, if forecasts of the right size are wanted; then divide by a scale."
    elif state == "warn":
        fix = "Where yes is rare use a loss whose best answer is a probability, such as BinaryCrossEntropy."
    if claimed:
        return _finding("pass", f"{says}, as its card says", duel)
    return _finding(state, says, duel, fix, _exhibit(measured, duel))


def _costs(duel: Duel) -> str:
    return f"at a cost of {duel.cost:.4g} beside {duel.honest:.4g}"


def _exhibit(measured: Measured, duel: Duel) -> str:
    """Two lines that print what the cheat and its rival cost on a few rows."""
    subject = measured.subject
    if duel.inputs is None:
        return told_again(subject, "W601")
    cheat, rival = (called(subject, inputs) for inputs in duel.inputs)
    return reproduce(subject, f"print({cheat}.mean(), {rival}.mean())")


def _finding(state: State, says: str, duel: Duel | None = None, fix: str = "", shown: str = "") -> Finding:
    evidence = {} if duel is None else _evidence(duel)
    return Finding(
        code="W601",
        state=state,
        question="gaming",
        says=says,
        fix=fix,
        effect=None if duel is None else duel.margin,
        unit="" if duel is None else "share of what an honest forecast could gain on the cheat",
        interval=None if duel is None else duel.interval,
        evidence=evidence | ({"reproduce": shown} if shown else {}),
        method="forecasts without information against honest and perfect ones, on eight samples of each problem",
    )


def _evidence(duel: Duel) -> dict[str, object]:
    return {
        "cheat": duel.cheat,
        "on": duel.scene,
        "cost of the cheat": duel.cost,
        "cost of the honest forecast": duel.honest,
        "cost of a perfect forecast": duel.perfect,
        duel.metric_name: duel.metric,
    }


def _means(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction.mean() - target.mean()).square()


RULE = Rule(
    codes={"W601": "a forecast that knows nothing wins"},
    explains=__doc__ or "",
    look=look,
    aimed=True,
    planted=lambda: regression(_means, whole=True),
    clean=lambda: regression(squared_error),
)
