"""Every public name, in one eager list."""

from types import ModuleType as _ModuleType

from . import kernels as _kernels
from .audits import Attack as Attack, Case as Case, Metric as Metric, audit as audit
from .checks import TargetError as TargetError, check as check
from .core import *
from .losses import *
from .objectives import *
from .wrappers import *

# A star brings a room's own files along; what is public is what they define.
for _name in [name for name, value in globals().items() if isinstance(value, _ModuleType)]:
    del globals()[_name]
