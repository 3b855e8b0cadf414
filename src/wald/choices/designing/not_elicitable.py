"""Statistics that have no loss of their own: what is done in their place."""

from __future__ import annotations

from dataclasses import replace

from ...losses import Absolute, CrossEntropy, FisslerZiegel, GaussianNLL, Pinball, Squared
from ...wrappers import Bounded
from ..errors import ChoiceError
from .designed import Design, Option
from .facts import Facts
from .words import no_value, one_number, share, told


def risk_pair(value: str, facts: Facts) -> Design:
    """Value at risk with the expected shortfall beyond it: only the pair has a loss."""
    example = "var and es=0.025"
    level = share(one_number(value, "the level of a value at risk", example), "the level of a value at risk", example)
    # By custom a small level speaks of gains whose low ones hurt, and one near 1 of losses whose high ones do.
    upper = level > 0.5
    loss = FisslerZiegel(level=level)
    beyond = 1 - level if upper else level
    return Design(
        asked=f"value at risk and expected shortfall at {told(level)}",
        loss=loss,
        estimates=str(loss.card.elicits),
        reads=f"two columns: the {told(level)} quantile of the target, and the log of the size of the mean beyond it",
        decide="The shortfall is exp(second column)." if upper else "The shortfall is -exp(second column).",
        why=(
            f"The mean of the worst {told(100 * beyond)} % of targets cannot be the best prediction of any loss of "
            "its own, but the pair of it and the quantile where it begins can (Fissler & Ziegel 2016). This is the "
            "member of that family that ranks forecasts alike in every currency (Patton, Ziegel & Chen 2019). "
            + ("Targets are losses: high ones hurt." if upper else "Targets are gains: low ones hurt.")
        ),
        alternatives=(Option(loss=Pinball(level=level), why="The value at risk alone."),),
        warnings=(
            f"Only {told(100 * beyond)} % of the rows speak of the tail; with fewer than {told(300 / beyond)} rows "
            "the shortfall is a guess.",
            "The shortfall must have the sign of a "
            + ("loss (positive)" if upper else "loss (negative)")
            + "; shift the targets by a constant first if it may not.",
        ),
    )


def shortfall_alone(value: str, facts: Facts) -> Design:
    """The expected shortfall alone: by way of the pair."""
    design = risk_pair(value, facts)
    return replace(
        design,
        asked=f"the expected shortfall at {value}",
        reads=f"{design.reads}; the shortfall is what you asked for",
        warnings=(
            "No loss of the expected shortfall alone has it as its best prediction (Gneiting 2011): it is not "
            "elicitable. Together with the value at risk it is, so the model predicts both.",
            *design.warnings,
        ),
    )


def mode(value: str, facts: Facts) -> Design:
    """The mode: the peak of a blurred density."""
    width = one_number(value, "mode", "mode=1.0") if value else 1.0
    if not 0 < width < float("inf"):
        raise ChoiceError(
            f"mode=width takes a positive width in the unit of the target, as in 'mode=1.0'; got {value}."
        )
    loss = Bounded(Squared(), 2 * width**2)
    return Design(
        asked="the mode",
        loss=loss,
        consistent=False,
        reads=f"the peak of the density of the target, once it is blurred by a bell of width {told(width)}",
        why=(
            "No loss has the mode of a continuous target as its best prediction: it is not elicitable (Heinrich "
            "2014). The nearest thing that is done: a squared error that levels off (Welsch's loss). Its mean is a "
            f"constant minus the density of the target blurred by a bell of standard deviation {told(width)}, so its "
            "best prediction is the peak of that, and tends to the mode as the width goes to 0."
        ),
        alternatives=(
            Option(loss=CrossEntropy(), why="The mode of a class: train probabilities and take the likeliest."),
            Option(loss=Absolute(), why="The median, which has a loss of its own and equals the mode where the law is "
                "symmetric."),
        ),
        warnings=(
            "It has several low points: begin from a model that was trained with Absolute, and set the width to about "
            "the spread of the target around its prediction (a small one learns from hardly any row).",
            *(() if value else ("The width of 1 is a guess; write mode=width in the unit of your target.",)),
        ),
    )  # fmt: skip


def variance(value: str, facts: Facts) -> Design:
    """The variance: together with the mean."""
    no_value("variance", value)
    loss = GaussianNLL()
    return Design(
        asked="the variance",
        loss=loss,
        estimates=str(loss.card.elicits),
        reads="two columns: the mean, and the log of the variance around it",
        decide="The variance is exp(second column).",
        why=(
            "No loss of the variance alone has it as its best prediction: two laws may share a variance that their "
            "mixture does not have (Gneiting 2011). Together with the mean it is elicitable, and the Gaussian "
            "negative log-likelihood has just that pair as its minimiser, whatever the law of the target."
        ),
        alternatives=(
            Option(
                loss=Squared(),
                why="In two steps: train the mean m, then train a second model on the squared residuals (y - m)² of "
                "other rows, whose mean is the variance.",
            ),
        ),
        warnings=("One enormous target moves the variance by its square.",) if facts.heavy_tails else (),
    )


def extreme(value: str, facts: Facts) -> Design:
    """The largest and the smallest target depend on how many rows there are."""
    raise ChoiceError(
        "the largest or the smallest target: no loss that is averaged over rows has it as its best prediction, as it "
        'depends on how many rows there are. Ask for a quantile far out: statistic="quantile=0.99".'
    )
