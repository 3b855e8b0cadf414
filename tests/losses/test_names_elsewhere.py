"""The losses of ten packages by their own names: each is found by `wald.get`, or it is told why it is not.

The names are asked of the packages, so that a new release with a new loss is noticed here. LightGBM and CatBoost do not
tell theirs; these are those of their documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
import inspect
import re

import pytest

import wald

from .parity.case import attribute

pytestmark = pytest.mark.filterwarnings("ignore")


def of(module: str, wanted: Callable[[str], bool]) -> list[str]:
    """The public names of a module that `wanted` takes for losses."""
    return [f"{module}.{name}" for name in dir(attribute(module)) if not name.startswith("_") and wanted(name)]


def torch() -> list[str]:
    functions = re.compile(r"_loss$|_loss_|kl_div$|cross_entropy")
    return of("torch.nn", lambda name: name.endswith("Loss")) + of(
        "torch.nn.functional", lambda name: bool(functions.search(name))
    )


def keras() -> list[str]:
    return of("keras.losses", lambda name: name not in ("Loss", "deserialize", "serialize", "get"))


def optax() -> list[str]:
    return of("optax.losses", lambda name: callable(attribute(f"optax.losses.{name}")))


def scikit_learn() -> list[str]:
    metrics = of("sklearn.metrics", lambda name: name.endswith(("_loss", "_error", "_deviance")))
    return metrics + [f"sklearn.{name}" for name in attribute("sklearn.linear_model.SGDClassifier").loss_functions]


def xgboost() -> list[str]:
    """What it says that it has, when it is asked for what it has not."""
    library = attribute("xgboost")
    with pytest.raises(library.core.XGBoostError) as told:
        library.train({"objective": "none", "verbosity": 0}, library.DMatrix([[0.0]], label=[0.0]), 1)
    return [f"xgboost.{name}" for name in sorted(set(re.findall(r"candidate: (\S+)", str(told.value))))]


def lightgbm() -> list[str]:
    attribute("lightgbm")
    names = """regression regression_l1 huber fair poisson quantile mape gamma tweedie binary multiclass multiclassova
        cross_entropy cross_entropy_lambda lambdarank rank_xendcg"""
    return [f"lightgbm.{name}" for name in names.split()]


def catboost() -> list[str]:
    attribute("catboost")
    names = """RMSE MAE MAPE SMAPE Poisson Quantile MultiQuantile RMSEWithUncertainty LogLinQuantile Lq Huber Expectile
        Tweedie LogCosh FairLoss MultiRMSE MultiRMSEWithMissingValues SurvivalAft Cox Logloss CrossEntropy Focal
        MultiClass MultiClassOneVsAll MultiLogloss MultiCrossEntropy PairLogit PairLogitPairwise YetiRank
        YetiRankPairwise LambdaMart StochasticFilter StochasticRank QueryCrossEntropy QueryRMSE QuerySoftMax"""
    return [f"catboost.{name}" for name in names.split()]


def trl() -> list[str]:
    """The kinds of loss that two of its trainers compare a setting with."""
    found: list[str] = []
    for short in ("dpo", "grpo"):
        trainer = attribute(f"trl.trainer.{short}_trainer.{short.upper()}Trainer")
        source = inspect.getsource(trainer._compute_loss)
        kinds = re.findall(r'loss_type == "(\w+)"', source) + re.findall(
            r'"(\w+)"', " ".join(re.findall(r"loss_type in \[(.*?)\]", source))
        )
        found += [f"trl.{short}.{kind}" for kind in dict.fromkeys(kinds)]
    return [*found, "trl.RewardTrainer"]


def pml() -> list[str]:
    return of("pytorch_metric_learning.losses", lambda name: name.endswith("Loss"))


def monai() -> list[str]:
    return of("monai.losses", lambda name: name.endswith("Loss"))


PACKAGES = [torch, keras, optax, scikit_learn, xgboost, lightgbm, catboost, trl, pml, monai]

PROBABILITIES = "takes probabilities; give logits to the loss here, which keeps its digits"
METRIC = "a metric, which has no slope"
OWN = "another function than any loss here"
SUM = "a sum of losses that are here, or a wrapper of one"
PREFERENCES = "with the preferences and policies that are still to come"

OTHER_PAIRS = (
    *("hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard"),
    *("aot", "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft"),
)

#: What is not found, and why.
NOT_SHARED: dict[str, str] = {
    "torch.nn.AdaptiveLogSoftmaxWithLoss": "a layer with weights, and its loss",
    "torch.nn.LinearCrossEntropyLoss": "a layer with weights; objectives have fused heads",
    "torch.nn.BCELoss": PROBABILITIES,
    "torch.nn.functional.binary_cross_entropy": PROBABILITIES,
    "torch.nn.functional.linear_cross_entropy": "a layer with weights; objectives have fused heads",
    "keras.losses.CategoricalHinge": "counts the true class as a rival of score 0, which a test of CrammerSinger shows",
    "keras.losses.categorical_hinge": "counts the true class as a rival of score 0",
    "optax.losses.convex_kl_divergence": "adds what is convex where its inputs are no probabilities",
    "optax.losses.generalized_kl_divergence": "of numbers that do not add up to 1",
    "optax.losses.cosine_similarity": "a similarity; one less it is CosineDistance",
    "optax.losses.ctc_loss_with_forward_probs": "CTC, with its table beside it",
    "optax.losses.l2_loss": "half of Squared",
    "optax.losses.make_fenchel_young_loss": "makes losses of a function; Entmax is the one that is used",
    "optax.losses.multiclass_generalized_dice_loss": "GeneralisedDice, with constants of its own",
    "optax.losses.perceptron_loss": "Hinge without a margin; CrammerSinger(margin=0) of two classes",
    "optax.losses.sparsemax_loss": "Entmax(alpha=2) of two classes, of which the first scores 0",
    "optax.losses.smooth_labels": "a change of the target; label_smoothing= of the loss",
    "sklearn.metrics.brier_score_loss": PROBABILITIES,
    "sklearn.metrics.coverage_error": METRIC,
    "sklearn.metrics.hamming_loss": METRIC,
    "sklearn.metrics.label_ranking_loss": METRIC,
    "sklearn.metrics.max_error": METRIC,
    "sklearn.metrics.mean_gamma_deviance": "twice the excess of Gamma over a perfect prediction, of means",
    "sklearn.metrics.mean_poisson_deviance": "twice the excess of Poisson over a perfect prediction, of means",
    "sklearn.metrics.mean_tweedie_deviance": "twice the excess of Tweedie over a perfect prediction, of means",
    "sklearn.metrics.median_absolute_error": METRIC,
    "sklearn.metrics.root_mean_squared_log_error": "the root of the mean of SquaredLog",
    "sklearn.metrics.zero_one_loss": METRIC,
    "sklearn.perceptron": "Hinge without a margin",
    "sklearn.squared_error": "half of Squared",
    "sklearn.huber": "Huber(delta=0.1)",
    "xgboost.rank:map": "changes its weights as it goes, by a metric of its own",
    "xgboost.rank:ndcg": "LambdaRank with pairs that it draws",
    "xgboost.rank:pairwise": "RankNet with pairs that it draws",
    "xgboost.reg:linear": "an old name of reg:squarederror",
    "lightgbm.multiclassova": "BinaryCrossEntropy of each class",
    "lightgbm.cross_entropy_lambda": "a Poisson form of cross-entropy",
    "lightgbm.lambdarank": "LambdaRank with a truncation and a norm of its own",
    "lightgbm.rank_xendcg": "draws new targets in every step",
    "catboost.MultiQuantile": "the sum of Pinball(level=...) over its levels, where ours is the mean",
    "catboost.LogLinQuantile": "Pinball of exp of the score",
    "catboost.MultiRMSE": "Squared, added up over an example's targets",
    "catboost.MultiRMSEWithMissingValues": "Squared with a mask",
    "catboost.Cox": "Cox, whose ties it takes in the order of the rows",
    "catboost.Focal": "Focal of probabilities that it clips",
    "catboost.MultiClassOneVsAll": "BinaryCrossEntropy of each class",
    "catboost.MultiLogloss": "BinaryCrossEntropy of each label",
    "catboost.MultiCrossEntropy": "BinaryCrossEntropy of each label",
    "catboost.PairLogitPairwise": "PairLogit, with another way to fit leaves",
    "catboost.YetiRank": "draws permutations of its own",
    "catboost.YetiRankPairwise": "draws permutations of its own",
    "catboost.LambdaMart": "LambdaRank with settings of its own",
    "catboost.StochasticFilter": "draws noise of its own",
    "catboost.StochasticRank": "draws noise of its own",
    "catboost.QueryCrossEntropy": "cross-entropy after the best shift of each group",
    **{f"trl.dpo.{kind}": PREFERENCES for kind in OTHER_PAIRS},
    **{f"trl.grpo.{kind}": PREFERENCES for kind in ("cispo", "sapo", "vespo")},
    **{
        f"pytorch_metric_learning.losses.{name}Loss": why
        for name, why in {
            "Contrastive": "HingeEmbedding, of each sign by itself, over the pairs that cost something",
            "DynamicSoftMargin": "keeps a histogram of its own",
            "GenericPair": "the parent of others",
            "Instance": "a layer with weights and cross-entropy",
            "LargeMarginSoftmax": "SphereFace of proxies whose lengths count",
            "Manifold": "walks a graph of proxies that it draws",
            "P2SGrad": OWN,
            "RankedList": OWN,
            "SelfSupervised": SUM,
            "SignalToNoiseRatioContrastive": OWN,
            "SubCenterArcFace": "ArcFace of the best of several centres: give it the largest cosine of each class",
            "ThresholdConsistentMargin": OWN,
        }.items()
    },
    **{
        f"monai.losses.{name}Loss": why
        for name, why in {
            "AUCM": "a game with variables of its own",
            "BarlowTwins": "divides by N where its deviation divides by N - 1, which a test of BarlowTwins shows",
            "DeepSupervision": SUM,
            "DiceFocal": SUM,
            "GeneralizedDiceFocal": SUM,
            "LocalNormalizedCrossCorrelation": "LocalCrossCorrelation, but for windows that reach over the border",
            "MaskedDice": "Dice with a mask",
            "Masked": "any loss with a mask",
            "MultiScale": SUM,
            "NACL": OWN,
            "PatchAdversarial": "GANDiscriminator and GANGenerator of scores that it bends, which a test shows",
            "Perceptual": "needs the weights of a trained network",
            "SURE": "takes a model, which it calls",
            "SoftDicecl": SUM,
            "SoftDiceclDice": SUM,
        }.items()
    },
}


def found(names: Iterable[str]) -> set[str]:
    """Those that `wald.get` finds."""
    there: set[str] = set()
    for name in names:
        try:
            wald.get(name)
        except KeyError:
            continue
        there.add(name)
    return there


@pytest.mark.peers
@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_each_loss_of_a_package_is_found_or_told_why_not(package: Callable[[], list[str]]) -> None:
    try:
        names = package()
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed")
    assert len(names) >= 12
    missing_ones = set(names) - found(names)
    assert missing_ones - NOT_SHARED.keys() == set()
    assert NOT_SHARED.keys() & found(names) == set(), "found, and said not to be"


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("torch.nn.functional.huber_loss", "Huber"),
        ("torch.nn.functional.l1_loss", "Absolute"),
        ("optax.losses.squared_error", "Squared"),
        ("pml.losses.ArcFaceLoss", "ArcFace"),
        ("trl.grpo.dapo", "GRPO"),
        ("monai.losses.dice_loss", "Dice"),
    ],
)
def test_one_function_of_a_library_under_all_its_names(name: str, loss: str) -> None:
    kind = wald.get(name)
    assert kind.__name__ == loss
    assert kind(like=name) == kind(like=next(port for port in kind.card.ports if port.startswith(_long(name))))


def _long(name: str) -> str:
    first = name.partition(".")[0]
    return {"pml": "pytorch_metric_learning"}.get(first, first)


def test_a_name_that_is_two_losses_elsewhere_is_not_guessed() -> None:
    """Of two losses under one last name in one library, neither is more meant than the other."""
    with pytest.raises(KeyError, match="The nearest are"):
        wald.get("torch.nowhere.huber_loss_of_nobody")


def test_what_is_not_found_is_answered_with_the_nearest() -> None:
    with pytest.raises(KeyError, match=r"The nearest are \w+"):
        wald.get("keras.losses.CategoricalHinge")
