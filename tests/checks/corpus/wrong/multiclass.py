"""Losses of classes and of distributions that are not what their author believes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("multiclass")
wrong = SHELF.wrong

CE = "CrossEntropy"
TWICE = r"softmax|twice|two times|probabilit"
WEIGHTS = "CrossEntropy(class_weight=(1.0, 2.0, 3.0, 4.0))"


def logp(z: Tensor) -> Tensor:
    return torch.log_softmax(z, dim=-1)


def hit(values: Tensor, ids: Tensor) -> Tensor:
    return values.gather(-1, ids[:, None]).squeeze(-1)


@wrong("W701", TWICE, claims=CE)
def softmax_twice(z: Tensor, ids: Tensor) -> Tensor:  # row 10
    return F.cross_entropy(F.softmax(z, dim=-1), ids)


@wrong("W701", TWICE, claims=CE)
class SoftmaxLayerBeforeCrossEntropy(nn.Module):  # row 10
    def __init__(self) -> None:
        super().__init__()
        self.chain = nn.Sequential(nn.Softmax(dim=-1), nn.LogSoftmax(dim=-1))

    def forward(self, z: Tensor, ids: Tensor) -> Tensor:
        return F.nll_loss(self.chain(z), ids)


@wrong("W701", "log", claims=CE)
def likelihood_without_the_logarithm(z: Tensor, ids: Tensor) -> Tensor:  # rows 10, 23
    return F.nll_loss(F.softmax(z, dim=-1), ids)


@wrong("W701", "batch|axis|dim", claims=CE)
def softmax_over_the_batch(z: Tensor, ids: Tensor) -> Tensor:
    return -hit(torch.log_softmax(z, dim=0), ids).mean()


@wrong("W50[12]|W701", "away|sign|minus", claims=CE)
def minus_forgotten(z: Tensor, ids: Tensor) -> Tensor:
    return hit(logp(z), ids).mean()


@wrong("W501", "away|sign")
def surprise_of_the_true_class_sought(z: Tensor, ids: Tensor) -> Tensor:
    p = z.softmax(-1)
    return -(1 - hit(p, ids)).square().mean()


@wrong("W101", "true one|inf|nan")
def logarithm_of_a_softmax(z: Tensor, ids: Tensor) -> Tensor:  # row 29
    return -torch.log(hit(torch.softmax(z, dim=1), ids)).mean()


@wrong("W101", "true one|inf|nan")
def softmax_by_hand(z: Tensor, ids: Tensor) -> Tensor:
    e = torch.exp(z)
    return -torch.log(hit(e / e.sum(-1, keepdim=True), ids)).mean()


@wrong("W101", "true one|inf|nan", claims=CE)
def log_sum_exp_by_hand(z: Tensor, ids: Tensor) -> Tensor:
    return (torch.log(torch.exp(z).sum(-1)) - hit(z, ids)).mean()


@wrong("W101|W102", "true one|inf|nan|finite", claims=CE)
def one_hot_times_a_logarithm(z: Tensor, ids: Tensor) -> Tensor:  # zero times minus infinity
    y = F.one_hot(ids, z.shape[-1]).to(z.dtype)
    return -(y * torch.log(z.softmax(-1))).sum(-1).mean()


@wrong("W101|W102", "true one|inf|nan|finite")
def one_hot_through_where(z: Tensor, ids: Tensor) -> Tensor:  # row 2
    y = F.one_hot(ids, z.shape[-1]).bool()
    return -torch.where(y, z.softmax(-1).log(), 0.0).sum(-1).mean()


@wrong("W701", "class|times|scale|factor|mean over", claims=CE)
def mean_over_classes_too(z: Tensor, ids: Tensor) -> Tensor:
    y = F.one_hot(ids, z.shape[-1])
    return -(y * logp(z)).mean()


@wrong("W701", "class|off by|next|shift|target|id", claims=CE)
def class_off_by_one(z: Tensor, ids: Tensor) -> Tensor:  # row 42: ids that begin at 1
    return F.cross_entropy(z, (ids + 1) % z.shape[-1])


@wrong("W701", "sigmoid|one-vs|one against|binary|each class", claims=CE)
def sigmoid_for_softmax(z: Tensor, ids: Tensor) -> Tensor:
    y = F.one_hot(ids, z.shape[-1]).to(z.dtype)
    return F.binary_cross_entropy_with_logits(z, y, reduction="none").sum(-1).mean()


@wrong("W701", "square|brier|probabilit", claims=CE)
def squared_error_of_probabilities(z: Tensor, ids: Tensor) -> Tensor:
    return (z.softmax(-1) - F.one_hot(ids, z.shape[-1])).pow(2).sum(-1).mean()


@wrong("W701", "weight", claims=WEIGHTS)
def weights_of_the_predicted_class(z: Tensor, ids: Tensor) -> Tensor:
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=z.dtype)[z.argmax(-1)]
    return (weight * F.cross_entropy(z, ids, reduction="none")).sum() / weight.sum()


@wrong("W701", "weight", claims=WEIGHTS)
def weights_on_the_scores(z: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(z * torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=z.dtype), ids)


@wrong("W701", "weight", claims=WEIGHTS)
def weights_inverted(z: Tensor, ids: Tensor) -> Tensor:  # seen: weights inverted
    return F.cross_entropy(z, ids, weight=1 / torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=z.dtype))


@wrong("W701", "weight", claims=WEIGHTS)
def weights_forgotten(z: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(z, ids)


@wrong("W701", "smooth|other classes|wrong classes|spread", claims="CrossEntropy(label_smoothing=0.1)")
def smoothed_over_the_other_classes(z: Tensor, ids: Tensor) -> Tensor:  # disagreement 13
    k = z.shape[-1]
    target = torch.full_like(z, 0.1 / (k - 1)).scatter(-1, ids[:, None], 0.9)
    return -(target * logp(z)).sum(-1).mean()


@wrong("W701", "smooth", claims="CrossEntropy(label_smoothing=0.1)")
def smoothed_by_a_sum(z: Tensor, ids: Tensor) -> Tensor:
    lp = logp(z)
    return (-0.9 * hit(lp, ids) - 0.1 * lp.sum(-1)).mean()


@wrong("W701", "smooth", claims="CrossEntropy(label_smoothing=0.1)")
def smoothed_with_the_shares_exchanged(z: Tensor, ids: Tensor) -> Tensor:
    lp = logp(z)
    return -(0.1 * hit(lp, ids) + 0.9 * lp.mean(-1)).mean()


@wrong("W701", "smooth", claims="CrossEntropy(label_smoothing=0.1)")
def smoothing_never_applied(z: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(z, ids, label_smoothing=0.0)


@wrong("W701", "entropy|differ|away|penal", claims=CE)
def entropy_bonus_of_the_wrong_sign(z: Tensor, ids: Tensor) -> Tensor:
    lp = logp(z)
    return F.cross_entropy(z, ids) - 0.1 * (lp.exp() * lp).sum(-1).mean()


@wrong("W701", "batch|other examples|norm|coupl", claims=CE)
def scores_standardised_over_the_batch(z: Tensor, ids: Tensor) -> Tensor:
    spread = z.std(0, keepdim=True) if len(z) > 1 else 1.0
    return F.cross_entropy((z - z.mean(0, keepdim=True)) / (spread + 1e-5), ids)


@wrong("W701", "gamma|multipl|power", claims="Focal(gamma=2.0, kind='multiclass')")
def focal_gamma_multiplied(z: Tensor, ids: Tensor) -> Tensor:  # row 6
    lp = hit(logp(z), ids)
    return (-2.0 * (1 - lp.exp()) * lp).mean()


@wrong("W701", "batch|mean", claims="Focal(gamma=2.0, kind='multiclass')")
def focal_of_the_batch_mean(z: Tensor, ids: Tensor) -> Tensor:  # row 6
    ce = F.cross_entropy(z, ids)
    return (1 - (-ce).exp()).pow(2) * ce


@wrong("W701", "batch|axis|softmax|dim", claims="Focal(gamma=2.0, kind='multiclass')")
def focal_over_the_wrong_axis(z: Tensor, ids: Tensor) -> Tensor:  # row 6
    lp = hit(F.log_softmax(z, 0), ids)
    return -((1 - lp.exp()) ** 2 * lp).mean()


@wrong("W701", TWICE + "|log", claims="Focal(gamma=2.0, kind='multiclass')")
def focal_softmax_twice(z: Tensor, ids: Tensor) -> Tensor:
    ce = F.cross_entropy(z.softmax(-1), ids, reduction="none")
    return ((1 - torch.exp(-ce)) ** 2 * ce).mean()


@wrong("W701", "direction|revers|swap|exchang|mode", claims="KLDivergence")
def divergence_the_other_way(z: Tensor, q: Tensor) -> Tensor:  # row 23
    lp = logp(z)
    return (lp.exp() * (lp - torch.log(q))).sum(-1).mean()


@wrong("W701", "log", claims="KLDivergence(prediction_space='probabilities')")
def divergence_of_what_was_not_logged(p: Tensor, q: Tensor) -> Tensor:  # row 23, sharp corner: -1.497
    return F.kl_div(p, q, reduction="batchmean")


@wrong("W701", "mean|class|times|scale|factor|batchmean", claims="KLDivergence(prediction_space='log_probabilities')")
def divergence_averaged_over_classes(lp: Tensor, q: Tensor) -> Tensor:  # row 23: torch's own default
    return (q * (torch.log(q) - lp)).mean()


@wrong("W50[12]|W701", "away|sign|unbounded", claims="KLDivergence")
def divergence_with_its_sign_turned(z: Tensor, q: Tensor) -> Tensor:
    return (q * (logp(z) - q.log())).sum(-1).mean()


@wrong("W701", "temperature|times|scale|softmax|divid", claims="Tempered(CrossEntropy(), 3.0)")
def temperature_multiplied(z: Tensor, ids: Tensor) -> Tensor:  # row 26
    return F.cross_entropy(z * 3.0, ids)


@wrong("W701", "shift|next|token", claims="NextToken(shift=True)")
def next_token_not_shifted(z: Tensor, ids: Tensor) -> Tensor:  # row 8
    return F.cross_entropy(z.flatten(0, -2), ids.flatten())


@wrong("W701", "shift|twice|next|token", claims="NextToken(shift=True)")
def next_token_shifted_twice(z: Tensor, ids: Tensor) -> Tensor:  # row 8
    return F.cross_entropy(z[:, :-2].flatten(0, 1), ids[:, 2:].flatten())


@wrong("W701", "shift|backward|previous|way|token", claims="NextToken(shift=True)")
def next_token_shifted_backwards(z: Tensor, ids: Tensor) -> Tensor:  # row 8
    return F.cross_entropy(z[:, 1:].flatten(0, 1), ids[:, :-1].flatten())


COSTS = torch.tensor([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [10.0, 3.0, 0.0]])
CLAIM = "CostSensitiveCrossEntropy(costs=((0, 1, 4), (2, 0, 1), (10, 3, 0)))"


@wrong("W701", "transpos|cost|row|column", claims=CLAIM)
def costs_transposed(z: Tensor, ids: Tensor) -> Tensor:
    costs = COSTS.T.to(z)
    savings = costs.amax(-1, keepdim=True) - costs
    return -(savings[ids] * logp(z)).sum(-1).mean()


@wrong("W701|W50[12]", "cost|away|sign|saving", claims=CLAIM)
def costs_for_savings(z: Tensor, ids: Tensor) -> Tensor:
    return -(COSTS.to(z)[ids] * logp(z)).sum(-1).mean()
