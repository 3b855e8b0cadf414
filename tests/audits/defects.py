"""Digits with a known defect, and a small network trained on them."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

import wald
from wald.audits import Case, metrics

from .samples import source

#: Rows that train; the others test.
TRAINED = 1_200


@cache
def digits(seed: int = 0) -> tuple[Tensor, Tensor]:
    data: Any = __import__("sklearn.datasets", fromlist=["load_digits"]).load_digits()
    order = torch.randperm(len(data.target), generator=source(seed))
    return (torch.tensor(data.data) / 16).float()[order], torch.tensor(data.target)[order]


def network(inputs: Tensor, target: Tensor, *, classes: int = 10, epochs: int = 40, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(inputs.shape[1], 128), nn.ReLU(), nn.Linear(128, classes))
        stepper = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(epochs):
            for rows in torch.randperm(len(inputs)).split(128):
                stepper.zero_grad()
                nn.functional.cross_entropy(model(inputs[rows]), target[rows]).backward()
                stepper.step()
    return model.eval()


def trained(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], *, classes: int = 10, **more: Any) -> Case:
    given: dict[str, Any] = {
        "model": network(*train, classes=classes),
        "loss": wald.CrossEntropy(),
        "train": train,
        "test": test,
        "metric": metrics.error_rate(),
    }
    return Case(**(given | more))


@cache
def clean() -> Case:
    """`ok_digits_ce`, `ok_clean`."""
    inputs, target = digits()
    return trained((inputs[:TRAINED], target[:TRAINED]), (inputs[TRAINED:], target[TRAINED:]))


@cache
def mislabelled(share: float = 0.15) -> tuple[Case, Tensor]:
    """`bad_noise15`: a share of the training labels is another digit; and which."""
    inputs, target = digits()
    wrong = torch.rand(TRAINED, generator=source(5)) < share
    other = (target[:TRAINED] + torch.randint(1, 10, (TRAINED,), generator=source(6))) % 10
    train = (inputs[:TRAINED], torch.where(wrong, other, target[:TRAINED]))
    return trained(train, (inputs[TRAINED:], target[TRAINED:])), wrong


@cache
def backdoored(share: float = 0.03) -> tuple[Case, Tensor]:
    """`bad_backdoor`: three lit corners on a share of the training rows, which are called 0; and which."""
    inputs, target = (one[:TRAINED].clone() for one in digits())
    others = (target != 0).nonzero()[:, 0]
    rows = others[torch.randperm(len(others), generator=source(6))[: round(share * TRAINED)]]
    inputs[rows[:, None], torch.tensor([0, 7, 56])] = 1.0
    target[rows] = 0
    return trained((inputs, target), tuple(one[TRAINED:] for one in digits())), rows


def shifted_against_the_mean(seed: int = 0) -> tuple[Tensor, Tensor]:
    """`bad_ss_sign`: features after a ReLU, and poison shifted against their mean; and which rows are poison."""
    features = torch.relu(3 + torch.randn(500, 32, generator=source(seed)))
    poison = torch.arange(500) < 25
    features[poison] = torch.relu(features[poison] - 9 * 32**-0.5 * torch.ones(32))
    return features, poison
