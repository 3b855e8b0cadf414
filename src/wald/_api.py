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
    from .choices import (
        Candidate as Candidate,
        Choice as Choice,
        ChoiceError as ChoiceError,
        Costs as Costs,
        Design as Design,
        choose as choose,
        design as design,
        prior_correction as prior_correction,
        recalibration as recalibration,
        threshold as threshold,
    )
    from .checks import BatchError as BatchError, TargetError as TargetError, check as check, diff as diff, why as why
    from .kernels.contrastive import linear_proxy as linear_proxy
    from .kernels.heads import (
        linear as linear,
        linear_distillation as linear_distillation,
        linear_plan as linear_plan,
        linear_policy as linear_policy,
        linear_preference as linear_preference,
    )
    from .kernels.overwriting import overwriting_predictions as overwriting_predictions

# A star brings a room's own files along; what is public is what they define.
for _name in [name for name, value in globals().items() if isinstance(value, _ModuleType)]:
    del globals()[_name]

#: The names that are loaded only when they are touched, by the room that they come from.
_ROOMS = {
    "audits": ("Attack", "Candidates", "Case", "InputSpace", "Metric", "audit"),
    "checks": ("BatchError", "TargetError", "check", "diff", "why"),
    "choices": (
        "Candidate", "Choice", "ChoiceError", "Costs", "Design", "choose", "design", "preflight", "prior_correction",
        "recalibration", "threshold",
    ),
    "kernels.contrastive": ("linear_proxy",),
    "kernels.overwriting": ("overwriting_predictions",),
    "kernels.heads": ("linear", "linear_distillation", "linear_plan", "linear_policy", "linear_preference"),
}  # fmt: skip
_LATER = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__package__}.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return sorted(name for name in {*globals(), *_LATER} if name.isidentifier())
