"""Cases in which nothing is wrong: every accusation of one of them is a false alarm."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
import math
from typing import Any

import torch
from torch import Tensor, nn

import wald
from wald.audits import Candidates, Case, InputSpace, Metric, Trading, metrics

from ..audits.samples import source
from ..audits.test_trading import heavy

SIZES = (200, 1_000, 5_000)
TASKS = ("binary", "regression", "multiclass")

#: Rows of one cluster, and how alike they are.
_TOGETHER, _ALIKE = 5, 0.5


@dataclass(frozen=True)
class Cell:
    """What innocent data look like.

    Attributes:
        rows: how many test rows.
        weights: whether they count differently.
        clusters: whether they belong together in fives, and are alike.
        task: what is predicted.
    """

    rows: int
    weights: bool
    clusters: bool
    task: str


CELLS = tuple(Cell(*one) for one in product(SIZES, (False, True), (False, True), TASKS))


class Reader(nn.Module):
    """A linear model that knows the truth."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        self.layer.weight.data.copy_(weight)

    def forward(self, inputs: Tensor) -> Tensor:
        found = self.layer(inputs)
        return found[:, 0] if found.shape[1] == 1 else found


def innocent(cell: Cell, seed: int) -> Case:
    """A model that is the truth, on rows that are what they seem, with everything a probe may ask for."""
    state = source(seed)
    features = 5
    cluster = torch.arange(cell.rows) // _TOGETHER
    weight = torch.randn(3 if cell.task == "multiclass" else 1, features, generator=state)
    model = Reader(weight)
    test = _rows(cell, model, cell.rows, cell.clusters, state)
    train = _rows(cell, model, max(400, cell.rows), cell.clusters, state)
    loss, metric = {
        "binary": (wald.BinaryCrossEntropy(), metrics.brier()),
        "regression": (wald.Squared(), metrics.squared_error()),
        "multiclass": (wald.CrossEntropy(), metrics.brier()),
    }[cell.task]
    group = torch.randint(0, 4, (cell.rows,), generator=state)
    if cell.clusters:
        group = group[cluster * 0 + cluster]
    more: dict[str, Any] = {}
    if cell.weights:
        more["weight"] = 0.5 + torch.distributions.Exponential(1.0).icdf(torch.rand(cell.rows, generator=state))
    if cell.clusters:
        more["clusters"] = cluster.tolist()
    return Case(
        name="innocent",
        model=model,
        loss=loss,
        metric=metric,
        test=test,
        train=train,
        shifted={"later": _rows(cell, model, cell.rows, cell.clusters, state)},
        groups={"group": group.tolist()},
        features=tuple(f"x{index}" for index in range(features)),
        task=cell.task,  # type: ignore[arg-type]
        checkpoints=tuple({"layer.weight": weight * share} for share in (0.2, 0.5, 0.8, 0.95, 1.0)),
        history=_history(state),
        runs=_runs(state),
        candidates=_candidates(state),
        refit=lambda seed, loss, train=None: Reader(weight + 0.01 * torch.randn(weight.shape, generator=source(seed))),
        input_space=InputSpace(),
        **more,
    )


def index(cell: Cell, seed: int) -> Case:
    """The market itself, held without borrowed money."""
    returns = heavy(cell.rows, seed)
    trading = Trading()
    return Case(
        name="index",
        model=lambda rows: rows[:, 0],
        loss=lambda p, y: -p * y,
        test=(torch.ones(cell.rows, 1, dtype=torch.float64), returns),
        metric=Metric(name="return", per_example=trading.payoff, lower_is_better=False, perfect=torch.inf),
        task="other",
        ordered=True,
        trading=trading,
    )


def _rows(cell: Cell, model: Reader, rows: int, clusters: bool, state: torch.Generator) -> tuple[Tensor, Tensor]:
    inputs = _alike(rows, 5, clusters, state)
    with torch.no_grad():
        score = model(inputs)
    # Of one law each, and alike in a cluster: what is true of every row stays true, though rows are not independent.
    if cell.task == "regression":
        return inputs, score + _alike(rows, 1, clusters, state)[:, 0]
    level = torch.special.ndtr(_alike(rows, 1, clusters, state)[:, 0])
    if cell.task == "binary":
        return inputs, (level < torch.sigmoid(score)).float()
    return inputs, (level[:, None] > score.softmax(-1).cumsum(-1)[:, :-1]).sum(-1)


def _alike(rows: int, columns: int, clusters: bool, state: torch.Generator) -> Tensor:
    own = torch.randn(rows, columns, generator=state)
    if not clusters:
        return own
    shared = torch.randn(math.ceil(rows / _TOGETHER), columns, generator=state)[torch.arange(rows) // _TOGETHER]
    return math.sqrt(_ALIKE) * shared + math.sqrt(1 - _ALIKE) * own


def _history(state: torch.Generator) -> dict[str, list[float]]:
    """A training in which loss and metric fall together."""
    epoch = torch.arange(60.0)
    curve = torch.exp(-epoch / 15)
    noise = 0.01 * torch.randn(2, 60, generator=state)
    return {
        "loss": (1 + curve + noise[0]).tolist(),
        "metric": (0.2 + 0.5 * curve + 0.5 * noise[0] + 0.2 * noise[1]).tolist(),
    }


def _runs(state: torch.Generator) -> list[dict[str, float]]:
    """Trainings whose loss and metric agree."""
    rate = torch.rand(24, generator=state)
    loss = 0.5 + rate + 0.1 * torch.randn(24, generator=state)
    metric = 0.1 + 0.2 * loss + 0.01 * torch.randn(24, generator=state)
    return [
        {"loss": a, "metric": b, "rate": c}
        for a, b, c in zip(loss.tolist(), metric.tolist(), rate.tolist(), strict=True)
    ]


def _candidates(state: torch.Generator) -> Candidates:
    """A proxy that is what is meant, and some noise."""
    gold = torch.randn(80, 64, generator=state)
    return Candidates(proxy=gold + 0.3 * torch.randn(80, 64, generator=state), gold=gold)
