"""Candidates for a target of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import re

from ...core import Loss
from ...findings.words import number_words as n
from ...losses import (
    Absolute,
    Expectile,
    Gamma,
    Huber,
    LogCosh,
    NegativeBinomial,
    Percentage,
    Pinball,
    Poisson,
    SmoothedPinball,
    Squared,
    SquaredLog,
    Tweedie,
)
from ..candidate import Candidate, Refusal
from ..profiling import Profile
from .drafts import draft
from .reads import Reads


def regression(profile: Profile, read: Reads, quantiles: Sequence[float]) -> Iterator[Candidate | Refusal]:
    """What is worth a try for a number."""
    numbers = profile.numbers
    assert numbers is not None  # noqa: S101
    if len(quantiles) > 1:
        yield draft(
            "pinball, all levels at once", Pinball(level=tuple(sorted(quantiles))),
            "one model for all levels, each with the loss of its own quantile", numbers="data", baseline=True,
        )  # fmt: skip
        return
    wanted = quantiles[0] if quantiles else _level(read.statistic, "quantile")
    matched = _matched(read, wanted)
    if matched is not None:
        yield draft(matched[0], matched[1], f"estimates what the metric rewards: {matched[2]}",
                    numbers="usual", baseline=True)  # fmt: skip
    yield draft("squared", Squared(), "estimates the mean: what people train without thinking about it",
                numbers="usual", baseline=True)  # fmt: skip
    if wanted is not None:
        width = float(f"{0.1 * _scale(profile):.3g}")
        yield draft(
            "smoothed pinball", SmoothedPinball(level=wanted, width=width),
            f"pinball without its kink: rounded within {n(width)} of the target, a tenth of a typical residual",
            numbers="data",
        )  # fmt: skip
        return
    yield draft("absolute", Absolute(), "estimates the median; a few far rows pull no harder than near ones")
    yield from _robust(profile)
    yield from _positive(profile, read)


def _level(statistic: str | None, kind: str) -> float | None:
    found = re.fullmatch(rf"{kind}\(([0-9.e+-]+)\)", statistic or "")
    return float(found.group(1)) if found else None


def _matched(read: Reads, quantile: float | None) -> tuple[str, Loss, str] | None:
    """The loss whose minimiser is what the metric rewards, with its name and what that is."""
    if quantile is not None:
        return "pinball", Pinball(level=quantile), f"the value that {100 * quantile:g} % stay below"
    level = _level(read.statistic, "expectile")
    if level is not None:
        return "expectile", Expectile(level=level), f"the {level:g} expectile"
    return {
        "median": ("absolute", Absolute(), "the median"),
        "weighted median(y^-1)": ("percentage", Percentage(), "a median in which small targets count most"),
        "mean through log": ("squared log", SquaredLog(), "the mean of the logarithms, taken back"),
        "mean through log1p": ("squared log", SquaredLog(), "the mean of the logarithms, taken back"),
    }.get(str(read.statistic))


def _scale(profile: Profile) -> float:
    """A typical residual, in the target's unit; above 0."""
    if profile.residuals is not None and profile.residuals.scale > 0:
        return profile.residuals.scale
    return profile.numbers.spread if profile.numbers is not None else 1.0


def _robust(profile: Profile) -> Iterator[Candidate]:
    """Between mean and median."""
    scale = _scale(profile)
    delta = float(f"{1.345 * scale:.3g}")
    whose = (
        "the residuals of a small learner"
        if profile.residuals is not None and profile.residuals.fitted
        else "distances from the median, since there were no inputs to learn from"
    )
    yield draft(
        "Huber", Huber(delta=delta),
        f"far rows pull no harder than near ones beyond {n(delta)}, 1.345 times the typical size of {whose}",
        numbers="data",
    )  # fmt: skip
    half = float(f"{scale:.3g}")
    yield draft(
        "log-cosh", LogCosh(scale=half), f"the same with a softer bend, at {n(half)}: smooth everywhere", numbers="data"
    )


def _positive(profile: Profile, read: Reads) -> Iterator[Candidate | Refusal]:
    """Losses whose errors are relative, for targets that are not negative; elsewhere they are refused."""
    numbers, rest = profile.numbers, profile.residuals
    assert numbers is not None  # noqa: S101
    yield draft("Poisson", Poisson(), "the mean too, where the spread grows with it; predictions stay above 0")
    if numbers.whole and numbers.negatives == 0:
        k = rest.dispersion if rest is not None and rest.dispersion is not None else 0.0
        if k >= 0.05:
            yield draft(
                "negative binomial", NegativeBinomial(dispersion=float(f"{k:.3g}")),
                f"the mean too; the variance is about m + {n(k)}·m², more than the m of Poisson", numbers="data",
            )  # fmt: skip
        else:
            yield Refusal(
                name="negative binomial",
                why=f"the variance is m + {n(k)}·m², so that it is Poisson all but in name",
                instead="wald.Poisson()",
            )
    yield draft(
        "gamma", Gamma(), "the mean too, where errors are relative: 10 % of a large target weighs 10 % of a small one"
    )
    if not numbers.whole and numbers.zeros:
        yield draft(
            "Tweedie",
            Tweedie(power=1.5),
            "the mean too, with room for a heap of zeros; the usual power",
            numbers="habit",
        )
    if read.statistic not in ("weighted median(y^-1)",) and numbers.low > 0 and numbers.skewness > 1:
        yield draft(
            "percentage", Percentage(), "errors as shares of the target, which favours forecasts that are too low"
        )
    if numbers.low < 0 or numbers.skewness > 1:
        yield draft("squared log", SquaredLog(), "large targets are judged by ratio; it estimates less than the mean")
