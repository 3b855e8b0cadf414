"""What is audited: a loss, the model it made, data, and the metric that counts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from torch import Tensor, nn

from .candidates import Candidates
from .errors import CaseError
from .input_space import Attack, InputSpace
from .metrics import Metric
from .metrics.forms import Form
from .reading.read import read
from .reading.rows import Rows, as_tensor
from .reading.totals import Totals
from .trading import Trading
from .training.objective import as_loss

Task = Literal["regression", "binary", "multiclass", "other"]

TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Everything that an audit looks at. The model and its data are read and never changed.

    Give a `model`, or the `prediction` that it made for the test rows. What is left out is not guessed: the probes
    that need it say so.

    What is given in other words becomes what an audit speaks, once: tables and arrays become tensors (words and gaps
    in them codes, which the model sees as what they were), names of classes numbers, names of losses and metrics the
    things themselves, and a model of another library a function of tensors that emits what the loss takes. `original`
    is the model as it was given.

    Attributes:
        loss: the loss that trained it: one of wald's, a `wald.Objective` whose terms read predictions and targets, or
            any callable (prediction, target); or the name of one of wald's: "log_loss", "Huber(delta=2)".
        metric: what the model is judged by: a `wald.Metric`, a name ("roc_auc", "neg_mean_absolute_error", "f1"), a
            scorer or metric function of scikit-learn, or, with `lower_is_better`, a callable (prediction, target)
            that takes predictions as the loss does.
        test: inputs and targets that the model has not seen: tensors, arrays, data frames or lists; or batches of
            them (a DataLoader, a Dataset), of which a sample is kept that fits into memory, while the loss and the
            metric are measured on all.
        model: a module, or any callable, from inputs (rows, ...) to predictions as the loss takes them; an estimator
            or pipeline of scikit-learn, XGBoost, LightGBM or CatBoost; or a model of Hugging Face, for token numbers.
        prediction: what a model that is not at hand predicted for the test rows, as the loss takes it.
        prediction_is: "probabilities" or "logits", where `prediction` is not as the loss takes it.
        target: the test targets, where `prediction` is given and inputs are not.
        lower_is_better: whether less of the metric is better, where it is a callable.
        classes: the names of the classes in the order of the predictions' columns, where targets are names; the last
            of two is the one that a single prediction speaks of. None for the model's own order, or the alphabet's.
        name: what to call the case.
        train: inputs and targets that the model was trained on; without them leaks cannot be looked for.
        shifted: test rows from elsewhere or later, by name.
        groups: for each way to group the test rows, one label for each row.
        weight: what each test row counts for; None for 1. A row of weight 0 is left out.
        clusters: one label for each test row; rows of one label belong together (a patient, a day) and are resampled
            together.
        ordered: whether the test rows are in order of time, so that neighbours are alike.
        columns: what the metric needs besides: one value for each test row.
        features: the names of the inputs' columns.
        about: the data, the model, the assumptions and the source, in a paragraph.
        task: "regression", "binary", "multiclass" or "other" (predictions that are no forecasts of the targets:
            positions, actions, embeddings); None to read it off the loss and the targets.
        checkpoints: the model's `state_dict` at stages of its training, the first one first.
        history: numbers logged in training, by name, one for each epoch: "loss", "metric" (the case's, on held-out
            rows), "gradient norm", "reward", "kl", "length" ...
        runs: one mapping for each of several trainings, with its "loss", its "metric" and the settings it differed in.
        refit: trains anew: `refit(seed, loss)` gives a model; with a third argument `train`, on other rows.
        candidates: several outputs for each input, with proxy and true scores.
        input_space: what the inputs can be.
        attack: how far inputs may be moved.
        trading: how predictions become money, where they are positions in a market and targets are its returns.
        recipe: a line of Python that makes the case again, under the name `case`; findings quote it.
        notes: what a reader of the report should know of how the case was read.
        totals: the loss and the metric over all rows, where `test` holds a part of them.

    Raises:
        CaseError: something does not fit together; the message says what, and how to mend it.

    >>> import wald
    >>> case = wald.Case(prediction=[0.3, -1.2, 2.0], target=[1.0, 0.0, 1.0], loss="log_loss", metric="roc_auc")
    >>> case.loss, case.metric.name
    (BinaryCrossEntropy(), 'AUC')
    """

    loss: Callable[..., Tensor]
    metric: Metric
    test: Rows = None  # pyright: ignore[reportAssignmentType]  (it is read off prediction and target)
    model: nn.Module | Callable[[Tensor], Tensor] | None = None
    prediction: Tensor | None = None
    prediction_is: Form | None = None
    target: Tensor | None = None
    lower_is_better: bool | None = None
    classes: tuple[Hashable, ...] = ()
    name: str = "case"
    train: Rows | None = None
    shifted: Mapping[str, Rows] = field(default_factory=dict[str, Rows])
    groups: Mapping[str, Sequence[Hashable]] = field(default_factory=dict[str, Sequence[Hashable]])
    weight: Tensor | None = None
    clusters: Sequence[Hashable] | None = None
    ordered: bool = False
    columns: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    features: tuple[str, ...] = ()
    about: str = ""
    task: Task | None = None
    checkpoints: tuple[Mapping[str, Tensor], ...] = ()
    history: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])
    runs: Sequence[Mapping[str, float]] = ()
    refit: Callable[..., Any] | None = None
    candidates: Candidates | None = None
    input_space: InputSpace = field(default_factory=InputSpace)
    attack: Attack = field(default_factory=Attack)
    trading: Trading | None = None
    recipe: str = ""
    notes: tuple[str, ...] = ()
    totals: Totals | None = None

    def __post_init__(self) -> None:
        if self.task is not None and self.task not in TASKS:
            raise CaseError(f"task is one of {', '.join(TASKS)}; got {self.task!r}.")
        object.__setattr__(self, "loss", as_loss(self.loss))
        for name, value in read(self).items():
            object.__setattr__(self, name, value)
        inputs, targets = self.test
        if self.train is not None and self.train[0].shape[1:] != inputs.shape[1:]:
            raise CaseError(
                f"train inputs {tuple(self.train[0].shape)} and test inputs {tuple(inputs.shape)} differ beyond "
                "the number of rows; prepare both in the same way."
            )
        if len(targets) > 1 and self.task != "regression" and bool((targets == targets[0]).all()):
            raise CaseError(
                f"all {len(targets)} test targets are {targets.flatten()[0].item():g}, so nothing can be told "
                "apart. Use test rows of every class."
            )
        object.__setattr__(self, "shifted", _alike(self.shifted, inputs))
        self._settle_prediction(len(targets))
        self._settle_weight(len(targets))
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
    def original(self) -> Any:
        """The model as it was given, whatever library it is from."""
        return getattr(self.model, "original", self.model)

    @property
    def described_metric(self) -> str:
        """The metric with its unit."""
        return self.metric.describe()

    def _settle_prediction(self, rows: int) -> None:
        if self.prediction is not None and len(self.prediction) != rows:
            raise CaseError(f"prediction has {len(self.prediction)} rows for {rows} test rows; give one for each.")

    def _settle_weight(self, rows: int) -> None:
        if self.weight is not None:
            weight = as_tensor("weight", self.weight).detach().cpu().double()
            if weight.shape != (rows,):
                raise CaseError(f"weight is {tuple(weight.shape)} for {rows} test rows; give one number for each.")
            if bool((weight < 0).any()) or not bool((weight > 0).any()):
                raise CaseError(
                    f"weights are 0 or more, and some are above 0; got a least of {float(weight.min()):g} and a most "
                    f"of {float(weight.max()):g}."
                )
            object.__setattr__(self, "weight", weight)
        if self.clusters is not None:
            object.__setattr__(self, "clusters", _labels("clusters", self.clusters, rows))

    def _settle_groups(self, rows: int) -> None:
        settled: dict[str, tuple[Hashable, ...]] = {}
        for name, labels in self.groups.items():
            settled[name] = _labels(f"groups[{name!r}]", labels, rows)
        object.__setattr__(self, "groups", MappingProxyType(settled))

    def _settle_columns(self, rows: int) -> None:
        settled = {
            name: as_tensor(f"columns[{name!r}]", values).detach().cpu() for name, values in self.columns.items()
        }
        for name, values in settled.items():
            if values.shape[:1] != (rows,):
                raise CaseError(
                    f"columns[{name!r}] is {tuple(values.shape)} for {rows} test rows. Give one value for each row."
                )
        if missing := [name for name in self.metric.columns if name not in settled]:
            raise CaseError(
                f"The metric {self.metric.name!r} needs the columns {', '.join(self.metric.columns)}; "
                f"{', '.join(missing)} is missing. Give columns={{...: one value for each test row}}."
            )
        object.__setattr__(self, "columns", MappingProxyType(settled))


def _labels(name: str, labels: Any, rows: int) -> tuple[Hashable, ...]:
    listed: list[Any] = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    if len(listed) != rows:
        raise CaseError(f"{name} has {len(listed)} labels for {rows} test rows. Give one label for each row.")
    return tuple(listed)


def _alike(shifted: Mapping[str, Rows], inputs: Tensor) -> Mapping[str, Rows]:
    for name, (others, _) in shifted.items():
        if others.shape[1:] != inputs.shape[1:]:
            raise CaseError(
                f"shifted[{name!r}] inputs {tuple(others.shape)} and test inputs {tuple(inputs.shape)} differ beyond "
                "the number of rows; prepare both in the same way."
            )
    return MappingProxyType(dict(shifted))
