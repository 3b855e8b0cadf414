"""Metrics of right and wrong yeses: a proper loss, and a threshold that is tuned."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import log

from ...losses import BinaryCrossEntropy, Dice, LogitAdjusted
from ..errors import ChoiceError
from . import tuning
from .designed import Design, Option
from .metrics_of_classes import ONLY_TRUE, balanced_classes, proper, quadratic_kappa
from .setting import Setting
from .tuning import Tuning, Value
from .words import no_value, one_number, share, told

#: Why a threshold is enough for every metric of the four counts that rewards right yeses.
_TOP = (
    "Of all ways to say yes equally often, taking the likeliest rows has the most right ones, and the metric grows "
    "with those. So the best decision is a threshold on the true probability, and only its place is open."
)


def _cut(name: str, value: Value, where: str, decide: str, *, more: tuple[Option, ...] = ()) -> Design:
    """A metric of the four counts: a proper loss, and a threshold that is tuned."""
    return Design(
        asked=name,
        loss=BinaryCrossEntropy(),
        estimates="probability",
        reads="the log-odds of yes; torch.sigmoid(prediction) is the probability",
        decide=f"{decide} Tune it on rows that the model was not trained on: design.tuned(probability, target).",
        why=f"{name[0].upper()}{name[1:]} is a property of a whole set of rows, so no loss that adds up over rows is "
        f"equal to it, and none needs to be. {_TOP} {where}",
        alternatives=more,
        warnings=("A threshold of one half is hardly ever the right one for it.", ONLY_TRUE),
        tuning=Tuning(name, value),
    )


def f_beta(value: str, setting: Setting) -> Design:
    """F-beta: a threshold of the best reachable F divided by 1 + β²."""
    beta = one_number(value, "fbeta", "fbeta=2")
    if not 0 < beta < float("inf"):
        raise ChoiceError(
            f"fbeta takes a positive beta, as in 'fbeta=2'; got {value}. Beta = 0 would be the precision."
        )
    name = f"F{beta:g}" if beta != 1 else "F1"
    where = (
        f"For {name} it lies at F*/{'2' if beta == 1 else f'(1 + {beta:g}²) = F*/{1 + beta**2:g}'}, where F* is the "
        f"best {name} that can be reached (Koyejo et al. 2014; Lipton et al. 2014 for F1): at most "
        f"{told(1 / (1 + beta**2))}, and near 0 for a task on which little can be told."
    )
    if setting.classes > 2:
        where += " Of several classes, F is taken for each, and each gets a threshold of its own."
    design = _cut(
        name,
        partial(tuning.f_beta, beta),
        where,
        f"Say yes from a probability of F*/{1 + beta**2:g} on.",
        more=(
            Option(
                loss=Dice(),
                why="For segmentation, where F1 (Dice) is taken within each image: it is the same ratio, made smooth. "
                "Its best scores are no probabilities.",
            ),
        )
        if beta == 1
        else (),
    )
    if setting.classes <= 2:
        return design
    loss, estimates, reads = proper(setting)
    return replace(design, loss=loss, estimates=estimates, reads=reads)


def f1(value: str, setting: Setting) -> Design:
    """F1."""
    no_value("f1", value)
    return f_beta("1", setting)


def f2(value: str, setting: Setting) -> Design:
    """F2."""
    return f_beta("2", setting)


def f_half(value: str, setting: Setting) -> Design:
    """F0.5."""
    return f_beta("0.5", setting)


def jaccard(value: str, setting: Setting) -> Design:
    """Intersection over union: a threshold of J* / (1 + J*)."""
    return _cut(
        "Jaccard",
        tuning.jaccard,
        "It lies at J*/(1 + J*), where J* is the best Jaccard index that can be reached; as J = F1/(2 - F1), that is "
        "the threshold of F1 too.",
        "Say yes from a probability of J*/(1 + J*) on.",
        more=(Option(loss=Dice(), why="For segmentation, where the ratio is taken within each image."),),
    )


def matthews(value: str, setting: Setting) -> Design:
    """Matthews' correlation."""
    return _cut(
        "Matthews' correlation",
        tuning.matthews,
        "No formula for it is short enough to be of use.",
        "Say yes from a threshold on.",
    )


