"""An existing loss, made smooth, bounded, calibrated, asymmetric or symmetric, and what that changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ...core import Loss, Supervised, parse
from ...losses import (
    Absolute,
    BinaryCrossEntropy,
    CrossEntropy,
    Expectile,
    Huber,
    Pinball,
    PseudoHuber,
    SmoothedPinball,
    Squared,
)
from ...wrappers import Asymmetric, Bounded, Rounded, Truncated
from ..errors import ChoiceError
from .designed import Design, Option
from .measuring import changes_of
from .words import nearest, one_number, split, told, written


def from_loss(given: object, make: object) -> Design:
    """The design that makes a loss of the catalogue, or an expression for one, into another."""
    loss = _loss(given)
    text = written(make, "make", "smooth=0.1")
    name, value = split(text)
    if (change := CHANGES.get(name)) is None:
        raise ChoiceError(f"make={text!r}: a loss can be made {', '.join(_NAMES)}. {nearest(name, CHANGES)}")
    return change(loss, value)


def _loss(given: object) -> Supervised:
    if isinstance(given, str):
        try:
            given = parse(given)
        except (KeyError, ValueError, TypeError) as error:
            raise ChoiceError(str(error.args[0] if error.args else error)) from None
    if isinstance(given, type) and issubclass(given, Loss):
        raise ChoiceError(f"loss is a class; write {given.__name__}() with its fields.")
    if not isinstance(given, Supervised):
        raise ChoiceError(
            "loss is a loss of prediction and target, such as wald.Absolute() or 'Pinball(level=0.9)'; got "
            f"{given!r}. A loss of your own: measure it with wald.check, and subclass wald.Supervised to change it."
        )
    return given


def _smooth(loss: Supervised, value: str) -> Design:
    width = _positive(value, "smooth", "smooth=0.1") if value else 0.1
    if loss.card.smooth in (1, 2, 3):
        raise ChoiceError(
            f"{loss!r} has a continuous slope already, so there is no kink to smooth. For a bounded slope use "
            "wald.Huber or wald.PseudoHuber; for a bounded value make='bounded'."
        )
    options: list[Option] = []
    after: Loss
    if isinstance(loss, Pinball) and not isinstance(loss.level, tuple):
        after = SmoothedPinball(level=loss.level, width=width)
        how = f"Pinball averaged over a window of +-{told(width)}: the same slope beyond it, and no kink inside."
    elif isinstance(loss, Absolute):
        after = Huber(delta=width)
        how = (
            f"The absolute error is replaced by a parabola where it is below {told(width)}, and keeps its shape "
            "beyond: Huber's loss, which is that times the width."
        )
        options.append(
            Option(loss=PseudoHuber(delta=width), why="Smooth to every order, for Newton steps and boosters.")
        )
    else:
        after = _wrapped(Rounded, loss, width)
        how = f"Costs below {told(width)} count by their square, so the kink becomes a bowl; larger ones keep theirs."
    guess = () if value else ("The width of 0.1 is a guess: write make='smooth=width' in the unit of the prediction.",)
    return _changed(
        loss,
        after,
        f"smooth over {told(width)}",
        f"{how} What it elicits moves by about as much as targets differ within that width: keep it well below their "
        "spread.",
        options=tuple(options),
        warnings=guess,
    )


def _bounded(loss: Supervised, value: str) -> Design:
    cap = _positive(value, "bounded", "bounded=4") if value else 1.0
    shown, after = told(cap), _wrapped(Bounded, loss, cap)
    return _changed(
        loss,
        after,
        f"bounded by {shown}",
        f"No example costs more than {shown}, so a wild target or a wrong label cannot rule the fit: its pull fades "
        "with its size. The price: it is convex no more, so training needs a good start, and rare hard examples count "
        "as wrong ones do.",
        options=(Option(loss=Truncated(loss, cap), why="Cut off sharply: what is past the cap pulls no more at all."),),
        warnings=(
            "Begin from a model that was trained with the loss as it was.",
            *(() if value else (f"The cap of {shown} is a guess: write make='bounded=cap' in the unit of the loss, "
                                          "well above what a usual example costs.",)),
        ),
    )  # fmt: skip


def _calibrated(loss: Supervised, value: str) -> Design:
    _without(value, "calibrated")
    card = loss.card
    if card.task not in ("binary", "multiclass", "multilabel"):
        raise ChoiceError(
            f"{loss!r} is for {card.task}, where there are no probabilities to calibrate. For the statistic that you "
            "want: wald.design(statistic=...)."
        )
    if card.proper:
        raise ChoiceError(
            f"{loss!r} is proper already: its best prediction is the true probability. Nothing is to be made."
        )
    binary = card.task != "multiclass"
    after: Loss = BinaryCrossEntropy() if binary else CrossEntropy(**_kept(loss, CrossEntropy))
    twin = (
        "Its proper twin keeps the task and the form of the prediction, and has the true probability as its best "
        "prediction; the weights, the focal term or the margin that moved it are gone, and belong into the threshold "
        "instead."
    )
    undo: tuple[str, ...] = ()
    if card.invertible:
        undo = (
            "If you keep the loss as it is: what it does to probabilities can be undone after training, without "
            "labels, by wald.recalibration(loss).",
        )
    return _changed(
        loss, after, "calibrated", twin, warnings=undo, reads="the log-odds of yes" if binary else "one score a class"
    )


def _kept(loss: Loss, kind: type[Loss]) -> dict[str, Any]:
    """The fields that say where classes lie and what is ignored."""
    names = {field.name for field in fields(kind)} & {"axis", "ignore_index"}  # pyright: ignore[reportArgumentType]
    return {name: getattr(loss, name) for name in names if hasattr(loss, name)}


def _asymmetric(loss: Supervised, value: str) -> Design:
    if not value:
        raise ChoiceError(
            "make='asymmetric=3' says how many times what too high costs too low shall cost; the number is missing."
        )
    factor = _positive(value, "asymmetric", "asymmetric=3")
    if factor == 1:
        raise ChoiceError("asymmetric=1 leaves both sides as they are; give another number, such as asymmetric=3.")
    level = factor / (1 + factor)
    side = f"A prediction that is too low costs {told(factor)} times one that is as much too high."
    if isinstance(loss, BinaryCrossEntropy) and loss.pos_weight == 1:
        return _changed(
            loss, loss.replace(pos_weight=factor), f"asymmetric, {told(factor)} to 1",
            f"A missed yes costs {told(factor)} times a false alarm, so the decision flips at a probability of "
            f"{told(1 / (1 + factor))}; probabilities are no longer those of the true rate.",
        )  # fmt: skip
    if loss.card.task != "regression":
        raise ChoiceError(
            f"{loss!r} is for {loss.card.task}; of mistakes between classes say what they cost: wald.design(costs=...)."
        )
    if isinstance(loss, Absolute) or loss == Pinball(level=0.5):
        after: Loss = Pinball(level=level)
        moves = f"Of the absolute error that makes the quantile of {told(factor)}/{told(1 + factor)} = {told(level)}."
    elif isinstance(loss, Squared):
        after = Expectile(level=level)
        moves = f"Of the squared error that makes the expectile of {told(factor)}/{told(1 + factor)} = {told(level)}."
    else:
        after = _wrapped(Asymmetric, loss, factor)
        moves = "Its best prediction moves up." if factor > 1 else "Its best prediction moves down."
    return _changed(loss, after, f"asymmetric, {told(factor)} to 1", f"{side} {moves}")


def _symmetric(loss: Supervised, value: str) -> Design:
    _without(value, "symmetric")
    if isinstance(loss, Asymmetric):
        return _changed(loss, loss.inner, "symmetric", "Both sides cost the same: the loss within.")
    for kind, name, both, how in _EVEN:
        if (
            isinstance(loss, kind)
            and getattr(loss, name) not in (both, None)
            and not isinstance(getattr(loss, name), tuple)
        ):
            return _changed(loss, loss.replace(**{name: both}), "symmetric", f"Both sides cost the same: {how}.")
    if isinstance(loss, (BinaryCrossEntropy, CrossEntropy)):
        return _changed(
            loss,
            _wrapped(Bounded, loss, 1.0),
            "symmetric in the labels",
            "With a ceiling of 1 cross-entropy becomes 1 - p, whose values over all labels add to a constant: evenly "
            "flipped labels then change no decision of the best model (Ghosh, Kumar & Sastry 2017).",
            options=(
                Option(
                    loss=Bounded(loss, 2.0),
                    why="Half way back to cross-entropy: trains better, withstands a little less.",
                ),
            ),
            warnings=(
                "It trains slowly and from a bad start hardly at all: begin from a model trained with the loss as it "
                "was.",
            ),
        )
    raise ChoiceError(
        f"{loss!r} treats both sides alike already, as far as its card says, or has no symmetric twin that is known. "
        "wald.check measures it."
    )


def _wrapped(wrapper: Callable[[Supervised, float], Loss], loss: Supervised, number: float) -> Loss:
    """The wrapper around the loss; what it refuses, it says why."""
    try:
        return wrapper(loss, number)
    except (TypeError, ValueError) as error:
        raise ChoiceError(f"{loss!r}: {error}.".replace("..", ".")) from None


def _changed(
    before: Loss,
    after: Loss,
    what: str,
    why: str,
    *,
    options: tuple[Option, ...] = (),
    warnings: tuple[str, ...] = (),
    reads: str = "",
) -> Design:
    changes = changes_of(before, after)
    elicits = changes.get("elicits")
    told_change = (
        f"Measured: it elicits {_word(elicits[1])} and no longer {_word(elicits[0])}."
        if elicits
        else f"Measured: it elicits {_word(after.card.elicits)}, as before."
    )
    estimates = after.card.elicits
    return Design(
        asked=f"{before!r}, made {what}",
        loss=after,
        estimates=estimates if isinstance(estimates, str) and estimates != "unresolved" else None,
        reads=reads,
        why=f"{why} {told_change}",
        threshold=after.card.threshold if before.card.task == "binary" else None,
        alternatives=options,
        warnings=warnings,
        changes=changes,
    )


def _word(value: Any) -> str:
    return "no statistic with a name" if value in (None, "unresolved", "m-functional") else str(value)


def _positive(value: str, what: str, example: str) -> float:
    number = one_number(value, what, example)
    if not 0 < number < float("inf"):
        raise ChoiceError(f"{what} takes a positive number, as in {example!r}; got {value}.")
    return number


def _without(value: str, name: str) -> None:
    if value:
        raise ChoiceError(f"make={name!r} takes no number; got {value!r}.")


#: Losses with two sides: the field that weighs them, its value when they cost the same, and what is elicited then.
_EVEN: tuple[tuple[type[Supervised], str, float, str], ...] = (
    (Pinball, "level", 0.5, "the median in place of the quantile"),
    (Expectile, "level", 0.5, "the mean in place of the expectile"),
    (SmoothedPinball, "level", 0.5, "the smoothed median"),
    (BinaryCrossEntropy, "pos_weight", 1.0, "the decision flips at one half"),
)

_NAMES = ("smooth", "bounded", "calibrated", "asymmetric=3", "symmetric")

#: What a loss can be made.
CHANGES: dict[str, Callable[[Supervised, str], Design]] = {
    "smooth": _smooth,
    "bounded": _bounded,
    "robust": _bounded,
    "calibrated": _calibrated,
    "proper": _calibrated,
    "asymmetric": _asymmetric,
    "symmetric": _symmetric,
}
