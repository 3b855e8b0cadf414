"""A loss that could be trained, with what is done to its predictions afterwards; and one that was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..core import Loss

#: What is done after training: nothing; the threshold is moved on the training rows; the shift of log-odds that
#: weights caused is taken back; or the numeric inverse of what the loss does to probabilities is applied.
After = Literal["nothing", "threshold", "prior correction", "recalibration"]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to train and to read what was trained.

    Attributes:
        name: what a table calls it, such as "cross-entropy, threshold moved".
        loss: what is minimised.
        after: what is done to its predictions.
        plainness: 0 for the plainest; of equals the plainer one is recommended.
        baseline: whether it runs whatever else is chosen.
        estimates: what its predictions would mean on this target, in words and numbers.
        why: why it is worth a try here.
        given: whether the user asked for it, so that a budget does not drop it.
    """

    name: str
    loss: Loss
    after: After = "nothing"
    plainness: int = 0
    baseline: bool = False
    estimates: str = ""
    why: str = ""
    given: bool = False


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A loss that cannot work here.

    Attributes:
        name: its name.
        why: what was seen, with numbers.
        instead: what to use.
    """

    name: str
    why: str
    instead: str = ""
