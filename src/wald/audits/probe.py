"""A probe asks one thing of the evidence and answers with findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..findings import Figure, Finding

if TYPE_CHECKING:
    from .case import Case
    from .evidence import Budget, Evidence

Level = Literal["quick", "standard", "deep"]
LEVELS: tuple[Level, ...] = ("quick", "standard", "deep")

#: What a case may give beyond its loss, its test rows and its metric, and how to give it.
Need = Literal[
    "model", "module", "train", "shifted", "groups", "refit", "history", "runs", "checkpoints", "candidates", "trading"
]
ADVICE: dict[Need, str] = {
    "model": "give Case(model=...): recorded predictions cannot be asked again",
    "module": "give Case(model=...) as a torch.nn.Module",
    "train": "give Case(train=(inputs, targets))",
    "shifted": "give Case(shifted={name: (inputs, targets)})",
    "groups": "give Case(groups={name: labels})",
    "refit": "give Case(refit=...), a function (seed, loss) that trains a model anew",
    "history": 'give Case(history={"loss": [...], "metric": [...]}), a number for each epoch',
    "runs": 'give Case(runs=[{"loss": ..., "metric": ..., "rate": ...}, ...]), one for each training',
    "checkpoints": "give Case(checkpoints=...), the model's state_dict at stages of its training",
    "trading": "give Case(trading=Trading(payoff=...)), if predictions are positions in a market",
    "candidates": "give Case(candidates=Candidates(proxy=..., gold=...))",
}


@dataclass(frozen=True)
class Outcome:
    """What a probe found.

    Attributes:
        findings: the results.
        figures: pictures for the page.
        answer: what it adds to the answer of its question, in a sentence.
    """

    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...] = ()
    answer: str = ""


@dataclass(frozen=True)
class Work:
    """What a probe will cost.

    Attributes:
        passes: how many times a row goes through the model, forward or backward.
        fits: how many models are trained.
    """

    passes: float = 0
    fits: int = 0


def no_work(case: Case, budget: Budget) -> Work:
    """Only what the model has predicted already is looked at."""
    return Work()


@dataclass(frozen=True)
class Probe:
    """One thing that an audit measures.

    Attributes:
        name: what `only=` calls it.
        question: the question that it belongs to.
        code: the code of its main finding, under which it also says that it broke or was not run.
        asks: what it measures, in a few words.
        measure: does it.
        independent: whether it means something even where the model's predictions are not to be trusted.
        needs: what the case must give; where it does not, the probe says so and is not run.
        least: the smallest level at which it runs: "quick" looks at the loss and at predictions alone, "standard"
            also asks the model, "deep" also trains.
        work: what it will cost, for `wald audit --plan`.
    """

    name: str
    question: str
    code: str
    asks: str
    measure: Callable[[Evidence], Outcome]
    independent: bool = False
    needs: tuple[Need, ...] = ()
    least: Level = "quick"
    work: Callable[[Case, Budget], Work] = no_work

    def missing(self, case: Case) -> tuple[Need, ...]:
        """What the probe needs and the case does not give."""
        return tuple(need for need in self.needs if not _given(case, need))

    def why_not(self, case: Case, level: Level) -> str:
        """Why it does not run on this case at this level; empty where it does."""
        if missing := self.missing(case):
            return f"the case gives no {missing[0]}"
        if LEVELS.index(level) < LEVELS.index(self.least):
            return f"left for --{self.least}"
        return ""


def _given(case: Case, need: Need) -> bool:
    if need == "module":
        from torch import nn

        return isinstance(case.model, nn.Module)
    value = getattr(case, need)
    return bool(len(value)) if need in ("shifted", "groups", "history", "runs", "checkpoints") else value is not None
