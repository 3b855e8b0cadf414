"""A case whose rows come in batches: one pass measures all of them and keeps a sample that fits into memory."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import CaseError
from ..metrics.forms import Form
from ..models import Estimator, Foreign, HuggingFace
from ..models.wanted import wanted_of
from ..tables import Batch, Reservoir, batches_of, is_stream, taken
from .labels import numbered
from .totals import Counter

if TYPE_CHECKING:
    from ..case import Case


def drained(case: Case) -> tuple[Case, dict[str, Any]] | None:
    """The case with a sample in place of every stream, and the fields that changed; None where nothing streams.

    Raises:
        CaseError: a batch is no pair (inputs, targets), or there is none.
    """
    streams: dict[str, Any] = {"test": case.test, "train": case.train} | {
        f"shifted[{name!r}]": rows for name, rows in case.shifted.items()
    }
    if not any(is_stream(rows) for rows in streams.values()):
        return None
    found: dict[str, Any] = {}
    if is_stream(case.test):
        found |= _test(case)
    if is_stream(case.train):
        found["train"] = _sampled("train", case.train)
    found["shifted"] = {
        name: _sampled(f"shifted[{name!r}]", rows) if is_stream(rows) else rows for name, rows in case.shifted.items()
    }
    return with_fields(case, **found), found


def _sampled(name: str, stream: Any) -> tuple[Any, Any]:
    kept = Reservoir()
    for batch in batches_of(name, stream):
        kept.add(batch.inputs, batch.targets)
    inputs, targets = _held(name, kept)
    return inputs, targets


def _test(case: Case) -> dict[str, Any]:
    if case.prediction is not None:
        raise CaseError(
            "test comes in batches and prediction= in one piece. Give the model, or test=(inputs, targets) in one "
            "piece too."
        )
    kept, teller, counter = Reservoir(last=case.ordered), None, None
    names: tuple[str, ...] = ()
    for given in batches_of("test", case.test):
        batch = _completed(given, case, kept.seen)
        if teller is None:
            teller = Teller(case, batch)
            counter = None if teller.text else Counter(teller.loss, teller.metric)
        rows = slice(kept.seen, kept.seen + len(batch.targets))
        beside = _beside(batch)
        here = None if batch.weight is None else batch.weight > 0
        if counter is not None:
            prediction, observed = teller(batch)
            columns = {name: torch.as_tensor(np.asarray(case.columns[name]))[rows] for name in teller.metric.columns}
            here = counter.add(prediction, observed, batch.weight, columns, batch.groups)
        names = tuple(beside)
        kept.add(batch.inputs, batch.targets, *beside.values(), here=here, order=batch.order)
    if kept.seen == 0:
        raise CaseError("test has no rows, so there is nothing to measure.")
    _refuse_other_lengths(case, kept.seen)
    inputs, targets, *others = _held("test", kept)
    beside = dict(zip(names, others, strict=True))
    rows = kept.rows()
    found: dict[str, Any] = {
        "test": (inputs, targets),
        "totals": None if counter is None else counter.totals(),
        "columns": {name: taken(np.asarray(values), rows) for name, values in case.columns.items()},
        "groups": {name.removeprefix("group "): one for name, one in beside.items() if name.startswith("group ")},
    } | {name: beside[name] for name in ("prediction", "weight", "clusters") if name in beside}
    return _sorted(found, beside["order"]) if "order" in beside else found


def _completed(batch: Batch, case: Case, seen: int) -> Batch:
    """A batch with what the case gives for all rows at once."""
    rows = slice(seen, seen + len(batch.targets))
    _refuse_other_lengths(case, rows.stop, more=True)
    return replace(
        batch,
        weight=batch.weight if case.weight is None else torch.as_tensor(np.asarray(case.weight)[rows]).double(),
        clusters=batch.clusters if case.clusters is None else _listed(case.clusters[rows]),
        groups={**batch.groups, **{name: _listed(labels[rows]) for name, labels in case.groups.items()}},
    )


def _beside(batch: Batch) -> dict[str, Any]:
    """What is kept of a batch beside inputs and targets."""
    found = {"prediction": batch.prediction, "weight": batch.weight, "clusters": batch.clusters, "order": batch.order}
    return {name: one for name, one in found.items() if one is not None} | {
        f"group {name}": labels for name, labels in batch.groups.items()
    }


def _sorted(found: dict[str, Any], order: Tensor) -> dict[str, Any]:
    """Everything that has a value for each row, in order of time."""
    rows = order.argsort(stable=True)
    inputs, targets = found["test"]
    sorted_ = {name: taken(found[name], rows) for name in ("prediction", "weight", "clusters") if name in found}
    many = {kind: {name: taken(one, rows) for name, one in found[kind].items()} for kind in ("groups", "columns")}
    return found | sorted_ | many | {"test": (taken(inputs, rows), taken(targets, rows))}


class Teller:
    """What the model predicts for a batch, and the targets, both as the loss takes them; settled on the first one."""

    def __init__(self, case: Case, batch: Batch) -> None:
        from .read import read

        # What is not finite is left out later, row by row; here it would be refused.
        fine = _fine(batch, module=isinstance(case.model, nn.Module)).nonzero()[:, 0]
        alone = with_fields(
            case,
            test=(taken(batch.inputs, fine), taken(batch.targets, fine)),
            prediction=None if batch.prediction is None else batch.prediction[fine],
            train=None,
            shifted={},
            weight=None,
            clusters=None,
            groups={},
            columns={},
        )
        found = read(alone)
        self.loss, self.metric, self.model = found["loss"], found["metric"], found["model"]
        self.classes = found["classes"]
        self.prediction_is: Form | None = case.prediction_is
        self.text = isinstance(self.model, HuggingFace) and self.model.kind == "text"
        self.dtype = found["test"][0].dtype
        columns = 0 if batch.prediction is None or batch.prediction.ndim == 1 else batch.prediction.shape[1]
        self.wanted = wanted_of(self.loss, len(self.classes) or columns)
        if isinstance(self.model, Estimator):
            self.wanted = self.model.wanted

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The predictions and the targets of a batch."""
        return self._predicted(batch), self._observed(batch.targets)

    def _predicted(self, batch: Batch) -> Tensor:
        from ..evidence import run
        from .words import as_said

        model, inputs = self.model, batch.inputs
        if batch.prediction is not None:
            return as_said(batch.prediction, self.prediction_is, self.wanted)
        if isinstance(model, Estimator | Foreign) and not isinstance(inputs, Tensor):
            return model.on_table(inputs)
        if isinstance(model, Estimator | Foreign):
            return model.on_table(inputs.detach().cpu().numpy())
        given = inputs if isinstance(inputs, Tensor) else torch.as_tensor(np.asarray(inputs))
        return run(model, given.to(self.dtype) if isinstance(model, nn.Module) else given)

    def _observed(self, targets: Any) -> Tensor:
        from .targets import as_taken

        model = self.model
        named = bool(self.classes)
        observed = numbered("test targets", targets, self.classes) if named else targets
        observed = observed if isinstance(observed, Tensor) else torch.as_tensor(np.asarray(observed))
        observed = observed.float() if observed.dtype == torch.bool else observed.detach().cpu()
        if not (isinstance(model, Estimator) and not model.source.classes):
            observed = as_taken(observed, model, self.wanted, named=named)
        return observed


