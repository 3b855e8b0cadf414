"""What cannot work on a target, and why: seen before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...audits import Metric
from ...core import DomainError, Loss, ShapeError, Supervised
from ...findings.words import number_words as n
from ...losses import LDAM, Hinge, Huber, Percentage, PseudoHuber, SquaredHinge
from ..candidate import Refusal
from ..profiling import Profile
from ..profiling.sentences import percent, rows_words
from .reads import Reads

#: Weights that are worked out from fewer rows of a class say more about chance than about the class.
FEWEST = 10

#: Classes that differ less than this in weight need no weights.
EVEN = 1.5


_Why = tuple[str, str] | None


def refusal(name: str, loss: Loss, profile: Profile, metric: Metric, read: Reads) -> Refusal | None:
    """Why a loss cannot work on this target under this metric; None where it can."""
    looks: tuple[Callable[[], _Why], ...] = (
        lambda: _family(loss, profile),
        lambda: _task(loss, profile),
        lambda: _sizes(loss, profile),
        lambda: _zeros(loss, profile),
        lambda: _domain(loss, profile),
        lambda: _refused(loss, profile),
        lambda: _unread(loss, metric, read),
        lambda: _pointless(loss, profile),
    )
    for look in looks:
        if (found := look()) is not None:
            return Refusal(name=name, why=found[0], instead=found[1])
    return None


def few(profile: Profile) -> _Why:
    """Why class weights cannot be worked out here; None where they can and matter."""
    classes = profile.classes
    if classes is None:
        return None
    least, rarest = min(classes.counts), classes.names[classes.rarest]
    if least < FEWEST:
        return (
            f"weights would be worked out from {rows_words(least)} of {rarest!r}, whose share is then only known to "
            f"about ±{percent(1 / max(1, least) ** 0.5)} of itself",
            "cross-entropy with the threshold moved, and more rows of that class",
        )
    if classes.imbalance < EVEN:
        return (
            f"the commonest class is only {n(classes.imbalance)} times as common as the rarest, so weights change "
            "next to nothing",
            "cross-entropy",
        )
    return None


def _family(loss: Loss, profile: Profile) -> _Why:
    del profile
    if len(loss.named_domains) == 2 and (
        isinstance(loss, Supervised) or {name for name, _ in loss.named_domains} == {"prediction", "target"}
    ):
        return None
    inputs = ", ".join(name for name, _ in loss.named_domains)
    return f"it compares {inputs}, and here there is one target a row", "a loss of prediction and target"


def _task(loss: Loss, profile: Profile) -> _Why:
    task, here = loss.card.task, profile.task
    classes = len(profile.classes.names) if profile.classes is not None else 0
    weight = getattr(loss, "pos_weight", None)
    if here == "regression" and (task in ("binary", "multiclass", "multilabel") or _is_ordinal(loss)):
        return (
            f"it is a loss of classes, and the target is numbers, since {profile.because}",
            "wald.Squared() or wald.Absolute(), or a target that is yes or no: y > a limit",
        )
    if here in ("multiclass", "ordinal") and task == "binary":
        if weight not in (None, 1.0):
            return (
                f"pos_weight is the weight of yes, and the target has {classes} classes",
                "wald.CrossEntropy(class_weight=...) with one weight for each class",
            )
        kind = getattr(loss, "kind", None)
        instead = f"wald.{type(loss).__name__}(kind='multiclass')" if kind else "wald.CrossEntropy()"
        return f"it takes a yes or a no, and the target has {classes} classes", instead
    if task == "multilabel":
        return (
            "it takes several labels a row, each yes or no, and the target has one",
            "the same loss with kind='multiclass' or 'binary', or wald.BinaryCrossEntropy()",
        )
    if here in ("binary", "multiclass") and task == "regression":
        return (
            "it is a loss of numbers, which predicts below 0 and above 1 as gladly as between"
            if here == "binary"
            else "it is a loss of numbers, and the numbers of classes have no order and no distance",
            f"wald.Brier(kind={here!r}), the squared error of probabilities",
        )
    if here == "binary" and _is_ordinal(loss) and classes == 2:
        return "with two classes it is the cross-entropy of yes and no", "wald.BinaryCrossEntropy()"
    return None


def _is_ordinal(loss: Loss) -> bool:
    return "thresholds" in loss.named_domains[0][1].axes


def _sizes(loss: Loss, profile: Profile) -> _Why:
    classes = profile.classes
    if classes is None:
        return None
    many = len(classes.names)
    domain = loss.named_domains[0][1]
    if domain.size and "classes" in domain.axes and domain.size != many:
        return (
            f"it is made for {domain.size} classes, and the target has {many}",
            f"the same loss with one number for each of the {many} classes",
        )
    if _is_ordinal(loss) and domain.size != many - 1:
        return f"it is made for {(domain.size or 0) + 1} levels, and the target has {many}", f"levels={many}"
    return None


def _zeros(loss: Loss, profile: Profile) -> _Why:
    numbers = profile.numbers
    zero = getattr(loss, "zero", None)
    if not isinstance(loss, Percentage) or numbers is None or not numbers.zeros or zero == "floor":
        return None
    share = numbers.zeros / profile.rows
    seen = (
        f"{percent(share)} of the targets ({numbers.zeros:,} of {profile.rows:,}) are 0; nothing is a percentage of 0"
    )
    if zero == "mask" and share < 0.01:
        return None
    if zero == "mask":
        seen += "; leaving them out trains a model for the other rows only"
    return seen, "wald.Absolute(), reported as a share of the mean target (WAPE)"


def _domain(loss: Loss, profile: Profile) -> _Why:
    if profile.task != "regression" and loss.card.task != "regression":
        return None
    found = dict(loss.named_domains).get("target")
    if found is None or not found.bounded or found.axes:
        return None
    y = profile.target.double()
    below = int((y <= found.low).sum() if found.open_low else (y < found.low).sum())
    above = int((y > found.high).sum())
    if not below and not above:
        return None
    sides: list[str] = []
    if below:
        border = f"at or below {found.low:g}" if found.open_low else f"below {found.low:g}"
        sides.append(f"{below:,} of {profile.rows:,} targets ({percent(below / profile.rows)}) are {border}")
    if above:
        sides.append(
            f"{above:,} of {profile.rows:,} targets ({percent(above / profile.rows)}) are above {found.high:g}"
        )
    instead = "wald.Squared(), or wald.Absolute() where the tails are long"
    if not int((y < 0).sum()) and below:
        instead = "wald.Poisson() or wald.Tweedie(power=1.5), which allow 0"
    return f"{' and '.join(sides)}, and there it is not defined", instead


def _refused(loss: Loss, profile: Profile) -> _Why:
    """What the loss itself says of a few of these targets."""
    domain = loss.named_domains[0][1]
    many = len(profile.classes.names) if profile.classes is not None else 0
    y = profile.target[:: max(1, profile.rows // 64)]
    if loss.card.task in ("binary", "regression"):
        y = y.double()
    columns: Any = (domain.size or many,) if domain.axes else ()
    start = torch.full((len(y), *columns), domain.safe, dtype=torch.float64)
    if domain.normalised:
        start = torch.full_like(start, 1 / max(1, start.shape[-1]))
        start = start.log() if domain.normalised == "log" else start
    try:
        loss(start, y, reduction="none")
    except (DomainError, ShapeError, ValueError, IndexError) as error:
        return f"it says: {str(error).rstrip('.')}", "a loss that takes this target"
    except RuntimeError:
        return None
    return None


def _unread(loss: Loss, metric: Metric, read: Reads) -> _Why:
    margins = loss.card.invertible is False or isinstance(loss, Hinge | SquaredHinge)
    if read.kind in ("probabilities", "costs") and margins:
        return (
            f"{metric.name} needs probabilities, and its scores only tell which class is likelier",
            "wald.BinaryCrossEntropy() or wald.CrossEntropy(), whose scores become probabilities",
        )
    return None


def _pointless(loss: Loss, profile: Profile) -> _Why:
    classes = profile.classes
    if isinstance(loss, LDAM) and classes is not None and classes.imbalance < EVEN:
        return (
            f"its margins set rare classes apart, and the commonest class is only {n(classes.imbalance)} times as "
            "common as the rarest",
            "wald.CrossEntropy()",
        )
    weighted = getattr(loss, "pos_weight", 1.0) != 1.0 or len({*(getattr(loss, "class_weight", None) or ())}) > 1
    if weighted and classes is not None and min(classes.counts) < FEWEST:
        return few(profile)
    rest = profile.residuals
    if isinstance(loss, Huber | PseudoHuber) and rest is not None:
        return _bend(loss, rest.scale, rest.largest)
    return None


def _bend(loss: Huber | PseudoHuber, scale: float, largest: float) -> _Why:
    instead = f"delta={1.345 * scale:.3g}, 1.345 times the typical residual ({n(scale)})"
    if loss.delta >= largest:
        return (
            f"delta={loss.delta:g} is beyond every residual of a small learner (the largest is {n(largest)}), so it is "
            "half of Squared",
            f"wald.Squared(), or {instead}",
        )
    if loss.delta < 0.01 * scale:
        return (
            f"delta={loss.delta:g} is less than a hundredth of a typical residual ({n(scale)}), so it is Absolute "
            "times delta",
            f"wald.Absolute(), or {instead}",
        )
    return None
