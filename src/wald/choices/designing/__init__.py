"""The loss that follows from what is wanted: costs, a statistic, thresholds, a metric, or another loss."""

from .asking import design as design
from .designed import Design as Design, Option as Option
from .saving import Saving as Saving
