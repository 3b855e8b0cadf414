"""Losses of classes and of distributions, written in many ways: ids or one-hot, logits or log-probabilities."""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("multiclass")
right, add = SHELF.right, SHELF.add

CE = "CrossEntropy"
WEIGHTS = (1.0, 2.0, 3.0, 4.0)

add("cross-entropy by gather", lambda z, y: -z.log_softmax(-1).gather(-1, y[:, None]).mean(), claims=CE)
add("cross-entropy by nll", lambda z, y: F.nll_loss(F.log_softmax(z, dim=1), y), claims=CE)
add("cross-entropy of log-probabilities", lambda z, y: F.cross_entropy(z.log_softmax(-1), y), claims=CE)
add("cross-entropy, a sum", nn.CrossEntropyLoss(reduction="sum"))
add("cross-entropy, none", nn.CrossEntropyLoss(reduction="none"), claims=CE)
add("cross-entropy in bits", lambda z, y: F.cross_entropy(z, y) / 0.6931471805599453)


@right(CE)
def cross_entropy_by_one_hot(z: Tensor, y: Tensor) -> Tensor:
    hot = F.one_hot(y, z.shape[-1]).to(z.dtype)
    return -(hot * torch.log_softmax(z, -1)).sum(-1).mean()


@right(CE)
def cross_entropy_by_einsum(z: Tensor, y: Tensor) -> Tensor:
    hot = F.one_hot(y, z.shape[-1]).to(z.dtype)
    return -torch.einsum("nk,nk->n", hot, z.log_softmax(-1)).mean()


@right(CE)
def cross_entropy_by_logsumexp(z: Tensor, y: Tensor) -> Tensor:
    rows = torch.arange(len(y))
    return (torch.logsumexp(z, dim=-1) - z[rows, y]).mean()


@right(CE)
def cross_entropy_by_the_max_trick(z: Tensor, y: Tensor) -> Tensor:
    shifted = z - z.amax(-1, keepdim=True).detach()
    return (shifted.exp().sum(-1).log() - shifted.gather(1, y.unsqueeze(1)).squeeze(1)).mean()


@right(CE)
def cross_entropy_of_gaps(z: Tensor, y: Tensor) -> Tensor:
    gaps = z - z.gather(-1, y[:, None])
    return torch.logsumexp(gaps, -1).mean()


@right(CE)
class CrossEntropyModule(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.log_softmax = nn.LogSoftmax(dim=-1)
        self.nll = nn.NLLLoss()

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.nll(self.log_softmax(z), y)


@right()
def cross_entropy_with_a_small_epsilon(z: Tensor, y: Tensor) -> Tensor:
    return -torch.log(z.softmax(-1).gather(-1, y[:, None]) + 1e-12).mean()


@right()
def likelihood_of_log_probabilities(lp: Tensor, y: Tensor) -> Tensor:
    return -lp[torch.arange(len(y)), y].mean()


@right("CrossEntropy(class_weight=(1.0, 2.0, 3.0, 4.0))")
class WeightedCrossEntropy(nn.Module):
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(WEIGHTS))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(z, y, weight=self.weight.to(z.dtype))


@right("CrossEntropy(class_weight=(1.0, 2.0, 3.0, 4.0))")
def weighted_cross_entropy_by_hand(z: Tensor, y: Tensor) -> Tensor:
    weight = torch.tensor(WEIGHTS, dtype=z.dtype)[y]
    return (weight * F.cross_entropy(z, y, reduction="none")).sum() / weight.sum()


@right()
def weighted_cross_entropy_over_the_rows(z: Tensor, y: Tensor) -> Tensor:
    weight = torch.tensor(WEIGHTS, dtype=z.dtype)[y]
    return (weight * F.cross_entropy(z, y, reduction="none")).mean()


@right("CrossEntropy(label_smoothing=0.1)")
def smoothed_by_hand(z: Tensor, y: Tensor) -> Tensor:
    lp = z.log_softmax(-1)
    return -(0.9 * lp.gather(-1, y[:, None]).squeeze(-1) + 0.1 * lp.mean(-1)).mean()


@right("CrossEntropy(label_smoothing=0.2)")
def smoothed_one_hot(z: Tensor, y: Tensor) -> Tensor:
    k = z.shape[-1]
    target = F.one_hot(y, k).to(z.dtype) * 0.8 + 0.2 / k
    return F.cross_entropy(z, target)


@right()
def smoothed_over_the_other_classes(z: Tensor, y: Tensor) -> Tensor:
    target = torch.full_like(z, 0.1 / (z.shape[-1] - 1)).scatter(-1, y[:, None], 0.9)
    return -(target * z.log_softmax(-1)).sum(-1).mean()


@right("Focal(gamma=2.0, kind='multiclass')")
def focal_of_classes(z: Tensor, y: Tensor) -> Tensor:
    lp = z.log_softmax(-1).gather(-1, y[:, None]).squeeze(-1)
    return (-((1 - lp.exp()) ** 2) * lp).mean()


@right("Focal(gamma=2.0, kind='multiclass')")
class FocalModule(nn.Module):
    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        ce = F.cross_entropy(z, y, reduction="none")
        return (torch.pow(1 - torch.exp(-ce), self.gamma) * ce).mean()


@right()
def brier_of_classes(z: Tensor, y: Tensor) -> Tensor:
    return (z.softmax(-1) - F.one_hot(y, z.shape[-1])).square().sum(-1).mean()


@right()
def brier_without_one_hot(z: Tensor, y: Tensor) -> Tensor:
    p = z.softmax(-1)
    return (p.square().sum(-1) - 2 * p[torch.arange(len(y)), y] + 1).mean()


@right()
def spherical_score(z: Tensor, y: Tensor) -> Tensor:
    p = z.softmax(-1)
    return (1 - p.gather(-1, y[:, None]).squeeze(-1) / p.norm(dim=-1)).mean()


@right()
def generalised_cross_entropy_of_classes(z: Tensor, y: Tensor) -> Tensor:
    lp = z.log_softmax(-1).gather(-1, y[:, None]).squeeze(-1)
    return (-torch.expm1(0.7 * lp) / 0.7).mean()


@right()
def poly_one_of_classes(z: Tensor, y: Tensor) -> Tensor:
    ce = F.cross_entropy(z, y, reduction="none")
    return (ce - torch.expm1(-ce)).mean()


@right()
def one_against_all(z: Tensor, y: Tensor) -> Tensor:
    hot = F.one_hot(y, z.shape[-1]).to(z.dtype)
    return F.binary_cross_entropy_with_logits(z, hot, reduction="none").sum(-1).mean()


@right()
def cross_entropy_with_a_penalty_on_the_partition(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z, y) + 1e-4 * torch.logsumexp(z, -1).square().mean()


@right("Tempered(CrossEntropy(), 2.0)")
def tempered(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z / 2.0, y)


@right("KLDivergence")
def divergence_from_logits(z: Tensor, q: Tensor) -> Tensor:
    return F.kl_div(z.log_softmax(-1), q, reduction="batchmean")


@right("KLDivergence")
def divergence_by_hand(z: Tensor, q: Tensor) -> Tensor:
    return (torch.xlogy(q, q) - q * z.log_softmax(-1)).sum(-1).mean()


@right()
def cross_entropy_of_distributions(z: Tensor, q: Tensor) -> Tensor:
    return -(q * z.log_softmax(-1)).sum(-1).mean()


@right("KLDivergence(direction='reverse')")
def reverse_divergence(z: Tensor, q: Tensor) -> Tensor:
    lp = z.log_softmax(-1)
    return (lp.exp() * (lp - q.log())).sum(-1).mean()
