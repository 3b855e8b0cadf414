"""The mean, and which of its many losses to take."""

from __future__ import annotations

from ...core import Loss
from ...losses import Gamma, NegativeBinomial, Poisson, Squared, SquaredLog, Tweedie
from .designed import Design, Option
from .facts import Facts
from .words import no_value


def mean(value: str, facts: Facts) -> Design:
    """The mean: of its consistent losses the one that fits how the target varies."""
    no_value("mean", value)
    order, reason = _mean_losses(facts)
    first, *others = order
    warnings: list[str] = []
    if facts.heavy_tails:
        warnings.append(
            "The mean itself hears every enormous value: a robust loss (Huber, Absolute) would be calmer because it "
            "estimates something else, less than the mean where the tail is on the right."
        )
    through_log = first.card.elicits == "mean through log"
    return Design(
        asked=f"the mean{f' of a target: {facts.told}' if facts.told else ''}",
        loss=first,
        estimates=str(first.card.elicits),
        reads="the log of the mean" if through_log else "the mean",
        decide="Take exp(prediction) for the mean." if through_log else "",
        why=(
            "Every consistent loss of the mean is a Bregman divergence (Savage 1971), so all of these have the same "
            "best prediction; they differ in which errors count how much while the model is not perfect, and are most "
            f"precise where the variance of the target grows as they suppose. {reason}"
        ),
        alternatives=tuple(Option(loss=loss, why=_SUPPOSES[type(loss)]) for loss in others),
        warnings=tuple(warnings),
    )


#: How the variance of a target must grow with its mean for each loss of the mean to be the most precise.
_SUPPOSES: dict[type[Loss], str] = {
    Squared: "The mean too; supposes a spread that is the same at every mean, and lets large rows rule where it grows.",
    Poisson: "The mean too; supposes a variance in proportion to the mean.",
    NegativeBinomial: "The mean too; supposes a variance of mean + dispersion x mean², as counts mostly have.",
    Tweedie: "The mean too; supposes many zeros and a variance that grows as mean^power.",
    Gamma: "The mean too; supposes a spread in proportion to the mean, so errors count by ratio. No target may be 0.",
}


def _mean_losses(facts: Facts) -> tuple[list[Loss], str]:
    if facts.counts and facts.heavy_tails:
        return [NegativeBinomial(), Poisson(), Tweedie(), Squared()], (
            "Counts with a heavy tail vary more than their mean, and the negative binomial loss supposes so: a miss "
            "of a large mean weighs less than with Poisson. Set its dispersion to the mean of ((y - m)² - m) / m²."
        )
    if facts.counts:
        return [Poisson(), NegativeBinomial(), Tweedie(), Squared()], (
            "Counts vary about as much as their mean, which is what Poisson supposes; its log keeps every mean "
            "positive, and zeros do no harm."
        )
    if facts.zeros:
        return [Tweedie(), Poisson(), Squared()], (
            "Amounts that are often 0 and sometimes large are what Tweedie supposes; its log keeps every mean positive."
        )
    if facts.positive:
        return [Gamma(), Tweedie(), Poisson(), Squared()], (
            "Positive amounts mostly spread in proportion to their mean, which is what Gamma supposes: twice the "
            "target costs the same at 1 and at 1000"
            + (", so that enormous values do not rule the fit." if facts.heavy_tails else ".")
        )
    return [Squared()], (
        "Of a target that may have any sign the squared error is the one in use; it supposes the same spread "
        "everywhere. Say positive, zeros or counts if that is true: the choice grows."
    )


def geometric(value: str, facts: Facts) -> Design:
    """The geometric mean: the squared error of logs."""
    no_value("geometric mean", value)
    return Design(
        asked="the geometric mean",
        loss=SquaredLog(),
        estimates="mean through log1p",
        consistent=False,
        reads="exp(mean of log(1 + y)) - 1: the geometric mean, but for the 1",
        why=(
            "The squared error of logs has the mean of the logs as its best prediction, whose exponential is the "
            "geometric mean. With log(1 + y) zeros are allowed; far above 1 both are the same."
        ),
        alternatives=(
            Option(loss=Squared(), why="Exactly the geometric mean: train on log(y), and take exp(prediction)."),
        ),
        warnings=("It is below the mean for every target that varies; sums of it are too low.",),
    )
