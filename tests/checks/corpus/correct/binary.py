"""Losses of a yes or a no, written in many ways: scores or probabilities, labels 0 and 1 or -1 and 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("binary")
right, add = SHELF.right, SHELF.add

BCE = "BinaryCrossEntropy"

add("logistic by softplus", lambda z, t: (F.softplus(z) - t * z).mean(), claims=BCE)
add("logistic by both signs", lambda z, t: (t * F.softplus(-z) + (1 - t) * F.softplus(z)).mean(), claims=BCE)
add("logistic by logsigmoid", lambda z, t: -(t * F.logsigmoid(z) + (1 - t) * F.logsigmoid(-z)).mean(), claims=BCE)
add("logistic, a sum", nn.BCEWithLogitsLoss(reduction="sum"))
add("logistic, none", nn.BCEWithLogitsLoss(reduction="none"), claims=BCE)
add("logistic in bits", lambda z, t: F.binary_cross_entropy_with_logits(z, t) / 0.6931471805599453)


@right(BCE)
def logistic_by_the_max_trick(z: Tensor, t: Tensor) -> Tensor:
    return (torch.clamp(z, min=0) - z * t + torch.log1p(torch.exp(-torch.abs(z)))).mean()


@right(BCE)
def logistic_by_logaddexp(z: Tensor, t: Tensor) -> Tensor:
    return (torch.logaddexp(torch.zeros_like(z), z) - t * z).mean()


@right(BCE)
def logistic_by_two_classes(z: Tensor, t: Tensor) -> Tensor:
    both = torch.stack([torch.zeros_like(z), z], dim=-1)
    lp = both.log_softmax(-1)
    return -((1 - t) * lp[..., 0] + t * lp[..., 1]).mean()


@right(BCE)
class LogisticModule(nn.Module):
    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        signs = 2 * labels.to(logits.dtype) - 1
        return F.softplus(-signs * logits).mean()


@right()
def logistic_of_labels_minus_1_and_1(z: Tensor, t: Tensor) -> Tensor:
    return F.softplus(-z * t).mean()


@right()
def cross_entropy_of_a_clamped_probability(p: Tensor, t: Tensor) -> Tensor:
    p = p.clamp(1e-7, 1 - 1e-7)
    return -(t * p.log() + (1 - t) * torch.log1p(-p)).mean()


@right()
def cross_entropy_with_a_small_epsilon(p: Tensor, t: Tensor) -> Tensor:
    return -(t * torch.log(p + 1e-8) + (1 - t) * torch.log(1 - p + 1e-8)).mean()


@right()
def cross_entropy_of_torch_behind_a_sigmoid(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy(torch.sigmoid(z), t)


@right()
def brier_of_a_score(z: Tensor, t: Tensor) -> Tensor:
    return (torch.sigmoid(z) - t).square().mean()


@right()
def brier_of_a_score_by_tanh(z: Tensor, t: Tensor) -> Tensor:
    return (0.5 * (1 + torch.tanh(z / 2)) - t).pow(2).mean()


@right("BinaryCrossEntropy(pos_weight=3.0)")
def weighted_positives(z: Tensor, t: Tensor) -> Tensor:
    return (3.0 * t * F.softplus(-z) + (1 - t) * F.softplus(z)).mean()


@right("BinaryCrossEntropy(pos_weight=3.0)")
class WeightedPositivesWithABuffer(nn.Module):
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(3.0))

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(z, t, pos_weight=self.weight.to(z.dtype))


@right()
def weighted_by_an_expensive_error(z: Tensor, t: Tensor) -> Tensor:
    cost = torch.where(t > 0.5, 1.0, 10.0)
    return (cost * F.binary_cross_entropy_with_logits(z, t, reduction="none")).mean()


@right("BinaryCrossEntropy(label_smoothing=0.1)")
def smoothed_labels(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, 0.9 * t + 0.05)


@right("Focal(gamma=2.0)")
def focal_by_the_cross_entropy(z: Tensor, t: Tensor) -> Tensor:
    ce = F.binary_cross_entropy_with_logits(z, t, reduction="none")
    return (torch.pow(-torch.expm1(-ce), 2) * ce).mean()


@right("Focal(gamma=2.0, alpha=0.25)")
def focal_of_torchvision(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    ce = F.binary_cross_entropy_with_logits(z, t, reduction="none")
    pt = p * t + (1 - p) * (1 - t)
    return ((0.25 * t + 0.75 * (1 - t)) * ce * (1 - pt) ** 2).mean()


@right("Focal(gamma=3.0)")
class FocalModule(nn.Module):
    def __init__(self, gamma: float = 3.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        yes = torch.sigmoid(-z) ** self.gamma * F.softplus(-z)
        no = torch.sigmoid(z) ** self.gamma * F.softplus(z)
        return (t * yes + (1 - t) * no).mean()


@right("Focal(gamma=1.0)")
def focal_of_signs(z: Tensor, t: Tensor) -> Tensor:
    m = torch.where(t > 0.5, z, -z)
    return (torch.sigmoid(-m) * -F.logsigmoid(m)).mean()


@right()
def generalised_cross_entropy(z: Tensor, t: Tensor) -> Tensor:
    m = torch.where(t > 0.5, z, -z)
    return (-torch.expm1(0.7 * F.logsigmoid(m)) / 0.7).mean()


@right()
def poly_one(z: Tensor, t: Tensor) -> Tensor:
    m = torch.where(t > 0.5, z, -z)
    return (F.softplus(-m) + torch.sigmoid(-m)).mean()


@right("Hinge")
def hinge_of_labels_0_and_1(z: Tensor, t: Tensor) -> Tensor:
    return F.relu(1 - (2 * t - 1) * z).mean()


@right("Hinge")
def hinge_by_where(z: Tensor, t: Tensor) -> Tensor:
    return torch.where(t > 0.5, (1 - z).clamp(min=0), (1 + z).clamp(min=0)).mean()


@right()
def hinge_of_labels_minus_1_and_1(z: Tensor, t: Tensor) -> Tensor:
    return torch.clamp(1 - z * t, min=0).mean()


@right("SquaredHinge")
def squared_hinge_of_labels_0_and_1(z: Tensor, t: Tensor) -> Tensor:
    return F.relu(1 - (2 * t - 1) * z).square().mean()


@right()
def squared_hinge_of_labels_minus_1_and_1(z: Tensor, t: Tensor) -> Tensor:
    return torch.clamp(1 - z * t, min=0).pow(2).mean()


@right()
def exponential_of_the_margin(z: Tensor, t: Tensor) -> Tensor:
    return torch.exp(-z * t).mean()


@right()
def modified_huber(z: Tensor, t: Tensor) -> Tensor:
    m = z * t
    return torch.where(m >= -1, F.relu(1 - m).square(), -4 * m).mean()
