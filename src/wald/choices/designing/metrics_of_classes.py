"""Metrics of classes and of their probabilities: a proper loss, and what to read from it."""

from __future__ import annotations

from ...core import Loss
from ...losses import BinaryCrossEntropy, Brier, CrossEntropy, Hinge, Ordinal, Squared
from . import tuning
from .designed import Design, Option
from .setting import Setting
from .tuning import Tuning

PROPER = (
    "The logistic loss is strictly proper: its best prediction is the true probability, and whatever decision is best "
    "can be read from that."
)


ONLY_TRUE = (
    "This holds for the true probability. A model that is too small for it may do better if it is trained where the "
    "cut will be; compare with wald.choose."
)


def proper(setting: Setting) -> tuple[Loss, str, str]:
    """The proper loss for so many classes, what it estimates, and how its prediction is read."""
    if setting.classes > 2:
        return (
            CrossEntropy(),
            "distribution",
            "one score for each class; torch.softmax(prediction, -1) are probabilities",
        )
    return BinaryCrossEntropy(), "probability", "the log-odds of yes; torch.sigmoid(prediction) is the probability"


def balanced_classes(setting: Setting) -> Design:
    """Balanced accuracy of several classes: the probability compared with how common a class is."""
    loss, estimates, reads = proper(setting)
    return Design(
        asked=f"balanced accuracy of {setting.classes} classes",
        loss=loss,
        estimates=estimates,
        reads=reads,
        decide="Take the class with the largest probability divided by its share in the training data.",
        why="A found row of a class is worth 1 / (classes x its share), so the best decision is the class whose "
        f"probability is largest compared with how common it is. {PROPER} With the shares at hand "
        "wald.LogitAdjusted(prior=shares) has that decision as its highest score (Menon et al. 2021).",
        warnings=(ONLY_TRUE,),
    )


def accuracy(value: str, setting: Setting) -> Design:
    """Accuracy: the likeliest class."""
    loss, estimates, reads = proper(setting)
    binary = setting.classes <= 2
    return Design(
        asked="accuracy" if binary else f"accuracy of {setting.classes} classes",
        loss=loss,
        estimates=estimates,
        reads=reads,
        decide="Say yes where the raw prediction is 0 or more." if binary else "Take the class with the highest score.",
        why="The most right decisions come from taking the likeliest class, and accuracy itself is flat, so nothing "
        f"can be learned from its slope. {PROPER}",
        threshold=0.5 if binary else None,
        score=0.0 if binary else None,
        alternatives=(
            Option(
                loss=Hinge(),
                score=0.0,
                why="Also finds the likelier side (Bartlett, Jordan & McAuliffe 2006), and gives no probability.",
            ),
        )
        if binary
        else (),
        warnings=(
            "Where one class is rare, always saying the other is nearly always right. If that is no use to you, "
            "accuracy is not your metric: say what mistakes cost, wald.design(costs=...).",
        ),
        tuning=Tuning("accuracy", tuning.accuracy) if binary else None,
    )


def top_k(value: str, setting: Setting) -> Design:
    """Top-k accuracy: the k likeliest classes."""
    return Design(
        asked=f"top-{value or 'k'} accuracy",
        loss=CrossEntropy(),
        estimates="distribution",
        reads="one score for each class",
        decide=f"Take the {value or 'k'} classes with the highest scores.",
        why="The best k classes are the k likeliest. Cross-entropy is strictly proper, so the order of its best "
        "scores is the order of the true probabilities.",
    )


def quadratic_kappa(value: str, setting: Setting) -> Design:
    """Kappa with quadratic weights: none is known; squared error on the levels with tuned cuts is what is done."""
    levels = max(3, setting.classes)
    return Design(
        asked="kappa with quadratic weights",
        loss=Squared(),
        estimates="mean",
        consistent=False,
        reads="the mean level of a row, a number between the levels",
        decide="Round to levels at cuts that are tuned on rows that the model was not trained on.",
        why="No loss that adds up over rows is known to be consistent for it: what a row is worth depends on how "
        "often each level is predicted in all. The nearest thing that is done, and that wins contests: predict the "
        "mean level, whose squared distance is the numerator of the metric, and tune the cuts between levels.",
        alternatives=(
            Option(
                loss=Ordinal(levels=levels), why="Gives the probability of each level, of which the mean level follows."
            ),
        ),
    )


def log_loss(value: str, setting: Setting) -> Design:
    """The metric is the loss."""
    loss, estimates, reads = proper(setting)
    return Design(
        asked="log loss",
        loss=loss,
        estimates=estimates,
        reads=reads,
        why=f"The metric adds up over rows and has a slope: it is the loss. {PROPER}",
        warnings=("Log loss is measured on true probabilities: no class weights, no smoothing, no focal term.",),
    )


def brier(value: str, setting: Setting) -> Design:
    """The metric is the loss, or its steeper sister."""
    binary = setting.classes <= 2
    loss, estimates, reads = proper(setting)
    return Design(
        asked="Brier score",
        loss=Brier() if binary else Brier(kind="multiclass"),
        estimates=estimates,
        reads=reads,
        why="The metric adds up over rows and has a slope: it is the loss, taken of the sigmoid of a score, and "
        "strictly proper.",
        alternatives=(
            Option(
                loss=loss,
                why="Has the same best prediction, is convex, and still pulls where a prediction is sure and wrong, "
                "where the slope of the Brier score fades: often the better way to a good Brier score.",
            ),
        ),
    )


def calibration(value: str, setting: Setting) -> Design:
    """Calibration error alone can be won by the base rate."""
    loss, estimates, reads = proper(setting)
    return Design(
        asked="calibration error",
        loss=loss,
        estimates=estimates,
        consistent=False,
        reads=reads,
        decide="Recalibrate on rows that the model was not trained on, by one temperature, if it is still off.",
        why="Calibration error alone is perfect for a model that always says the base rate, so no loss should aim at "
        f"it alone. {PROPER} A proper loss rewards calibration and telling rows apart together.",
    )
