"""Models of every library as functions of tensors that emit what a loss takes: one file a library."""

from .adapt import Adapted as Adapted, source_of as source_of
from .estimator import Estimator as Estimator, Foreign as Foreign
from .hugging_face import HuggingFace as HuggingFace
from .refit import Refit as Refit
from .source import Source as Source
from .wanted import (
    Wanted as Wanted,
    fitted_targets as fitted_targets,
    wanted_by_trial as wanted_by_trial,
    wanted_of as wanted_of,
)
