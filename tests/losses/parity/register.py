"""Every case there is: those of each area's tests, those of torch, of boosting and of further packages."""

from __future__ import annotations

from wald.cards import shelf

from ..audio import test_waveforms
from ..classification import test_ports as classification
from ..detection import test_peers as detection, test_rotated
from ..distillation import test_distillation
from ..divergences import test_distributions, test_samples
from ..embeddings import test_peers as embeddings
from ..finance import test_dispersion
from ..images import test_peers as images
from ..margins import test_ports as margins
from ..multilabel import test_multilabel
from ..ordinal import test_cumulative_link, test_ordinal, test_weighted_kappa
from ..penalties import test_penalties
from ..probabilistic import test_ports as probabilistic
from ..ranking import test_peers as ranking
from ..regression import test_ports as regression
from ..segmentation import test_peers as segmentation
from ..self_supervision import test_peers as self_supervision
from ..survival import test_ports as survival
from ..uncertainty import test_energies_and_spheres, test_evidence, test_uncertainty
from . import boosting, everyday, money, packages
from .case import Case

CASES: list[Case] = [
    *everyday.CASES,
    *boosting.CASES,
    *packages.CASES,
    *money.CASES,
    *regression.CASES,
    *probabilistic.CASES,
    *classification.CASES,
    *margins.CASES,
    *test_multilabel.CASES,
    *test_ordinal.CASES,
    *test_cumulative_link.CASES,
    *test_weighted_kappa.CASES,
    *test_uncertainty.CASES,
    *test_evidence.CASES,
    *test_energies_and_spheres.CASES,
    *segmentation.CASES,
    *detection.CASES,
    *test_rotated.CASES,
    *images.CASES,
    *embeddings.CASES,
    *self_supervision.CASES,
    *ranking.CASES,
    *test_waveforms.CASES,
    *test_distillation.CASES,
    *test_distributions.CASES,
    *test_samples.CASES,
    *survival.CASES,
    *test_penalties.CASES,
    *test_dispersion.CASES,
]

#: Names on cards that no case stands for, and why: a whole package, or one name.
NOT_COMPARED: dict[str, str] = {
    # Packages that do not load beside the versions that the others need.
    "LibMTL": "needs a torchvision of 2021; its formula is in a test of UncertaintyWeighting",
    "basicsr": "needs a torchvision of 2022",
    "chemprop": "needs RDKit and what comes with it; its bounds are in tests of OneSided",
    "mmdet": "needs mmcv compiled for this torch",
    "mmseg": "needs mmcv compiled for this torch; its formulas are in tests of Dice and EdgeCrossEntropy",
    "mmrotate": "needs mmcv compiled for this torch",
    "mord": "works with older versions of SciPy alone",
    "neuralforecast": "needs ray and what comes with it; its formula of TukeyLoss is in a test",
    "rlax": "needs TensorFlow Probability; EntropyBonus is held to torch's entropy",
    "speechbrain": "needs a torchaudio of the same version as torch",
    "statsmodels": "has no loss but a fitted model",
    "tensorflow_addons": "needs TensorFlow, and has been given up; its formula of ContrastiveLoss is in a test",
    "tensorflow_gan": "needs TensorFlow",
    "byol_pytorch": "has its loss inside its model since 0.8; its formula is in a test",
    # Names whose functions cannot be called with inputs of ours, or have another test.
    "keras.losses.circle": "the function of keras.losses.Circle",
    "liger_kernel.transformers.LigerTVDLoss": "a kernel for graphics cards; its formula is in a test",
    "lightgbm.multiclass": "its leaves are compared in tests/losses/classification/test_ports.py",
    "lightly.loss.regularizer.CO2Regularizer": "carries no gradient, which a test shows",
    "monai.losses.BoundaryLoss": "compared in tests/losses/segmentation/test_peers.py, with distances made there",
    "monai.losses.HausdorffDTLoss": "compared in tests/losses/segmentation/test_peers.py, image by image",
    "monai.losses.LogHausdorffDTLoss": "compared in tests/losses/segmentation/test_peers.py, image by image",
    "monai.losses.SoftclDiceLoss": "compared in tests/losses/segmentation/test_peers.py, in 2 and 3 dimensions",
    "neuralop.losses.H1Loss": "takes its slopes as of a periodic function",
    "open_clip.SigLipLoss": "exchanges its negatives between processes",
    "pycox.models.loss.CoxCCLoss": "the class of pycox.models.loss.cox_cc_loss",
    "pycox.models.loss.NLLMTLRLoss": "the class of pycox.models.loss.nll_mtlr",
    "pycox.models.loss.NLLPCHazardLoss": "the class of pycox.models.loss.nll_pc_hazard_loss",
    "pycox.models.loss.NLLPMFLoss": "the class of pycox.models.loss.nll_pmf",
    "pyro.infer.RenyiELBO": "takes a model and a guide, and no numbers",
    "pytorch_forecasting.metrics.MASE": "takes encoder and decoder of a batch of its own",
    "pytorch_forecasting.metrics.RMSE": "squared errors, of whose mean it takes the root outside its loss",
    "scoringrules.energy_score": "an old name of scoringrules.es_ensemble",
    "scoringrules.quantile_score": "takes one level a call; sklearn.metrics.mean_pinball_loss is compared",
    "scoringrules.variogram_score": "an old name of scoringrules.vs_ensemble",
    "sklearn.svm.LinearSVC": "its solution is where ours is flat, in tests/losses/margins/test_ports.py",
    "torchgan.losses.EnergyBasedDiscriminatorLoss": "takes the reconstruction of an autoencoder",
    "transformers.ViTMAEForPreTraining": "its value is compared, in tests/losses/self_supervision/test_peers.py",
    "transformers.models.dac.modeling_dac.DacVectorQuantize": "its value is compared, in tests/losses/generative",
    "ultralytics.utils.loss.VarifocalLoss": "its weights are its own, of a batch of its detector",
    "vector_quantize_pytorch.VectorQuantize": "keeps codes of its own and updates them as it goes",
    "xgboost.reg:expectileerror": "in versions after 3.2, which have not been released",
}


def uncompared() -> set[str]:
    """Names on cards that neither a case nor a reason stands for."""
    compared = {case.name for case in CASES}
    named = {name for entry in shelf.catalogue().values() for name in entry.card.ports}
    return {name for name in named - compared if not {name, name.partition(".")[0]} & NOT_COMPARED.keys()}
