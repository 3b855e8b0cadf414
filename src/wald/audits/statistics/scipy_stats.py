"""SciPy's statistics, loaded when they are asked for."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def scipy_stats() -> ModuleType:
    """The module scipy.stats.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how to install it.
    """
    try:
        return import_module("scipy.stats")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'this needs SciPy, which is not installed: pip install "wald[audit]"', name="scipy"
        ) from error
