"""How a wish is written, and how numbers are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
import re
from typing import Any

from ..errors import ChoiceError

#: So many names are told where none is near.
_SHOWN = 16


def told(value: float) -> str:
    """A number to four figures, as a person would write it.

    >>> told(1 / 101), told(0.5), told(12684.2), told(2e9)
    ('0.009901', '0.5', '12684', '2e+09')
    """
    return f"{value:.0f}" if value == 0 or 999.5 <= abs(value) < 1e7 else f"{value:.4g}"


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """A sentence that leads from an unknown word to known ones."""
    known = list(known)
    near = get_close_matches(name, known, n=most, cutoff=0.5)
    akin = [one for one in known if len(name) > 1 and (one.startswith(name[:4]) or name.startswith(one[:4]))]
    near += [one for one in akin if one not in near][: most - len(near)]
    return f"The nearest are {', '.join(near)}." if near else f"Among them are {', '.join(known[:_SHOWN])}."


def plain(name: str) -> str:
    """The one spelling that names are compared by: small letters, single spaces."""
    return re.sub(r"[\s_\-]+", " ", name.strip().lower())


def split(wish: str) -> tuple[str, str]:
    """The name and what it is set to: "quantile=0.9", "quantile(0.9)" and "ndcg@10" alike.

    >>> split("Quantile = 0.9"), split("quantile(0.9)"), split("f1")
    (('quantile', '0.9'), ('quantile', '0.9'), ('f1', ''))
    """
    found = re.fullmatch(r"\s*([^=(@:]*?)\s*(?:[=@:]\s*(.*?)|\((.*)\))?\s*", wish, flags=re.DOTALL)
    if found is None:
        return plain(wish), ""
    return plain(found[1]), (found[2] or found[3] or "").strip()


def numbers_in(text: str, what: str, example: str) -> tuple[float, ...]:
    """The numbers of "0.05, 0.95".

    Raises:
        ChoiceError: there is none, or something else.
    """
    try:
        found = tuple(float(part) for part in re.split(r"[,;\s]+", text.strip("()[] ")) if part)
    except ValueError:
        found = ()
    if not found:
        raise ChoiceError(
            f"{what} wants {'numbers' if ',' in example else 'a number'}, as in {example!r}; got {text!r}."
        )
    return found


def one_number(text: str, what: str, example: str) -> float:
    """The only number in `text`.

    Raises:
        ChoiceError: there is none, or there are several.
    """
    first, *more = numbers_in(text, what, example)
    if more:
        raise ChoiceError(f"{what} takes one number, as in {example!r}; got {1 + len(more)}: {text!r}.")
    return first


def share(value: float, what: str, example: str) -> float:
    """`value`, once it is known to be strictly between 0 and 1.

    Raises:
        ChoiceError: it is not.
    """
    if not 0 < value < 1:
        hint = f" If it is in percent, write {value / 100:g}." if 1 < value < 100 else ""
        raise ChoiceError(f"{what} lies strictly between 0 and 1, as in {example!r}; got {value:g}.{hint}")
    return value


def written(wish: object, what: str, example: str) -> str:
    """A wish as text, be it given as text or as a mapping of one name to a value.

    Raises:
        ChoiceError: it is neither.
    """
    if isinstance(wish, str) and wish.strip():
        return wish
    if isinstance(wish, Mapping) and len(wish) == 1:  # pyright: ignore[reportUnknownArgumentType]
        name, value = next(iter(_items(wish)))
        values: Sequence[Any] = value if isinstance(value, (list, tuple)) else [value]
        return f"{name}={','.join(map(str, values))}"
    raise ChoiceError(f"{what} is a text such as {example!r}; got {wish!r}.")


def _items(wish: Any) -> Iterable[tuple[Any, Any]]:
    return wish.items()


def no_value(name: str, value: str) -> None:
    """Refuse a number where none is taken.

    Raises:
        ChoiceError: there is one.
    """
    if value:
        raise ChoiceError(f"{name!r} takes no number; got {value!r}.")
