"""What is asked of one piece of work, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from typing import Any

import numpy as np
from torch import Tensor

from ...core import Loss
from ..candidate import After
from ..costs import Costs
from .folds import Split
from .learners import Learner, Settings
from .problem import Problem
from .reading import Judge
from .tables import tensor


@dataclass(frozen=True, eq=False)
class Work:
    """What all pieces share.

    Attributes:
        problem: the rows.
        judge: the metric.
        learner: what is trained.
        settings: what is tried for every loss alike.
        costs: what mistakes cost, where that is what the metric counts: thresholds then follow from it.
    """

    problem: Problem
    judge: Judge
    learner: Learner
    settings: tuple[Settings, ...]
    costs: Costs | None = None


@dataclass(frozen=True, eq=False)
class Piece:
    """One loss on one division of the rows.

    Attributes:
        loss: what is minimised.
        afters: the ways in which its predictions are read; the model is trained once for all of them.
        split: which rows train, and which are held out.
    """

    loss: Loss
    afters: tuple[After, ...]
    split: Split


@dataclass(frozen=True, eq=False)
class Reading:
    """What one way of reading came to.

    Attributes:
        natural: the predictions for the held-out rows, before the threshold was moved; None where it failed.
        shift: what is added to them to move the threshold.
        settings: what was chosen on the training rows.
        failure: why there are no predictions; empty where there are.
    """

    natural: Any = None
    shift: Any = 0.0
    settings: Settings = field(default_factory=dict[str, Any])
    failure: str = ""

    @property
    def judged(self) -> Tensor:
        """The predictions that the metric judges."""
        return tensor(self.natural + np.asarray(self.shift))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a piece of work came to.

    Attributes:
        readings: one for each way of reading.
        seconds: of training one model on all training rows.
        spent: of the whole piece.
        warning: the first warning that training gave; empty for none.
    """

    readings: Mapping[After, Reading]
    seconds: float
    spent: float
    warning: str = ""

    @property
    def told(self) -> dict[str, Any]:
        """As arrays, to be written to a file."""
        arrays: dict[str, Any] = {}
        for after, one in self.readings.items():
            if one.natural is not None:
                arrays[f"natural {after}"] = one.natural
                arrays[f"shift {after}"] = np.asarray(one.shift)
        facts = {
            "seconds": self.seconds,
            "spent": self.spent,
            "warning": self.warning,
            "readings": {after: [dict(one.settings), one.failure] for after, one in self.readings.items()},
        }
        return arrays | {"facts": np.asarray(json.dumps(facts))}

    @classmethod
    def read(cls, arrays: Mapping[str, Any]) -> Outcome:
        """The inverse of `told`."""
        facts = json.loads(str(arrays["facts"]))
        readings = {
            after: Reading(arrays.get(f"natural {after}"), arrays.get(f"shift {after}", 0.0), settings, failure)
            for after, (settings, failure) in facts["readings"].items()
        }
        return cls(readings, facts["seconds"], facts["spent"], facts["warning"])
