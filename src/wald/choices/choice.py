"""What `wald.choose` gives back: a report, with the loss that it recommends."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core import Loss
from ..findings import Report
from .candidate import Candidate, Refusal
from .errors import ChoiceError
from .profiling import Profile
from .racing import Race
from .telling import Given, recipe


@dataclass(frozen=True, kw_only=True)
class Choice(Report):
    """A report of the kind "choose": which loss, why, and how sure that is.

    What it was made from is there while Python runs; a choice that was read back from JSON has the report alone.

    Attributes:
        race: every candidate with its metric, its intervals and what else was measured.
        profile: what the target is.
        refusals: the losses that cannot work here, each with the reason.
        given: what the rows are like, as far as `code` must know.
    """

    race: Race | None = field(default=None, repr=False, compare=False)
    profile: Profile | None = field(default=None, repr=False, compare=False)
    refusals: tuple[Refusal, ...] = field(default=(), compare=False)
    given: Given | None = field(default=None, repr=False, compare=False)

    @property
    def recommended(self) -> Candidate:
        """What to train, and what to do with its predictions.

        Raises:
            ChoiceError: the choice was read back from JSON.
        """
        race = self._race
        return race.entry(race.recommended).candidate

    @property
    def loss(self) -> Loss:
        """The loss to train by."""
        return self.recommended.loss

    @property
    def said(self) -> str:
        """In a word: "winner", "tie", "not enough data", "metric is the problem" or "nothing beats a constant"."""
        return self._race.verdict

    def code(self, tool: str = "") -> str:
        """Lines of Python that train and use what is recommended.

        Args:
            tool: "scikit-learn", "xgboost", "lightgbm", "catboost" or "torch"; "" for what raced.

        Raises:
            ChoiceError: the tool is none of these, or the choice was read back from JSON.
        """
        race = self._race
        return recipe(race.entry(race.recommended), race.learner, tool, self.given)

    @property
    def _race(self) -> Race:
        if self.race is None:
            raise ChoiceError("this choice was read back from JSON, which holds the report alone; choose again.")
        return self.race
