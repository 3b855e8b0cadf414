"""Finished pieces of work on disk, so that an interrupted race goes on where it stopped."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
import inspect
import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from torch import Tensor

from ..costs import Costs
from .pieces import Outcome, Piece, Work
from .tasks import worked


@dataclass(frozen=True)
class Store:
    """A folder with one file for each finished piece, under a fingerprint of all that went into it.

    Attributes:
        folder: where; None keeps nothing.
        mark: the fingerprint of what all pieces share.
    """

    folder: str | None
    mark: str

    @classmethod
    def of(cls, folder: str | os.PathLike[str] | None, work: Work) -> Store:
        """A store for the pieces of this work."""
        if folder is None:
            return cls(None, "")
        from ... import __version__

        Path(folder).mkdir(parents=True, exist_ok=True)
        learner = work.learner
        own = getattr(learner, "factory", None)
        facts = [
            __version__, work.problem.mark, learner.name, learner.encoding, [dict(one) for one in work.settings],
            code_mark(own if own is not None else type(learner).fit), metric_mark(work), _costs_mark(work.costs),
        ]  # fmt: skip
        return cls(str(folder), _hashed(facts))

    def path(self, piece: Piece) -> Path:
        """Where the piece is, or will be."""
        assert self.folder is not None  # noqa: S101
        split = piece.split
        rows = sha256(np.ascontiguousarray(split.train).tobytes() + np.ascontiguousarray(split.test).tobytes())
        told = [self.mark, piece.loss.to_dict(), list(piece.afters), split.repeat, split.fold, split.seed]
        return Path(self.folder) / f"{_hashed([*told, rows.hexdigest()])}.npz"

    def read(self, piece: Piece) -> Outcome | None:
        """The piece, where it was finished; what cannot be read is worked again."""
        if self.folder is None:
            return None
        try:
            with np.load(self.path(piece), allow_pickle=False) as arrays:
                return Outcome.read({name: arrays[name] for name in arrays.files})
        except (OSError, ValueError, KeyError, EOFError):
            return None
        except Exception as error:
            if type(error).__name__ == "BadZipFile":
                return None
            raise

    def write(self, piece: Piece, outcome: Outcome) -> None:
        """Keep a finished piece: whole or not at all, whoever else writes at the same time."""
        if self.folder is None or (path := self.path(piece)).exists():
            return
        # Another machine may not see this folder; there the piece is kept by whoever asked for it.
        with suppress(FileNotFoundError), NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
            try:
                np.savez(file, **outcome.told)
            except BaseException:
                file.close()
                Path(file.name).unlink()
                raise
            file.close()
            Path(file.name).replace(path)


def kept(piece: Piece, work: Work, store: Store) -> Outcome:
    """The piece from the store, or worked and stored."""
    outcome = store.read(piece)
    if outcome is None:
        outcome = worked(piece, work)
        store.write(piece, outcome)
    return outcome


def metric_mark(work: Work) -> list[Any]:
    """What tells one metric from another, code included."""
    metric = work.judge.metric
    return [
        metric.name, metric.lower_is_better, metric.takes, metric.given, list(metric.columns),
        code_mark(metric.per_example or metric.of), work.judge.classes,
    ]  # fmt: skip


def _costs_mark(costs: Costs | None) -> list[str]:
    if costs is None:
        return []
    return [str(v.tolist()) if isinstance(v, Tensor) else repr(v) for v in vars(costs).values()]


def code_mark(function: Any) -> str:
    """A fingerprint of what a function does, as far as its own code, constants and closure tell."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        kind = type(function)
        own = {name: code_mark(one) for name, one in vars(kind).items() if hasattr(one, "__code__")}
        return _hashed([kind.__module__, kind.__qualname__, own])
    cells: list[str] = []
    for cell in getattr(function, "__closure__", None) or ():
        try:
            held = cell.cell_contents
        except ValueError:
            continue
        plain = isinstance(held, int | float | str | bool | tuple | type(None))
        cells.append(repr(held) if plain else code_mark(held) if callable(held) else type(held).__qualname__)
    return _hashed([function.__module__, function.__qualname__, _coded(code), cells, repr(function.__defaults__)])


def _coded(code: Any) -> str:
    if code is None:
        return ""
    consts = [_coded(one) if hasattr(one, "co_code") else repr(one) for one in code.co_consts]
    return _hashed([code.co_code.hex(), list(code.co_names), consts])


def _hashed(facts: Any) -> str:
    return sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]
