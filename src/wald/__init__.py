"""Wald designs, computes, chooses and audits loss functions.

`import wald` is instant: the first name that is touched loads torch and the rest.
"""

__version__ = "0.1.0"

# Type checkers know it by its name; the module `typing` takes ten times as long to load as everything here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import adapters as adapters, losses as losses, miners as miners, objectives as objectives, testing as testing
    from ._api import *
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        # No loss begins so, and tools ask every module for names of their own: that must not read the catalogue.
        if name.startswith("_"):
            raise AttributeError(f"module 'wald' has no attribute {name!r}")
        if name in ("adapters", "losses", "miners", "objectives", "testing"):
            return import_module(f"wald.{name}")
        api = import_module("wald._api")
        try:
            return getattr(api, name)
        except AttributeError:
            raise AttributeError(_unknown(name)) from None

    def _unknown(name: str) -> str:
        from .cards import shelf
        from .cards.instead import made_as

        try:
            entry = shelf.find(name)
        except KeyError as nobody:
            return f"module 'wald' has no attribute {name!r}; {nobody.args[0]}"
        return f"module 'wald' has no attribute {name!r}: that loss is {made_as(entry.name, entry.at_defaults(), name)}"

    def __dir__() -> list[str]:
        from importlib import import_module

        public = [name for name in dir(import_module("wald._api")) if not name.startswith("_")]
        # pytest, of which this is a plugin, leaves names of its own in the modules that it loads.
        return sorted(name for name in {*globals(), *public} - {"TYPE_CHECKING"} if name.isidentifier())
