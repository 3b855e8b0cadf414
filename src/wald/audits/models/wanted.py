"""What form of prediction a loss takes, by what it says of itself or, failing that, by how it behaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...core import Loss
from ..metrics.forms import Form, converted

#: torch's own losses, which say nothing of themselves: the form they take, and whether of each class.
_TORCH: dict[str, tuple[Form, bool]] = {
    "bcewithlogitsloss": ("logits", False),
    "binary_cross_entropy_with_logits": ("logits", False),
    "bceloss": ("probabilities", False),
    "binary_cross_entropy": ("probabilities", False),
    "crossentropyloss": ("logits", True),
    "cross_entropy": ("logits", True),
    "nllloss": ("log-probabilities", True),
    "nll_loss": ("log-probabilities", True),
    "multimarginloss": ("margins", True),
    "multi_margin_loss": ("margins", True),
}

#: How sure the predictions are by which an unknown loss is tried, in logits.
_SURE = 8.0


@dataclass(frozen=True)
class Wanted:
    """What a loss takes.

    Attributes:
        form: how predictions are written.
        by_class: whether there is one for each class, (rows, classes), and not one a row.
    """

    form: Form
    by_class: bool = False


def wanted_of(loss: Callable[..., Any], classes: int) -> Wanted | None:
    """The form that a loss takes, where it says so; None where it does not, as a homemade one.

    Args:
        loss: the loss.
        classes: how many classes the targets tell apart; 0 for a regression.
    """
    if isinstance(loss, Loss):
        first = loss.named_domains[0][1]
        by_class = "classes" in first.axes
        if first.logits:
            return Wanted("logits", by_class)
        if first.normalised == "log":
            return Wanted("log-probabilities", by_class)
        if first.normalised == "linear" or (first.low, first.high) == (0.0, 1.0):
            return Wanted("probabilities", by_class)
        if loss.card.task == "binary":
            return Wanted("margins")
        if loss.card.task != "regression":
            return None
        if classes == 2:
            return Wanted("probabilities")
        return Wanted("log-numbers" if getattr(loss, "log_input", False) is True else "numbers")
    place = str(getattr(loss, "__module__", ""))
    if place.startswith("torch.") or type(loss).__module__.startswith("torch."):
        known = _TORCH.get(str(getattr(loss, "__name__", None) or type(loss).__name__).lower())
        if known is not None:
            return Wanted(*known)
        return Wanted("probabilities") if classes == 2 else Wanted("numbers")
    return None if classes else Wanted("numbers")


def wanted_by_trial(loss: Callable[..., Any], classes: int) -> Wanted | None:
    """The form in which a loss is least for right predictions and larger for wrong ones; None if there is none."""
    best: tuple[float, Wanted] | None = None
    ways = [Wanted(form, by_class) for by_class in ((False, True) if classes == 2 else (True,))
            for form in ("logits", "probabilities", "log-probabilities")]  # fmt: skip
    for way in ways:
        right, wrong = (_tried(loss, way, classes, turned) for turned in (0, 1))
        if right is None or wrong is None or not right < wrong:
            continue
        # What only reads off the log-probability of the class goes on falling when logits grow.
        if way.form != "log-probabilities" and right < -0.5:
            continue
        if best is None or right < best[0] - 1e-9:
            best = (right, way)
    return None if best is None else best[1]


def _tried(loss: Callable[..., Any], way: Wanted, classes: int, turned: int) -> float | None:
    """What sure predictions cost, of the right class or of the next one."""
    true = torch.arange(2 * classes) % classes
    said = (true + turned) % classes
    if way.by_class:
        logits, target = _SURE * functional.one_hot(said, classes).float(), true
    else:
        logits, target = _SURE * (2 * said.float() - 1), true.float()
    try:
        with torch.no_grad():
            found = float(torch.as_tensor(loss(converted(logits, "logits", way.form), target)).double().mean())
    except Exception:
        return None
    return found if found == found and abs(found) != torch.inf else None


def fitted_targets(target: Tensor, wanted: Wanted) -> Tensor:
    """Class numbers as the loss takes them: whole for a loss of several classes, 0.0 and 1.0 for one of two."""
    return target.long() if wanted.by_class and wanted.form != "numbers" else target.float()
