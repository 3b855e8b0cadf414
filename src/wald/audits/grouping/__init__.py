"""Groups of the test rows, and by how much they differ from one another."""

from .gaps import Gaps as Gaps, Quantity as Quantity, compare as compare
from .members import (
    SMALLEST as SMALLEST,
    Group as Group,
    Members as Members,
    crossings as crossings,
    members as members,
)
from .pull import Pull as Pull, pull as pull
from .quantities import (
    by_forecast as by_forecast,
    by_loss as by_loss,
    by_metric as by_metric,
    strata_of as strata_of,
)
from .slopes import Slopes as Slopes, fit_for_slopes as fit_for_slopes, slopes as slopes
