"""Every public name, in one eager list."""

from . import kernels as kernels
from .core import *
from .losses import *
