"""Arguments, inputs, terms and gradients that a loss has and that do nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks import RULES, resolve
from wald.checks.measured import Measured
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.standin import StandIn
from wald.checks.subjects.subject import Subject, undisturbed
from wald.core import Loss
from wald.findings import Finding

from . import known


class ForgetsIgnored(nn.Module):
    """After MONAI#6923, PaddleSeg: `ignore_index` is stored and never read."""

    def __init__(self, gamma: float = 2.0, ignore_index: int = -100) -> None:
        super().__init__()
        self.gamma = gamma
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, ids: Tensor) -> Tensor:
        nll = F.nll_loss(logits.log_softmax(-1), ids, reduction="none")
        return ((1 - torch.exp(-nll)) ** self.gamma * nll).mean()


class ForgetsCoefficient(nn.Module):
    """After lightning-bolts#328: the coefficient of a term is stored, and the term added without it."""

    def __init__(self, kl_coeff: float = 0.1) -> None:
        super().__init__()
        self.kl_coeff = kl_coeff

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(x, y) + x.square().mean()


class OneChannel(nn.Module):
    """After MONAI#6923: the softmax of one channel is 1, and its cross-entropy 0."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        column = x.unsqueeze(-1)
        entropy = F.cross_entropy(column, torch.zeros(len(x), dtype=torch.long))
        p = x.sigmoid()
        dice = 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)
        return dice + entropy


class Entropy(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(x.unsqueeze(-1), torch.zeros(len(x), dtype=torch.long))


class HoldsDeadPart(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bce, self.ce = nn.BCEWithLogitsLoss(), Entropy()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.stack([self.bce(x, y), self.ce(x, y)]).sum()


def hierarchical(logits: Tensor, ids: Tensor) -> Tensor:
    """After Deep_Hierarchical_Classification#6: a penalty that is made of argmax."""
    wrong = (logits.argmax(-1) // 2 != ids // 2).to(logits.dtype).mean()
    return F.cross_entropy(logits, ids) + 0.5 * wrong


def weighted_nowhere(x: Tensor, y: Tensor, weight: float = 1.0, power: float = 2.0) -> Tensor:
    return (x - y).abs().pow(power).mean()


def shrinks(x: Tensor, y: Tensor) -> Tensor:
    return x.square().mean()


def detached_focal(z: Tensor, t: Tensor) -> Tensor:
    nll = F.binary_cross_entropy_with_logits(z, t, reduction="none")
    with torch.no_grad():
        factor = (1 - torch.exp(-nll)) ** 2
    return (factor * nll).mean()


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return (x - y).square().mean()

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        x, y = ctx.saved_tensors
        return grad * (x - y) / x.numel(), None


DEAD = [
    ("W801", ForgetsIgnored, "ignore_index"),
    ("W801", ForgetsCoefficient(), "kl_coeff"),
    ("W801", weighted_nowhere, "weight"),
    ("W801", partial(weighted_nowhere, weight=3.0), "weight"),
    ("W802", shrinks, "target changes nothing"),
    ("W803", detached_focal, "gradient is not that of its value"),
    ("W803", _Backward.apply, "gradient is not that of its value"),
    ("W804", OneChannel, "is 0 for every input"),
    ("W804", HoldsDeadPart, "`ce` is 0 for every input"),
    ("W805", hierarchical, "in steps, and has no gradient"),
]


def dead(loss: object) -> list[Finding]:
    """What the rules of dead parts find, and nothing else."""
    asked = resolve(loss)
    stand = None if isinstance(asked.loss, Loss) else StandIn(asked.loss)
    asked = asked if stand is None else replace(asked, loss=stand)
    with undisturbed():
        subject = subject_of(asked, task="regression" if loss is shrinks else None)
        assert isinstance(subject, Subject)
        measured = Measured(replace(subject, stand=stand))
        rules = [rule for rule in RULES if min(rule.codes).startswith("W8")]
        found = [rule.controlled(one) for rule in rules for one in rule.findings(measured)]
    assert not [one for one in found if one.state == "error"]
    return [one for one in found if one.state not in ("pass", "not_applicable")]


@pytest.mark.parametrize(("code", "loss", "said"), DEAD, ids=lambda x: x if isinstance(x, str) else "")
def test_what_is_dead_is_named(code: str, loss: object, said: str) -> None:
    found = dead(loss)
    assert [one.code for one in found] == [code]
    (one,) = found
    assert one.state == "fail"
    assert said in one.says
    assert one.fix
    assert len(one.evidence["reproduce"].splitlines()) == 2


def straight(x: Tensor, y: Tensor) -> Tensor:
    """The largest number is taken out and put back: it has no gradient, and needs none."""
    largest = x.detach().max()
    return (x - largest).exp().sum().log() + largest - (x * y.softmax(0)).sum()


def added_up(x: Tensor, y: Tensor) -> Tensor:
    """A sum that begins at zero, as a loop writes it."""
    total = x.new_zeros(())
    for a, b in zip(x, y, strict=True):
        total = total + (a - b) ** 2
    return total / len(x)


class Lazy:
    """An argument that matters only where another is set."""

    def __init__(self, kind: bool = False, delta: float = 1.0) -> None:
        self.kind, self.delta = kind, delta

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        return F.huber_loss(x, y, delta=self.delta) if self.kind else F.mse_loss(x, y)


def scaled(x: Tensor, y: Tensor, scale: float = 1.0, bare: bool = False) -> Tensor:
    """A switch that matters only where an argument is not at its default."""
    return F.mse_loss(x, y) * (1.0 if bare else scale)


INNOCENT = [
    *[pytest.param(loss, id=f"healthy-{name}") for name, loss in known.HEALTHY.items()],
    *[pytest.param(loss, id=name) for name, (loss, _) in list(known.STATISTICS.items())[::5]],
    *[pytest.param(loss, id=name) for name, (loss, *_) in list(known.LABELS.items())[::5]],
    pytest.param(straight, id="logsumexp"),
    pytest.param(added_up, id="added up"),
    pytest.param(Lazy, id="lazy"),
    pytest.param(scaled, id="scaled"),
    pytest.param(torch.nn.SmoothL1Loss(beta=0.3), id="smooth"),
    pytest.param(torch.nn.CrossEntropyLoss(ignore_index=2, label_smoothing=0.1), id="ce"),
    *[
        pytest.param(loss, id=str(loss))
        for loss in (wald.Focal(alpha=0.25), wald.Percentage(zero="mask"), wald.NextToken(shift=True))
    ],
]


@pytest.mark.parametrize("loss", INNOCENT)
def test_what_lives_is_left_alone(loss: object) -> None:
    assert dead(loss) == []
