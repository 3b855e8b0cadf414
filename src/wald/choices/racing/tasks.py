"""One piece of work: one loss on one division of the rows. Pieces know nothing of each other."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
import random
from time import perf_counter
from typing import Any
import warnings

import numpy as np
import torch
from torch import Tensor

from ..candidate import After
from ..errors import ChoiceError
from .folds import inner_splits
from .learners import PARTS, Predictor, judging
from .pieces import Outcome, Piece, Reading, Work
from .reading import Reader, best_shift
from .tables import encoded, tensor

#: With fewer rows of the rarest class than this to judge by, a threshold is learned on all training rows in turn.
_THIN = 50


def worked(piece: Piece, work: Work) -> Outcome:
    """Train, tune and read one loss on one division of the rows.

    Settings are chosen by the user's metric on rows that the tuned model was not trained on, and so are thresholds;
    no held-out row of the division is looked at before it is predicted.
    """
    started = perf_counter()
    with _alone(piece.split.seed) as warned:
        fits = _Fits(piece, work)
        readings: dict[After, Reading] = {}
        for after in piece.afters:
            try:
                readings[after] = _read(after, fits)
            except Exception as error:
                readings[after] = Reading(failure=_told(error))
    return Outcome(readings, fits.seconds, perf_counter() - started, warned[0] if warned else "")


class _Fits:
    """The models of one piece, each trained once, however many ways of reading ask for it."""

    def __init__(self, piece: Piece, work: Work) -> None:
        self.piece, self.work = piece, work
        self.train = piece.split.train
        structure = work.problem.structure.part(self.train)
        self.inner = inner_splits(structure, piece.split.seed, PARTS)
        held = len(self.inner[0][1])
        #: The parts of the training rows that judge settings.
        self.judging = range(min(len(self.inner), judging(work.learner, len(self.train))))
        self.thin = structure.classes is not None and structure.rarest * held < _THIN * structure.rows
        self.seconds = 0.0
        self._inner: dict[tuple[int, int], Tensor | Exception] = {}
        self._outer: dict[int, Tensor] = {}
        self._encoded: dict[int, tuple[Any, ...]] = {}

    def inner_raw(self, setting: int, part: int) -> Tensor:
        """Raw predictions for the rows that judge, by a model of the others."""
        if (setting, part) not in self._inner:
            fit, held = (self.train[rows] for rows in self.inner[part])
            try:
                self._inner[setting, part] = self._predicted(fit, held, setting, part)
            except Exception as error:
                self._inner[setting, part] = error
        found = self._inner[setting, part]
        if isinstance(found, Exception):
            raise found
        return found

    def outer_raw(self, setting: int) -> Tensor:
        """Raw predictions for the held-out rows, by a model of all training rows."""
        if setting not in self._outer:
            started = perf_counter()
            self._outer[setting] = self._predicted(self.train, self.piece.split.test, setting, -1)
            self.seconds = perf_counter() - started
        return self._outer[setting]

    def rows(self, part: int) -> Any:
        """The rows that judge, by their number in the whole."""
        return self.train[self.inner[part][1]]

    def _predicted(self, fit: Any, asked: Any, setting: int, part: int) -> Tensor:
        work, problem = self.work, self.work.problem
        if part not in self._encoded:
            self._encoded = {part: encoded(problem.table, work.learner.encoding, fit, fit, asked)}
        inputs, wanted = self._encoded[part]
        index = tensor(fit)
        predictor: Predictor = work.learner.fit(
            inputs, problem.target[index], self.piece.loss, classes=len(problem.classes),
            weight=None if problem.weight is None else problem.weight[index], seed=self.piece.split.seed,
            settings=work.settings[setting],
        )  # fmt: skip
        with torch.no_grad():
            raw = predictor(wanted).detach()
        if len(raw) != len(asked):
            raise ValueError(f"the model gave {len(raw)} predictions for {len(asked)} rows")
        if (lost := int((~raw.isfinite()).reshape(len(raw), -1).any(-1).sum())) > 0:
            raise ValueError(f"predictions are NaN or infinite in {lost} of {len(raw)} rows")
        return raw


def _read(after: After, fits: _Fits) -> Reading:
    work = fits.work
    reader = Reader(fits.piece.loss, after, len(work.problem.classes))
    setting = _tuned(reader, fits) if len(work.settings) > 1 else 0
    shift: Any = 0.0
    if after == "threshold":
        moved = _closed_form(reader, tensor(fits.piece.split.test), work)
        if moved is None:
            parts = range(len(fits.inner)) if fits.thin else fits.judging
            rows = tensor(np.concatenate([fits.rows(part) for part in parts]))
            natural = torch.cat([reader.natural(fits.inner_raw(setting, part)) for part in parts])
            moved = _searched(natural, rows, work)
        shift = moved.numpy()
    natural = reader.natural(fits.outer_raw(setting)).numpy()
    return Reading(natural, shift, dict(work.settings[setting]))


def _tuned(reader: Reader, fits: _Fits) -> int:
    """The setting that comes off best on the rows that judge; of equals the plainest."""
    work = fits.work
    rows = tensor(np.concatenate([fits.rows(part) for part in fits.judging]))
    best, least, failure = -1, float("inf"), None
    for setting in range(len(work.settings)):
        try:
            natural = torch.cat([reader.natural(fits.inner_raw(setting, part)) for part in fits.judging])
        except Exception as error:
            failure = error
            continue
        if reader.after == "threshold":
            moved = _closed_form(reader, rows, work)
            natural = natural + (_searched(natural, rows, work) if moved is None else moved)
        cost = _cost(natural, rows, work)
        if best < 0 or cost < least:
            best, least = setting, cost
    if best < 0:
        assert failure is not None  # noqa: S101  (there is at least one setting)
        raise failure
    return best


def _closed_form(reader: Reader, rows: Tensor, work: Work) -> Tensor | None:
    """What moves the threshold to where the costs put it, after what the loss does to probabilities.

    0 where the metric looks at the order of rows only, which no threshold changes. None where there are no costs, or
    the scores of the loss do not stand for the probability that they ask for.
    """
    if work.judge.classes == 2 and work.judge.ranks:
        return torch.zeros((), dtype=torch.float64)
    if work.judge.classes != 2 or work.costs is None:
        return None
    from ..correcting import Threshold, threshold

    costs = work.costs.on({name: values[rows] for name, values in work.problem.columns.items()})
    try:
        found = threshold(reader.loss, costs)
    except ChoiceError:
        return None
    if not isinstance(found, Threshold):
        return None
    score = torch.as_tensor(found.score, dtype=torch.float64)
    edge = reader.natural(score.reshape(-1)).reshape(score.shape)
    return torch.logit(torch.as_tensor(found.probability, dtype=torch.float64)) - edge


def _searched(natural: Tensor, rows: Tensor, work: Work) -> Tensor:
    problem = work.problem
    columns = {name: values[rows] for name, values in problem.columns.items()}
    weight = None if problem.weight is None else problem.weight[rows]
    return best_shift(natural, problem.target[rows], work.judge, columns, weight)


def _cost(natural: Tensor, rows: Tensor, work: Work) -> float:
    problem = work.problem
    columns = {name: values[rows] for name, values in problem.columns.items()}
    weight = None if problem.weight is None else problem.weight[rows]
    return work.judge.cost(natural, problem.target[rows], columns, weight)


@contextmanager
def _alone(seed: int) -> Generator[list[str]]:
    """One thread, so that sums come in one order however many processes there are; and random numbers of its own."""
    from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

    threads, theirs, numbers = torch.get_num_threads(), random.getstate(), np.random.get_state()  # noqa: NPY002  (a learner of the user may draw from it)
    seen: list[str] = []
    with threadpool_limits(limits=1), torch.random.fork_rng(devices=[]), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield seen
        finally:
            torch.set_num_threads(threads)
            random.setstate(theirs)
            np.random.set_state(numbers)  # noqa: NPY002
            seen += [f"{one.category.__name__}: {_line(str(one.message))}" for one in caught]


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {_line(str(error))}" if str(error) else type(error).__name__


def _line(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else ""
    return first if len(first) <= 300 else first[:297] + "..."
