"""After training: from raw predictions to probabilities of the true base rate, and to decisions."""

from .correction import Correction as Correction
from .priors import prior_correction as prior_correction
from .recalibrating import recalibration as recalibration
from .thresholds import LeastCost as LeastCost, Threshold as Threshold, threshold as threshold
