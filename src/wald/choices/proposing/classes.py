"""Candidates for a target of classes: yes or no, one of several, one of several in an order."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings.words import number_words as n
from ...losses import (
    LDAM,
    Absolute,
    AsymmetricFocal,
    BinaryCrossEntropy,
    Brier,
    ClassBalancedCrossEntropy,
    CrossEntropy,
    Focal,
    Hinge,
    LogitAdjusted,
    Ordinal,
    RankedProbability,
    Squared,
)
from ..candidate import After, Candidate, Refusal
from ..costs import Costs
from ..profiling import Classes, Profile
from ..profiling.sentences import percent
from .drafts import draft
from .reads import Reads
from .refusing import EVEN, few

#: From such an imbalance on the rare classes are a tail.
_TAIL = 10.0


def binary(profile: Profile, read: Reads, costs: Costs | None) -> Iterator[Candidate | Refusal]:
    """What is worth a try for a yes or a no."""
    plain = BinaryCrossEntropy()
    rate = percent(profile.rate)
    yield draft(
        "cross-entropy",
        plain,
        "its scores are probabilities, and everything else follows from them",
        numbers="usual",
        baseline=True,
    )
    yield draft(
        "cross-entropy", plain, "decisions where they pay, without touching the loss: what weights are mostly used for",
        after="threshold", numbers="usual", baseline=True,
    )  # fmt: skip
    refused = few(profile)
    if refused is not None:
        yield Refusal(name="weighted cross-entropy", why=refused[0], instead=refused[1])
    else:
        shares = profile.classes.shares if profile.classes is not None else (0.5, 0.5)
        weighted = BinaryCrossEntropy(pos_weight=shares[0] / shares[1])
        yield draft(
            "weighted cross-entropy", weighted,
            f"both classes weigh the same, so that {rate} of the rows are not drowned; but its scores are no "
            "probabilities", numbers="data",
        )  # fmt: skip
        yield draft(
            "weighted cross-entropy", weighted, "the same, with the shift of the odds taken back in closed form",
            after="prior correction", numbers="data", baseline=True,
        )  # fmt: skip
    if costs is not None:
        yield from _by_costs(costs, read)
    focal = Focal(gamma=2.0)
    yield draft("focal", focal, "rows that are easy count for less; the usual gamma of 2", numbers="habit")
    if read.kind in ("probabilities", "costs", "unknown"):
        yield draft(
            "focal", focal, "the same, with its bend of the probabilities taken back",
            after="recalibration", numbers="habit",
        )  # fmt: skip
    elif read.kind == "decisions":
        yield draft("focal", focal, "the same, with decisions where they pay", after="threshold", numbers="habit")
    yield draft("Brier", Brier(kind="binary"), "probabilities too, and no single row can cost more than 1")
    classes = profile.classes
    if classes is not None and classes.imbalance >= _TAIL and profile.rate < 0.5:
        after: After = "recalibration" if read.kind in ("probabilities", "costs") else "nothing"
        after = "threshold" if read.kind == "decisions" else after
        yield draft(
            "asymmetric focal", AsymmetricFocal(gamma_pos=1.0, gamma_neg=4.0, clip=0.0),
            "only the easy rows of the common class count for less", after=after, numbers="habit",
        )  # fmt: skip
    if read.kind in ("decisions", "probabilities", "costs"):
        # Under a metric that needs probabilities it is refused, with the reason.
        yield draft("hinge", Hinge(), "looks at the border between the classes only")
    yield from _noisy(profile)


def _by_costs(costs: Costs, read: Reads) -> Iterator[Candidate | Refusal]:
    if costs.each:
        yield Refusal(
            name="cost-weighted cross-entropy",
            why="each row has costs of its own, so one weight of yes cannot hold them",
            instead="cross-entropy and a threshold for each row, which the costs give; or wald.design(costs=...)",
        )
        return
    threshold = float(costs.threshold)
    weight = (1 - threshold) / threshold
    if abs(weight - 1) < 0.01:
        return
    loss = BinaryCrossEntropy(pos_weight=weight)
    why = f"a missed yes costs {n(weight)} times a false alarm, and weighs as much"
    if read.kind == "costs":
        yield Refusal(
            name="cost-weighted cross-entropy as it is",
            why=f"the costs would count twice: in its weights, and in the threshold of {n(threshold)} that they give",
            instead="the same with its shift taken back, which is among the candidates",
        )
        yield draft(
            "cost-weighted cross-entropy", loss, f"{why}; the shift of the odds is taken back in closed form",
            after="prior correction", numbers="data",
        )  # fmt: skip
    else:
        yield draft("cost-weighted cross-entropy", loss, why, numbers="data")


def _noisy(profile: Profile) -> Iterator[Candidate]:
    noise = profile.noise
    if noise is None or noise.interval is None or noise.share is None or noise.interval[0] < 0.02:
        return
    many = max(2, len(profile.classes.names)) if profile.classes is not None else 2
    smoothing = min(0.5, round(noise.share * many / (many - 1), 3))
    binary = profile.task == "binary"
    loss = BinaryCrossEntropy(label_smoothing=smoothing) if binary else CrossEntropy(label_smoothing=smoothing)
    yield draft(
        "smoothed cross-entropy", loss,
        f"about {percent(noise.share)} of the labels seem wrong, so that none is believed fully", numbers="data",
    )  # fmt: skip


def multiclass(profile: Profile, read: Reads) -> Iterator[Candidate | Refusal]:
    """What is worth a try for one of several classes."""
    yield draft(
        "cross-entropy", CrossEntropy(), "its scores are probabilities, and everything else follows from them",
        numbers="usual", baseline=True,
    )  # fmt: skip
    yield from _weighted(profile, read)
    focal = Focal(gamma=2.0, kind="multiclass")
    yield draft("focal", focal, "rows that are easy count for less; the usual gamma of 2", numbers="habit")
    if read.kind in ("probabilities", "unknown"):
        yield draft(
            "focal", focal, "the same, with its bend of the probabilities taken back",
            after="recalibration", numbers="habit",
        )  # fmt: skip
    yield draft("Brier", Brier(kind="multiclass"), "probabilities too, and no single row can cost more than 2")
    smoothing = CrossEntropy(label_smoothing=0.1)
    noisy = list(_noisy(profile))
    yield from noisy
    if not noisy:
        yield draft("smoothed cross-entropy", smoothing, "never quite sure; the usual 0.1", numbers="habit")


def _weighted(profile: Profile, read: Reads) -> Iterator[Candidate | Refusal]:
    classes = profile.classes
    assert classes is not None  # noqa: S101
    if (refused := few(profile)) is not None:
        for name in ("weighted cross-entropy", "class-balanced cross-entropy", "logit-adjusted", "LDAM"):
            yield Refusal(name=name, why=refused[0], instead=refused[1])
        return
    many = len(classes.names)
    weighted = CrossEntropy(class_weight=tuple(1 / (many * share) for share in classes.shares))
    yield draft(
        "weighted cross-entropy", weighted,
        "every class weighs the same, however rare; but its scores are no probabilities", numbers="data",
    )  # fmt: skip
    yield draft(
        "weighted cross-entropy", weighted, "the same, with the shift of the scores taken back in closed form",
        after="prior correction", numbers="data", baseline=True,
    )  # fmt: skip
    yield draft(
        "logit-adjusted", LogitAdjusted(prior=classes.shares, tau=1.0),
        "how rare a class is moves its score and not its weight", numbers="data",
    )  # fmt: skip
    if read.kind in ("probabilities", "unknown"):
        yield draft(
            "logit-adjusted", LogitAdjusted(prior=classes.shares, tau=1.0), "the same, with the prior put back",
            after="prior correction", numbers="data",
        )  # fmt: skip
    yield from _tailed(classes)


def _tailed(classes: Classes) -> Iterator[Candidate | Refusal]:
    """What was made for long tails."""
    beta = 0.999
    effective = [(1 - beta**count) / (1 - beta) for count in classes.counts]
    spread = max(effective) / min(effective)
    if spread < EVEN:
        yield Refusal(
            name="class-balanced cross-entropy",
            why=f"all classes have so many rows that its weights, at beta=0.999, differ by {n(spread)} times only",
            instead="weighted cross-entropy",
        )
    elif classes.imbalance >= _TAIL:
        yield draft(
            "class-balanced cross-entropy", ClassBalancedCrossEntropy(counts=classes.counts, beta=beta),
            f"weights that stop growing where rows repeat each other: {n(spread)} times, not {n(classes.imbalance)}",
            numbers="habit",
        )  # fmt: skip
    if classes.imbalance >= _TAIL:
        yield draft("LDAM", LDAM(counts=classes.counts), "rare classes get a wider margin", numbers="habit")


def ordinal(profile: Profile, read: Reads) -> Iterator[Candidate | Refusal]:
    """What is worth a try for one of several classes in an order."""
    classes = profile.classes
    assert classes is not None  # noqa: S101
    if read.kind == "numbers":
        yield draft("squared", Squared(), "the mean level; the distance of the levels is taken as it is",
                    numbers="usual", baseline=True)  # fmt: skip
        yield draft("absolute", Absolute(), "the median level, which is a level", numbers="usual", baseline=True)
        return
    yield draft("cross-entropy", CrossEntropy(), "probabilities, without a word of the order",
                numbers="usual", baseline=True)  # fmt: skip
    yield draft(
        "ordinal", Ordinal(levels=len(classes.names)),
        "is it beyond the first level, the second ...? What is far off costs more",
    )  # fmt: skip
    yield draft("ranked probability", RankedProbability(), "probabilities, judged by how far off they lie")
    if (refused := few(profile)) is not None:
        yield Refusal(name="weighted cross-entropy", why=refused[0], instead=refused[1])
    elif read.balanced or read.kind in ("unknown", "decisions"):
        many = len(classes.names)
        weighted = CrossEntropy(class_weight=tuple(1 / (many * share) for share in classes.shares))
        yield draft("weighted cross-entropy", weighted, "every level weighs the same, however rare", numbers="data")
    yield from _noisy(profile)
