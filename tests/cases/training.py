"""Trainings that ended too early, and curves that have nothing to do with each other."""

from __future__ import annotations

import torch

from wald.audits import Case

from ..audits.samples import binary, source
from .data import clean, digits, read
from .twin import ALL, Twin, audited


def early() -> Case:
    return read(digits().train, epochs=3)


def walks() -> Case:
    """A loss and a metric that each wander on their own."""
    steps = torch.randn(2, 100, generator=source(0)).cumsum(-1)
    return binary(300, history={"loss": (5 - 0.1 * steps[0]).tolist(), "metric": (0.5 + 0.01 * steps[1]).tolist()})


def contrary() -> Case:
    """The loss falls all the way; the metric turns after a third of it."""
    epoch = torch.arange(120.0)
    loss = 2 * torch.exp(-epoch / 40) + 0.01 * torch.randn(120, generator=source(1))
    metric = 0.2 + 0.001 * (epoch - 40).clamp_min(0) + 0.1 * torch.exp(-epoch / 15)
    metric = metric + 0.0005 * torch.randn(120, generator=source(2))
    return binary(300, history={"loss": loss.tolist(), "metric": metric.tolist()})


TWINS = (
    Twin("bad_undertrained", "the digits after 3 epochs", audited(early, "landscape", level="standard"),
         fires=("T801",), slow=True),
    Twin("ok_trained", "the digits after 40", audited(clean, "landscape", level="standard"), quiet=ALL, slow=True),
    Twin("null_curves", "two random walks", audited(walks, "history"), quiet=ALL),
    Twin("bad_divergence", "a loss that falls while the metric turns", audited(contrary, "history"), fires=("M406",)),
)  # fmt: skip
