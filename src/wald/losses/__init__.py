"""Floor 2: the catalogue. One loss, or one tight family, a file; one line here for each."""

from ._absolute import Absolute as Absolute
from ._binary_cross_entropy import BinaryCrossEntropy as BinaryCrossEntropy
from ._bradley_terry import BradleyTerry as BradleyTerry
from ._contrastive_pair import ContrastivePair as ContrastivePair
from ._cost_sensitive import CostSensitiveCrossEntropy as CostSensitiveCrossEntropy
from ._cross_entropy import CrossEntropy as CrossEntropy
from ._dice import Dice as Dice
from ._dpo import DPO as DPO
from ._expectile import Expectile as Expectile
from ._focal import Focal as Focal
from ._gan import GANDiscriminator as GANDiscriminator, GANGenerator as GANGenerator
from ._gaussian_nll import GaussianNLL as GaussianNLL
from ._hinge import Hinge as Hinge, SquaredHinge as SquaredHinge
from ._huber import Huber as Huber
from ._info_nce import InfoNCE as InfoNCE
from ._kl_divergence import KLDivergence as KLDivergence
from ._log_cosh import LogCosh as LogCosh
from ._next_token import NextToken as NextToken
from ._percentage import Percentage as Percentage
from ._pinball import Pinball as Pinball
from ._poisson import Poisson as Poisson
from ._pseudo_huber import PseudoHuber as PseudoHuber
from ._squared import Squared as Squared
from ._squared_log import SquaredLog as SquaredLog
from ._triplet import Triplet as Triplet
