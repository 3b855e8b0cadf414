"""Metrics of numbers: which statistic each of them rewards."""

from __future__ import annotations

from dataclasses import replace

from ...losses import Absolute, Gamma, Percentage, Poisson, Squared, SquaredLog
from ...wrappers import Truncated
from ..errors import ChoiceError
from .designed import Design, Option
from .from_statistic import from_statistic
from .setting import Setting
from .words import one_number, share, told


def absolute(value: str, setting: Setting) -> Design:
    """MAE: the median."""
    design = from_statistic("median", setting.facts)
    return replace(
        design, asked="MAE", why=f"The metric adds up over rows: it is the loss, and rewards the median. {design.why}"
    )


def scaled(value: str, setting: Setting) -> Design:
    """MASE: the median, each series by its own scale."""
    design = absolute("", setting)
    return replace(
        design,
        asked="MASE",
        decide="Give each row the weight 1 / (mean absolute change of its series in the training data).",
        why="MASE divides the absolute errors of each series by a number that no forecast changes. So it is the "
        "absolute error with a weight for each series, and rewards the median.",
    )


def relative_sum(value: str, setting: Setting) -> Design:
    """WAPE: the median."""
    design = absolute("", setting)
    return replace(
        design,
        asked="WAPE",
        why="WAPE is the sum of absolute errors divided by the sum of the targets, which no forecast changes. So it "
        "is the absolute error, and rewards the median: over-full or empty shelves are not what it sees.",
    )


def percentage(value: str, setting: Setting) -> Design:
    """MAPE: a median of small targets."""
    return Design(
        asked="MAPE",
        loss=Percentage(),
        estimates="weighted median(y^-1)",
        reads="the median of the targets when each counts 1 / its size: lower than the median",
        why="The metric adds up over rows: it is the loss. But it rewards forecasts that are too low: a forecast of 0 "
        "never costs more than 100 %, one that is too high costs without limit. For a log-normal target (0, 1) its "
        "best forecast is 0.37, where the median is 1 and the mean 1.65.",
        alternatives=(
            Option(
                loss=Absolute(),
                why="Trained on log(target): errors by ratio, both sides alike; its best forecast is the median.",
            ),
            Option(loss=Gamma(), why="Errors by ratio, and the mean as its best forecast; targets above 0."),
            Option(
                loss=Absolute(), why="For WAPE, the sum of errors over the sum of targets, which zeros do not break."
            ),
        ),
        warnings=(
            'Targets of 0 have no percentage, and are refused; Percentage(zero="floor") divides by at least 1.',
            "If you may choose the metric, choose another: ask who pays for forecasts that are too low.",
        ),
    )


def symmetric_percentage(value: str, setting: Setting) -> Design:
    """SMAPE: no convex loss is known; logs are nearest."""
    return Design(
        asked="sMAPE",
        loss=Absolute(),
        estimates="median",
        consistent=False,
        reads="with log(target) as the target: the log of the median",
        decide="Train on log(target), and take exp(prediction).",
        why="sMAPE divides each error by the sum of forecast and target. It is a loss by row, but neither convex nor "
        "with a statistic that has a name; no better surrogate is known. For errors that are small against the target "
        "it equals the absolute error of the logs, which is the nearest thing that is done.",
        warnings=("Targets of 0 always cost the most, whatever is predicted; they teach nothing.",),
    )


def squared(value: str, setting: Setting) -> Design:
    """MSE and RMSE: the mean."""
    design = from_statistic("mean", setting.facts)
    own = Option(loss=Squared(), why="The metric itself; most alike where the model cannot reach the mean.")
    others = tuple(one for one in design.alternatives if not isinstance(one.loss, Squared))
    return replace(
        design,
        asked="RMSE",
        why=f"The square root changes no order, so RMSE is the squared error, and rewards the mean. {design.why}",
        alternatives=(own, *others) if not isinstance(design.loss, Squared) else others,
    )


def explained(value: str, setting: Setting) -> Design:
    """R²: the mean."""
    return replace(
        squared("", setting),
        asked="R²",
        why="R² is 1 minus the squared error divided by the spread of the targets, which no forecast changes: the "
        f"squared error, turned over. It rewards the mean. {from_statistic('mean', setting.facts).why}",
    )


def correlation(value: str, setting: Setting) -> Design:
    """Pearson's correlation: the mean, up to shift and scale."""
    return replace(
        squared("", setting),
        asked="Pearson correlation",
        why="No function of the inputs is more correlated with the target than its mean given the inputs, and the "
        "squared error has that as its best prediction. A correlation sees neither shift nor scale, so a biased "
        "forecast can win it.",
    )


