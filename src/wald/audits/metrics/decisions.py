"""How good decisions are: which class a row is said to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from .metric import Metric
from .weights import ones_like

Average = Literal["binary", "macro", "micro", "weighted"]


def accuracy(*, threshold: float = 0.5) -> Metric:
    """The share of right decisions: of classes by argmax, of logits by `sigmoid(prediction) >= threshold`."""

    def right(prediction: Tensor, target: Tensor) -> Tensor:
        return (_decided(prediction, threshold) == _classes(prediction, target)).double()

    return Metric(
        name="accuracy",
        per_example=right,
        lower_is_better=False,
        elicits="mode",
        decision=_rule(threshold),
        takes="logits",
    )


def error_rate(*, threshold: float = 0.5) -> Metric:
    """The share of wrong decisions: of classes by argmax, of logits by `sigmoid(prediction) >= threshold`."""

    def wrong(prediction: Tensor, target: Tensor) -> Tensor:
        return (_decided(prediction, threshold) != _classes(prediction, target)).double()

    return Metric(name="error rate", per_example=wrong, elicits="mode", decision=_rule(threshold), takes="logits")


def balanced_accuracy(*, threshold: float = 0.5) -> Metric:
    """The mean over the classes that occur of the share of each that is recognised."""

    def balanced(table: Tensor) -> Tensor:
        here = table.sum(1) > 0
        return (table.diagonal()[here] / table.sum(1)[here]).mean()

    return _of_table("balanced accuracy", balanced, threshold)


def precision(*, average: Average = "binary", threshold: float = 0.5) -> Metric:
    """Of the rows that are said to be positive, the share that is; 0 where none is said to be."""
    return _of_classes("precision", lambda hit, said, true: hit / said, average, threshold)


def recall(*, average: Average = "binary", threshold: float = 0.5) -> Metric:
    """Of the rows that are positive, the share that is said to be; 0 where none is."""
    return _of_classes("recall", lambda hit, said, true: hit / true, average, threshold)


def f1(*, average: Average = "binary", threshold: float = 0.5) -> Metric:
    """The harmonic mean of precision and recall. van Rijsbergen 1979, Information Retrieval."""
    return _of_classes("F1", lambda hit, said, true: 2 * hit / (said + true), average, threshold)


def matthews(*, threshold: float = 0.5) -> Metric:
    """The correlation of decisions and classes. Matthews 1975, doi:10.1016/0005-2795(75)90109-9."""

    def correlation(table: Tensor) -> Tensor:
        true, said, whole = table.sum(1), table.sum(0), table.sum()
        shared = table.trace() * whole - (true * said).sum()
        spread = (whole.square() - said.square().sum()) * (whole.square() - true.square().sum())
        return torch.where(spread > 0, shared / spread.clamp_min(1e-300).sqrt(), 0.0)

    return _of_table("Matthews correlation", correlation, threshold)


def kappa(*, threshold: float = 0.5) -> Metric:
    """The agreement beyond chance. Cohen 1960, doi:10.1177/001316446002000104."""

    def agreement(table: Tensor) -> Tensor:
        chance = (table.sum(0) * table.sum(1)).sum() / table.sum().square()
        return torch.where(chance < 1, (table.trace() / table.sum() - chance) / (1 - chance), torch.nan)

    return _of_table("Cohen's kappa", agreement, threshold)


def _of_classes(
    name: str, score: Callable[[Tensor, Tensor, Tensor], Tensor], average: Average, threshold: float
) -> Metric:
    """A metric of hits, of what was said and of what is true, class by class."""

    def averaged(table: Tensor) -> Tensor:
        hit, said, true = table.diagonal(), table.sum(0), table.sum(1)
        if average == "micro":
            return score(hit.sum(), said.sum(), true.sum())
        if average == "binary":
            if len(table) > 2:
                raise ValueError(
                    f'{name} of one class has no meaning for {len(table)} classes. Use "{name.lower()}_macro", '
                    f'"{name.lower()}_micro" or "{name.lower()}_weighted".'
                )
            return score(hit[1], said[1], true[1]).nan_to_num(0.0)
        each = score(hit, said, true).nan_to_num(0.0)
        here = said + true > 0
        mass = true if average == "weighted" else torch.ones_like(true)
        return (each * mass)[here].sum() / mass[here].sum()

    return _of_table(name if average == "binary" else f"{average} {name}", averaged, threshold)


def _of_table(name: str, score: Callable[[Tensor], Tensor], threshold: float) -> Metric:
    """A metric of the weight of rows of each true class (down) that is said to be of each class (across)."""

    def scored(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> float:
        said, true = _decided(prediction, threshold), _classes(prediction, target)
        many = max(2, prediction.shape[-1] if prediction.ndim == 2 else 2, int(true.max()) + 1)
        counted = torch.bincount(true * many + said, ones_like(true, weight), minlength=many * many)
        return float(score(counted.double().reshape(many, many)))

    return Metric(name=name, of=scored, lower_is_better=False, decision=_rule(threshold), takes="logits")


def _decided(prediction: Tensor, threshold: float) -> Tensor:
    if prediction.ndim == 2:
        return prediction.argmax(-1)
    return (torch.sigmoid(prediction) >= threshold).long()


def _classes(prediction: Tensor, target: Tensor) -> Tensor:
    return target.long() if prediction.ndim == 2 else (target >= 0.5).long()


def _rule(threshold: float) -> str:
    return f"positive when sigmoid(prediction) >= {threshold:g}, or the largest of several logits"
