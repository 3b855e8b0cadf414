"""Losses written wrong as people write them, in a style of their own, and what the checker must call each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

Loss = Callable[..., Tensor]


def label_probability(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    return p * t + (1 - p) * (1 - t)


class FocalBothClasses(nn.Module):
    def __init__(self, alpha: float = 0.25, gamma: float = 2.0) -> None:
        super().__init__()
        self.alpha, self.gamma = alpha, gamma

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        bce = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
        pt = torch.exp(-bce)
        return (self.alpha * (1 - pt) ** self.gamma * bce).mean()


class FocalOfTheMean(nn.Module):
    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        ce = F.cross_entropy(inputs, targets)
        pt = torch.exp(-ce)
        return (1 - pt) ** 2 * ce


class FocalAlphaInsideP(nn.Module):
    alpha, gamma = 0.25, 2.0

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        weight = torch.where(targets == 1, 0.25, 0.75).to(inputs.dtype)
        bce = F.binary_cross_entropy_with_logits(inputs, targets, weight=weight, reduction="none")
        return ((1 - torch.exp(-bce)) ** 2 * bce).mean()


def focal_gamma_multiplied(z: Tensor, t: Tensor) -> Tensor:
    pt = label_probability(z, t)
    return -(2.0 * (1 - pt) * torch.log(pt)).mean()


def focal_easy_first(z: Tensor, t: Tensor) -> Tensor:
    pt = label_probability(z, t)
    return -(pt**2 * torch.log(pt)).mean()


def focal_of_sigmoid(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    return (F.binary_cross_entropy_with_logits(z, t, reduction="none") * (1 - p).pow(2)).mean()


def focal_no_grad(z: Tensor, t: Tensor) -> Tensor:
    with torch.no_grad():
        weight = (1 - label_probability(z, t)).pow(2)
    return F.binary_cross_entropy_with_logits(z, t, weight=weight)


def focal_swapped_by_position(z: Tensor, t: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    pt = label_probability(z, t)
    at = gamma * t + (1 - gamma) * (1 - t)
    return -(at * (1 - pt) ** alpha * pt.log()).mean()


def focal_alpha_for_negatives(z: Tensor, t: Tensor, alpha: float = 0.25) -> Tensor:
    pt = label_probability(z, t)
    return -((alpha * (1 - t) + (1 - alpha) * t) * (1 - pt) ** 2 * pt.log()).mean()


def pinball_reversed(y_pred: Tensor, y_true: Tensor, tau: float = 0.9) -> Tensor:
    diff = y_pred - y_true
    return torch.max(tau * diff, (tau - 1) * diff).mean()


def pinball_both(y_pred: Tensor, y_true: Tensor, tau: float = 0.9) -> Tensor:
    return tau * F.l1_loss(y_pred, y_true)


def huber_jump(x: Tensor, y: Tensor, delta: float = 2.0) -> Tensor:
    r = torch.abs(x - y)
    near = (r < delta).to(x.dtype)
    return (near * 0.5 * r**2 + (1 - near) * delta * (r - 0.5)).mean()


def huber_of_square(x: Tensor, y: Tensor, delta: float = 2.0) -> Tensor:
    square = F.mse_loss(x, y, reduction="none")
    return torch.where(square < delta, 0.5 * square, delta * (square.sqrt() - 0.5 * delta)).mean()


def distillation(student: Tensor, teacher: Tensor) -> Tensor:
    return F.kl_div(F.log_softmax(student / 4, -1), F.softmax(teacher / 4, -1), reduction="batchmean")


def triplet_flipped(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.relu(F.pairwise_distance(a, n, eps=0) - F.pairwise_distance(a, p, eps=0) + 0.5).mean()


def triplet_eager(anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    d = torch.linalg.vector_norm
    return (d(anchor - positive, dim=1) - d(anchor - negative, dim=1) + 1.0).mean()


def pair_of_the_paper(a: Tensor, b: Tensor, label: Tensor) -> Tensor:
    d = (a - b).norm(dim=1)
    return ((1 - label) * d**2 + label * torch.clamp(1 - d, min=0) ** 2).mean()


def nce_zeros(q: Tensor, k: Tensor) -> Tensor:
    scores = F.normalize(q) @ F.normalize(k).T / 0.07
    return F.cross_entropy(scores, torch.zeros(len(q), dtype=torch.long))


def nce_times(q: Tensor, k: Tensor, temperature: float = 0.07) -> Tensor:
    scores = F.normalize(q) @ F.normalize(k).T * temperature
    return F.cross_entropy(scores, torch.arange(len(q)))


def dpo_no_reference(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return -F.logsigmoid(0.1 * (c - r)).mean()


def dpo_outside(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor, beta: float = 0.1) -> Tensor:
    return -beta * F.logsigmoid(c - rc - r + rr).mean()


def smoothing_k_minus_one(z: Tensor, y: Tensor, smoothing: float = 0.1) -> Tensor:
    target = torch.full_like(z, smoothing / (z.shape[-1] - 1)).scatter(1, y.unsqueeze(1), 1 - smoothing)
    return -(target * F.log_softmax(z, 1)).sum(1).mean()


def dice_no_two(z: Tensor, t: Tensor) -> Tensor:
    p = z.sigmoid().flatten(1)
    t = t.flatten(1)
    return (1 - ((p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)).mean()


def dice_of_the_batch(z: Tensor, t: Tensor) -> Tensor:
    p = z.sigmoid()
    return 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)


def text_shifted_twice(logits: Tensor, tokens: Tensor) -> Tensor:
    return F.cross_entropy(logits[:, :-2].flatten(0, 1), tokens[:, 2:].flatten())


def gaussian_std(x: Tensor, y: Tensor) -> Tensor:
    mean, log_variance = x.unbind(-1)
    return (0.5 * log_variance + 0.5 * (y - mean) ** 2 / torch.exp(log_variance / 2)).mean()


#: What it is said to be, the loss, and words of the name that it must be given.
WRONG: dict[str, tuple[str, Loss, str]] = {
    "focal, alpha on both": ("focal", FocalBothClasses(), "alpha on both classes"),
    "focal of the mean": ("focal", FocalOfTheMean(), "factor of the mean"),
    "focal, alpha inside p": ("Focal(gamma=2, alpha=0.25)", FocalAlphaInsideP(), "alpha inside p"),
    "focal, gamma multiplied": ("focal", focal_gamma_multiplied, "gamma multiplied"),
    "focal, easy first": ("FocalLoss", focal_easy_first, "p for one minus p"),
    "focal, p of yes": ("focal", focal_of_sigmoid, "p of the positive class always"),
    "focal, no grad": ("focal", focal_no_grad, "modulating factor detached"),
    "focal, swapped": ("focal", focal_swapped_by_position, "alpha and gamma swapped"),
    "focal, alpha for negatives": ("focal", focal_alpha_for_negatives, "alpha swapped"),
    "focal, sign": ("focal", lambda z, t: -FocalBothClasses(0.5)(z, t) * 2, "sign flipped"),
    "pinball, reversed": ("pinball", pinball_reversed, "level reversed"),
    "pinball, both sides": ("quantile", pinball_both, "both sides weighted alike"),
    "pinball, said": (
        "Pinball(level=0.1)",
        lambda x, y: torch.max(0.9 * (y - x), 0.1 * (x - y)).mean(),
        "level reversed",
    ),
    "huber, jump": ("huber", huber_jump, "offset of one half"),
    "huber, of the square": ("huber", huber_of_square, "threshold on the square"),
    "mse, broadcast": (
        "mse",
        lambda x, y: (x.unsqueeze(1) - y.unsqueeze(0)).square().mean(),
        "every prediction against every target",
    ),
    "mse, mean first": ("mse", lambda x, y: (x.mean() - y.mean()) ** 2, "mean before square"),
    "mse, in bits": ("SquaredLog", lambda x, y: (torch.log10(x + 1) - torch.log10(y + 1)).pow(2).mean(), "base 10"),
    "bce, in bits": ("bce", lambda z, t: F.binary_cross_entropy_with_logits(z, t) * 1.4426950408889634, "base 2"),
    "bce, sigmoid twice": (
        "bce",
        lambda z, t: F.binary_cross_entropy_with_logits(z.sigmoid(), t),
        "sigmoid applied twice",
    ),
    "bce, half": ("bce", lambda z, t: -(t * F.logsigmoid(z)).mean(), "term of the negatives missing"),
    "ce, softmax twice": ("CrossEntropy", lambda z, y: F.cross_entropy(z.softmax(1), y), "softmax applied twice"),
    "ce, both means": (
        "CrossEntropy",
        lambda z, y: -(F.one_hot(y, z.shape[1]) * z.log_softmax(1)).mean(),
        "mean over rows and classes",
    ),
    "ce, over the batch": (
        "CrossEntropy",
        lambda z, y: F.nll_loss(z.log_softmax(0), y),
        "softmax over the batch",
    ),
    "ce, weights by rows": (
        "CrossEntropy",
        lambda z, y: (torch.tensor([1.0, 2, 3, 4], dtype=z.dtype)[y] * F.cross_entropy(z, y, reduction="none")).mean(),
        "weights not divided by their sum",
    ),
    "ce, K - 1": ("CrossEntropy", smoothing_k_minus_one, "smoothing over the wrong classes alone"),
    "kl, swapped": (
        "kl",
        lambda z, t: (z.softmax(-1) * (z.log_softmax(-1) - t.log())).sum(-1).mean(),
        "arguments swapped",
    ),
    "kl, not logged": (
        "KLDivergence(prediction_space='probabilities')",
        lambda p, t: F.kl_div(p, t, reduction="batchmean"),
        "probabilities where their logs are due",
    ),
    "kl, both means": ("kl", lambda z, t: (t * (t.log() - z.log_softmax(-1))).mean(), "mean over rows and classes"),
    "distillation": ("KLDivergence(target_space='logits')", distillation, "distillation without the square"),
    "triplet, flipped": ("triplet", triplet_flipped, "positive and negative swapped"),
    "triplet, eager": ("triplet", triplet_eager, "nothing held at zero"),
    "pair, of the paper": ("ContrastivePair", pair_of_the_paper, "same and different swapped"),
    "nce, zeros": ("InfoNCE", nce_zeros, "first key for everyone"),
    "nce, times": ("InfoNCE", nce_times, "temperature multiplied"),
    "dpo, no reference": ("dpo", dpo_no_reference, "reference missing"),
    "dpo, outside": ("dpo", dpo_outside, "beta outside"),
    "reward, no log": ("Bradley-Terry", lambda c, r: -torch.sigmoid(c - r).mean(), "logarithm missing"),
    "dice, no two": ("Dice", dice_no_two, "factor two missing"),
    "dice, pooled": ("Dice", dice_of_the_batch, "pooled over the batch"),
    "text, twice": ("NextToken(shift=True)", text_shifted_twice, "shifted twice"),
    "gaussian, deviation": ("GaussianNLL", gaussian_std, "deviation where variance is due"),
    "poisson, said": ("Poisson(log_input=True)", lambda x, y: (x - y * x.log()).mean(), "log_input"),
    "mape, forecast": ("mape", lambda x, y: ((y - x) / x).abs().mean(), "prediction in the denominator"),
    "generator, saturating": ("GANGenerator(kind='non_saturating')", lambda f: -F.softplus(f).mean(), "saturating"),
    "discriminator, swapped": (
        "GANDiscriminator(kind='hinge')",
        lambda real, fake: (F.relu(1 + real) + F.relu(1 - fake)).mean(),
        "real and fake swapped",
    ),
    "hinge, linear": ("hinge", lambda z, t: (1 - (2 * t - 1) * z).mean(), "nothing held at zero"),
    "hinge, perceptron": ("hinge", lambda z, t: F.relu(-(2 * t - 1) * z).mean(), "margin missing"),
    "expectile, quantile": (
        "Expectile(level=0.8)",
        lambda x, y: (torch.where(y > x, 0.8, 0.2) * (y - x).abs()).mean(),
        "absolute where squared",
    ),
    "costs, transposed": (
        "CostSensitiveCrossEntropy(costs=((0, 1, 4), (1, 0, 1), (9, 2, 0)))",
        lambda z, y: (
            -(torch.tensor([[9.0, 8, 0], [1, 2, 0], [0, 3, 4]], dtype=z.dtype)[y] * z.log_softmax(-1)).sum(-1).mean()
        ),
        "costs transposed",
    ),
}
