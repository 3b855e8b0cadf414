"""Losses as people write them by hand, with the flaws that they then have."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).pow(2).mean()


def absolute_error(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).abs().mean()


def summed_error(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).abs().sum() / 7


def weighted_error(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    return (weight * (prediction - target) ** 2).sum() / weight.sum()


def masked_error(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    kept = mask.float()
    return (kept * (prediction - target) ** 2).sum() / kept.sum()


def masked_tokens(logits: Tensor, labels: Tensor) -> Tensor:
    kept = labels != -100
    value = -logits.log_softmax(-1).gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return (value * kept).sum() / kept.sum()


def picked(logits: Tensor, labels: Tensor) -> Tensor:
    return -logits.log_softmax(-1)[torch.arange(len(labels)), labels].mean()


def logistic(z: Tensor, t: Tensor) -> Tensor:
    return (z.clamp(min=0) - z * t + torch.log1p(torch.exp(-z.abs()))).mean()


def naive_logistic(z: Tensor, t: Tensor) -> Tensor:
    return torch.log(1 + torch.exp(-(2 * t - 1) * z)).mean()


def naive_softmax(z: Tensor, t: Tensor) -> Tensor:
    e = z.exp()
    return -(e[torch.arange(len(t)), t] / e.sum(-1)).log().mean()


def softmax_loss(output: Tensor, labels: Tensor) -> Tensor:
    return (output.logsumexp(-1) - output.gather(-1, labels[:, None])[:, 0]).mean()


def entropy(p: Tensor, t: Tensor) -> Tensor:
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()


def entropy_with_eps(p: Tensor, t: Tensor) -> Tensor:
    return -(t * (p + 1e-8).log() + (1 - t) * (1 - p + 1e-8).log()).mean()


def entropy_with_large_eps(p: Tensor, t: Tensor) -> Tensor:
    q = p.clamp(1e-6, 1 - 1e-6)
    return -(t * q.log() + (1 - t) * (1 - q).log()).mean()


def gaussian(mean: Tensor, target: Tensor, var: Tensor) -> Tensor:
    return 0.5 * (var.log() + (mean - target) ** 2 / var).mean()


def log_error(x: Tensor, y: Tensor) -> Tensor:
    return (x.log1p() - y.log1p()).pow(2).mean()


def percentage(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y) / y).abs().mean()


def divergence(p: Tensor, t: Tensor) -> Tensor:
    return (t * (t / p).log()).sum(-1).mean()


def root(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().mean().sqrt()


def distance(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().sum(-1).sqrt().mean()


def triplet(anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    near = (anchor - positive).square().sum(-1).sqrt()
    far = (anchor - negative).square().sum(-1).sqrt()
    return (near - far + 1).clamp(min=0).mean()


def cosine(x: Tensor, y: Tensor) -> Tensor:
    return (1 - (x * y).sum(-1) / (x.norm(dim=-1) * y.norm(dim=-1))).mean()


def correlation(x: Tensor, y: Tensor) -> Tensor:
    x, y = x - x.mean(), y - y.mean()
    return 1 - (x * y).sum() / (x.square().sum().sqrt() * y.square().sum().sqrt())


def normalised_error(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y) / y.std()).square().mean()


def pairwise_ranking(scores: Tensor, labels: Tensor) -> Tensor:
    yes, no = scores[labels == 1], scores[labels == 0]
    return F.softplus(no[None] - yes[:, None]).mean()


def sigmoid_first(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy(torch.sigmoid(z), t)


def rounded_error(x: Tensor, y: Tensor) -> Tensor:
    return (x.round() - y.round()).abs().mean()


def cut_off(x: Tensor, y: Tensor) -> Tensor:
    return torch.tensor((x - y).square().mean().item())


def ignores(x: Tensor, y: Tensor) -> Tensor:
    return (0 * x + y.square()).mean()


def doubled(x: Tensor, y: Tensor) -> Tensor:
    return (x - (y + y)).abs().mean()


def one_minus_probability(z: Tensor, t: Tensor) -> Tensor:
    return 1 - z.softmax(-1).gather(-1, t[:, None]).mean()


def relative_to_prediction(x: Tensor, y: Tensor) -> Tensor:
    return (x - y / x).abs().mean()


def overlap(p: Tensor, t: Tensor) -> Tensor:
    return 1 - 2 * (p * t).sum() / (p.sum() + t.sum())


def contrast(q: Tensor, k: Tensor) -> Tensor:
    return F.cross_entropy(F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T / 0.1, torch.arange(len(q)))
