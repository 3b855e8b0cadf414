"""`wald.design`: from what is wanted to the loss that follows from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..errors import ChoiceError
from .designed import Design
from .drawing import picture_of
from .facts import Facts
from .from_costs import from_costs
from .from_loss import from_loss
from .from_metric import from_metric
from .from_statistic import from_statistic
from .from_thresholds import from_thresholds
from .newsvendor import from_amounts
from .setting import Setting
from .words import share


def design(
    *,
    costs: Any = None,
    underage: float | None = None,
    overage: float | None = None,
    statistic: Any = None,
    thresholds: Any = None,
    metric: Any = None,
    loss: Any = None,
    make: Any = None,
    classes: int = 2,
    rate: float | None = None,
    positive: bool = False,
    zeros: bool = False,
    counts: bool = False,
    heavy_tails: bool = False,
    unit: str = "",
) -> Design:
    """The loss that follows from what is wanted, where a decision follows from it, and why.

    Give exactly one of `costs`, `underage` with `overage`, `statistic`, `thresholds`, `metric`, and `loss` with `make`.

    Args:
        costs: what decisions cost: a `Costs`, "fn=100,fp=1", {"fn": 100, "fp": 1}, "fn=amount,fp=5" where each row has
            a cost of its own in the column `amount`, or a matrix costs[true][decided] of several classes.
        underage: what one piece too little costs (newsvendor).
        overage: what one piece too much costs.
        statistic: what to estimate: "mean", "median", "quantile=0.9", "quantiles=0.05,0.95", "interval=0.9",
            "expectile=0.8", "var and es=0.025", "variance", "mode", "probability", "distribution" ...
        thresholds: how much a decision at each threshold matters, for a yes or no: {0.1: 2, 0.5: 1}, "beta=2,6",
            "0.05-0.2" for evenly between, or a function of thresholds (a Tensor in, a Tensor out).
        metric: what counts: "f1", "fbeta=2", "precision at 100", "recall at fpr=0.01", "auc", "ndcg", "mape", "r2" ...,
            or a `wald.Metric` that says what it elicits.
        loss: a loss, or an expression for one, to be changed.
        make: into what: "smooth=0.1", "bounded=4", "calibrated", "asymmetric=3", "symmetric".
        classes: how many classes the target of a metric tells apart.
        rate: the share of yes in the training data, where the decision depends on it.
        positive: the target is always above 0; this and the next three choose among losses of the mean.
        zeros: it is never below 0, and often exactly 0.
        counts: it counts something.
        heavy_tails: a few values are enormous.
        unit: what costs are counted in, such as "dollars".

    Returns:
        A `Design`: print it; train with its `.loss`.

    Raises:
        ChoiceError: none or several were given, or the wish cannot be understood or leaves nothing to decide; the
            message says what to write instead.

    >>> import wald
    >>> design = wald.design(costs="fn=100,fp=1")
    >>> design.loss, round(design.threshold, 4)
    (BinaryCrossEntropy(pos_weight=100.0), 0.0099)
    >>> wald.design(statistic="mean", counts=True).loss
    Poisson(log_input=True, full=False)
    >>> wald.design(underage=3.0, overage=1.0).loss
    Pinball(level=0.75)
    """
    amounts = None if underage is None and overage is None else (underage, overage)
    ways = {
        "costs": costs, "underage and overage": amounts, "statistic": statistic, "thresholds": thresholds,
        "metric": metric, "loss": loss,
    }  # fmt: skip
    given = [name for name, wish in ways.items() if wish is not None]
    if len(given) != 1:
        seen = f"got {' and '.join(given)}" if given else "got none"
        raise ChoiceError(
            "design takes exactly one of costs=, underage= with overage=, statistic=, thresholds=, metric=, and "
            "loss= with "
            f'make=; {seen}. For example design(costs="fn=100,fp=1").'
        )
    if (make is None) == (loss is not None):
        raise ChoiceError(
            'design(loss=..., make=...) go together: design(loss=wald.Absolute(), make="smooth=0.1"); '
            f"got {'loss' if make is None else 'make'} alone."
        )
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 2:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ChoiceError(f"classes is how many classes there are, 2 or more; got {classes!r}.")
    if rate is not None:
        share(rate, "rate, the share of yes,", "rate=0.01")
    facts = Facts(positive=positive, zeros=zeros, counts=counts, heavy_tails=heavy_tails)
    if positive and (zeros or counts):
        raise ChoiceError(
            f"a positive target has no zeros, and {'counts do' if counts else 'zeros=True says that it has'}. Leave "
            "positive= out."
        )
    match given[0]:
        case "costs":
            found = from_costs(costs, unit)
        case "underage and overage":
            if underage is None or overage is None:
                raise ChoiceError(
                    "underage= and overage= go together: what one piece too little costs, and what one too much does; "
                    f"{'overage' if overage is None else 'underage'} is missing."
                )
            found = from_amounts(underage, overage, unit)
        case "statistic":
            found = from_statistic(statistic, facts)
        case "thresholds":
            found = from_thresholds(thresholds)
        case "metric":
            found = from_metric(metric, Setting(classes=classes, rate=rate, facts=facts))
        case _:
            found = from_loss(loss, make)
    picture = picture_of(found.loss, score=found.score)
    return replace(found, figures=found.figures + ((picture,) if picture is not None else ()))
