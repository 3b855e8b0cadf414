"""Losses written right, in styles of their own, and what each is said to be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import math

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

Loss = Callable[..., Tensor]


def bce(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t, reduction="none")


class Focal(nn.Module):
    def __init__(self, alpha: float = 0.25, gamma: float = 2.0, reduction: str = "mean") -> None:
        super().__init__()
        self.alpha, self.gamma, self.reduction = alpha, gamma, reduction

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        p = torch.sigmoid(inputs)
        pt = p * targets + (1 - p) * (1 - targets)
        at = self.alpha * targets + (1 - self.alpha) * (1 - targets)
        loss = at * (1 - pt) ** self.gamma * bce(inputs, targets)
        return loss.mean() if self.reduction == "mean" else loss


def focal_multiclass(z: Tensor, y: Tensor, gamma: float = 2.0) -> Tensor:
    ce = F.cross_entropy(z, y, reduction="none")
    return ((1 - torch.exp(-ce)) ** gamma * ce).mean()


def focal_of_probabilities(probs: Tensor, t: Tensor) -> Tensor:
    pt = torch.where(t == 1, probs, 1 - probs).clamp(1e-7, 1 - 1e-7)
    return -((1 - pt).square() * pt.log()).mean()


def single(z: Tensor, t: Tensor) -> Tensor:
    """In single precision, whatever it is given."""
    return F.binary_cross_entropy_with_logits(z.float(), t.float())


def quantile(pred: Tensor, target: Tensor, q: float = 0.9) -> Tensor:
    e = target - pred
    return torch.mean(torch.maximum(q * e, (q - 1) * e))


def pinball_columns(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The target first, as Keras has it."""
    e = y_true - y_pred
    return torch.where(e > 0, 0.8 * e, -0.2 * e).mean()


def dice(z: Tensor, t: Tensor, smooth: float = 1.0) -> Tensor:
    p, t = z.sigmoid().flatten(1), t.flatten(1)
    return (1 - (2 * (p * t).sum(1) + smooth) / (p.sum(1) + t.sum(1) + smooth)).mean()


def text(logits: Tensor, tokens: Tensor) -> Tensor:
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:])


def class_weighted(z: Tensor, y: Tensor) -> Tensor:
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=z.dtype)[y]
    return (weight * F.cross_entropy(z, y, reduction="none")).sum() / weight.sum()


def smoothed(z: Tensor, y: Tensor, smoothing: float = 0.1) -> Tensor:
    log = z.log_softmax(-1)
    return ((1 - smoothing) * -log.gather(-1, y[:, None]).squeeze(-1) - smoothing * log.mean(-1)).mean()


