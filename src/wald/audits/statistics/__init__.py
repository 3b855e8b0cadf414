"""Intervals and tests, seeded and vectorised. Each is held to its false-alarm rate by a test on null data."""

from .bootstrap import (
    Bootstrap as Bootstrap,
    weighted_mean as weighted_mean,
    whole_sample as whole_sample,
)
from .consistency import Gaps as Gaps, consistency as consistency, sign_flips as sign_flips
from .intervals import (
    clopper_pearson as clopper_pearson,
    detectable as detectable,
    percentiles as percentiles,
    simultaneous as simultaneous,
    t_interval as t_interval,
    wilson as wilson,
)
from .jackknife import Estimate as Estimate, jackknife as jackknife
from .multiplicity import benjamini_hochberg as benjamini_hochberg, holm as holm
from .permutation import permutation_p as permutation_p, shuffles as shuffles
from .random import generator as generator
from .ranks import kendall as kendall, spearman as spearman
from .recalibration import (
    centring as centring,
    cox as cox,
    mean_estimate as mean_estimate,
    mean_p as mean_p,
    slope_estimate as slope_estimate,
    slope_factor as slope_factor,
    slope_p as slope_p,
)
from .sample import Sample as Sample
from .shrinkage import Shrunken as Shrunken, shrink as shrink
