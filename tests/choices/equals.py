"""Data sets on which all candidates are equal by construction, so that every winner is a false one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

import wald
from wald.choices import Candidate


@dataclass(frozen=True)
class Equals:
    """One such data set.

    Attributes:
        kind: what makes candidates equal.
        x: the inputs.
        y: the targets.
        losses: what races.
        metric: what counts.
        learner: what is trained.
    """

    kind: str
    x: Any
    y: Any
    losses: tuple[Any, ...]
    metric: str
    learner: Any

    @property
    def candidates(self) -> list[Candidate]:
        """One for each loss."""
        return [Candidate(name=f"{place} {loss}", loss=loss, plainness=place) for place, loss in enumerate(self.losses)]


class Lottery:
    """A ridge regression of a random part of the training rows: losses differ by nothing but their luck."""

    def __init__(self, loss: Any, seed: int) -> None:
        self.luck = np.random.default_rng(int.from_bytes(sha256(f"{loss}{seed}".encode()).digest()[:7], "big"))

    def fit(self, x: Any, y: Any) -> None:
        """By normal equations."""
        rows = self.luck.choice(len(x), size=2 * len(x) // 3, replace=False)
        x, y = np.c_[np.ones(len(rows)), x[rows]], np.asarray(y, dtype=float)[rows]
        self.binary = set(np.unique(y)) <= {0.0, 1.0}
        scale = 4.0 if self.binary else 1.0
        y = y - 0.5 if self.binary else y
        self.weights = scale * np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)

    def raw(self, x: Any) -> Any:
        """Log-odds, roughly, or numbers."""
        return np.c_[np.ones(len(x)), x] @ self.weights


_BINARY = tuple(wald.BinaryCrossEntropy(pos_weight=1 + k / 100) for k in range(4))
_NUMBERS = tuple(wald.Huber(delta=1 + k / 100) for k in range(4))
_BINARY_METRICS = ("accuracy", "log_loss", "roc_auc", "average_precision", "f1")
_NUMBER_METRICS = ("mse", "mae", "rmse")


def equals(many: int, rows: int = 300) -> Iterator[Equals]:
    """Data sets of five kinds in turn: noise and signal, classes and numbers, and one loss written twice."""
    for number in range(many):
        luck = np.random.default_rng(number)
        x = luck.normal(size=(rows, 6))
        score = x[:, 0] + 0.5 * x[:, 1]
        binary, numbers = _BINARY_METRICS[number % 5], _NUMBER_METRICS[number % 3]
        match (number // 5) % 5:
            case 0:
                yield Equals("classes by lot", x, luck.permutation(rows) % 3 // 2, _BINARY, binary, Lottery)
            case 1:
                y = (luck.random(rows) < 1 / (1 + np.exp(-1.5 * score))).astype(int)
                yield Equals("one learner, other luck", x, y, _BINARY, binary, Lottery)
            case 2:
                yield Equals("numbers by lot", x, luck.standard_t(4, size=rows), _NUMBERS, numbers, Lottery)
            case 3:
                y = score + luck.standard_t(4, size=rows)
                yield Equals("one learner, other luck", x, y, _NUMBERS, numbers, Lottery)
            case _:
                # Beyond every residual Huber is half the squared error.
                twice = (wald.Squared(), wald.Huber(delta=1e6), wald.Huber(delta=2e6))
                yield Equals("one loss, twice written", x, score + luck.normal(size=rows), twice, numbers, "linear")
