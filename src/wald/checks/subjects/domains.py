"""Where inputs of foreign losses live, beside the words that cards have for it."""

from __future__ import annotations

from typing import Final

from ...cards import (
    AboveMinusOne,
    BinaryTarget,
    Domain,
    Logit,
    Logits,
    LogProbabilities,
    NonNegative,
    Parameters,
    Positive,
    Probabilities,
    Real,
)

#: A probability, predicted or observed.
Probability: Final = Domain(says="a probability", low=0.0, high=1.0, typical=(0.05, 0.95), safe=0.5)
#: A label that is -1 or 1.
Sign: Final = Domain(says="-1 or 1", low=-1.0, high=1.0, typical=(-1.0, 1.0))
#: A label that is 0 or 1 and nothing between, as where it is used as an index.
Label: Final = Domain(says="0 or 1", low=0.0, high=1.0, typical=(0.0, 1.0))
#: How "no" and "yes" are written, for each kind of label.
LABELS: Final[tuple[tuple[Domain, tuple[float, float]], ...]] = (
    (BinaryTarget, (0.0, 1.0)),
    (Sign, (-1.0, 1.0)),
    (Label, (0.0, 1.0)),
)

#: The logarithm of a probability of a token or an action, and of a whole answer.
LogProbability: Final = Domain(says="a log-probability", typical=(-4.0, -0.1))
SummedLogProbability: Final = Domain(says="a summed log-probability", typical=(-40.0, -1.0))
#: Scores of the items of a list, and how relevant each is.
Scores: Final = Domain(says="scores of the items of a list", axes=("items",))
Relevance: Final = Domain(
    says="how relevant the items of a list are", low=0.0, high=4.0, axes=("items",), typical=(0.0, 4.0)
)
#: Places of the classes that an example has, ended by -1.
ClassList: Final = Domain(
    says="ids of its classes, ended by -1", low=-1, high=3, integer=True, axes=("classes",), typical=(-1, 3)
)
#: A mean and a measure of spread that is positive; the mean is taken positive too, as a domain is one interval.
MeanAndSpread: Final = Domain(
    says="a mean and a spread", low=0.0, open_low=True, axes=("parameters",), size=2, typical=(0.1, 4.0), safe=1.0
)

#: What `domain=` may say of the prediction.
DOMAINS: Final[dict[str, Domain]] = {
    "real": Real,
    "positive": Positive,
    "non-negative": NonNegative,
    "above -1": AboveMinusOne,
    "probability": Probability,
    "logit": Logit,
    "logits": Logits,
    "probabilities": Probabilities,
    "log-probabilities": LogProbabilities,
}
TASKS: Final = ("regression", "binary", "multiclass", "multilabel", "ranking", "pairwise", "other")


def refuse_unknown(*, task: str | None, domain: str | None) -> None:
    """Refuse hints that say nothing that is known.

    Raises:
        ValueError: with the words that are.
    """
    for word, given, known in (("task", task, TASKS), ("domain", domain, tuple(DOMAINS))):
        if given is not None and given not in known:
            raise ValueError(f"{word}={given!r} is not known; it is one of {', '.join(known)}.")


def parameters(size: int) -> Domain:
    """So many numbers that describe a distribution together."""
    return Parameters.of("parameters", size=size)


def quantiles(size: int | None) -> Domain:
    """So many quantiles of one target; any number of them for None."""
    return Domain(says="quantiles", axes=("quantiles",), size=size)
