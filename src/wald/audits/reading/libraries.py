"""Libraries that are used where they are installed, and named where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def library(name: str, *, extra: str, what: str) -> Any:
    """A library, or a module of one.

    Args:
        name: as it is imported.
        extra: of wald, which installs it.
        what: it does here, to begin the message.

    Raises:
        ModuleNotFoundError: it is missing.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'{what} by {name.partition(".")[0]}: pip install "wald[{extra}]".', name=error.name
        ) from None


def pandas() -> Any:
    """The library that reads tables.

    Raises:
        ModuleNotFoundError: it is missing.
    """
    return library("pandas", extra="tables", what="Tables with words, dates or gaps are read")