def _held(name: str, kept: Reservoir) -> tuple[Any, ...]:
    if len(kept.rows()) == 0:
        raise CaseError(f"{name} has {kept.seen:,} rows, and none of them is finite with a weight above 0.")
    return kept.columns()


def with_fields(case: Case, **fields: Any) -> Case:
    """The case with other fields, before anything is read or held against the rest."""
    other = copy.copy(case)
    for name, value in fields.items():
        object.__setattr__(other, name, value)
    return other


def _fine(batch: Batch, *, module: bool) -> Tensor:
    """The rows that are finite, as far as numbers are seen as such."""
    fine = torch.ones(len(batch.targets), dtype=torch.bool)
    for values in (batch.targets, batch.prediction, batch.inputs if module else None):
        if values is None or getattr(getattr(values, "dtype", None), "kind", "f") != "f" or hasattr(values, "iloc"):
            continue
        found = torch.as_tensor(values)
        if found.is_floating_point():
            fine &= found.isfinite().reshape(len(fine), -1).all(-1)
    return fine


def _listed(values: Any) -> Any:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _refuse_other_lengths(case: Case, rows: int, *, more: bool = False) -> None:
    """Say what has not one value for each row; `more` if further rows may come."""
    given: dict[str, Any] = {"weight": case.weight, "clusters": case.clusters}
    given |= {f"groups[{name!r}]": labels for name, labels in case.groups.items()}
    given |= {f"columns[{name!r}]": values for name, values in case.columns.items()}
    for name, values in given.items():
        if values is not None and (len(values) < rows or (len(values) > rows and not more)):
            told = f"{rows} test rows{' or more' * more}"
            raise CaseError(f"{name} has {len(values)} values for {told}; give one for each.")