def rank_correlation(value: str, setting: Setting) -> Design:
    """Rank correlation: none is known; the squared error of ranks is nearest."""
    return Design(
        asked="rank correlation",
        loss=Squared(),
        estimates="mean",
        consistent=False,
        reads="with the rank of the target as the target, as a share: the mean rank",
        decide="Train on the rank of each target among the training rows, divided by their number.",
        why="A rank depends on all rows, so no loss that adds up over rows is it, and none is known to be consistent "
        "for it in general. The nearest thing that is done: predict the mean rank, which is what is most correlated "
        "with the ranks.",
    )


def squared_log(value: str, setting: Setting) -> Design:
    """RMSLE: the mean of the logs."""
    return Design(
        asked="RMSLE",
        loss=SquaredLog(),
        estimates="mean through log1p",
        reads="exp(mean of log(1 + y)) - 1, near the geometric mean: below the mean",
        why="The square root changes no order, so RMSLE is the squared error of log(1 + y): the metric is the loss.",
        alternatives=(
            Option(
                loss=Squared(), why="On log(1 + target), with exp(prediction) - 1 afterwards: the same, and convex."
            ),
        ),
        warnings=("Sums of such forecasts are too low.",),
    )


def median_error(value: str, setting: Setting) -> Design:
    """The median absolute error: none is known."""
    return Design(
        asked="median absolute error",
        loss=Truncated(Absolute(), 1.0),
        consistent=False,
        reads="near the middle of where the targets are densest",
        why="The median of errors is a property of all rows: half of them may be as wrong as they like. No consistent "
        "loss that adds up over rows is known, and its best constant is the middle of the shortest range that holds "
        "half of the targets. The nearest thing that is done: an absolute error that stops counting at a cap.",
        alternatives=(
            Option(loss=Absolute(), why="The median, which is the same for symmetric targets; begin with it."),
        ),
        warnings=(
            "The cap of 1 is a guess, in the unit of the target: set it to the error that half of the rows should "
            "stay below.",
        ),
    )


def largest_error(value: str, setting: Setting) -> Design:
    """The largest error: none is known."""
    return Design(
        asked="largest error",
        loss=Squared(),
        estimates="mean",
        consistent=False,
        reads="the mean",
        why="The largest error is decided by one row, and its best constant, the middle of the range, depends on how "
        "many rows there are; no loss that adds up over rows has it. The nearest thing that is done: a loss that "
        "minds large errors most, with the hard rows counted alone: loss(prediction, target, "
        "reduction=wald.CVaR(0.1)).",
        warnings=("One wrong label decides this metric.",),
    )


def poisson(value: str, setting: Setting) -> Design:
    """Poisson deviance: the metric is the loss."""
    return _deviance("Poisson deviance", Poisson())


def gamma(value: str, setting: Setting) -> Design:
    """Gamma deviance: the metric is the loss."""
    return _deviance("gamma deviance", Gamma())


def _deviance(asked: str, loss: Poisson | Gamma) -> Design:
    return Design(
        asked=asked,
        loss=loss,
        estimates="mean through log",
        reads="the log of the mean",
        decide="Take exp(prediction) for the mean.",
        why="A deviance is twice what the loss is above its value for a perfect forecast, which no forecast changes: "
        "the metric is the loss, and rewards the mean.",
    )


def pinball(value: str, setting: Setting) -> Design:
    """The pinball loss: its quantile."""
    level = share(one_number(value, "pinball", "pinball=0.9"), "pinball", "pinball=0.9") if value else 0.5
    design = from_statistic(f"quantile={level}", setting.facts)
    return replace(
        design,
        asked=f"pinball loss at {told(level)}",
        why=f"The metric adds up over rows: it is the loss. {design.why}",
    )


def crps(value: str, setting: Setting) -> Design:
    """CRPS: many quantiles."""
    levels = ",".join(f"{(k + 0.5) / 19:.4f}" for k in range(19))
    design = from_statistic(f"quantiles={levels}", setting.facts)
    return replace(
        design,
        asked="CRPS",
        why="The CRPS of a forecast law is twice its pinball loss, averaged over all levels; 19 evenly spread levels "
        "come close. It rewards the true law.",
    )


def coverage(value: str, setting: Setting) -> Design:
    """Coverage alone can be won by a range without end."""
    raise ChoiceError(
        "coverage alone is won by a range without end, so there is nothing to design. Ask for the range that holds "
        "90 % and is "
        'as narrow as it can be: statistic="interval=0.9".'
    )
