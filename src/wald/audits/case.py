"""What is audited: a loss, the model it made, data, and the metric that counts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from .metrics import Metric

Rows = tuple[Tensor, Tensor]
Task = Literal["regression", "binary", "multiclass"]

TASKS: tuple[Task, ...] = get_args(Task)


class CaseError(ValueError):
    """A case that cannot be audited, with what is wrong and how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """How far an adversary, or an honest mistake, can move the inputs.

    Attributes:
        reach: the largest move of a feature, in multiples of its `scale`.
        scale: one number for each feature, 0 to hold it fixed; None for the standard deviation of each feature
            that takes more than two values, and 0 for the others, which are flags.
        tolerance: how much worse the metric may get, as a share of what it is without attack; None to measure
            without judging.
    """

    reach: float = 0.25
    scale: tuple[float, ...] | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if not self.reach > 0:
            raise CaseError(f"Attack: reach is how far features move, and must be above 0; got {self.reach}.")
        if self.tolerance is not None and not self.tolerance >= 0:
            raise CaseError(f"Attack: tolerance is a share of the metric, 0 or more; got {self.tolerance}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Everything that an audit looks at. The model and its data are read and never changed.

    Attributes:
        model: a module, or any callable, from inputs (rows, ...) to predictions as the loss takes them.
        loss: the loss that trained it: one of wald's, or any callable (prediction, target).
        test: inputs and targets that the model has not seen.
        metric: what the model is judged by.
        name: what to call the case.
        train: inputs and targets that the model was trained on; without them leaks cannot be looked for.
        groups: for each way to group the test rows, one label for each row.
        columns: what the metric needs besides: one value for each test row.
        features: the names of the inputs' columns.
        about: the data, the model, the assumptions and the source, in a paragraph.
        task: "regression", "binary" or "multiclass"; None to read it off the loss and the targets.
        checkpoints: the model's `state_dict` at stages of its training, the first one first.
        attack: how far inputs may be moved.
        recipe: a line of Python that makes the case again, under the name `case`; findings quote it.

    Raises:
        CaseError: something does not fit together; the message says what, and how to mend it.
    """

    model: nn.Module | Callable[[Tensor], Tensor]
    loss: Callable[..., Tensor]
    test: Rows
    metric: Metric
    name: str = "case"
    train: Rows | None = None
    groups: Mapping[str, Sequence[Hashable]] = field(default_factory=dict[str, Sequence[Hashable]])
    columns: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    features: tuple[str, ...] = ()
    about: str = ""
    task: Task | None = None
    checkpoints: tuple[Mapping[str, Tensor], ...] = ()
    attack: Attack = Attack()
    recipe: str = ""

    def __post_init__(self) -> None:
        if not callable(self.model):
            raise CaseError(f"model is a module or a callable; got {type(self.model).__name__}.")
        if not callable(self.loss):
            raise CaseError(f"loss is a callable (prediction, target); got {type(self.loss).__name__}.")
        if not isinstance(self.metric, Metric):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise CaseError(
                f"metric is a wald.Metric; got {type(self.metric).__name__}. For a function of (prediction, target): "
                "Metric(name=..., per_example=...) if it gives one value a row, Metric(name=..., of=...) otherwise."
            )
        if self.task is not None and self.task not in TASKS:
            raise CaseError(f"task is one of {', '.join(TASKS)}; got {self.task!r}.")
        object.__setattr__(self, "test", _rows("test", self.test))
        inputs, targets = self.test
        if self.train is not None:
            object.__setattr__(self, "train", _rows("train", self.train))
            if self.train[0].shape[1:] != inputs.shape[1:]:
                raise CaseError(
                    f"train inputs {tuple(self.train[0].shape)} and test inputs {tuple(inputs.shape)} differ beyond "
                    "the number of rows; prepare both in the same way."
                )
        if len(targets) > 1 and self.task != "regression" and bool((targets == targets[0]).all()):
            raise CaseError(
                f"all {len(targets)} test targets are {targets.flatten()[0].item():g}, so nothing can be told "
                "apart. Use test rows of every class."
            )
        self._settle_groups(len(targets))
        self._settle_columns(len(targets))
        names = tuple(self.features)
        if names and (inputs.ndim != 2 or len(names) != inputs.shape[1]):
            raise CaseError(f"features names {len(names)} columns, and the test inputs are {tuple(inputs.shape)}.")
        object.__setattr__(self, "features", names)
        object.__setattr__(self, "checkpoints", tuple(self.checkpoints))
        if self.checkpoints and not isinstance(self.model, nn.Module):
            raise CaseError("checkpoints are state dicts of the model, so the model must be a torch.nn.Module.")
        if self.attack.scale is not None and len(self.attack.scale) != inputs[0].numel():
            raise CaseError(
                f"attack.scale has {len(self.attack.scale)} numbers, and a row has {inputs[0].numel()} features."
            )

    @property
    def described_metric(self) -> str:
        """The metric with its unit."""
        return self.metric.describe()

    def _settle_groups(self, rows: int) -> None:
        settled: dict[str, tuple[Hashable, ...]] = {}
        for name, labels in self.groups.items():
            listed: list[Any] = labels.tolist() if hasattr(labels, "tolist") else list(labels)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
            if len(listed) != rows:
                raise CaseError(
                    f"groups[{name!r}] has {len(listed)} labels for {rows} test rows. Give one label for each row."
                )
            settled[name] = tuple(listed)
        object.__setattr__(self, "groups", MappingProxyType(settled))

    def _settle_columns(self, rows: int) -> None:
        settled = {name: torch.as_tensor(values).detach().cpu() for name, values in self.columns.items()}
        for name, values in settled.items():
            if values.shape[:1] != (rows,):
                raise CaseError(
                    f"columns[{name!r}] is {tuple(values.shape)} for {rows} test rows. Give one value for each row."
                )
            _refuse_nan(f"columns[{name!r}]", values)
        if missing := [name for name in self.metric.columns if name not in settled]:
            raise CaseError(
                f"The metric {self.metric.name!r} needs the columns {', '.join(self.metric.columns)}; "
                f"{', '.join(missing)} is missing. Give columns={{...: one value for each test row}}."
            )
        object.__setattr__(self, "columns", MappingProxyType(settled))


def _rows(name: str, rows: object) -> Rows:
    if not (isinstance(rows, tuple | list) and len(rows) == 2):  # pyright: ignore[reportUnknownArgumentType]
        raise CaseError(f"{name} is a pair (inputs, targets); got {type(rows).__name__}.")
    inputs, targets = rows  # pyright: ignore[reportUnknownVariableType]
    for what, one in (("inputs", inputs), ("targets", targets)):  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(one, Tensor):
            raise CaseError(
                f"{name} {what} are a {type(one).__name__}, and a tensor is wanted: torch.as_tensor({what})."  # pyright: ignore[reportUnknownArgumentType]
            )
        if one.ndim == 0:
            raise CaseError(f"{name} {what} are a single number; the first axis counts the rows.")
        _refuse_nan(f"{name} {what}", one)
    assert isinstance(inputs, Tensor)  # noqa: S101
    assert isinstance(targets, Tensor)  # noqa: S101
    if len(inputs) != len(targets):
        raise CaseError(f"{name} has {len(inputs)} rows of inputs and {len(targets)} targets; one target a row.")
    if len(inputs) == 0:
        raise CaseError(f"{name} is empty, so there is nothing to measure.")
    return inputs, targets


def _refuse_nan(name: str, x: Tensor) -> None:
    if x.is_floating_point() and not bool(x.isfinite().all()):
        bad = int((~x.isfinite()).sum())
        raise CaseError(
            f"{name} hold {bad} values that are NaN or infinite (of {x.numel()}). Drop those rows or fill them in, "
            "as the model's own pipeline does."
        )
