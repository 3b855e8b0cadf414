"""Floor 2: the catalogue. One loss, or one tight family, a file; one line here for each."""

from .audio.spectra import STFT as STFT, MultiResolutionSTFT as MultiResolutionSTFT
from .audio.waveforms import ESR as ESR, SISDR as SISDR, SNR as SNR
from .classification.active_passive import (
    ActivePassive as ActivePassive,
    NormalisedCrossEntropy as NormalisedCrossEntropy,
)
from .classification.asymmetric_focal import AsymmetricFocal as AsymmetricFocal
from .classification.beta_proper import BetaProper as BetaProper
from .classification.bi_tempered import BiTempered as BiTempered
from .classification.binary_cross_entropy import BinaryCrossEntropy as BinaryCrossEntropy
from .classification.bootstrapping import Bootstrapping as Bootstrapping
from .classification.brier import Brier as Brier
from .classification.class_balanced import ClassBalancedCrossEntropy as ClassBalancedCrossEntropy
from .classification.confidence_penalty import ConfidencePenalty as ConfidencePenalty, MaxSup as MaxSup
from .classification.cost_sensitive import CostSensitiveCrossEntropy as CostSensitiveCrossEntropy
from .classification.cross_entropy import CrossEntropy as CrossEntropy
from .classification.early_learning import EarlyLearning as EarlyLearning
from .classification.entmax import Entmax as Entmax
from .classification.focal import Focal as Focal
from .classification.focal_cosine import FocalCosine as FocalCosine
from .classification.generalised_cross_entropy import GeneralisedCrossEntropy as GeneralisedCrossEntropy
from .classification.gradient_harmonised import GradientHarmonised as GradientHarmonised
from .classification.hierarchical import HierarchicalCrossEntropy as HierarchicalCrossEntropy
from .classification.ldam import LDAM as LDAM
from .classification.logit_adjusted import LogitAdjusted as LogitAdjusted
from .classification.logit_norm import LogitNorm as LogitNorm
from .classification.matthews import MatthewsCorrelation as MatthewsCorrelation
from .classification.negative_log_likelihood import NegativeLogLikelihood as NegativeLogLikelihood
from .classification.noise_correction import (
    BackwardCorrection as BackwardCorrection,
    ForwardCorrection as ForwardCorrection,
)
from .classification.poly import Poly as Poly
from .classification.positive_unlabelled import PositiveUnlabelled as PositiveUnlabelled
from .classification.seesaw import Seesaw as Seesaw
from .classification.soft_f1 import SoftF1 as SoftF1
from .classification.symmetric_cross_entropy import SymmetricCrossEntropy as SymmetricCrossEntropy
from .classification.taylor_cross_entropy import TaylorCrossEntropy as TaylorCrossEntropy
from .classification.threshold_weighted import ThresholdWeighted as ThresholdWeighted
from .classification.vector_scaling import VectorScaling as VectorScaling
from .detection.heatmap import GaussianFocal as GaussianFocal
from .detection.iou import CIoU as CIoU, DIoU as DIoU, GIoU as GIoU, IoU as IoU
from .detection.keypoints import (
    AdaptiveWing as AdaptiveWing,
    BalancedL1 as BalancedL1,
    KeypointSimilarity as KeypointSimilarity,
    Wing as Wing,
)
from .detection.quality import (
    DistributionFocal as DistributionFocal,
    QualityFocal as QualityFocal,
    Varifocal as Varifocal,
)
from .detection.rotated import RotatedBox as RotatedBox
from .detection.sides import BoundedIoU as BoundedIoU, EIoU as EIoU, SIoU as SIoU
from .distillation.correlation import CorrelationDistillation as CorrelationDistillation
from .distillation.decoupled import DecoupledDistillation as DecoupledDistillation
from .distillation.distillation import Distillation as Distillation
from .distillation.maps import AttentionTransfer as AttentionTransfer, ChannelDistillation as ChannelDistillation
from .distillation.relations import (
    RelationalAngle as RelationalAngle,
    RelationalDistance as RelationalDistance,
    SimilarityPreserving as SimilarityPreserving,
)
from .divergences.alpha_divergence import AlphaDivergence as AlphaDivergence
from .divergences.chi_squared import ChiSquared as ChiSquared
from .divergences.earth_mover import EarthMover as EarthMover
from .divergences.generalised_jensen_shannon import GeneralisedJensenShannon as GeneralisedJensenShannon
from .divergences.hellinger import Hellinger as Hellinger
from .divergences.jeffreys import Jeffreys as Jeffreys
from .divergences.jensen_shannon import JensenShannon as JensenShannon
from .divergences.kl_divergence import KLDivergence as KLDivergence
from .divergences.renyi_divergence import RenyiDivergence as RenyiDivergence
from .divergences.samples import MMD as MMD, EnergyDistance as EnergyDistance, Wasserstein1D as Wasserstein1D
from .divergences.sinkhorn import Sinkhorn as Sinkhorn
from .divergences.total_variation_distance import TotalVariationDistance as TotalVariationDistance
from .embeddings.angular import Angular as Angular
from .embeddings.angular_margins import ArcFace as ArcFace, SphereFace as SphereFace
from .embeddings.average_precision import FastAP as FastAP, SmoothAP as SmoothAP
from .embeddings.batch_triplet import BatchTriplet as BatchTriplet
from .embeddings.center import Center as Center
from .embeddings.circle import Circle as Circle
from .embeddings.co_sent import CoSENT as CoSENT
from .embeddings.contrastive_pair import ContrastivePair as ContrastivePair
from .embeddings.cosine_embedding import CosineEmbedding as CosineEmbedding
from .embeddings.decoupled_contrastive import DecoupledContrastive as DecoupledContrastive
from .embeddings.distance_margin import DistanceMargin as DistanceMargin
from .embeddings.hinge_embedding import HingeEmbedding as HingeEmbedding
from .embeddings.info_nce import InfoNCE as InfoNCE
from .embeddings.intra_pair_variance import IntraPairVariance as IntraPairVariance
from .embeddings.lifted_structure import LiftedStructure as LiftedStructure
from .embeddings.mo_co import MoCo as MoCo
from .embeddings.multi_similarity import MultiSimilarity as MultiSimilarity
from .embeddings.nca import NCA as NCA
from .embeddings.nt_xent import NTXent as NTXent
from .embeddings.online_contrastive import OnlineContrastive as OnlineContrastive
from .embeddings.pnp import PNP as PNP
from .embeddings.proxies import ProxyAnchor as ProxyAnchor, ProxyNCA as ProxyNCA, SoftTriple as SoftTriple
from .embeddings.proxy_softmax import ProxySoftmax as ProxySoftmax
from .embeddings.sig_lip import SigLIP as SigLIP
from .embeddings.similarity_histogram import SimilarityHistogram as SimilarityHistogram
from .embeddings.sup_con import SupCon as SupCon
from .embeddings.triplet import Triplet as Triplet
from .embeddings.tuplet_margin import TupletMargin as TupletMargin
from .fairness.dependence import HSIC as HSIC, GroupCovariance as GroupCovariance
from .fairness.information import PrejudiceRemover as PrejudiceRemover
from .fairness.parity import DemographicParity as DemographicParity, EqualisedOdds as EqualisedOdds
from .finance.dispersion import (
    CentralMoment as CentralMoment,
    GiniMeanDifference as GiniMeanDifference,
    LowerPartialMoment as LowerPartialMoment,
)
from .finance.drawdown import (
    AverageDrawdown as AverageDrawdown,
    ConditionalDrawdown as ConditionalDrawdown,
    MaxDrawdown as MaxDrawdown,
    UlcerIndex as UlcerIndex,
)
from .finance.entropic_value_at_risk import EntropicValueAtRisk as EntropicValueAtRisk
from .finance.expected_shortfall import ExpectedShortfall as ExpectedShortfall
from .finance.fissler_ziegel import FisslerZiegel as FisslerZiegel
from .finance.qlike import QLIKE as QLIKE
from .finance.sharpe_ratio import SharpeRatio as SharpeRatio
from .finance.sortino_ratio import SortinoRatio as SortinoRatio
from .finance.turnover import Turnover as Turnover
from .finance.utility import Utility as Utility
from .generative.critics import EnergyGAN as EnergyGAN, LeCam as LeCam, RelativisticGAN as RelativisticGAN
from .generative.denoising import Denoising as Denoising, WeightedDenoising as WeightedDenoising
from .generative.flow_matching import FlowMatching as FlowMatching
from .generative.flow_nll import FlowNLL as FlowNLL
from .generative.gan import GANDiscriminator as GANDiscriminator, GANGenerator as GANGenerator
from .generative.gaussian_kl import GaussianKL as GaussianKL
from .generative.gradient_penalty import GradientPenalty as GradientPenalty, PathLength as PathLength
from .generative.importance_weighted import ImportanceWeighted as ImportanceWeighted
from .generative.score_matching import (
    DenoisingScoreMatching as DenoisingScoreMatching,
    SlicedScoreMatching as SlicedScoreMatching,
)
from .generative.vector_quantisation import VectorQuantisation as VectorQuantisation
from .images.deformation import DeformationEnergy as DeformationEnergy
from .images.errors import PSNR as PSNR, FocalFrequency as FocalFrequency, ScaleInvariantLog as ScaleInvariantLog
from .images.gradient_similarity import GMSD as GMSD
from .images.mutual_information import MutualInformation as MutualInformation
from .images.smoothness import (
    EdgeAwareSmoothness as EdgeAwareSmoothness,
    GradientDifference as GradientDifference,
    TotalVariation as TotalVariation,
)
from .images.spectra import SpectralAmplitude as SpectralAmplitude
from .images.ssim import SSIM as SSIM, LocalCrossCorrelation as LocalCrossCorrelation, MultiScaleSSIM as MultiScaleSSIM
from .language.next_token import NextToken as NextToken
from .language.unlikelihood import Unlikelihood as Unlikelihood
from .margins.hinge import Hinge as Hinge, SquaredHinge as SquaredHinge
from .margins.multi_margin import CrammerSinger as CrammerSinger, MultiMargin as MultiMargin
from .margins.one_by_one import LeeLinWahba as LeeLinWahba, OneVersusAllHinge as OneVersusAllHinge
from .margins.smooth_margins import Exponential as Exponential, ModifiedHuber as ModifiedHuber
from .multilabel.distribution_balanced import DistributionBalanced as DistributionBalanced
from .multilabel.label_pairs import ZLPR as ZLPR, MultiLabelMargin as MultiLabelMargin
from .multilabel.two_way import TwoWay as TwoWay
from .ordinal.class_distance import ClassDistance as ClassDistance
from .ordinal.conditional import ConditionalOrdinal as ConditionalOrdinal
from .ordinal.cumulative_link import CumulativeLink as CumulativeLink
from .ordinal.ordinal import Ordinal as Ordinal
from .ordinal.ranked_probability import RankedProbability as RankedProbability
from .ordinal.weighted_kappa import WeightedKappa as WeightedKappa
from .penalties.activity import FLOPS as FLOPS
from .penalties.load_balancing import LoadBalancing as LoadBalancing
from .penalties.logits import EntropyBonus as EntropyBonus, ZLoss as ZLoss
from .penalties.sizes import ElasticNet as ElasticNet, Orthogonality as Orthogonality, SpreadOut as SpreadOut
from .penalties.two_passes import Consistency as Consistency, PseudoLabel as PseudoLabel, RDrop as RDrop
from .penalties.uncertainty import UncertaintyWeighting as UncertaintyWeighting
from .policies.grpo import GRPO as GRPO
from .preferences.bradley_terry import BradleyTerry as BradleyTerry
from .preferences.dpo import DPO as DPO
from .probabilistic.beta_likelihood import BetaLikelihood as BetaLikelihood
from .probabilistic.beta_nll import BetaNLL as BetaNLL
from .probabilistic.binned_nll import BinnedNLL as BinnedNLL
from .probabilistic.crps import CRPS as CRPS
from .probabilistic.dawid_sebastiani import DawidSebastiani as DawidSebastiani
from .probabilistic.energy_score import EnergyScore as EnergyScore
from .probabilistic.evidential import Evidential as Evidential
from .probabilistic.gamma import Gamma as Gamma
from .probabilistic.gamma_nll import GammaNLL as GammaNLL
from .probabilistic.gaussian_crps import GaussianCRPS as GaussianCRPS
from .probabilistic.gaussian_nll import GaussianNLL as GaussianNLL
from .probabilistic.generalised_pareto_nll import GeneralisedParetoNLL as GeneralisedParetoNLL
from .probabilistic.histogram import HLGauss as HLGauss, TwoHot as TwoHot
from .probabilistic.interval import Interval as Interval
from .probabilistic.kernel_score import KernelScore as KernelScore
from .probabilistic.laplace_crps import LaplaceCRPS as LaplaceCRPS
from .probabilistic.laplace_nll import LaplaceNLL as LaplaceNLL
from .probabilistic.log_normal_crps import LogNormalCRPS as LogNormalCRPS
from .probabilistic.log_normal_nll import LogNormalNLL as LogNormalNLL
from .probabilistic.logistic_crps import LogisticCRPS as LogisticCRPS
from .probabilistic.logistic_nll import LogisticNLL as LogisticNLL
from .probabilistic.mixture_crps import MixtureCRPS as MixtureCRPS
from .probabilistic.mixture_nll import MixtureNLL as MixtureNLL
from .probabilistic.multivariate_gaussian_nll import MultivariateGaussianNLL as MultivariateGaussianNLL
from .probabilistic.negative_binomial import NegativeBinomial as NegativeBinomial
from .probabilistic.negative_binomial_nll import NegativeBinomialNLL as NegativeBinomialNLL
from .probabilistic.poisson import Poisson as Poisson
from .probabilistic.quantile_crps import QuantileCRPS as QuantileCRPS
from .probabilistic.spline_crps import SplineCRPS as SplineCRPS
from .probabilistic.student_t_nll import StudentTNLL as StudentTNLL
from .probabilistic.threshold_weighted_crps import ThresholdWeightedCRPS as ThresholdWeightedCRPS
from .probabilistic.tweedie import Tweedie as Tweedie
from .probabilistic.variogram_score import VariogramScore as VariogramScore
from .probabilistic.weibull_nll import WeibullNLL as WeibullNLL
from .probabilistic.zero_inflated import (
    ZeroInflatedNegativeBinomial as ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson as ZeroInflatedPoisson,
)
from .ranking.approximate_ranks import (
    ApproxMRR as ApproxMRR,
    ApproxNDCG as ApproxNDCG,
    ApproxRankMSE as ApproxRankMSE,
)
from .ranking.lambda_rank import LambdaRank as LambdaRank
from .ranking.list_mle import ListMLE as ListMLE
from .ranking.list_net import ListNet as ListNet
from .ranking.margin_mse import MarginMSE as MarginMSE
from .ranking.margin_ranking import MarginRanking as MarginRanking
from .ranking.negative_sampling import WARP as WARP, NegativeSampling as NegativeSampling
from .ranking.neural_ndcg import NeuralNDCG as NeuralNDCG
from .ranking.pairwise_hinge import PairwiseHinge as PairwiseHinge
from .ranking.pairwise_logistic import PairwiseLogistic as PairwiseLogistic
from .ranking.partial_auc import PartialAUC as PartialAUC
from .ranking.rank_net import RankNet as RankNet
from .ranking.sampled import NoiseContrastive as NoiseContrastive, SampledSoftmax as SampledSoftmax
from .ranking.soft_spearman import SoftSpearman as SoftSpearman
from .regression.absolute import Absolute as Absolute
from .regression.cauchy import Cauchy as Cauchy
from .regression.charbonnier import Charbonnier as Charbonnier
from .regression.cosine_distance import CosineDistance as CosineDistance
from .regression.epsilon_insensitive import (
    EpsilonInsensitive as EpsilonInsensitive,
    SquaredEpsilonInsensitive as SquaredEpsilonInsensitive,
)
from .regression.expectile import Expectile as Expectile
from .regression.fair import Fair as Fair
from .regression.geman_mcclure import GemanMcClure as GemanMcClure
from .regression.general_robust import GeneralRobust as GeneralRobust
from .regression.huber import Huber as Huber
from .regression.linex import Linex as Linex
from .regression.log_cosh import LogCosh as LogCosh
from .regression.one_sided import OneSided as OneSided
from .regression.percentage import Percentage as Percentage
from .regression.pinball import Pinball as Pinball
from .regression.power import Power as Power
from .regression.pseudo_huber import PseudoHuber as PseudoHuber
from .regression.quantile_huber import QuantileHuber as QuantileHuber
from .regression.relative_norm import RelativeNorm as RelativeNorm
from .regression.root_mean_squared import RootMeanSquared as RootMeanSquared
from .regression.scaled_error import ScaledError as ScaledError
from .regression.smooth_l1 import SmoothL1 as SmoothL1
from .regression.smoothed_pinball import SmoothedPinball as SmoothedPinball
from .regression.sobolev import Sobolev as Sobolev
from .regression.squared import Squared as Squared
from .regression.squared_log import SquaredLog as SquaredLog
from .regression.symmetric_percentage import SymmetricPercentage as SymmetricPercentage
from .regression.tukey import Tukey as Tukey
from .regression.welsch import Welsch as Welsch
from .robustness.attacks import MART as MART, TRADES as TRADES
from .robustness.domains import DeepCORAL as DeepCORAL, MinimumClassConfusion as MinimumClassConfusion
from .robustness.environments import InvariantRisk as InvariantRisk, VREx as VREx
from .segmentation.boundary import Boundary as Boundary, EdgeCrossEntropy as EdgeCrossEntropy, Hausdorff as Hausdorff
from .segmentation.centreline_dice import CentrelineDice as CentrelineDice
from .segmentation.dice import Dice as Dice
from .segmentation.dice_cross_entropy import DiceCrossEntropy as DiceCrossEntropy
from .segmentation.generalised_dice import (
    GeneralisedDice as GeneralisedDice,
    GeneralisedWassersteinDice as GeneralisedWassersteinDice,
)
from .segmentation.jaccard import Jaccard as Jaccard
from .segmentation.lovasz_hinge import LovaszHinge as LovaszHinge
from .segmentation.lovasz_softmax import LovaszSoftmax as LovaszSoftmax
from .segmentation.tversky import FocalTversky as FocalTversky, Tversky as Tversky
from .segmentation.unified_focal import UnifiedFocal as UnifiedFocal
from .self_supervision.alignment_uniformity import AlignmentUniformity as AlignmentUniformity
from .self_supervision.barlow_twins import BarlowTwins as BarlowTwins
from .self_supervision.co2 import CO2 as CO2
from .self_supervision.dino import DINO as DINO
from .self_supervision.ko_leo import KoLeo as KoLeo
from .self_supervision.masked_reconstruction import MaskedReconstruction as MaskedReconstruction
from .self_supervision.msn import MSN as MSN
from .self_supervision.sim_siam import SimSiam as SimSiam
from .self_supervision.swav import SwAV as SwAV
from .self_supervision.vic_reg import VICReg as VICReg
from .sequences.ctc import CTC as CTC
from .sequences.guided_attention import GuidedAttention as GuidedAttention
from .sequences.permutation_invariant import PermutationInvariant as PermutationInvariant
from .sequences.transducer import Transducer as Transducer
from .survival.accelerated_failure_time import AcceleratedFailureTime as AcceleratedFailureTime
from .survival.case_control_cox import CaseControlCox as CaseControlCox
from .survival.concordance import Concordance as Concordance
from .survival.cox import Cox as Cox
from .survival.deep_hit import DeepHit as DeepHit
from .survival.discrete_time import (
    MTLR as MTLR,
    DiscreteTimeHazard as DiscreteTimeHazard,
    DiscreteTimePMF as DiscreteTimePMF,
)
from .survival.piecewise_constant_hazard import PiecewiseConstantHazard as PiecewiseConstantHazard
from .survival.weibull_survival import WeibullSurvival as WeibullSurvival
from .time_series.dilate import DILATE as DILATE
from .time_series.soft_dtw import SoftDTW as SoftDTW
from .time_series.tilde_q import TildeQ as TildeQ
from .uncertainty.class_anchor import ClassAnchor as ClassAnchor
from .uncertainty.conformal_training import ConformalTraining as ConformalTraining
from .uncertainty.energy_bounded import EnergyBounded as EnergyBounded
from .uncertainty.evidential_classification import EvidentialClassification as EvidentialClassification
from .uncertainty.hypersphere import DeepSAD as DeepSAD, DeepSVDD as DeepSVDD
from .uncertainty.outlier_exposure import OutlierExposure as OutlierExposure
