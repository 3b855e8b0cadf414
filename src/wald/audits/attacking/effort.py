"""How hard an attack may try, and on how many rows: counted, so that every machine does the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from ..evidence import BUDGETS, Budget, Evidence
from ..probe import LEVELS, Level
from .arithmetic import multiplications
from .swaps import swap_passes
from .union import Effort

#: Other classes that are pushed towards, one by one.
_RIVALS: dict[Level, int] = {"quick": 1, "standard": 3, "deep": 9}

#: Multiplications that all attacks of a probe may cost.
_WORK: dict[Level, float] = {"quick": 1e9, "standard": 3e10, "deep": 6e11}

#: What moving an entry of a row costs beside the model, in multiplications.
_MOVING = 80.0

#: The attacks at other reaches, the self-checks and the controls, as a share of the main attack.
_BESIDE = 1.4

#: With fewer rows than this each is attacked less hard; fewer than that say nothing.
_LEAST, _FEWEST = 100, 30

#: Rows of a model of which the cost is not known, at least.
_UNKNOWN = 300

#: For the fewest rows so many times the work is spent, and no more.
_PATIENCE = 8.0


@dataclass(frozen=True)
class Plan:
    """What is affordable.

    Attributes:
        rows: how many rows are attacked.
        effort: how hard.
    """

    rows: int
    effort: Effort


def effort_of(budget: Budget, level: Level, task: str | None = "multiclass") -> Effort:
    """The effort of a level, for a model that is small enough; only among several classes are there rivals."""
    rivals = _RIVALS[level] if task == "multiclass" else 2 if task == "regression" else 0
    return Effort(budget.steps, budget.restarts, rivals, budget.guesses)


def affordable(evidence: Evidence) -> Plan | None:
    """As many rows as a level pays for; with a large model fewer of them, and then each less hard.

    None where even a few would take far longer than the level allows.
    """
    work = _WORK[evidence.level] / _BESIDE
    effort = effort_of(evidence.budget, evidence.level, evidence.space.task if evidence.space else None)
    each = multiplications(evidence.case.model, evidence.inputs) + _MOVING * evidence.inputs[0].numel()
    passes = effort.passes
    if evidence.case.input_space.tokens is not None:
        passes = swap_passes(evidence.case.attack.reach)
    rows = work / (each * passes)
    if rows < _LEAST and evidence.case.input_space.tokens is None:
        effort = Effort(min(20, effort.steps), 0, 0, effort.guesses // 4)
        rows = min(_LEAST, work / (each * effort.passes))
    if rows < _FEWEST / _PATIENCE:
        return None
    known = isinstance(evidence.case.model, nn.Module)
    # What another library's model costs cannot be counted; an ensemble of trees costs much.
    attacked = evidence.budget.attacked
    most = min(attacked if known else max(attacked // 3, _UNKNOWN), evidence.rows)
    return Plan(min(most, max(_FEWEST, int(rows))), effort)


def level_of(budget: Budget) -> Level:
    """The level that a budget belongs to."""
    for level in LEVELS:
        if BUDGETS[level] == budget:
            return level
    return "standard"


def harder(effort: Effort) -> Effort:
    """What is tried when an attack is not trusted."""
    return replace(effort, steps=2 * effort.steps, restarts=effort.restarts + 2)
