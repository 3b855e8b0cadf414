"""Losses of which the truth is known, from theorems or by hand: foreign callables, as a user would write them."""

from __future__ import annotations

from collections.abc import Callable
import math

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

from .known_statistics import STATISTICS as STATISTICS, Loss, pinball as pinball


def margin(phi: Callable[[Tensor], Tensor]) -> Loss:
    """A loss of score times label, the label -1 or 1."""
    return lambda z, t: phi(z * t).mean()


def right(z: Tensor, t: Tensor) -> Tensor:
    """The probability that a logit gives to the label."""
    return torch.sigmoid(z) * t + torch.sigmoid(-z) * (1 - t)


def bce(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t, reduction="none")


def focal(gamma: float, alpha: float | None = None) -> Loss:
    def loss(z: Tensor, t: Tensor) -> Tensor:
        value = bce(z, t) * (1 - right(z, t)) ** gamma
        return (value if alpha is None else value * (alpha * t + (1 - alpha) * (1 - t))).mean()

    return loss


def asymmetric(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    shifted = (p - 0.05).clamp(min=0)
    off = shifted**4 * (1 - shifted).clamp(min=1e-8).log()
    return -(t * p.clamp(min=1e-8).log() + (1 - t) * off).mean()


def weighted(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t, pos_weight=torch.tensor(3.0, dtype=z.dtype))


def class_weighted_mean(z: Tensor, t: Tensor) -> Tensor:
    weight = 1 + 2 * t
    return (bce(z, t) * weight).sum() / weight.sum()


def bi_tempered(z: Tensor, t: Tensor) -> Tensor:
    """Its matching loss at a temperature of 0.8, of a plain sigmoid: Amid et al. 2019, arXiv:1906.03361."""
    p = torch.sigmoid(z)
    whole = (p**1.2 + (1 - p) ** 1.2) / 1.2
    return (-(right(z, t) ** 0.2 - 1) / 0.2 + whole).mean()


def flipped_cross_entropy(z: Tensor, t: Tensor, to_yes: float, to_no: float) -> Tensor:
    """The cross-entropy of what a prediction becomes when labels are flipped at these rates."""
    p = torch.sigmoid(z)
    seen = (1 - to_no) * p + to_yes * (1 - p)
    return F.binary_cross_entropy(seen, t)


def overlap(
    p: Tensor, t: Tensor, *, true: float = 1.0, false_positive: float = 1.0, false_negative: float = 1.0
) -> Tensor:
    """One less a smoothed overlap of prediction and label, an example at a time."""
    hit = true * p * t + 1
    return (1 - hit / (hit + false_positive * p * (1 - t) + false_negative * (1 - p) * t)).mean()


#: calibrated, proper, invertible, symmetric, threshold: Bartlett, Jordan & McAuliffe 2006, Reid & Williamson 2010,
#: Buja et al. 2005, Ghosh, Manwani & Sastry 2015, Charoenphakdee et al. 2021, Elkan 2001, or derived by hand.
LABELS: dict[str, tuple[Loss, str, float | None]] = {
    "logistic": (F.binary_cross_entropy_with_logits, "yes yes yes no", 0.5),
    "cross-entropy of a probability": (F.binary_cross_entropy, "yes yes yes no", 0.5),
    "Brier": (lambda z, t: (torch.sigmoid(z) - t).square().mean(), "yes yes yes no", 0.5),
    "spherical": (
        lambda z, t: (1 - right(z, t) / (torch.sigmoid(z) ** 2 + torch.sigmoid(-z) ** 2).sqrt()).mean(),
        "yes yes yes no",
        0.5,
    ),
    "soft margin": (margin(lambda v: F.softplus(-v)), "yes yes yes no", 0.5),
    "exponential": (margin(lambda v: torch.exp(-v)), "yes no yes no", 0.5),
    "squared margin": (margin(lambda v: (1 - v) ** 2), "yes no yes no", 0.5),
    "squared hinge": (margin(lambda v: F.relu(1 - v) ** 2), "yes no yes no", 0.5),
    "modified Huber": (margin(lambda v: torch.where(v >= -1, F.relu(1 - v) ** 2, -4 * v)), "yes no yes no", 0.5),
    "hinge": (margin(lambda v: F.relu(1 - v)), "yes no no no", 0.5),
    "smoothed hinge": (
        margin(lambda v: torch.where(v >= 1, 0 * v, torch.where(v <= 0, 0.5 - v, (1 - v) ** 2 / 2))),
        "yes no yes no",
        0.5,
    ),
    "distance-weighted": (
        margin(lambda v: torch.where(v > 0.5, 1 / v.clamp(min=0.1), 4 - 4 * v) / 4),
        "yes no yes no",
        0.5,
    ),
    "tangent": (margin(lambda v: (2 * torch.atan(v) - 1) ** 2), "yes no yes no", 0.5),
    "perceptron": (margin(lambda v: F.relu(-v)), "no no no no", None),
    "zero-one": (margin(lambda v: (v <= 0).double()), "yes no no yes", 0.5),
    "sigmoid": (margin(lambda v: torch.sigmoid(-v)), "yes no no yes", 0.5),
    "ramp": (margin(lambda v: ((1 - v) / 2).clamp(0, 1)), "yes no no yes", 0.5),
    "absolute error of a sigmoid": (lambda z, t: (torch.sigmoid(z) - t).abs().mean(), "yes no no yes", 0.5),
    "unhinged": (margin(lambda v: 1 - v), "yes no no yes", 0.5),
    "focal": (focal(2.0), "yes no yes no", 0.5),
    "focal, alpha 0.25": (focal(2.0, 0.25), "no no yes no", 0.75),
    "pos_weight 3": (weighted, "no no yes no", 0.25),
    "weighted mean, 1:3": (class_weighted_mean, "no no yes no", 0.25),
    "logit-adjusted, prior 0.1": (lambda z, t: bce(z - 2.1972245773362196, t).mean(), "no no yes no", 0.1),
    "label smoothing": (lambda z, t: bce(z, 0.9 * t + 0.05).mean(), "yes no yes no", 0.5),
    "generalised cross-entropy": (lambda z, t: ((1 - right(z, t) ** 0.7) / 0.7).mean(), "yes no yes no", 0.5),
    "poly-1": (lambda z, t: (bce(z, t) + 1 - right(z, t)).mean(), "yes no yes no", 0.5),
    "symmetric cross-entropy": (lambda z, t: (bce(z, t) + 4 * (1 - right(z, t))).mean(), "yes no yes no", 0.5),
    "asymmetric, 0 and 4": (asymmetric, "no no yes no", 0.1276),
    "sigmoid twice": (lambda z, t: bce(torch.sigmoid(z), t).mean(), "no no no no", 0.6225),
    "soft Dice of one example": (
        lambda z, t: (1 - (2 * torch.sigmoid(z) * t + 1) / (torch.sigmoid(z) + t + 1)).mean(),
        "yes no no no",
        0.5,
    ),
    "sign error": (lambda z, t: -F.binary_cross_entropy_with_logits(z, t), "no no no no", None),
    "reverse cross-entropy": (lambda z, t: (-math.log(1e-4) * (1 - right(z, t))).mean(), "yes no no yes", 0.5),
    "bi-tempered": (bi_tempered, "yes yes yes no", 0.5),
    # The weight of thresholds c^(a - 1) (1 - c)^(b - 1), Buja et al. 2005: for 2 and 1, and by tenths.
    "beta, 2 and 1": (
        lambda z, t: (t / 6 + (torch.sigmoid(z) ** 3 / 3) - t * torch.sigmoid(z) ** 2 / 2).mean(),
        "yes yes yes no",
        0.5,
    ),
    "one threshold, 0.2": (
        lambda z, t: torch.where(torch.sigmoid(z) >= 0.2, 0.2 * (1 - t), 0.8 * t).mean(),
        "no no no no",
        None,
    ),
    # Weights: Elkan 2001. The threshold is the share of the weight of "no".
    "alpha 0.25": (lambda z, t: (bce(z, t) * (0.25 * t + 0.75 * (1 - t))).mean(), "no no yes no", 0.75),
    "weighted by label, plain mean": (lambda z, t: (bce(z, t) * (1 + 2 * t)).mean(), "no no yes no", 0.25),
    "Brier, weighted 3:7": (
        lambda z, t: ((0.3 * t + 0.7 * (1 - t)) * (torch.sigmoid(z) - t).square()).mean(),
        "no no yes no",
        0.7,
    ),
    "exponential, weighted 2:1": (lambda z, t: ((1.5 + 0.5 * t) * torch.exp(-z * t)).mean(), "no no yes no", 1 / 3),
    "hinge, weighted 3:1": (lambda z, t: ((2 + t) * F.relu(1 - z * t)).mean(), "no no no no", 0.25),
    # Other links: the best score is half the logit, twice the logit, a probit, log(-log(1 - η)), ...
    "LogitBoost": (margin(lambda v: torch.log1p(torch.exp(-2 * v))), "yes no yes no", 0.5),
    "Savage": (margin(lambda v: 4 * torch.sigmoid(-v) ** 2), "yes yes yes no", 0.5),
    "boosting loss of a probability": (
        lambda p, t: (t * ((1 - p) / p).sqrt() + (1 - t) * (p / (1 - p)).sqrt()).mean(),
        "yes yes yes no",
        0.5,
    ),
    "temperature 2": (lambda z, t: bce(z / 2, t).mean(), "yes no yes no", 0.5),
    "cross-entropy of a tanh": (
        lambda z, t: F.binary_cross_entropy((1 + torch.tanh(z)) / 2, t),
        "yes no yes no",
        0.5,
    ),
    "squared error of a tanh": (lambda z, t: (torch.tanh(z) - t).square().mean(), "yes no yes no", 0.5),
    "probit": (margin(lambda v: -torch.special.log_ndtr(v)), "yes no yes no", 0.5),
    # At a score of 0 it stands for 1 - 1/e.
    "complementary log-log": (
        lambda z, t: (-t * torch.log(-torch.expm1(-torch.exp(z))).clamp(min=-100) + (1 - t) * torch.exp(z)).mean(),
        "no no yes no",
        1 - math.exp(-1),
    ),
    "hinge of labels 0 and 1": (lambda z, t: F.relu(1 - (2 * t - 1) * z).mean(), "yes no no no", 0.5),
    # Clamped at 1e-7 nothing shows; at 0.1 all chances below have the same best predictions.
    "clamped at 1e-7": (lambda z, t: -right(z, t).clamp(1e-7, 1 - 1e-7).log().mean(), "yes yes yes no", 0.5),
    "clamped at 0.1": (lambda z, t: -right(z, t).clamp(0.1, 0.9).log().mean(), "yes no no no", 0.5),
    # Corrected for flips: Natarajan et al. 2013, Patrini et al. 2017. On true labels a chance beyond the rate of flips
    # has its best score at infinity. With rates 0.1 and 0.3 the best probability is (η - 0.1) / 0.6, one half at 0.4.
    "forward-corrected": (lambda z, t: flipped_cross_entropy(z, t, 0.2, 0.2), "yes no no no", 0.5),
    "forward-corrected, 0.1 and 0.3": (lambda z, t: flipped_cross_entropy(z, t, 0.1, 0.3), "no no no no", 0.4),
    "backward-corrected": (lambda z, t: ((0.8 * bce(z, t) - 0.2 * bce(z, 1 - t)) / 0.6).mean(), "yes no no no", 0.5),
    # Overlaps of one example have their least at 0 or 1: a chance η is "yes" where η · FN(0) > (1 - η) · FP(1), the
    # false negatives of "never" (0.3/1.3 and 4/5) against the false positives of "always" (0.7/1.7 and 1/2).
    "Tversky of one example": (
        lambda z, t: overlap(torch.sigmoid(z), t, false_positive=0.7, false_negative=0.3),
        "no no no no",
        0.6409,
    ),
    "F2 of one example": (
        lambda z, t: overlap(torch.sigmoid(z), t, true=5.0, false_negative=4.0),
        "no no no no",
        0.3846,
    ),
}


def one_hot(z: Tensor, ids: Tensor) -> Tensor:
    return F.one_hot(ids, z.shape[-1]).to(z.dtype)


def own(x: Tensor, ids: Tensor) -> Tensor:
    """What belongs to the class of each example."""
    return x.gather(-1, ids.unsqueeze(-1)).squeeze(-1)


def sure(z: Tensor, ids: Tensor) -> Tensor:
    """The probability that scores give to the class."""
    return own(z.softmax(-1), ids)


def nll(z: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(z, ids, reduction="none")


def brier(z: Tensor, ids: Tensor) -> Tensor:
    return (z.softmax(-1) - one_hot(z, ids)).square().sum(-1).mean()


def class_weights(z: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(z, ids, weight=torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=z.dtype))


def slight_weights(z: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(z, ids, weight=torch.tensor([1.0, 1.0, 1.05, 1.0], dtype=z.dtype))


def rivals(phi: Callable[[Tensor], Tensor]) -> Loss:
    """The sum over the other classes of `phi` of their lead over the own one."""

    def loss(z: Tensor, ids: Tensor) -> Tensor:
        lead = z - own(z, ids).unsqueeze(-1)
        return (phi(lead) * (1 - one_hot(z, ids))).sum(-1).mean()

    return loss


def each_class(phi: Callable[[Tensor], Tensor]) -> Loss:
    """The sum over the classes of `phi` of score times label, -1 or 1."""
    return lambda z, ids: phi(z * (2 * one_hot(z, ids) - 1)).sum(-1).mean()


def crammer_singer(z: Tensor, ids: Tensor) -> Tensor:
    lead = z.scatter(-1, ids.unsqueeze(-1), -torch.inf).amax(-1) - own(z, ids)
    return F.relu(1 + lead).mean()


def lee_lin_wahba(z: Tensor, ids: Tensor) -> Tensor:
    centred = z - z.mean(-1, keepdim=True)
    return (F.relu(1 + centred) * (1 - one_hot(z, ids))).sum(-1).mean()


def normalised(z: Tensor, ids: Tensor) -> Tensor:
    logs = -z.log_softmax(-1)
    return (own(logs, ids) / logs.sum(-1)).mean()


def spherical(z: Tensor, ids: Tensor) -> Tensor:
    return (1 - sure(z, ids) / z.softmax(-1).norm(dim=-1)).mean()


def taylor(z: Tensor, ids: Tensor) -> Tensor:
    rest = 1 - sure(z, ids)
    return (rest + rest**2 / 2).mean()


def two_in_one(z: Tensor, ids: Tensor) -> Tensor:
    p = z.softmax(-1)
    both = p[..., :2].sum(-1)
    return -torch.where(ids < 2, both, own(p, ids)).log().mean()


def row_by_row(z: Tensor, ids: Tensor) -> Tensor:
    total = torch.zeros((), dtype=z.dtype)
    for scores, label in zip(z, ids.tolist(), strict=True):
        total = total - scores.log_softmax(-1)[label]
    return total / len(z)


#: calibrated, proper, invertible, symmetric, with four classes. Calibration: Zhang 2004, Tewari & Bartlett 2007, Liu
#: 2007 and Ghosh et al. 2017; properness and links by setting the derivative of the expected cost to zero.
CLASSES: dict[str, tuple[Loss, str]] = {
    "cross-entropy": (F.cross_entropy, "yes yes yes no"),
    "log-likelihood": (F.nll_loss, "yes yes yes no"),
    "Brier": (brier, "yes yes yes no"),
    "spherical": (spherical, "yes yes yes no"),
    # Epstein 1969: the squared error of cumulative probabilities.
    "ranked probability": (
        lambda z, ids: (z.softmax(-1).cumsum(-1) - one_hot(z, ids).cumsum(-1)).square().sum(-1).mean(),
        "yes yes yes no",
    ),
    # Rare classes must win by more (Cao et al. 2019), so that they win too often.
    "margins by class": (
        lambda z, ids: F.cross_entropy(z - one_hot(z, ids) * torch.tensor([0.2, 0.5, 1.0, 2.0], dtype=z.dtype), ids),
        "no no yes no",
    ),
    "label smoothing": (lambda z, ids: F.cross_entropy(z, ids, label_smoothing=0.1), "yes no yes no"),
    "focal": (lambda z, ids: ((1 - sure(z, ids)) ** 2 * nll(z, ids)).mean(), "yes no yes no"),
    "generalised cross-entropy": (lambda z, ids: ((1 - sure(z, ids) ** 0.7) / 0.7).mean(), "yes no yes no"),
    "symmetric cross-entropy": (lambda z, ids: (nll(z, ids) + 4 * (1 - sure(z, ids))).mean(), "yes no yes no"),
    "poly-1": (lambda z, ids: (nll(z, ids) + 1 - sure(z, ids)).mean(), "yes no yes no"),
    # The best probability is 2 - λ/η where that is above zero: of unlikely classes it tells nothing.
    "Taylor cross-entropy": (taylor, "yes no no no"),
    "absolute error of a softmax": (
        lambda z, ids: (z.softmax(-1) - one_hot(z, ids)).abs().sum(-1).mean(),
        "yes no no yes",
    ),
    "class weights": (class_weights, "no no yes no"),
    "Crammer-Singer": (crammer_singer, "no no no no"),
    "Weston-Watkins": (rivals(lambda lead: F.relu(1 + lead)), "no no no no"),
    "multi_margin_loss": (F.multi_margin_loss, "no no no no"),
    "one-vs-all hinge": (each_class(lambda v: F.relu(1 - v)), "no no no no"),
    "Lee-Lin-Wahba": (lee_lin_wahba, "yes no no no"),
    # Each class has its own sigmoid, so a softmax of the best scores is not the law.
    "one-vs-all logistic": (each_class(lambda v: F.softplus(-v)), "yes no yes no"),
    "one-vs-all squared hinge": (each_class(lambda v: F.relu(1 - v) ** 2), "yes no yes no"),
    "squared scores": (lambda z, ids: (z - one_hot(z, ids)).square().sum(-1).mean(), "yes no yes no"),
    "exponential of leads": (rivals(torch.exp), "yes no yes no"),
    # What goes into the second softmax is between 0 and 1: beyond odds of e all laws have the corner as their best.
    "softmax twice": (lambda z, ids: F.cross_entropy(z.softmax(-1), ids), "yes no no no"),
    "zero-one": (lambda z, ids: (z.argmax(-1) != ids).double().mean(), "yes no no yes"),
    # With p → 0 for the unlikeliest class alone its share of the logs tends to 1 and the cost to its chance, which is
    # the infimum; whatever the order of the others. So a wrong class on top costs no more.
    "normalised cross-entropy": (normalised, "no no no yes"),
    "logit-adjusted": (
        lambda z, ids: F.cross_entropy(z + torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=z.dtype).log(), ids),
        "no no yes no",
    ),
    "focal, alpha by class": (
        lambda z, ids: (
            torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=z.dtype)[ids] * (1 - sure(z, ids)) ** 2 * nll(z, ids)
        ).mean(),
        "no no yes no",
    ),
    "weights of 1.05": (slight_weights, "no no yes no"),
    "temperature 2": (lambda z, ids: F.cross_entropy(z / 2, ids), "yes no yes no"),
    "scale 30": (lambda z, ids: F.cross_entropy(30 * z, ids), "yes no yes no"),
    "additive margin": (lambda z, ids: F.cross_entropy(z - 0.35 * one_hot(z, ids), ids), "yes no yes no"),
    "reverse cross-entropy": (lambda z, ids: (9.21 * (1 - sure(z, ids))).mean(), "yes no no yes"),
    # Bradley-Terry of the class against each other one: η_i σ(s_j - s_i) = η_j σ(s_i - s_j) at s = log η.
    "logistic of leads": (rivals(F.softplus), "yes yes yes no"),
    "squared hinge of leads": (rivals(lambda lead: F.relu(1 + lead) ** 2), "yes no yes no"),
    # Without a majority the best is a tie, as for the hinge: at s = 0 every step raises it.
    "squared Crammer-Singer": (
        lambda z, ids: F.relu(1 + z.scatter(-1, ids.unsqueeze(-1), -torch.inf).amax(-1) - own(z, ids)).square().mean(),
        "no no no no",
    ),
    # The median of 0 and 1 is 0 for all classes if none has a majority.
    "absolute error of scores": (lambda z, ids: (z - one_hot(z, ids)).abs().sum(-1).mean(), "no no no no"),
    "mean squared error of a softmax": (lambda z, ids: F.mse_loss(z.softmax(-1), one_hot(z, ids)), "yes yes yes no"),
    "log of a probability and 1e-7": (lambda z, ids: -(sure(z, ids) + 1e-7).log().mean(), "yes yes yes no"),
    # Only the sum of the first two is told, so any share of it is as good.
    "two classes in one": (two_in_one, "no no no no"),
    "sign error": (lambda z, ids: -F.cross_entropy(z, ids), "no no no no"),
    "row by row": (row_by_row, "yes yes yes no"),
    "by a mask": (lambda z, ids: -z.log_softmax(-1)[one_hot(z, ids).bool()].mean(), "yes yes yes no"),
    "cross-entropy of soft targets": (lambda z, y: -(y * z.log_softmax(-1)).sum(-1).mean(), "yes yes yes no"),
    "kl_div": (F.kl_div, "yes yes yes no"),
    "KL divergence, with the log of the target": (
        lambda z, y: (y * (y.log() - z.log_softmax(-1))).sum(-1).mean(),
        "yes yes yes no",
    ),
}

#: Losses of torch with nothing wrong: no failure may be reported.
HEALTHY: dict[str, object] = {
    "mse_loss": F.mse_loss,
    "l1_loss": F.l1_loss,
    "huber_loss": F.huber_loss,
    "smooth_l1_loss": F.smooth_l1_loss,
    "poisson_nll_loss": F.poisson_nll_loss,
    "PoissonNLLLoss, rate": torch.nn.PoissonNLLLoss(log_input=False),
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "binary_cross_entropy": F.binary_cross_entropy,
    "BCEWithLogitsLoss, weighted": torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)),
    "hinge_embedding_loss": F.hinge_embedding_loss,
    "cross_entropy": F.cross_entropy,
    "CrossEntropyLoss": torch.nn.CrossEntropyLoss,
    "CrossEntropyLoss, weighted": torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0])),
    "CrossEntropyLoss, smoothed": torch.nn.CrossEntropyLoss(label_smoothing=0.1),
    "nll_loss": F.nll_loss,
    "kl_div": F.kl_div,
    "multilabel_soft_margin_loss": F.multilabel_soft_margin_loss,
    "MSELoss, sum": torch.nn.MSELoss(reduction="sum"),
    "MSELoss, none": torch.nn.MSELoss(reduction="none"),
}
