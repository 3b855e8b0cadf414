"""Losses of a yes or a no that are not what their author believes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("binary")
wrong = SHELF.wrong

BCE = "BinaryCrossEntropy"
TWICE = r"sigmoid|twice|two times|probabilit"


def bce(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t, reduction="none")


@wrong("W701", TWICE, claims=BCE)
def sigmoid_twice(z: Tensor, t: Tensor) -> Tensor:  # row 10
    return F.binary_cross_entropy_with_logits(z.sigmoid(), t)


@wrong("W701", TWICE, claims=BCE)
class SigmoidModuleBeforeLogits(nn.Module):  # row 10
    def __init__(self) -> None:
        super().__init__()
        self.activation = nn.Sigmoid()
        self.inner = nn.BCEWithLogitsLoss()

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        return self.inner(self.activation(z), t)


@wrong("W701", TWICE, claims=BCE)
def logits_taken_for_probabilities(logits: Tensor, t: Tensor) -> Tensor:  # row 10
    return -(t * torch.log(logits) + (1 - t) * torch.log(1 - logits)).mean()


@wrong("W501|W701", "away|swap|sign|label", claims=BCE)
def terms_exchanged(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    return -((1 - t) * torch.log(p + 1e-7) + t * torch.log(1 - p + 1e-7)).mean()


@wrong("W501|W701", "away|sign|minus", claims=BCE)
def minus_forgotten(z: Tensor, t: Tensor) -> Tensor:
    return (t * F.logsigmoid(z) + (1 - t) * F.logsigmoid(-z)).mean()


@wrong("W501", "away|sign")
def plus_in_the_exponent(z: Tensor, t: Tensor) -> Tensor:
    return torch.exp(z * (2 * t - 1)).clamp(max=1e4).mean()


@wrong("W60[145]|W701", "positive|constant|half|term|label|yes|no", claims=BCE)
def only_the_positives(z: Tensor, t: Tensor) -> Tensor:  # seen: the term of the negatives is lost
    return -(t * F.logsigmoid(z)).mean()


@wrong("W701", "positive|mean|term|label", claims=BCE)
def mean_over_the_positives(z: Tensor, t: Tensor) -> Tensor:
    return (bce(z, t) * (1 + t)).sum() / (t.sum() + 1)


@wrong("W701", "weight", claims="BinaryCrossEntropy(pos_weight=3.0)")
def weight_on_the_negatives(z: Tensor, t: Tensor) -> Tensor:  # row 45
    return (bce(z, t) * torch.where(t > 0.5, 1.0, 3.0)).mean()


@wrong("W701", "weight|both", claims="BinaryCrossEntropy(pos_weight=3.0)")
def weight_on_both(z: Tensor, t: Tensor) -> Tensor:
    return 3.0 * F.binary_cross_entropy_with_logits(z, t)


@wrong("W701", "weight", claims="BinaryCrossEntropy(pos_weight=3.0)")
def weight_forgotten(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t)


@wrong("W701", "weight|logit|shift|scale", claims="BinaryCrossEntropy(pos_weight=3.0)")
def weight_on_the_logit(z: Tensor, t: Tensor) -> Tensor:
    return bce(torch.where(t > 0.5, 3.0 * z, z), t).mean()


@wrong("W101", "true one|inf")
def logarithm_of_a_sigmoid(z: Tensor, t: Tensor) -> Tensor:  # row 29
    p = 1 / (1 + torch.exp(-z))
    return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()


@wrong("W101", "true one|inf")
def logarithm_of_one_plus_exp(z: Tensor, t: Tensor) -> Tensor:  # sharp corner of soft_margin_loss
    return torch.log(1 + torch.exp(-z * t)).mean()


@wrong("W101", "true one|inf", claims=BCE)
def cross_entropy_by_exponentials(z: Tensor, t: Tensor) -> Tensor:
    return (torch.log(1 + torch.exp(z)) - t * z).mean()


@wrong("W406|W701|W80[1-5]", "detach|gradient")
def scores_detached(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z).detach()
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()


@wrong("W502|W701", "unbounded|label|-1", claims=BCE)
def labels_mapped_to_signs(z: Tensor, t: Tensor) -> Tensor:  # row 42
    return bce(z, 2 * t - 1).mean()


@wrong("W701", "swap|exchang|argument|order", claims=BCE)
def arguments_exchanged(a: Tensor, b: Tensor) -> Tensor:
    return bce(b, a).mean()


@wrong("W701", "label|-1|sign|convention|0 and 1|margin", claims=BCE)
def soft_margin_of_labels_0_and_1(z: Tensor, t: Tensor) -> Tensor:
    return F.softplus(-z * t.clamp(min=0)).mean()


@wrong("W701", "clamp|clip|flat|limit|bound|saturat", claims=BCE)
def probability_clamped_hard(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z).clamp(0.1, 0.9)
    return F.binary_cross_entropy(p, t)


@wrong("W701", "smooth|label", claims="BinaryCrossEntropy(label_smoothing=0.2)")
def smoothed_without_the_half(z: Tensor, t: Tensor) -> Tensor:  # disagreement 13
    return bce(z, t * (1 - 0.2) + (1 - t) * 0.2).mean()


@wrong("W701", "smooth|label|positive|negative", claims="BinaryCrossEntropy(label_smoothing=0.2)")
def smoothed_on_one_side(z: Tensor, t: Tensor) -> Tensor:
    return bce(z, t * (1 - 0.2)).mean()


@wrong("W701", "batch|other examples|softmax|coupl", claims=BCE)
def softmax_over_the_batch(z: Tensor, t: Tensor) -> Tensor:
    p = torch.softmax(z, dim=0)
    return F.binary_cross_entropy(p, t)


@wrong("W701", "batch|other examples|norm|coupl", claims=BCE)
class NormalisedOverTheBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1, affine=False, track_running_stats=False, dtype=torch.float64)

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        inner = self.norm.to(z.dtype)(z.unsqueeze(-1)).squeeze(-1) if len(z) > 1 else z
        return F.binary_cross_entropy_with_logits(inner, t)


# Focal, the loss that is copied most and wrong most often: row 6.


def focal_parts(z: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    ce = bce(z, t)
    return ce, torch.exp(-ce)


@wrong("W701", "alpha", claims="Focal(gamma=2.0, alpha=0.25)")
def focal_alpha_on_both(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(z, t)
    return (0.25 * (1 - pt) ** 2 * ce).mean()


@wrong("W701", "alpha", claims="Focal(gamma=2.0, alpha=0.25)")
def focal_alpha_exchanged(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(z, t)
    return (torch.where(t == 1, 0.75, 0.25) * (1 - pt).pow(2) * ce).mean()


@wrong("W701", "alpha", claims="Focal(gamma=2.0, alpha=0.25)")
def focal_alpha_on_positives_only(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(z, t)
    return (torch.where(t == 1, 0.25, 1.0) * (1 - pt).pow(2) * ce).mean()


@wrong("W701", "gamma|multipl|power", claims="Focal(gamma=2.0)")
def focal_gamma_multiplied(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(z, t)
    return (2.0 * (1 - pt) * ce).mean()


@wrong("W701", "1 *[-−] *p|p\\^|easy|power|hard", claims="Focal(gamma=2.0)")
def focal_of_what_is_easy(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(z, t)
    return (pt**2 * ce).mean()


@wrong("W701", "batch|mean", claims="Focal(gamma=2.0)")
def focal_of_the_batch_mean(z: Tensor, t: Tensor) -> Tensor:  # the recipe that went round the forums
    ce = F.binary_cross_entropy_with_logits(z, t)
    return (1 - torch.exp(-ce)) ** 2 * ce


@wrong("W701", "detach|gradient", claims="Focal(gamma=2.0)")
def focal_weight_detached(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(z, t)
    return ((1 - pt).detach() ** 2 * ce).mean()


@wrong("W701", "positive|negative|1 *[-−] *p|both", claims="Focal(gamma=2.0)")
def focal_weight_of_the_positives(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    return ((1 - p) ** 2 * bce(z, t)).mean()


@wrong("W701", "alpha|gamma", claims="Focal(gamma=2.0, alpha=0.25)")
def focal_alpha_and_gamma_exchanged(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(z, t)
    gamma, alpha = 0.25, 2.0
    return ((alpha * t + (1 - alpha) * (1 - t)) * (1 - pt) ** gamma * ce).mean()


@wrong("W701", "power|gamma|cross-entropy", claims="Focal(gamma=2.0)")
def focal_power_of_the_cross_entropy(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(z, t)
    return ((1 - pt) * ce**2).mean()


@wrong("W701", TWICE, claims="Focal(gamma=2.0)")
def focal_sigmoid_twice(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(torch.sigmoid(z), t)
    return ((1 - pt) ** 2 * ce).mean()


@wrong("W50[12]|W701", "away|sign|minus", claims="Focal(gamma=2.0)")
def focal_without_the_minus(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    pt = torch.where(t == 1, p, 1 - p).clamp(min=1e-8)
    return ((1 - pt) ** 2 * pt.log()).mean()


@wrong("W701", "gamma|power|1 *[-−] *p|exponent", claims="Focal(gamma=2.0)")
def focal_without_gamma(z: Tensor, t: Tensor) -> Tensor:
    ce, pt = focal_parts(z, t)
    return ((1 - pt) * ce).mean()


@wrong("W10[24]", "gradient.*not finite")
def focal_with_a_small_gamma(z: Tensor, t: Tensor) -> Tensor:  # row 2: (1 - p)^0.5 where p rounds to 1
    ce, pt = focal_parts(z, t)
    return ((1 - pt) ** 0.5 * ce).mean()


@wrong("W10[24]", "gradient.*not finite")
def power_of_a_probability(z: Tensor, t: Tensor) -> Tensor:  # generalised cross-entropy: p^0.7 where p rounds to 0
    p = torch.sigmoid(torch.where(t > 0.5, z, -z))
    return ((1 - p**0.7) / 0.7).mean()


@wrong("W10[24]", "gradient.*not finite")
def xlogy_of_a_probability(p: Tensor, t: Tensor) -> Tensor:  # 0 log 0 is 0, and its slope is 0 / 0
    return -(torch.xlogy(t, p) + torch.xlogy(1 - t, 1 - p)).mean()


# Margins.


@wrong("W701", "label|-1|0 and 1|convention|sign", claims="Hinge")
def hinge_of_labels_0_and_1(z: Tensor, t: Tensor) -> Tensor:
    return torch.clamp(1 - (t > 0) * z, min=0).mean()


@wrong("W701|W502", "clamp|unbounded|max|relu|linear", claims="Hinge")
def hinge_without_the_floor(z: Tensor, t: Tensor) -> Tensor:
    return (1 - (2 * t - 1) * z).mean()


@wrong("W701", "margin|perceptron", claims="Hinge")
def hinge_without_the_margin(z: Tensor, t: Tensor) -> Tensor:
    return F.relu(-(2 * t - 1) * z).mean()


@wrong("W501|W701", "away|sign", claims="Hinge")
def hinge_with_a_plus(z: Tensor, t: Tensor) -> Tensor:
    return F.relu(1 + (2 * t - 1) * z).mean()


@wrong("W701", "squar", claims="SquaredHinge")
def hinge_that_is_not_squared(z: Tensor, t: Tensor) -> Tensor:
    return F.relu(1 - (2 * t - 1) * z).mean()


@wrong("W701", "clamp|max|floor|relu|beyond|squared margin", claims="SquaredHinge")
def squared_hinge_without_the_floor(z: Tensor, t: Tensor) -> Tensor:
    return (1 - (2 * t - 1) * z).square().mean()
