"""How much is run: all that was asked for, or as much less as the budget allows, for all candidates alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .folds import Split, sampled, splits_of
from .learners import Learner, Settings, judging
from .pieces import Piece, Work
from .tasks import worked

#: Fewer rows than this are not given up for time.
_LEAST = 2_000

#: A loss may take longer than the one that was timed, and computers have other things to do.
_SLACK = 1.5


@dataclass(frozen=True)
class Plan:
    """What is run for every candidate alike.

    Attributes:
        folds: into how many parts rows are dealt.
        repeats: how often they are dealt.
        settings: how many settings are tried.
        rows: how many rows are used.
        says: what was left out and why; empty where nothing was.
    """

    folds: int
    repeats: int
    settings: int
    rows: int
    says: str = ""

    def fits(self, learner: Learner) -> float:
        """How many models are trained for one loss, in models of all rows: those for tuning see three quarters."""
        share = 1 - 1 / self.folds
        tuning = 0.75 * self.settings * judging(learner, int(share * self.rows))
        return self.repeats * self.folds * share * (1 + tuning)


def planned(whole: Plan, work: Work, piece: Piece, *, losses: int, budget: float | None, jobs: int, seed: int) -> Plan:
    """The largest plan that fits.

    One small model of the plainest loss is timed, and the ladder of plans is walked down: fewer repeats, then fewer
    settings, then half the rows again and again, then fewer folds. Steps are so coarse that small differences in
    speed seldom change the plan; the plan that was taken is part of the result.

    Args:
        whole: what was asked for.
        work: the rows and the learner.
        piece: a piece of work of the plainest loss.
        losses: how many losses race.
        budget: seconds; None for as long as it takes.
        jobs: how many processes share the work.
        seed: of the race.
    """
    if budget is None:
        return whole
    fit = _timed(work, piece, seed)
    plan, left_out = whole, list[str]()

    def cost(plan: Plan) -> float:
        return _SLACK * fit * plan.rows / len(work.problem) * plan.fits(work.learner) * losses / max(1, jobs)

    while cost(plan) > budget:
        if plan.repeats > 1:
            plan = replace(plan, repeats=1)
            left_out.append("one repeat")
        elif plan.settings > 1:
            plan = replace(plan, settings=1)
            left_out.append("the plainest settings only")
        elif plan.rows >= 2 * _LEAST:
            plan = replace(plan, rows=plan.rows // 2)
        elif plan.folds > 2:
            plan = replace(plan, folds=max(2, plan.folds - 2))
        else:
            break
    if plan.rows < whole.rows:
        left_out.append(f"{plan.rows:,} of {whole.rows:,} rows")
    if plan.folds < whole.folds:
        left_out.append(f"{plan.folds} folds")
    if not left_out:
        return plan
    over = "" if cost(plan) <= budget else f"; it may still take about {cost(plan):.0f}"
    return replace(
        plan,
        says=f"for a budget of {budget:g} seconds, every candidate alike ran with {', '.join(left_out)}; all of it "
        f"would have taken about {cost(whole):.0f} seconds{over}",
    )


def _timed(work: Work, piece: Piece, seed: int) -> float:
    """Seconds of training one model of all rows by the plainest loss, guessed from one of few rows."""
    few = sampled(work.problem.structure, 2 * _LEAST, seed)
    small = replace(work, problem=work.problem.part(few), settings=work.settings[:1])
    split = splits_of(small.problem.structure, 2, 1, seed)[0]
    outcome = worked(Piece(piece.loss, ("nothing",), split), small)
    return max(outcome.seconds, 1e-4) * len(work.problem) / len(split.train)


def pieces_of(losses: Sequence[Piece], splits: Sequence[Split]) -> list[Piece]:
    """All pieces of work, division by division, so that an interrupted race has whole divisions."""
    return [replace(one, split=split) for split in splits for one in losses]


def tried(settings: Sequence[Settings], plan: Plan) -> tuple[Settings, ...]:
    """The settings of a plan."""
    return tuple(settings[: plan.settings])
