"""Models that an adversary fools, that hide from one, and that hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

import wald
from wald.audits import Attack, Case, InputSpace, metrics
from wald.audits.cases.images import digits
from wald.audits.cases.network import Network
from wald.findings import Report

from .data import clean
from .twin import ALL, Twin, audited, one

PIXELS = Attack(reach=0.1, scale=(1.0,) * 64, tolerance=10.0)


def attacked(model: nn.Module) -> Case:
    return Case(
        model=model,
        loss=wald.CrossEntropy(),
        test=digits().test,
        metric=metrics.error_rate(),
        input_space=InputSpace(low=0.0, high=1.0),
        attack=PIXELS,
    )


@cache
def hardened() -> nn.Module:
    """Trained on rows that were moved against it, by 0.15 of a pixel's range."""
    inputs, target = digits().train
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        model = Network(64, 128, 10)
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(30):
            for rows in torch.randperm(len(target)).split(128):
                x, y = inputs[rows], target[rows]
                moved = (x + 0.15 * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
                for _ in range(7):
                    moved.requires_grad_()
                    (slope,) = torch.autograd.grad(nn.functional.cross_entropy(model(moved), y), moved)
                    moved = (moved.detach() + 0.04 * slope.sign()).clamp(x - 0.15, x + 0.15).clamp(0, 1)
                optimiser.zero_grad()
                nn.functional.cross_entropy(model(moved), y).backward()
                optimiser.step()
    return model.eval()


class Masked(nn.Module):
    """The same decisions, shouted so loudly that the loss goes flat."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: Tensor) -> Tensor:
        return 1e4 * self.inner(inputs)


def fooled() -> nn.Module:
    model = clean().model
    assert isinstance(model, nn.Module)
    return model


def attack(model: Callable[[], nn.Module]) -> Callable[[], Report]:
    """The attack on it, and what looks for a hidden gradient."""
    return audited(lambda: attacked(model()), "attack", "masking", level="standard")


@cache
def straight() -> tuple[Case, float]:
    """Logistic regression of breast cancer, and its robust accuracy in closed form: y f(x) above reach times |w|."""
    from sklearn.datasets import load_breast_cancer  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    data = load_breast_cancer()
    inputs = torch.tensor(data.data, dtype=torch.float32)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    target = torch.tensor(data.target, dtype=torch.float32)
    learner = LogisticRegression().fit(inputs.numpy(), data.target)
    model = Network(30, 1)
    model.layers = nn.Sequential(nn.Linear(30, 1))
    model.layers[0].weight.data.copy_(torch.tensor(learner.coef_))
    model.layers[0].bias.data.copy_(torch.tensor(learner.intercept_))
    with torch.no_grad():
        margin = (2 * target - 1) * model(inputs) - 0.1 * model.layers[0].weight.abs().sum()
    case = Case(
        model=model,
        loss=wald.BinaryCrossEntropy(),
        test=(inputs, target),
        metric=metrics.error_rate(),
        input_space=InputSpace(low=-100.0, high=100.0),
        attack=Attack(reach=0.1, scale=(1.0,) * 30),
    )
    return case, float((margin > 0).double().mean())


def robust(report: Report) -> bool:
    return one(report, "R202").state == "pass"


TWINS = (
    Twin("ok_linear_robust", "logistic regression of breast cancer: the worst case in closed form",
         audited(lambda: straight()[0], "attack", "masking", level="standard"), quiet=ALL,
         says=lambda r: abs(one(r, "R202").evidence["robust accuracy"] - straight()[1]) <= 0.01, slow=True),
    Twin("bad_fragile", "the digits, each pixel moved by a tenth", attack(fooled),
         fires=("R202",), slow=True),
    Twin("ok_adv", "the same, trained on moved rows", attack(hardened),
         quiet=("R202", "R203"), slow=True),
    Twin("bad_masked", "the fragile model, logits times 10,000",
         attack(lambda: Masked(fooled())), fires=("R203",),
         says=lambda r: not robust(r), slow=True),
)  # fmt: skip
