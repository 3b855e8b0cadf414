"""What a person gives to a case, in what an audit works with: tensors, a function of tensors, a loss, a metric."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from ..checks import resolve
from ..checks.subjects.subject import undisturbed
from ..losses import BinaryCrossEntropy, CrossEntropy
from .errors import CaseError
from .forms import Form, converted, one_column, two_columns
from .input_space import InputSpace
from .labels import are_names, classes_in, numbered
from .metrics import Metric, metric_of
from .models import (
    Estimator,
    Foreign,
    HuggingFace,
    Refit,
    Source,
    Wanted,
    fitted_targets,
    source_of,
    wanted_by_trial,
    wanted_of,
)
from .models.hugging_face import is_hugging_face
from .models.refit import can_refit
from .rows import Rows, as_rows, as_tensor
from .streaming import drained, with_fields
from .tables import Codec, codec_of, is_table, wants_codec
from .texts import by_token

if TYPE_CHECKING:
    from .case import Case

#: Rows by which a model is tried.
_FEW = 64


@dataclass
class _Reading:
    """A case on its way from what was given to what is worked with.

    Attributes:
        splits: inputs and targets by the name of the split, which is how errors call it.
        source: a model of another library, the first time that it is seen.
        codec: how inputs were written as numbers.
        classes: the names of the classes, where they have names.
        notes: what a reader of the report should know.
    """

    case: Case
    splits: dict[str, tuple[Any, Any]]
    source: Source | None = None
    codec: Codec | None = None
    classes: tuple[Hashable, ...] = ()
    notes: tuple[str, ...] = ()


def read(case: Case) -> dict[str, Any]:
    """The fields of the case that were given in other words than an audit speaks.

    What has been read once is read again without a change, so that `dataclasses.replace` works.

    Raises:
        CaseError: something does not fit together; the message says what, and how to mend it.
    """
    with undisturbed():
        drawn = drained(case)
        held, found = (case, {}) if drawn is None else drawn
        if (told := by_token(held)) is not None:
            held = with_fields(held, **told)
            found = found | told
        if held.model is None and held.prediction is None:
            raise CaseError("give the model, or the prediction that it made for each test row.")
        return found | _read(held)


def _read(case: Case) -> dict[str, Any]:
    if case.model is not None and not callable(case.model) and source_of(case.model) is None:
        raise CaseError(
            f"model is a module or a callable; got {type(case.model).__name__}. Estimators of scikit-learn, XGBoost, "
            "LightGBM and CatBoost are taken as they are."
        )
    reading = _Reading(case, _splits(case))
    model: Any = case.model
    reading.source = source_of(model)
    reading.codec = model.codec if isinstance(model, Estimator) else None
    _read_targets(reading)
    loss = _loss(case.loss, _many(reading))
    _read_inputs(reading)
    model, wanted = _model(reading, loss)
    for name, (inputs, targets) in reading.splits.items():
        reading.splits[name] = (inputs, as_taken(targets, model, wanted, named=bool(reading.classes)))
    rows = {name: as_rows(name, pair) for name, pair in reading.splits.items()}
    rows = {name: _cast(pair, model) for name, pair in rows.items()}
    prediction = _prediction(case, wanted)
    found: dict[str, Any] = {
        "loss": loss,
        "model": model,
        "test": rows["test"],
        "train": rows.get("train"),
        "shifted": {name: rows[_shifted(name)] for name in case.shifted},
        "prediction": prediction,
        "prediction_is": None,
        "target": None,
        "classes": reading.classes,
        "features": _features(reading),
        "input_space": _space(reading, model),
    }
    if isinstance(model, Estimator):
        reading.notes += model.notes
        if case.refit is None and "train" in rows and can_refit(model):
            found["refit"] = Refit(model, rows["train"])
    if isinstance(model, HuggingFace) and not isinstance(case.model, HuggingFace):
        found["checkpoints"] = tuple({f"inner.{key}": one for key, one in state.items()} for state in case.checkpoints)
    found["metric"] = _metric(case, reading, model, wanted, rows["test"], prediction)
    found["notes"] = tuple(dict.fromkeys((*case.notes, *reading.notes)))
    return found


def as_taken(targets: Any, model: object, wanted: Wanted | None, *, named: bool) -> Any:
    """Targets as the loss takes them: numbers of classes whole or not, and what a regression predicts not whole."""
    if wanted is not None and named:
        return fitted_targets(targets, wanted)
    if isinstance(model, Estimator) and not model.source.classes:
        found = as_tensor("targets", targets)
        return found if found.is_floating_point() else found.double()
    return targets


def _splits(case: Case) -> dict[str, tuple[Any, Any]]:
    test: Any = case.test
    if test is None:
        if case.target is None or case.prediction is None:
            raise CaseError(
                "give test=(inputs, targets), or, with prediction= alone, target= with one target for each prediction."
            )
        test = (torch.zeros(len(case.target), 0), case.target)
    elif case.target is not None:
        raise CaseError("give the targets once: in test=(inputs, targets), or as target= without test.")
    given: dict[str, Any] = {"test": test}
    if case.train is not None:
        given["train"] = case.train
    given |= {_shifted(name): rows for name, rows in case.shifted.items()}
    for name, pair in given.items():
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise CaseError(f"{name} is a pair (inputs, targets); got {type(pair).__name__}.")
    return {name: (pair[0], pair[1]) for name, pair in given.items()}


def _shifted(name: str) -> str:
    return f"shifted[{name!r}]"


def _read_targets(reading: _Reading) -> None:
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


def _many(reading: _Reading) -> int:
    """How many classes there are; 0 where targets are no classes, or nobody says."""
    if reading.source is not None:
        return len(reading.source.classes)
    if reading.classes:
        return len(reading.classes)
    prediction: Any = reading.case.prediction
    if getattr(prediction, "ndim", 1) == 2:
        return int(prediction.shape[1])
    return 0


def _loss(given: Any, classes: int) -> Callable[..., Tensor]:
    name: str | None = given if isinstance(given, str) else None
    if not isinstance(given, type) and str(getattr(given, "__module__", "")).startswith("sklearn.metrics"):
        # Its functions take arrays, and the target first.
        name = str(getattr(given, "__name__", given))
    if name is None and not isinstance(given, type):
        if not callable(given):
            raise CaseError(f"loss is a callable (prediction, target), or the name of one; got {type(given).__name__}.")
        return cast(Callable[..., Tensor], given)
    try:
        found = resolve(name or given, pairs=True).loss
    except ValueError as error:
        raise CaseError(f"loss: {error}") from None
    # "log loss" is a name of both, and what it means depends on the classes.
    if name is not None and classes > 2 and found == BinaryCrossEntropy():
        return CrossEntropy()
    return found


def _read_inputs(reading: _Reading) -> None:
    """Tables become numbers: all splits by one codec, so that a category is one code everywhere."""
    foreign = reading.source is not None
    model: Any = reading.case.model
    module = isinstance(model, nn.Module)
    raw = {name: pair[0] for name, pair in reading.splits.items()}
    if reading.codec is None:
        if not any(wants_codec(one, gaps=foreign or model is None) for one in raw.values()):
            return
        if module:
            for name, one in raw.items():
                reading.splits[name] = (_all_numbers(f"{name} inputs", one), reading.splits[name][1])
            return
        reading.codec = codec_of(list(raw.values()))
    for name, one in raw.items():
        if not isinstance(one, Tensor) or wants_codec(one, gaps=True):
            reading.splits[name] = (reading.codec.encode(one), reading.splits[name][1])


def _all_numbers(name: str, table: Any) -> Any:
    """A table for a module, which takes a tensor and nothing else."""
    if not is_table(table):
        return table
    frame = table if hasattr(table, "iloc") else table.to_pandas()
    words = [str(column) for column in frame.columns if getattr(frame[column].dtype, "kind", "O") not in "biuf"]
    if words:
        raise CaseError(
            f"{name}: the columns {', '.join(words[:6])} hold no numbers, and the model is a torch module that takes a "
            "tensor. Encode them as the model was trained, or give the whole pipeline as a callable that takes the "
            "table."
        )
    whole = all(frame[column].dtype.kind in "iu" for column in frame.columns)
    return frame.to_numpy(dtype="int64" if whole else "float64")


def _model(reading: _Reading, loss: Callable[..., Any]) -> tuple[Any, Wanted | None]:
    given = cast(Any, reading.case.model)
    many = _many(reading)
    if given is None or isinstance(given, HuggingFace) or not (reading.source or isinstance(given, Estimator)):
        wanted = wanted_of(loss, many)
        if isinstance(given, HuggingFace):
            return (given if wanted in (None, given.wanted) else HuggingFace(given.original, wanted)), wanted
        if is_hugging_face(given):
            return HuggingFace(cast(nn.Module, given), wanted), wanted
        if given is not None and not isinstance(given, nn.Module | Foreign) and callable(given):
            return _function(reading, given), wanted
        return given, wanted
    classes = given.source.classes if isinstance(given, Estimator) else reading.source.classes if reading.source else ()
    wanted = wanted_of(loss, len(classes)) or wanted_by_trial(loss, len(classes))
    if wanted is None:
        raise CaseError(
            f"nothing shows whether the loss takes logits or probabilities: on right and wrong predictions of "
            f"{len(classes)} classes it raises, or is no smaller where they are right. Give Case(prediction=...) as "
            "the loss takes it."
        )
    inputs = reading.splits["test"][0]
    if isinstance(given, Estimator):
        return given.emitting(wanted, inputs), wanted
    assert reading.source is not None  # noqa: S101
    first = as_tensor("test inputs", inputs)[:_FEW]
    try:
        sample = first.detach().cpu().numpy() if reading.codec is None else reading.codec.decode(first)
        return Estimator(reading.source, wanted, reading.codec, sample), wanted
    except CaseError:
        raise
    except Exception as error:
        raise CaseError(
            f"{type(reading.source.original).__name__} raised {type(error).__name__} on {len(first)} test inputs: "
            f"{error}"
        ) from error


def _function(reading: _Reading, model: Callable[[Any], Any]) -> Callable[[Tensor], Tensor]:
    """A function of tensors as it is; one of arrays or tables behind a door."""
    if reading.codec is not None:
        return Foreign(model, reading.codec.decode)
    given: Any = reading.case.test
    if given is None or isinstance(given[0], Tensor):
        return model
    first = as_tensor("test inputs", given[0])[:2]
    try:
        with torch.no_grad():
            if isinstance(model(first), Tensor):
                return model
    except Exception:
        found = None
    try:
        found = model(first.numpy())
    except Exception:
        # Nor does it take arrays; the audit says what it raised on tensors.
        return model
    return model if isinstance(found, Tensor) else Foreign(model, lambda inputs: inputs.detach().cpu().numpy())


def _cast(rows: Rows, model: object) -> Rows:
    """Inputs in the precision of the module's parameters: arrays come in float64, and modules mostly do not."""
    if not isinstance(model, nn.Module) or not rows[0].is_floating_point():
        return rows
    first = next((one for one in model.parameters() if one.is_floating_point()), None)
    if first is None or first.dtype == rows[0].dtype:
        return rows
    return rows[0].to(first.dtype), rows[1]


