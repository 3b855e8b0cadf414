"""Every public name, in one list. Losses and their kin come at once; checks and audits when they are first used."""

from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING as _TYPING

from . import kernels as _kernels  # pyright: ignore[reportUnusedImport]  (it registers the faster paths)
from .core import *
from .losses import *
from .objectives import *
from .wrappers import *

if _TYPING:
    from .audits import (
        Attack as Attack,
        Candidates as Candidates,
        Case as Case,
        InputSpace as InputSpace,
        Metric as Metric,
        audit as audit,
    )
    from .checks import BatchError as BatchError, TargetError as TargetError, check as check, diff as diff, why as why

# A star brings a room's own files along; what is public is what they define.
for _name in [name for name, value in globals().items() if isinstance(value, _ModuleType)]:
    del globals()[_name]

#: The room that each name comes from which is loaded only when it is touched.
_LATER = dict.fromkeys(("Attack", "Candidates", "Case", "InputSpace", "Metric", "audit"), "audits") | dict.fromkeys(
    ("BatchError", "TargetError", "check", "diff", "why"), "checks"
)


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__package__}.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return sorted(name for name in {*globals(), *_LATER} if name.isidentifier())
