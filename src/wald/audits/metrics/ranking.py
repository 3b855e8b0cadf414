"""How well scores order rows."""

from __future__ import annotations

import torch
from torch import Tensor

from .forms import one_column
from .metric import Metric
from .weights import ones_like


def auc() -> Metric:
    """The chance that a positive scores above a negative, ties counted half. Hanley & McNeil 1982."""

    def area(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> float:
        ups, downs = _by_score(_one(prediction, "AUC"), target, weight)
        pairs = float(ups.sum() * downs.sum())
        if pairs == 0:
            return float("nan")
        # From the highest score down: what is below a score is what is not above it, nor at it.
        below = downs.sum() - downs.cumsum(0)
        return float((ups * (below + downs / 2)).sum()) / pairs

    return Metric(name="AUC", of=area, lower_is_better=False, elicits="ranking", takes="logits")


def average_precision() -> Metric:
    """The mean of the precisions at each positive, from the highest score down; ties count as one step."""

    def precision(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> float:
        ups, downs = _by_score(_one(prediction, "average precision"), target, weight)
        total = float(ups.sum())
        if total == 0:
            return float("nan")
        hits = ups.cumsum(0)
        # Rows of weight 0 above all others have neither hits nor misses.
        return float((ups * hits / (hits + downs.cumsum(0)).clamp_min(1e-300)).sum()) / total

    return Metric(name="average precision", of=precision, lower_is_better=False, elicits="ranking", takes="logits")


def ndcg(*, query: str = "", top: int | None = None) -> Metric:
    """How much of the gain of the best order the scores' order keeps. Järvelin & Kekäläinen 2002.

    Args:
        query: the case's column that says which query a row belongs to; empty where a row is a query, with one
            score and one gain for each document, (rows, documents).
        top: how many places count; None for all.
    """

    def lists(prediction: Tensor, target: Tensor) -> Tensor:
        if prediction.ndim != 2:
            raise ValueError(
                'ndcg judges lists: give predictions and targets (queries, documents), or metrics.ndcg(query="column") '
                f"with one document a row; got predictions {tuple(prediction.shape)}."
            )
        return torch.stack([_gained(p, y, top) for p, y in zip(prediction.double(), target.double(), strict=True)])

    def by_query(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None, **columns: Tensor) -> float:
        _, which = columns[query].unique(return_inverse=True)
        order = which.argsort(stable=True)
        sizes = torch.bincount(which).tolist()
        parts = [one[order].double().split(sizes) for one in (prediction, target, ones_like(target, weight))]
        found = torch.stack([_gained(p, y, top) for p, y, _ in zip(*parts, strict=True)])
        # A query counts for what its documents count for on average.
        mass = torch.stack([w.mean() for w in parts[2]])
        return float((found * mass).sum() / mass.sum())

    name = "nDCG" if top is None else f"nDCG at {top}"
    if query:
        return Metric(name=name, of=by_query, lower_is_better=False, elicits="ranking", columns=(query,))
    return Metric(name=name, per_example=lists, lower_is_better=False, elicits="ranking")


def _gained(score: Tensor, gain: Tensor, top: int | None) -> Tensor:
    discount = 1 / torch.arange(2, len(score) + 2, dtype=torch.float64).log2()
    if top is not None:
        discount[top:] = 0
    best = (gain.sort(descending=True).values * discount).sum()
    if best == 0:
        return torch.zeros((), dtype=torch.float64)
    # Documents of one score share their places.
    _, tie, size = (-score).unique(return_inverse=True, return_counts=True)
    ends = size.cumsum(0)
    paid = torch.cat([torch.zeros(1, dtype=torch.float64), discount.cumsum(0)])
    place = (paid[ends] - paid[ends - size]) / size
    return (gain * place[tie]).sum() / best


def _one(prediction: Tensor, name: str) -> Tensor:
    found = one_column(prediction, "logits")
    if found.ndim != 1:
        raise ValueError(
            f"{name} ranks rows by one score, and the predictions are {tuple(prediction.shape)}. For several classes "
            'use "log_loss", "accuracy" or "roc_auc_ovr".'
        )
    return found


def _by_score(score: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """The weight of positives and of negatives at each different score, from the highest down."""
    ordered, order = score.detach().double().sort(descending=True)
    positive = (target >= 0.5).double()[order]
    mass = ones_like(target, weight)[order]
    place = torch.cat([torch.zeros(1, dtype=torch.long), (ordered[1:] != ordered[:-1]).long().cumsum(0)])
    empty = torch.zeros(int(place[-1]) + 1, dtype=torch.float64)
    return empty.index_add(0, place, mass * positive), empty.index_add(0, place, mass * (1 - positive))
