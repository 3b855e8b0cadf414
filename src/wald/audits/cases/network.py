"""Small networks, trained the same way every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """One hidden layer; one number a row, or one for each class.

    What it gives lies about `centre`, in units of `spread`: before it has learnt anything it then predicts what a
    constant would.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self, features: int, hidden: int, outputs: int = 1, *, centre: float = 0.0, spread: float = 1.0
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
        self.register_buffer("centre", torch.tensor(centre))
        self.register_buffer("spread", torch.tensor(spread))

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, features) → (rows,), or (rows, outputs) where there are several."""
        found = self.centre + self.spread * self.layers(inputs)
        return found[:, 0] if found.shape[-1] == 1 else found


def fit(
    loss: Callable[..., Tensor],
    inputs: Tensor,
    target: Tensor,
    *,
    hidden: int = 16,
    outputs: int = 1,
    epochs: int = 20,
    batch: int = 256,
    rate: float = 3e-3,
    decay: float = 1e-3,
    seed: int = 0,
    centre: float = 0.0,
    spread: float = 1.0,
) -> tuple[Network, tuple[Mapping[str, Tensor], ...]]:
    """A network trained by Adam, and its state after each epoch.

    Args:
        loss: what is minimised.
        inputs: (rows, features).
        target: (rows,).
        hidden: the width of the hidden layer.
        outputs: how many numbers it gives for a row.
        epochs: how often each row is seen.
        batch: rows in a step.
        rate: of Adam.
        decay: of the weights.
        seed: of the start and of the order of the rows.
        centre: about what its outputs lie.
        spread: the unit of its outputs.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = Network(inputs.shape[1], hidden, outputs, centre=centre, spread=spread)
        optimiser = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay)
        states: list[Mapping[str, Tensor]] = []
        for _ in range(epochs):
            for rows in torch.randperm(len(target)).split(batch):
                optimiser.zero_grad()
                value = loss(model(inputs[rows]), target[rows])
                (value.mean() if value.ndim else value).backward()
                optimiser.step()
            states.append({name: one.detach().clone() for name, one in model.state_dict().items()})
    return model.eval(), tuple(states)


def retrainer(rows: tuple[Tensor, Tensor], used: Callable[..., Tensor], **settings: Any) -> Callable[..., Network]:
    """What `Case.refit` wants: the same training from another seed, by another loss, or on other rows."""
    given = rows

    def refit(
        seed: int, loss: Callable[..., Tensor] | None = None, train: tuple[Tensor, Tensor] | None = None
    ) -> Network:
        inputs, target = train or given
        return fit(loss or used, inputs, target, seed=seed, **settings)[0]

    return refit
