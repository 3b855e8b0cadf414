"""Targets: names of classes become their numbers, and numbers what the loss takes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from ..models import Estimator, Wanted, fitted_targets
from .labels import are_names, classes_in, numbered
from .rows import as_tensor
from .state import Reading


def read_targets(reading: Reading) -> None:
    """Names of classes become their numbers, in the order in which the model speaks of them."""
    model: Any = reading.case.model
    if isinstance(model, Estimator):
        reading.classes = model.source.classes
        return
    given = [targets for _, targets in reading.splits.values()]
    if reading.source is not None:
        classes = reading.source.classes
    elif reading.case.classes:
        classes = reading.case.classes
    elif any(are_names(one) for one in given):
        classes = _spoken(model) or classes_in(*given)
    else:
        classes = ()
    if not classes:
        return
    reading.classes = tuple(classes)
    for name, (inputs, targets) in reading.splits.items():
        if reading.source is None and not are_names(targets):
            continue
        reading.splits[name] = (inputs, numbered(f"{name} targets", targets, classes))


def _spoken(model: object) -> tuple[Hashable, ...]:
    """The names that a model of Hugging Face has for its classes."""
    names: Any = getattr(getattr(model, "config", None), "id2label", None)
    if not isinstance(names, dict) or all(str(one).startswith("LABEL_") for one in names.values()):
        return ()
    return tuple(names[place] for place in sorted(names))


def as_taken(targets: Any, model: object, wanted: Wanted | None, *, named: bool) -> Any:
    """Targets as the loss takes them: numbers of classes whole or not, and what a regression predicts not whole."""
    if wanted is not None and named:
        return fitted_targets(targets, wanted)
    if isinstance(model, Estimator) and not model.source.classes:
        found = as_tensor("targets", targets)
        return found if found.is_floating_point() else found.double()
    return targets
