"""Floor 2: the catalogue. One loss, or one tight family, a file; one line here for each."""

from ._absolute import Absolute as Absolute
from ._asymmetric_focal import AsymmetricFocal as AsymmetricFocal
from ._beta_proper import BetaProper as BetaProper
from ._binary_cross_entropy import BinaryCrossEntropy as BinaryCrossEntropy
from ._bradley_terry import BradleyTerry as BradleyTerry
from ._brier import Brier as Brier
from ._class_balanced import ClassBalancedCrossEntropy as ClassBalancedCrossEntropy
from ._contrastive_pair import ContrastivePair as ContrastivePair
from ._cost_sensitive import CostSensitiveCrossEntropy as CostSensitiveCrossEntropy
from ._cross_entropy import CrossEntropy as CrossEntropy
from ._dice import Dice as Dice
from ._dpo import DPO as DPO
from ._expectile import Expectile as Expectile
from ._fissler_ziegel import FisslerZiegel as FisslerZiegel
from ._focal import Focal as Focal
from ._gamma import Gamma as Gamma
from ._gan import GANDiscriminator as GANDiscriminator, GANGenerator as GANGenerator
from ._gaussian_nll import GaussianNLL as GaussianNLL
from ._hinge import Hinge as Hinge, SquaredHinge as SquaredHinge
from ._huber import Huber as Huber
from ._info_nce import InfoNCE as InfoNCE
from ._interval import Interval as Interval
from ._kl_divergence import KLDivergence as KLDivergence
from ._ldam import LDAM as LDAM
from ._linex import Linex as Linex
from ._log_cosh import LogCosh as LogCosh
from ._logit_adjusted import LogitAdjusted as LogitAdjusted
from ._negative_binomial import NegativeBinomial as NegativeBinomial
from ._next_token import NextToken as NextToken
from ._ordinal import Ordinal as Ordinal
from ._pairwise_logistic import PairwiseLogistic as PairwiseLogistic
from ._percentage import Percentage as Percentage
from ._pinball import Pinball as Pinball
from ._poisson import Poisson as Poisson
from ._pseudo_huber import PseudoHuber as PseudoHuber
from ._ranked_probability import RankedProbability as RankedProbability
from ._smoothed_pinball import SmoothedPinball as SmoothedPinball
from ._squared import Squared as Squared
from ._squared_log import SquaredLog as SquaredLog
from ._threshold_weighted import ThresholdWeighted as ThresholdWeighted
from ._triplet import Triplet as Triplet
from ._tweedie import Tweedie as Tweedie
