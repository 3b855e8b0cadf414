"""Losses in the styles in which people write them, with the task, the domains and the labels that they have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812


class Known(NamedTuple):
    """What is to be found: the task, what each input is said to be, how labels are written."""

    loss: Callable[..., Any]
    task: str
    inputs: tuple[str, ...]
    labels: tuple[float, float] = (0.0, 1.0)


REAL, POSITIVE, LOGIT, PROBABILITY = "a real number", "a positive number", "a logit", "a probability"
LABEL, SIGN, WHOLE, ID = "0, 1 or a probability between", "-1 or 1", "0 or 1", "a class id"
LOGITS, PROBABILITIES, LOGS, VECTOR = "logits", "probabilities", "log-probabilities", "a vector"
PARAMETERS, SPREAD, QUANTILES = "parameters of a distribution", "a mean and a spread", "quantiles"
LOG, SUMMED = "a log-probability", "a summed log-probability"


# Swapped, as in Keras and scikit-learn.
def keras_mse(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return torch.mean(torch.square(y_pred - y_true), dim=-1)


def keras_mape(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return 100 * ((y_true - y_pred) / y_true.abs().clamp(min=1e-7)).abs().mean()


def keras_bce(y_true: Tensor, y_pred: Tensor) -> Tensor:
    p = y_pred.clamp(1e-7, 1 - 1e-7)
    return -(y_true * p.log() + (1 - y_true) * (1 - p).log()).mean()


def keras_poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return (y_pred - y_true * torch.log(y_pred + 1e-7)).mean()


def tf_sparse(labels: Tensor, logits: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels)


def tf_sigmoid(labels: Tensor, logits: Tensor) -> Tensor:
    return (logits.clamp(min=0) - logits * labels + torch.log1p(torch.exp(-logits.abs()))).mean()


def sk_pinball(y_true: Tensor, y_pred: Tensor, alpha: float = 0.5) -> Tensor:
    e = y_true - y_pred
    return torch.max(alpha * e, (alpha - 1) * e).mean()


def swapped_nameless(t: Tensor, z: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t)


def named_only(*, target: Tensor, prediction: Tensor) -> Tensor:
    return (prediction - target).abs().mean()


# Classes.
def focal_classes(logits: Tensor, targets: Tensor, gamma: float = 2.0) -> Tensor:
    logp = F.log_softmax(logits, dim=1)
    pt = logp.exp().gather(1, targets.unsqueeze(1)).squeeze(1)
    return (-((1 - pt) ** gamma) * pt.log()).mean()


def nll_of_probabilities(probs: Tensor, target: Tensor) -> Tensor:
    return -torch.log(probs[torch.arange(len(target)), target].clamp(min=1e-8)).mean()


def mae_of_probabilities(probs: Tensor, target: Tensor) -> Tensor:
    return (1 - probs.gather(1, target[:, None])).mean()


def soft_cross_entropy(logits: Tensor, soft: Tensor) -> Tensor:
    return torch.sum(-soft * F.log_softmax(logits, dim=-1), dim=-1).mean()


def one_hot_focal(inputs: Tensor, targets: Tensor) -> Tensor:
    logp = inputs.log_softmax(1)
    return -(targets * (1 - logp.exp()) ** 2 * logp).sum(1).mean()


def pixels_4d(logits: Tensor, target: Tensor) -> Tensor:
    n, _, h, w = logits.shape
    assert target.shape == (n, h, w)
    return F.cross_entropy(logits, target)


def sequence(logits: Tensor, target: Tensor) -> Tensor:
    b, t, v = logits.shape
    return F.cross_entropy(logits.reshape(b * t, v), target.reshape(b * t))


def ten_classes(logits: Tensor, target: Tensor) -> Tensor:
    return ((logits.softmax(1) - F.one_hot(target, 10)) ** 2).sum(1).mean()


class Smoothing(nn.Module):
    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        logp = F.log_softmax(x, dim=-1)
        nll = -logp.gather(-1, target.unsqueeze(1)).squeeze(1)
        return ((1 - self.smoothing) * nll - self.smoothing * logp.mean(-1)).mean()


# Labels.
def long_targets(logits: Tensor, target: Tensor) -> Tensor:
    assert target.dtype == torch.int64
    p = torch.stack([torch.sigmoid(-logits), torch.sigmoid(logits)], -1)
    return -p.gather(-1, target[..., None]).log().mean()


def columns_bce(output: Tensor, label: Tensor) -> Tensor:
    assert output.ndim == 2
    assert output.shape[1] == 1
    return F.binary_cross_entropy_with_logits(output, label)


def hinge(output: Tensor, y: Tensor) -> Tensor:
    return torch.clamp(1 - output * y, min=0).mean()


def binary_focal(pred: Tensor, gt: Tensor, alpha: float = 0.25, gamma: float = 2) -> Tensor:
    p = torch.sigmoid(pred)
    pt = torch.where(gt == 1, p, 1 - p)
    a = torch.where(gt == 1, alpha, 1 - alpha)
    loss = -a * (1 - pt) ** gamma * pt.clamp(min=1e-12).log()
    mask = torch.isfinite(loss)
    return loss[mask].mean()


def hard_mined(logits: Tensor, target: Tensor) -> Tensor:
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return each.topk(max(1, len(each) // 2)).values.mean()


def dice_flat(inputs: Tensor, targets: Tensor, smooth: float = 1) -> Tensor:
    p, t = torch.sigmoid(inputs).view(-1), targets.view(-1)
    return 1 - (2 * (p * t).sum() + smooth) / (p.sum() + t.sum() + smooth)


def dice_of_probabilities(pred: Tensor, target: Tensor) -> Tensor:
    both = (pred * target).sum()
    return 1 - (2 * both + 1) / (pred.sum() + target.sum() + 1)


def dice_4d(pred: Tensor, target: Tensor) -> Tensor:
    p = pred.sigmoid()
    both = (p * target).sum(dim=(2, 3))
    return (1 - (2 * both + 1) / (p.sum(dim=(2, 3)) + target.sum(dim=(2, 3)) + 1)).mean()


def dice_3d(logits: Tensor, masks: Tensor) -> Tensor:
    p = logits.sigmoid()
    both = (p * masks).sum((1, 2))
    return (1 - (2 * both + 1) / (p.sum((1, 2)) + masks.sum((1, 2)) + 1)).mean()


def iou_rows(logits: Tensor, target: Tensor) -> Tensor:
    p = torch.sigmoid(logits)
    both = (p * target).sum(1)
    return (1 - (both + 1) / (p.sum(1) + target.sum(1) - both + 1)).mean()


def auc_pairs(scores: Tensor, labels: Tensor) -> Tensor:
    gap = scores[labels == 1][:, None] - scores[labels == 0][None]
    return F.softplus(-gap).mean()


# Numbers.
class LogCosh(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        e = input - target
        return (e + F.softplus(-2 * e) - 0.6931471805599453).mean()


def concordance(pred: Tensor, target: Tensor) -> Tensor:
    a, b = pred - pred.mean(), target - target.mean()
    return 1 - 2 * (a * b).mean() / (
        pred.var(correction=0) + target.var(correction=0) + (pred.mean() - target.mean()) ** 2
    )


def pearson(pred: Tensor, target: Tensor) -> Tensor:
    a, b = pred - pred.mean(), target - target.mean()
    return 1 - (a * b).sum() / (a.norm() * b.norm() + 1e-8)


def single_only(pred: Tensor, target: Tensor) -> Tensor:
    return (pred.float() - target.float()).pow(2).mean()


def gaussian_head(out: Tensor, y: Tensor) -> Tensor:
    mu, log_sigma = out[:, 0], out[:, 1]
    return (log_sigma + 0.5 * ((y - mu) * torch.exp(-log_sigma)) ** 2).mean()


def gaussian_chunks(output: Tensor, target: Tensor) -> Tensor:
    mu, log_var = output.chunk(2, dim=-1)
    return (0.5 * (log_var + (target.unsqueeze(-1) - mu) ** 2 / log_var.exp())).mean()


def gaussian_variance(prediction: Tensor, target: Tensor) -> Tensor:
    return F.gaussian_nll_loss(prediction[..., 0], target, prediction[..., 1])


def quantile_set(preds: Tensor, target: Tensor) -> Tensor:
    q = torch.tensor([0.1, 0.5, 0.9], dtype=preds.dtype)
    e = target[:, None] - preds
    return torch.max(q * e, (q - 1) * e).sum(1).mean()


def quantile_loop(preds: Tensor, target: Tensor) -> Tensor:
    losses = []
    for i, q in enumerate((0.05, 0.25, 0.5, 0.75, 0.95)):
        e = target - preds[:, i]
        losses.append(torch.max((q - 1) * e, q * e).unsqueeze(1))
    return torch.cat(losses, dim=1).sum(dim=1).mean()


# Rows.
def cosine(x: Tensor, y: Tensor) -> Tensor:
    return (1 - F.cosine_similarity(x, y, dim=1)).mean()


def euclidean(pred: Tensor, target: Tensor) -> Tensor:
    return torch.linalg.norm(pred - target, dim=-1).mean()


def features_einsum(pred: Tensor, target: Tensor) -> Tensor:
    e = pred - target
    return torch.einsum("nd,nd->n", e, e).sqrt().mean()


def listnet(scores: Tensor, relevance: Tensor) -> Tensor:
    return -(relevance.softmax(-1) * scores.log_softmax(-1)).sum(-1).mean()


def distill(student_logits: Tensor, teacher_logits: Tensor, T: float = 2.0) -> Tensor:  # noqa: N803
    s, t = F.log_softmax(student_logits / T, 1), F.softmax(teacher_logits / T, 1)
    return F.kl_div(s, t, reduction="batchmean") * T * T


def distill_labels(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(student_logits, labels) + distill(student_logits, teacher_logits)


# Embeddings.
def info_nce(queries: Tensor, keys: Tensor, temperature: float = 0.1) -> Tensor:
    q, k = F.normalize(queries, dim=1), F.normalize(keys, dim=1)
    return F.cross_entropy(q @ k.T / temperature, torch.arange(len(q)))


def clip(image_features: Tensor, text_features: Tensor) -> Tensor:
    i, t = F.normalize(image_features, dim=-1), F.normalize(text_features, dim=-1)
    logits = 10 * i @ t.t()
    ids = torch.arange(len(logits))
    return (F.cross_entropy(logits, ids) + F.cross_entropy(logits.t(), ids)) / 2


def simclr(z1: Tensor, z2: Tensor) -> Tensor:
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = (z @ z.T / 0.5).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
    n = len(z1)
    return F.cross_entropy(sim, torch.cat([torch.arange(n, 2 * n), torch.arange(n)]))


def supcon(embeddings: Tensor, labels: Tensor) -> Tensor:
    z = F.normalize(embeddings, dim=1)
    sim = z @ z.T / 0.1
    same = (labels[:, None] == labels[None]) & ~torch.eye(len(z), dtype=torch.bool)
    logp = sim - torch.logsumexp(sim.masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9), 1, keepdim=True)
    return -((logp * same).sum(1) / same.sum(1).clamp(min=1)).mean()


def contrastive(output1: Tensor, output2: Tensor, label: Tensor, margin: float = 2.0) -> Tensor:
    d = F.pairwise_distance(output1, output2)
    return (label * d**2 + (1 - label) * torch.clamp(margin - d, min=0) ** 2).mean()


def nameless_triplet(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return F.relu((x - y).pow(2).sum(1) - (x - z).pow(2).sum(1) + 1).mean()


class Triplet(nn.Module):
    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, negative: Tensor, anchor: Tensor, positive: Tensor) -> Tensor:
        return F.relu((anchor - positive).norm(dim=1) - (anchor - negative).norm(dim=1) + self.margin).mean()


# Preferences, policies, adversaries.
def dpo(
    policy_chosen_logps: Tensor,
    policy_rejected_logps: Tensor,
    reference_chosen_logps: Tensor,
    reference_rejected_logps: Tensor,
    beta: float = 0.1,
) -> Tensor:
    gap = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return -F.logsigmoid(beta * gap).mean()


def dpo_mixed(pi_chosen: Tensor, ref_chosen: Tensor, pi_rejected: Tensor, ref_rejected: Tensor) -> Tensor:
    return -F.logsigmoid(0.1 * ((pi_chosen - ref_chosen) - (pi_rejected - ref_rejected)))


def reward(chosen_rewards: Tensor, rejected_rewards: Tensor) -> Tensor:
    return -F.logsigmoid(chosen_rewards - rejected_rewards).mean()


def bpr(pos_scores: Tensor, neg_scores: Tensor) -> Tensor:
    return -torch.log(torch.sigmoid(pos_scores - neg_scores)).mean()


def ppo(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, clip: float = 0.2) -> Tensor:
    ratio = (log_probs - old_log_probs).exp()
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


def reinforce(logp: Tensor, returns: Tensor) -> Tensor:
    return -(logp * returns).mean()


def gan_d(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def wgan_d(d_fake: Tensor, d_real: Tensor) -> Tensor:
    return d_fake.mean() - d_real.mean()


def gan_g(fake_logits: Tensor) -> Tensor:
    return F.softplus(-fake_logits).mean()


def saturating_g(d_fake: Tensor) -> Tensor:
    return torch.log(1 - d_fake).mean()


def vae(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    bce = F.binary_cross_entropy(recon_x, x.sigmoid(), reduction="sum")
    return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def laplace(mu: Tensor, scale: Tensor, y: Tensor) -> Tensor:
    return (torch.log(2 * scale) + (y - mu).abs() / scale).mean()


def gaussian_log(mean: Tensor, log_var: Tensor, target: Tensor) -> Tensor:
    return (0.5 * (log_var + (target - mean) ** 2 * torch.exp(-log_var))).mean()


def masked_mse(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    return ((pred - target) ** 2 * mask).sum() / mask.sum()


def weighted_bce(logits: Tensor, labels: Tensor, sample_weight: Tensor) -> Tensor:
    return (sample_weight * F.binary_cross_entropy_with_logits(logits, labels, reduction="none")).mean()


CALLABLES: dict[str, Known] = {
    "keras mse": Known(keras_mse, "regression", (REAL, REAL)),
    "keras mape": Known(keras_mape, "regression", (REAL, REAL)),
    "keras binary cross-entropy": Known(keras_bce, "binary", (PROBABILITY, LABEL)),
    "keras Poisson": Known(keras_poisson, "regression", (POSITIVE, POSITIVE)),
    "sparse cross-entropy of tf": Known(tf_sparse, "multiclass", (LOGITS, ID)),
    "sigmoid cross-entropy of tf": Known(tf_sigmoid, "binary", (LOGIT, LABEL)),
    "pinball of scikit-learn": Known(sk_pinball, "regression", (REAL, REAL)),
    "swapped without a name": Known(swapped_nameless, "binary", (LOGIT, LABEL)),
    "by name only": Known(named_only, "regression", (REAL, REAL)),
    "focal of classes": Known(focal_classes, "multiclass", (LOGITS, ID)),
    "nll of probabilities": Known(nll_of_probabilities, "multiclass", (PROBABILITIES, ID)),
    "mae of probabilities": Known(mae_of_probabilities, "multiclass", (PROBABILITIES, ID)),
    "soft cross-entropy": Known(soft_cross_entropy, "multiclass", (LOGITS, PROBABILITIES)),
    "one-hot focal": Known(one_hot_focal, "multiclass", (LOGITS, PROBABILITIES)),
    "pixels of four axes": Known(pixels_4d, "multiclass", (LOGITS, ID)),
    "sequence": Known(sequence, "multiclass", (LOGITS, ID)),
    "ten classes": Known(ten_classes, "multiclass", (LOGITS, ID)),
    "ten weights": Known(nn.CrossEntropyLoss(weight=torch.ones(10)), "multiclass", (LOGITS, ID)),
    "a module with an argument": Known(Smoothing(0.1), "multiclass", (LOGITS, ID)),
    "summed": Known(partial(F.cross_entropy, reduction="sum"), "multiclass", (LOGITS, ID)),
    "whole labels": Known(long_targets, "binary", (LOGIT, WHOLE)),
    "columns": Known(columns_bce, "binary", (LOGIT, LABEL)),
    "hinge": Known(hinge, "binary", (LOGIT, SIGN), (-1.0, 1.0)),
    "soft margin": Known(F.soft_margin_loss, "binary", (LOGIT, SIGN), (-1.0, 1.0)),
    "masked focal": Known(binary_focal, "binary", (LOGIT, LABEL)),
    "hard examples": Known(hard_mined, "binary", (LOGIT, LABEL)),
    "clamped probabilities": Known(nn.BCELoss(reduction="sum"), "binary", (PROBABILITY, LABEL)),
    "Dice, flat": Known(dice_flat, "binary", (LOGIT, LABEL)),
    "Dice of probabilities": Known(dice_of_probabilities, "binary", (PROBABILITY, LABEL)),
    "Dice of images": Known(dice_4d, "binary", (LOGIT, LABEL)),
    "Dice without channels": Known(dice_3d, "binary", (LOGIT, LABEL)),
    "overlap of rows": Known(iou_rows, "binary", (LOGIT, LABEL)),
    "pairs for the AUC": Known(auc_pairs, "binary", (LOGIT, LABEL)),
    "multilabel": Known(nn.MultiLabelSoftMarginLoss(), "multilabel", (LOGIT, LABEL)),
    "multilabel margins": Known(F.multilabel_margin_loss, "multilabel", (LOGITS, "ids of its classes, ended by -1")),
    "log-cosh": Known(LogCosh(), "regression", (REAL, REAL)),
    "concordance": Known(concordance, "regression", (REAL, REAL)),
    "Pearson": Known(pearson, "regression", (REAL, REAL)),
    "single precision": Known(single_only, "regression", (REAL, REAL)),
    "partial Huber": Known(partial(F.huber_loss, delta=2.0), "regression", (REAL, REAL)),
    "Poisson without a log": Known(nn.PoissonNLLLoss(log_input=False), "regression", (POSITIVE, POSITIVE)),
    "mean and log sigma": Known(gaussian_head, "regression", (PARAMETERS, REAL)),
    "mean and log variance": Known(gaussian_chunks, "regression", (PARAMETERS, REAL)),
    "mean and variance": Known(gaussian_variance, "regression", (SPREAD, REAL)),
    "three quantiles": Known(quantile_set, "regression", (QUANTILES, REAL)),
    "five quantiles": Known(quantile_loop, "regression", (QUANTILES, REAL)),
    "Gaussian of torch": Known(F.gaussian_nll_loss, "regression", (SPREAD, REAL)),
    "Gaussian module": Known(nn.GaussianNLLLoss(), "regression", (SPREAD, REAL)),
    "Laplace": Known(laplace, "regression", (SPREAD, REAL)),
    "log variance apart": Known(gaussian_log, "regression", (PARAMETERS, REAL)),
    "cosine": Known(cosine, "regression", (VECTOR, VECTOR)),
    "euclidean": Known(euclidean, "regression", (VECTOR, VECTOR)),
    "einsum of features": Known(features_einsum, "regression", (VECTOR, VECTOR)),
    "ListNet": Known(listnet, "ranking", ("scores of the items of a list", "how relevant the items of a list are")),
    "distillation": Known(distill, "multiclass", (LOGITS, LOGITS)),
    "distillation with labels": Known(distill_labels, "multiclass", (LOGITS, LOGITS, ID)),
    "InfoNCE": Known(info_nce, "other", (VECTOR, VECTOR)),
    "CLIP": Known(clip, "other", (VECTOR, VECTOR)),
    "SimCLR": Known(simclr, "other", (VECTOR, VECTOR)),
    "SupCon": Known(supcon, "other", (VECTOR, ID)),
    "contrastive": Known(contrastive, "pairwise", (VECTOR, VECTOR, LABEL)),
    "cosine embedding": Known(F.cosine_embedding_loss, "pairwise", (VECTOR, VECTOR, SIGN)),
    "margin ranking": Known(F.margin_ranking_loss, "pairwise", (REAL, REAL, SIGN)),
    "hinge embedding": Known(nn.HingeEmbeddingLoss(), "pairwise", ("a number that is not negative", SIGN), (-1.0, 1.0)),
    "triplet": Known(F.triplet_margin_loss, "other", (VECTOR, VECTOR, VECTOR)),
    "triplet in another order": Known(Triplet(0.5), "other", (VECTOR, VECTOR, VECTOR)),
    "triplet without names": Known(nameless_triplet, "other", (VECTOR, VECTOR, VECTOR)),
    "DPO": Known(dpo, "pairwise", (SUMMED,) * 4),
    "DPO in another order": Known(dpo_mixed, "pairwise", (SUMMED,) * 4),
    "reward": Known(reward, "pairwise", (REAL, REAL)),
    "BPR": Known(bpr, "pairwise", (REAL, REAL)),
    "PPO": Known(ppo, "other", (LOG, LOG, REAL)),
    "REINFORCE": Known(reinforce, "other", (LOG, REAL)),
    "discriminator": Known(gan_d, "other", (REAL, REAL)),
    "critic": Known(wgan_d, "other", (REAL, REAL)),
    "generator": Known(gan_g, "other", (REAL,)),
    "saturating generator": Known(saturating_g, "other", (PROBABILITY,)),
    "autoencoder": Known(vae, "other", (PROBABILITY, PROBABILITY, VECTOR, VECTOR)),
    "masked": Known(masked_mse, "regression", (REAL, REAL)),
    "weighted": Known(weighted_bce, "binary", (LOGIT, LABEL)),
}
