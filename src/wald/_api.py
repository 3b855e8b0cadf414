"""Every public name, in one eager list."""

from types import ModuleType as _ModuleType

from . import kernels as _kernels
from .core import *
from .losses import *
from .objectives import *
from .wrappers import *

# A star brings a room's own files along; what is public is what they define.
for _name in [name for name, value in globals().items() if isinstance(value, _ModuleType)]:
    del globals()[_name]
