"""A picture as plain data, so that a report can carry it, compare it and draw it late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from wald.findings.plain import to_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

FigureKind: TypeAlias = Literal["reliability", "scatter", "intervals", "lines", "bars", "heat", "table"]

_KINDS: tuple[FigureKind, ...] = get_args(FigureKind)
_COLUMNS = ("x", "y", "low", "high", "count", "labels")
_NEEDS: dict[FigureKind, tuple[str, ...]] = {
    "reliability": ("x", "y"),
    "scatter": ("x", "y"),
    "intervals": ("x",),
    "lines": ("y",),
    "bars": ("y",),
    "heat": ("z",),
    "table": ("z",),
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The data of a picture; `wald.findings.draw.svg` draws it.

    A series is a mapping with a `name` and columns of one length. NaN and infinities become gaps.

    | kind | columns of a series |
    |---|---|
    | reliability | `x` forecast, `y` observed, `low` and `high` of the observed, `count` in the bin |
    | scatter | `x`, `y` |
    | intervals | `x` the effect, `low`, `high`, `labels` of the rows |
    | lines | `x`, `y`, and `low` and `high` of a band |
    | bars | `labels` (or `x`), `y`, and `low` and `high` of the bars' ends |
    | heat | `z`, a list of rows; `labels` of the rows, `columns` of the columns. One series |
    | table | `z`, a list of rows of numbers and words; `columns`, their headings; `labels` of the rows. One series |

    Attributes:
        kind: How it is drawn.
        title: What it is, in a few words.
        caption: A sentence that says what to see.
        x: The label of the horizontal axis.
        y: The label of the vertical axis.
        series: The data.
        diagonal: Whether to draw the line of equal x and y.
        reference: A value to compare with, drawn as a line: across for bars and lines, upright for intervals.
        log: The axes with a logarithmic scale: "", "x", "y" or "xy".
        note: What a careful reader needs besides, such as how many rows it shows.
        question: The question that it belongs to, where it is evidence for one.
    """

    kind: FigureKind
    title: str
    caption: str = ""
    x: str = ""
    y: str = ""
    series: Sequence[Mapping[str, Any]] = ()
    diagonal: bool = False
    reference: float | None = None
    log: Literal["", "x", "y", "xy"] = ""
    note: str = ""
    question: str = ""

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"A figure is one of {', '.join(_KINDS)}; got kind={self.kind!r}.")
        if self.log not in ("", "x", "y", "xy"):
            raise ValueError(f"log names the axes, '', 'x', 'y' or 'xy'; got {self.log!r}.")
        object.__setattr__(self, "series", tuple(_series(one, self.kind, self.title) for one in self.series))
        object.__setattr__(self, "reference", to_plain(self.reference))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that strict JSON can hold."""
        return {name: to_plain(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Figure:
        """Take back what `to_dict` gave. Keys that are not known here are passed over."""
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


def _series(series: object, kind: FigureKind, title: str) -> dict[str, Any]:
    """Check a series here, where its maker can be told, and not when somebody draws it."""
    if not isinstance(series, Mapping):
        raise TypeError(f"{title!r}: a series is a mapping of columns; got {type(series).__name__}.")
    plain: dict[str, Any] = to_plain(series)
    if unknown := sorted(plain.keys() - {"name", "z", "columns", *_COLUMNS}):
        raise ValueError(f"{title!r}: a series knows name, {', '.join(_COLUMNS)}, z, columns; got {unknown}.")
    given = {name: plain[name] for name in (*_COLUMNS, "z") if plain.get(name)}
    if given:
        needed = (*_NEEDS[kind], *(("low", "high") if "low" in given or "high" in given else ()))
        if missing := [name for name in needed if name not in given]:
            raise ValueError(f"{title!r}: a series of kind {kind!r} with {sorted(given)} lacks {missing}.")
    lengths = {name: len(column) for name, column in given.items() if name != "z"}
    if kind not in ("heat", "table") and len(set(lengths.values())) > 1:
        raise ValueError(f"{title!r}: the columns of a series have one length; got {lengths}.")
    if kind == "table" and given:
        _check_table(plain, title)
    numeric = {"x", "y", "low", "high", "count"} - ({"x"} if kind == "bars" else set[str]())
    for name in numeric & given.keys():
        if not all(value is None or isinstance(value, int | float) for value in given[name]):
            raise ValueError(f"{title!r}: the column {name!r} holds numbers; got {given[name]!r}.")
    return plain


def _check_table(series: dict[str, Any], title: str) -> None:
    """A table that is ragged reads wrong, and nobody sees it."""
    across = len(series.get("columns") or ())
    widths = sorted({len(row) for row in series["z"]})
    if widths != [across]:
        raise ValueError(f"{title!r}: a table has a heading for each column; got {across}, and rows of {widths}.")
    if (labels := series.get("labels")) and len(labels) != len(series["z"]):
        raise ValueError(f"{title!r}: a table has a label for each row; got {len(labels)} for {len(series['z'])} rows.")
