"""Names that an option takes several of."""

from __future__ import annotations


def names_in(text: str | None) -> list[str]:
    """The names between the commas.

    >>> names_in("age, income")
    ['age', 'income']
    """
    return [] if text is None else [name.strip() for name in text.split(",") if name.strip()]
