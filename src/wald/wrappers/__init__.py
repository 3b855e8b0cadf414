"""Floor 2: losses that hold a loss."""

from ._clipped import Clipped as Clipped
from ._smoothed import Smoothed as Smoothed
from ._tempered import Tempered as Tempered
from ._truncated import Truncated as Truncated
