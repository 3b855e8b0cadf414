"""Inputs: tables become numbers, and what they hold becomes known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from ..errors import CaseError
from ..input_space import InputSpace
from ..models import Estimator, HuggingFace
from ..tables import codec_of, is_table, wants_codec
from .rows import Rows
from .state import Reading


def read_inputs(reading: Reading) -> None:
    """Tables become numbers: all splits by one codec, so that a category is one code everywhere."""
    foreign = reading.source is not None
    model: Any = reading.case.model
    module = isinstance(model, nn.Module)
    raw = {name: pair[0] for name, pair in reading.splits.items()}
    if reading.codec is None:
        if not any(wants_codec(one, gaps=foreign or model is None) for one in raw.values()):
            return
        if module:
            for name, one in raw.items():
                reading.splits[name] = (_all_numbers(f"{name} inputs", one), reading.splits[name][1])
            return
        reading.codec = codec_of(list(raw.values()))
    for name, one in raw.items():
        if not isinstance(one, Tensor) or wants_codec(one, gaps=True):
            reading.splits[name] = (reading.codec.encode(one), reading.splits[name][1])


def _all_numbers(name: str, table: Any) -> Any:
    """A table for a module, which takes a tensor and nothing else."""
    if not is_table(table):
        return table
    frame = table if hasattr(table, "iloc") else table.to_pandas()
    words = [str(column) for column in frame.columns if getattr(frame[column].dtype, "kind", "O") not in "biuf"]
    if words:
        raise CaseError(
            f"{name}: the columns {', '.join(words[:6])} hold no numbers, and the model is a torch module that takes a "
            "tensor. Encode them as the model was trained, or give the whole pipeline as a callable that takes the "
            "table."
        )
    whole = all(frame[column].dtype.kind in "iu" for column in frame.columns)
    return frame.to_numpy(dtype="int64" if whole else "float64")


def cast_to(rows: Rows, model: object) -> Rows:
    """Inputs in the precision of the module's parameters: arrays come in float64, and modules mostly do not."""
    if not isinstance(model, nn.Module) or not rows[0].is_floating_point():
        return rows
    first = next((one for one in model.parameters() if one.is_floating_point()), None)
    if first is None or first.dtype == rows[0].dtype:
        return rows
    return rows[0].to(first.dtype), rows[1]


def features_of(reading: Reading) -> tuple[str, ...]:
    """The names of the inputs' columns: those that were given, or the table's own."""
    given = tuple(reading.case.features)
    if reading.codec is not None:
        found = reading.codec.features
        return given if len(given) == len(found) else found
    test: Any = reading.case.test
    table: Any = None if test is None else test[0]
    return tuple(str(name) for name in table.columns) if not given and is_table(table) else given


def space_of_inputs(reading: Reading, model: object) -> InputSpace:
    """What is known of the inputs: what was given, and which columns of a table are codes and whole numbers."""
    space = reading.case.input_space
    if isinstance(model, HuggingFace) and space.tokens is None and not reading.splits["test"][0].is_floating_point():
        return replace(space, tokens=model.vocabulary)
    codec = reading.codec
    if codec is None or isinstance(reading.case.model, Estimator):
        return space
    names = [column.names[0] for column in codec.columns]

    def named(columns: Any) -> tuple[Any, ...]:
        # Columns of gaps come between, so that numbers no longer mean what they meant.
        return tuple(
            named(one) if isinstance(one, tuple) else names[one] if isinstance(one, int) else one for one in columns
        )

    own = named(space.categorical)
    return replace(
        space,
        categorical=tuple(dict.fromkeys((*own, *codec.categorical))),
        integer=tuple(one for one in dict.fromkeys((*named(space.integer), *codec.integer)) if one not in own),
        immutable=named(space.immutable),
    )
