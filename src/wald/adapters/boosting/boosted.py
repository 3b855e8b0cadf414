"""A trained booster that predicts in the right space, and is saved and loaded with its loss."""

from __future__ import annotations

from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Any, Final, Protocol, Self
import zipfile

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...core import from_dict
from .errors import BoostingError
from .labels import Classes, Floats
from .tables import table_of
from .task import Task


class Engine(Protocol):
    """What is asked of a booster, engine by engine."""

    @property
    def name(self) -> str:
        """As in wald.adapters."""
        ...

    def score(self, booster: Any, table: Any, rounds: int | None) -> NDArray[Any]:
        """What the booster adds up, (rows, columns) or (rows,)."""
        ...

    def to_bytes(self, booster: Any) -> bytes:
        """The booster in its engine's own format."""
        ...

    def from_bytes(self, data: bytes) -> Any:
        """The booster again."""
        ...


_FACTS: Final = "wald.json"
_MODEL: Final = "model"
_VERSION: Final = 1


@dataclass(frozen=True, eq=False)
class Boosted:
    """A trained booster, read in the right space.

    Attributes:
        engine: which library it is of.
        booster: the engine's own.
        task: the loss and what its scores mean.
        offset: added to what the booster adds up, (columns,): 0 where the booster holds its base score itself.
        rounds: the number of rounds that predictions use; None for all.
        policy: what the Hessian was, in words.
        floored: the share of rows whose Hessian was replaced by a floor.
        history: of the watched metric, one value a round; empty where nothing was watched.
    """

    engine: Engine
    booster: Any
    task: Task
    offset: Floats
    rounds: int | None = None
    policy: str = ""
    floored: float = 0.0
    history: tuple[float, ...] = field(default=())

    @property
    def classes(self) -> NDArray[Any] | None:
        """The classes in the order of the columns of a prediction; None where numbers are predicted."""
        return None if self.task.classes is None else self.task.classes.labels

    def score(self, X: Any) -> Floats:  # noqa: N803
        """What the trees add up, with the base score, (rows, columns)."""
        found = np.asarray(self.engine.score(self.booster, table_of(X), self.rounds), np.float64)
        return found.reshape(len(found), self.task.columns) + self.offset

    def raw(self, X: Any) -> Tensor:  # noqa: N803
        """The prediction as the loss takes it: (rows,) or (rows, columns), float64."""
        return self.task.raw(self.score(X))

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The prediction as a person asks for it.

        Returns:
            Of classes the probability of each in the order of `classes`, (rows, classes), as the loss sees it: a loss
            that weighs classes moves it, and so does a focal one. Of a loss without probabilities, such as the hinge,
            the decided class, (rows,). Of numbers themselves, never their logarithms: (rows,), or (rows, columns) for
            several quantiles or parameters.
        """
        return self.task.natural(self.raw(X))

    def decide(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The likeliest class of each row, as the user writes it, (rows,).

        Raises:
            BoostingError: numbers are predicted.
        """
        if self.classes is None:
            raise BoostingError(f"{self.task.loss} predicts numbers, not classes; use predict(X).")
        found = self.predict(X)
        return found if found.ndim == 1 else self.classes[found.argmax(-1)]

    def save(self, path: str | Path) -> None:
        """Write booster, loss, base score and classes to one file."""
        classes = self.task.classes
        if classes is not None and classes.labels.dtype.kind not in "biufUS":
            raise BoostingError(f"classes of type {classes.labels.dtype} cannot be saved; use words or numbers.")
        facts = {
            "version": _VERSION,
            "engine": self.engine.name,
            "loss": self.task.loss.to_dict(),
            "classes": None
            if classes is None
            else {"labels": classes.labels.tolist(), "type": classes.labels.dtype.str, "soft": classes.soft},
            "sort": self.task.sort,
            "offset": self.offset.tolist(),
            "rounds": self.rounds,
            "policy": self.policy,
            "floored": self.floored,
            "history": list(self.history),
        }
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(_FACTS, json.dumps(facts))
            file.writestr(_MODEL, self.engine.to_bytes(self.booster))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """What `save` wrote; it predicts the same to the last digit.

        Raises:
            BoostingError: the file is not one of these.
        """
        try:
            with zipfile.ZipFile(path) as file:
                facts, model = json.loads(file.read(_FACTS)), file.read(_MODEL)
        except (zipfile.BadZipFile, KeyError, json.JSONDecodeError):
            raise BoostingError(
                f"{path} is not a booster saved by wald. A file of the engine itself is loaded by the engine, and read "
                "by adapter.boosted(booster)."
            ) from None
        if facts["version"] > _VERSION:
            raise BoostingError(f"{path} was written by a newer wald (format {facts['version']}); update wald.")
        from .engines import engine_named

        engine, told = engine_named(facts["engine"]), facts["classes"]
        classes = None if told is None else Classes(np.array(told["labels"], dtype=told["type"]), told["soft"])
        return cls(
            engine,
            engine.from_bytes(model),
            Task.known(from_dict(facts["loss"]), classes, facts["sort"]),
            np.array(facts["offset"], np.float64),
            facts["rounds"],
            facts["policy"],
            facts["floored"],
            tuple(facts["history"]),
        )
