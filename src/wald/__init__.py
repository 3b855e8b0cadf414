"""Wald designs, computes, chooses and audits loss functions.

`import wald` is instant: the first name that is touched loads torch and the rest.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ._api import *
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name.startswith("__"):
            raise AttributeError(f"module 'wald' has no attribute {name!r}")
        return getattr(import_module("wald._api"), name)

    def __dir__() -> list[str]:
        from importlib import import_module

        return sorted({*globals(), *vars(import_module("wald._api"))})
