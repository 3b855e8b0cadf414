"""Small models that were really trained, well and badly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import wald
from wald.audits import Case, metrics
from wald.audits.training.objective import as_loss

from .samples import labels, source


class Net(nn.Module):
    """One hidden layer."""

    def __init__(self, features: int = 4, outputs: int = 1, hidden: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
        self.outputs = outputs

    def forward(self, inputs: Tensor) -> Tensor:
        emitted = self.layers(inputs)
        return emitted[:, 0] if self.outputs == 1 else emitted


def rows_of(kind: str, rows: int, seed: int) -> tuple[Tensor, Tensor]:
    inputs = torch.randn(rows, 4, generator=source(seed))
    signal = inputs[:, 0] + 0.5 * inputs[:, 1]
    if kind == "binary":
        return inputs, labels(1.5 * signal, seed + 1)
    if kind == "multiclass":
        logits = 2 * torch.stack([signal, inputs[:, 2], inputs[:, 3]], -1)
        return inputs, torch.multinomial(logits.softmax(-1), 1, generator=source(seed + 1))[:, 0]
    return inputs, 2 * signal + torch.randn(rows, generator=source(seed + 1))


def trained(
    model: nn.Module, loss: Callable[..., Tensor], rows: tuple[Tensor, Tensor], *, steps: int, seed: int = 0
) -> tuple[nn.Module, tuple[dict[str, Tensor], ...]]:
    """The model after so many steps that grow ever smaller, and four states on the way."""
    inputs, target = rows
    states: list[dict[str, Tensor]] = []
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    order = source(seed)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 1e-2 * (1 - step / steps)
        drawn = torch.randint(len(target), (128,), generator=order)
        optimiser.zero_grad()
        as_loss(loss)(model(inputs[drawn]), target[drawn]).backward()
        optimiser.step()
        if (step + 1) % max(1, steps // 4) == 0:
            states.append({name: one.detach().clone() for name, one in model.state_dict().items()})
    return model.eval(), tuple(states)


def learnt(kind: str = "binary", *, steps: int = 250, rows: int = 800, seed: int = 0, **more: Any) -> Case:
    """A case with a model that was trained by its loss."""
    loss = (
        more.pop("loss", None)
        or {
            "binary": wald.BinaryCrossEntropy(),
            "multiclass": wald.CrossEntropy(),
            "regression": wald.Squared(),
        }[kind]
    )
    train = more.pop("train", None) or rows_of(kind, 800, 100 + seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fresh = more.pop("model", None) or Net(outputs=3 if kind == "multiclass" else 1)
        model, states = trained(fresh, loss, train, steps=steps, seed=seed)
    given: dict[str, Any] = {
        "model": model,
        "loss": loss,
        "metric": metrics.squared_error() if kind == "regression" else metrics.error_rate(),
        "train": train,
        "test": rows_of(kind, rows, 500 + seed),
        "checkpoints": states,
    }
    return Case(**(given | more))
