"""Floor 2: losses that hold a loss."""

from ._asymmetric import Asymmetric as Asymmetric
from ._bounded import Bounded as Bounded
from ._clipped import Clipped as Clipped
from ._rounded import Rounded as Rounded
from ._smoothed import Smoothed as Smoothed
from ._tempered import Tempered as Tempered
from ._truncated import Truncated as Truncated