def geometric_mean(value: str, setting: Setting) -> Design:
    """The geometric mean of sensitivity and specificity."""
    return _cut(
        "The geometric mean of both recalls",
        tuning.geometric,
        "It lies near the share of yes.",
        "Say yes from a threshold on.",
    )


def recall_at_fpr(value: str, setting: Setting) -> Design:
    """Recall at a false-positive rate: the likeliest rows, as many as the noes allow."""
    limit = share(one_number(value, "recall at fpr", "recall at fpr=0.01"), "recall at fpr", "recall at fpr=0.01")
    return _cut(
        f"recall at a false-positive rate of {told(limit)}",
        partial(tuning.recall_at_false_positives, limit),
        f"It lies where {told(100 * limit)} % of the noes are above it (the lemma of Neyman & Pearson: no other rule "
        "of that rate finds more).",
        f"Say yes above the {told(1 - limit)} quantile of the probabilities of noes.",
    )


def recall_at_precision(value: str, setting: Setting) -> Design:
    """Recall at a precision."""
    limit = share(
        one_number(value, "recall at precision", "recall at precision=0.9"), "precision", "recall at precision=0.9"
    )
    return _cut(
        f"recall at a precision of {told(limit)}",
        partial(tuning.recall_at_precision, limit),
        "It lies as low as the precision allows.",
        "Say yes from a threshold on.",
    )


def precision_at_recall(value: str, setting: Setting) -> Design:
    """Precision at a recall."""
    limit = share(
        one_number(value, "precision at recall", "precision at recall=0.8"), "recall", "precision at recall=0.8"
    )
    return _cut(
        f"precision at a recall of {told(limit)}",
        partial(tuning.precision_at_recall, limit),
        "It lies as high as the recall allows.",
        "Say yes from a threshold on.",
    )


def balanced_accuracy(value: str, setting: Setting) -> Design:
    """Balanced accuracy: a threshold at the share of yes."""
    if setting.classes > 2:
        return balanced_classes(setting)
    rate = setting.rate
    at = f"the share of yes, {told(rate)}" if rate is not None else "the share of yes in the data"
    design = _cut(
        "balanced accuracy",
        tuning.balanced,
        "A found yes is worth 1/(2 x share of yes) and a spared no 1/(2 x share of no), so the threshold is the share "
        "of yes itself (Menon et al. 2013).",
        f"Say yes from a probability of {at} on." + (" Give rate= to have it filled in." if rate is None else ""),
    )
    if rate is None:
        return design
    return replace(
        design,
        threshold=rate,
        score=log(rate / (1 - rate)),
        alternatives=(
            Option(
                loss=LogitAdjusted(prior=rate),
                score=0.0,
                why="The same decision with the share of yes inside the loss, and the cut at a score of 0 (Menon et "
                "al. 2021). Never both.",
            ),
            Option(loss=BinaryCrossEntropy(pos_weight=(1 - rate) / rate), score=0.0, why="The same by weights."),
        ),
    )


def kappa(value: str, setting: Setting) -> Design:
    """Cohen's kappa of two classes."""
    if setting.classes > 2:
        return quadratic_kappa(value, setting)
    return _cut(
        "Cohen's kappa", tuning.kappa, "No formula for it is short enough to be of use.", "Say yes from a threshold on."
    )


def precision(value: str, setting: Setting) -> Design:
    """Precision alone can be won by one sure yes."""
    raise ChoiceError(
        "precision (or specificity) alone is best when hardly anything is a yes, so there is nothing to design. Ask "
        "for "
        '"precision at recall=0.8", "precision at 100", or "fbeta=0.5".'
    )


def recall(value: str, setting: Setting) -> Design:
    """Recall alone is won by always saying yes."""
    raise ChoiceError(
        "recall alone is best when everything is a yes, so there is nothing to design. Ask for "
        '"recall at fpr=0.01", "recall at precision=0.9", or "fbeta=2".'
    )