def _prediction(case: Case, wanted: Wanted | None) -> Tensor | None:
    if case.prediction is None:
        return None
    return as_said(as_tensor("prediction", case.prediction).detach().cpu(), case.prediction_is, wanted)


def as_said(prediction: Tensor, said: Form | None, wanted: Wanted | None) -> Tensor:
    """Recorded predictions as the loss takes them, where their form was told.

    Raises:
        CaseError: nothing says what the loss takes.
    """
    if said is None:
        return prediction
    if wanted is None:
        raise CaseError(
            f"prediction_is={said!r} cannot be followed: nothing says what the loss takes. Give the prediction as the "
            "loss takes it, and leave prediction_is out."
        )
    found = prediction if prediction.is_floating_point() else prediction.double()
    found = converted(found if wanted.by_class else one_column(found, said), said, wanted.form)
    return two_columns(found, wanted.form) if wanted.by_class else found


def _features(reading: _Reading) -> tuple[str, ...]:
    given = tuple(reading.case.features)
    if reading.codec is not None:
        found = reading.codec.features
        return given if len(given) == len(found) else found
    test: Any = reading.case.test
    table: Any = None if test is None else test[0]
    return tuple(str(name) for name in table.columns) if not given and is_table(table) else given


def _space(reading: _Reading, model: object) -> InputSpace:
    space = reading.case.input_space
    if isinstance(model, HuggingFace) and space.tokens is None and not reading.splits["test"][0].is_floating_point():
        return replace(space, tokens=model.vocabulary)
    codec = reading.codec
    if codec is None or isinstance(reading.case.model, Estimator):
        return space
    names = [column.names[0] for column in codec.columns]

    def named(columns: Any) -> tuple[Any, ...]:
        # Columns of gaps come between, so that numbers no longer mean what they meant.
        return tuple(
            named(one) if isinstance(one, tuple) else names[one] if isinstance(one, int) else one for one in columns
        )

    own = named(space.categorical)
    return replace(
        space,
        categorical=tuple(dict.fromkeys((*own, *codec.categorical))),
        integer=tuple(one for one in dict.fromkeys((*named(space.integer), *codec.integer)) if one not in own),
        immutable=named(space.immutable),
    )


def _metric(
    case: Case, reading: _Reading, model: Any, wanted: Wanted | None, test: Rows, prediction: Tensor | None
) -> Metric:
    def example() -> tuple[Tensor, Tensor]:
        from .evidence import run

        inputs, targets = test[0][:_FEW], test[1][:_FEW]
        return (run(model, inputs) if prediction is None else prediction[:_FEW]), targets

    found = metric_of(case.metric, lower_is_better=case.lower_is_better, classes=reading.classes, example=example)
    known = isinstance(model, Estimator) or (wanted is not None and wanted.form not in ("numbers", "margins"))
    given = wanted.form if wanted is not None and known else None
    return found if found.given == given else replace(found, given=given)
