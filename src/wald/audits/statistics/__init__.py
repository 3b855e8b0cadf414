"""Intervals and tests, seeded and vectorised. Each is held to its false-alarm rate by a test on null data."""

from .bootstrap import (
    Bootstrap as Bootstrap,
    weighted_mean as weighted_mean,
    whole_sample as whole_sample,
)
from .intervals import detectable as detectable, percentiles as percentiles, wilson as wilson
from .multiplicity import holm as holm, permutation_p as permutation_p
from .random import generator as generator
from .ranks import kendall as kendall
from .recalibration import cox as cox, cox_draws as cox_draws, mean_p as mean_p, slope_p as slope_p
from .sample import Sample as Sample