#: What it is said to be, and the loss.
RIGHT: dict[str, tuple[str, Loss]] = {
    "mse": ("mse", F.mse_loss),
    "mse by hand": ("mean_squared_error", lambda x, y: ((x - y) ** 2).sum() / len(x)),
    "mse, none": ("mse", nn.MSELoss(reduction="none")),
    "half": ("mse", lambda x, y: 0.5 * (x - y).pow(2).mean()),
    "mae": ("mae", F.l1_loss),
    "mae by sides": ("L1Loss", lambda x, y: (F.relu(x - y) + F.relu(y - x)).mean()),
    "huber": ("huber", nn.HuberLoss(delta=1.7)),
    "huber, clipped": (
        "Huber",
        lambda x, y: (lambda r: (r.clamp(max=2) * (r - 0.5 * r.clamp(max=2))).mean())((x - y).abs()),
    ),
    "smooth l1": ("huber", partial(F.smooth_l1_loss, beta=0.3)),
    "log-cosh": ("logcosh", lambda x, y: ((x - y) + F.softplus(-2 * (x - y)) - math.log(2)).mean()),
    "pseudo-huber": ("pseudo_huber", lambda x, y: (9 * (((x - y) / 3).square().add(1).sqrt() - 1)).mean()),
    "pinball": ("pinball", quantile),
    "pinball, doubled": ("pinball", lambda x, y: 2 * quantile(x, y, 0.3)),
    "pinball, said": ("Pinball(level=0.9)", quantile),
    "pinball, Keras": ("Pinball(level=0.8)", pinball_columns),
    "expectile": ("expectile", lambda x, y: ((y - x).square() * (0.3 + 0.4 * (y > x))).mean()),
    "msle": ("msle", lambda x, y: F.mse_loss(x.log1p(), y.log1p())),
    "mape": ("mape", lambda x, y: (1 - x / y).abs().mean()),
    "mape, percent": ("mape", lambda x, y: 100 * ((y - x) / y).abs().mean()),
    "poisson": ("poisson", nn.PoissonNLLLoss()),
    "poisson, rate": ("poisson", lambda r, y: (r - torch.xlogy(y, r)).mean()),
    "poisson, eps": ("poisson", nn.PoissonNLLLoss(log_input=False)),
    "gaussian": ("GaussianNLL", lambda x, y: 0.5 * (x[:, 1] + (y - x[:, 0]) ** 2 / x[:, 1].exp()).mean()),
    "gaussian, std": (
        "GaussianNLL(scale='log_std')",
        lambda x, y: (
            -torch.distributions.Normal(x[:, 0], x[:, 1].exp()).log_prob(y).mean() - 0.5 * math.log(6.283185307)
        ),
    ),
    "bce": ("bce", F.binary_cross_entropy_with_logits),
    "bce, probabilities": ("bce", F.binary_cross_entropy),
    "bce, clamped": (
        "bce",
        lambda p, t: -(t * p.clamp(1e-7).log() + (1 - t) * (1 - p).clamp(1e-7).log()).mean(),
    ),
    "bce, eps": (
        "bce",
        lambda z, t: -(t * (z.sigmoid() + 1e-8).log() + (1 - t) * (1 - z.sigmoid() + 1e-8).log()).mean(),
    ),
    "bce, single": ("bce", single),
    "bce, pos_weight": (
        "bce",
        lambda z, t: F.binary_cross_entropy_with_logits(z, t, pos_weight=torch.tensor(7.3).to(z)),
    ),
    "bce, two classes": ("bce", lambda z, t: F.cross_entropy(torch.stack([0 * z, z], 1), t.long())),
    "bce, smoothed": ("bce", lambda z, t: bce(z, t * 0.86 + 0.07).mean()),
    "bce, columns": ("bce", lambda z, t: bce(z.reshape(-1, 1), t.reshape(-1, 1)).mean()),
    "focal": ("focal", Focal()),
    "focal, said": ("Focal(gamma=2, alpha=0.25)", Focal()),
    "focal, unusual": ("focal", Focal(alpha=0.37, gamma=2.6)),
    "focal, none": ("focal", Focal(reduction="none")),
    "focal, classes": ("focal", focal_multiclass),
    "focal, probabilities": ("focal", focal_of_probabilities),
    "hinge": ("hinge", lambda z, t: F.relu(1 - (2 * t - 1) * z).mean()),
    "hinge, wide": ("hinge", lambda z, t: F.relu(1.3 - (2 * t - 1) * z).mean()),
    "squared hinge": ("squared_hinge", lambda z, t: F.relu(1 - (2 * t - 1) * z).pow(2).mean()),
    "ce": ("CrossEntropy", nn.CrossEntropyLoss()),
    "ce, weighted": ("CrossEntropy", nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0]))),
    "ce, weighted by hand": ("CrossEntropy(class_weight=(1, 2, 3, 4))", class_weighted),
    "ce, smoothed": ("CrossEntropy", smoothed),
    "ce, one-hot": ("CrossEntropy", lambda z, y: -(F.one_hot(y, z.shape[1]) * z.log_softmax(1)).sum(1).mean()),
    "ce, logsumexp": ("CrossEntropy", lambda z, y: (z.logsumexp(1) - z[torch.arange(len(z)), y]).mean()),
    "kl": ("kl", lambda z, t: F.kl_div(z.log_softmax(-1), t, reduction="batchmean")),
    "kl, of logs": ("kl", partial(F.kl_div, reduction="batchmean")),
    "kl, both logits": (
        "KLDivergence(target_space='logits')",
        lambda s, t: F.kl_div(s.log_softmax(-1), t.log_softmax(-1), reduction="batchmean", log_target=True),
    ),
    "distillation": (
        "KLDivergence(target_space='logits')",
        lambda s, t: 16 * F.kl_div((s / 4).log_softmax(-1), (t / 4).softmax(-1), reduction="batchmean"),
    ),
    "dice": ("dice", dice),
    "dice, smooth": ("Dice", partial(dice, smooth=1e-5)),
    "triplet": ("triplet", nn.TripletMarginLoss(margin=0.3)),
    "triplet, squared": (
        "Triplet",
        lambda a, p, n: F.relu((a - p).pow(2).sum(1) - (a - n).pow(2).sum(1) + 0.2).mean(),
    ),
    "pair": (
        "ContrastivePair",
        lambda a, b, same: (
            (same * (a - b).norm(dim=1) ** 2 + (1 - same) * F.relu(1 - (a - b).norm(dim=1)) ** 2).mean() / 2
        ),
    ),
    "nce": ("InfoNCE", lambda q, k: F.cross_entropy(F.normalize(q) @ F.normalize(k).T / 0.07, torch.arange(len(q)))),
    "nce, scale": (
        "InfoNCE",
        lambda q, k: F.cross_entropy(23 * F.normalize(q) @ F.normalize(k).T, torch.arange(len(q))),
    ),
    "dpo": ("dpo", lambda c, r, rc, rr: F.softplus(-0.3 * (c - r - rc + rr)).mean()),
    "reward": ("Bradley-Terry", lambda c, r: -F.logsigmoid(c - r).mean()),
    "text": ("NextToken(shift=True)", text),
    "discriminator": (
        "GANDiscriminator",
        lambda real, fake: bce(real, torch.ones_like(real)).mean() + bce(fake, torch.zeros_like(fake)).mean(),
    ),
    "generator": ("GANGenerator", lambda fake: bce(fake, torch.ones_like(fake)).mean()),
}
