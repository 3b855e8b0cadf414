"""What the rows of the caller are like, as far as lines of code that use them must know."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from ...audits.tables import codec_of, is_table, wants_codec
from ..candidate import Candidate
from ..costs import Costs
from ..profiling import Profile

#: What holds X: a frame of pandas, one of another library, an array with words in it, or numbers.
Holder = Literal["frame", "other frame", "words", "numbers"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What was given.

    Attributes:
        holder: what holds X.
        columns: the columns of X, where they have names.
        words: those that hold words.
        times: those that hold times.
        gaps: whether a column of numbers has gaps.
        only_words: whether there is no column of numbers.
        names: of the classes, in their order; empty where the losses are of numbers.
        coded: whether the target must be written as class numbers first: its order is not the one that tools see.
        missing: whether some rows have no target.
        weighted: whether rows have weights.
        costs: what mistakes cost, where a yes or a no is decided.
        by_costs: whether they are the metric, so that they say where the threshold is.
    """

    holder: Holder = "numbers"
    columns: tuple[Any, ...] = ()
    words: tuple[Any, ...] = ()
    times: tuple[Any, ...] = ()
    gaps: bool = False
    only_words: bool = False
    names: tuple[Hashable, ...] = ()
    coded: bool = False
    missing: bool = False
    weighted: bool = False
    costs: Costs | None = None
    by_costs: bool = False


def given_of(
    inputs: Any, profile: Profile, candidates: Sequence[Candidate], *, weighted: bool, costs: Costs | None,
    by_costs: bool,
) -> Given:  # fmt: skip
    """What was given: X, and the profile of its target."""
    names = profile.classes.names if profile.classes is not None else ()
    by_class = any(one.loss.card.task != "regression" for one in candidates)
    facts: dict[str, Any] = {"gaps": _gaps(inputs)}
    if is_table(inputs) or wants_codec(inputs, gaps=False):
        codec = codec_of([inputs])
        frame = "frame" if hasattr(inputs, "iloc") else "other frame"
        facts = {
            "holder": frame if is_table(inputs) else "words",
            "columns": tuple(one.name for one in codec.columns) if is_table(inputs) else (),
            "words": tuple(one.name for one in codec.columns if one.kind == "category"),
            "times": tuple(one.name for one in codec.columns if one.kind == "time"),
            "gaps": any(one.gaps for one in codec.columns if one.kind != "category"),
            "only_words": all(one.kind == "category" for one in codec.columns),
        }
    return Given(
        **facts,
        names=names if by_class else (),
        coded=bool(names) and not _as_tools_see(names, ordered=profile.task == "ordinal", by_class=by_class),
        missing=profile.missing > 0,
        weighted=weighted,
        costs=costs if profile.task == "binary" else None,
        by_costs=by_costs,
    )


def _gaps(inputs: Any) -> bool:
    if is_table(inputs):
        return False
    if isinstance(inputs, Tensor):
        return bool(inputs.isnan().any())
    array = np.asarray(inputs)
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _as_tools_see(names: tuple[Hashable, ...], *, ordered: bool, by_class: bool) -> bool:
    """Whether tools that sort the classes number them in this order."""
    if not by_class:
        # A loss of numbers was trained on the numbers of the classes.
        return names == tuple(range(len(names)))
    if ordered and isinstance(names[0], str):
        # An order of words is not the alphabet's, and a loss of ordered classes would take it for that.
        return False
    try:
        return list(names) == sorted(names)  # pyright: ignore[reportArgumentType]
    except TypeError:
        return False
