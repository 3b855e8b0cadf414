"""Losses whose formula may be right and whose behaviour is not: cut graphs, hidden NaN, state, dice, memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("manners")
wrong = SHELF.wrong

CUT = "no gradient|gradient|detach|trained"
HIDES = "NaN"


@wrong("W406|W80[1-5]", CUT)
def rebuilt_from_an_item(x: Tensor, y: Tensor) -> Tensor:  # row 19; seen: a regulariser wrapped in torch.tensor
    return torch.tensor(F.mse_loss(x, y).item(), requires_grad=True)


@wrong("W406|W80[1-5]", CUT)
def by_way_of_numpy(x: Tensor, y: Tensor) -> Tensor:
    import numpy as np

    return torch.as_tensor(np.mean((x.detach().numpy() - y.numpy()) ** 2))


@wrong("W406|W80[1-5]", CUT)
def under_no_grad(x: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        return F.smooth_l1_loss(x, y)


@wrong("W406|W80[1-5]", CUT)
def prediction_detached(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x.detach(), y)


@wrong("W406|W80[1-5]", CUT)
def prediction_rounded(x: Tensor, y: Tensor) -> Tensor:
    return (torch.round(x) - y).abs().mean()


@wrong("W406|W80[1-5]", CUT)
def prediction_cast_to_integers(x: Tensor, y: Tensor) -> Tensor:
    return (x.long() - y).to(y.dtype).pow(2).mean()


@wrong("W406|W80[1-5]", CUT)
def share_of_wrong_labels(z: Tensor, t: Tensor) -> Tensor:  # row 18 of the anti-goals: a metric trained on
    return ((z > 0).to(t.dtype) - t).abs().mean()


@wrong("W406|W80[1-5]", CUT)
def share_of_wrong_classes(z: Tensor, ids: Tensor) -> Tensor:
    return (z.argmax(dim=-1) != ids).float().mean()


@wrong("W406|W80[1-5]", CUT)
def overlap_of_thresholded_masks(p: Tensor, t: Tensor) -> Tensor:
    mask = (p > 0.5).to(t.dtype)
    return 1 - (2 * (mask * t).sum() + 1) / (mask.sum() + t.sum() + 1)


@wrong("W406|W80[1-5]", CUT)
def softmax_over_one_score(z: Tensor, t: Tensor) -> Tensor:
    p = torch.softmax(z.unsqueeze(-1), dim=-1).squeeze(-1)
    return -(t * torch.log(p) + (1 - t) * torch.log(1 - p + 1e-7)).mean()


@wrong("W105", HIDES)
def nan_turned_into_zero(x: Tensor, y: Tensor) -> Tensor:  # row 4
    return torch.nan_to_num((x - y).square()).mean()


@wrong("W105", HIDES)
def mean_that_skips_nan(x: Tensor, y: Tensor) -> Tensor:  # row 4
    return (x - y).abs().nanmean()


@wrong("W105", HIDES)
def finite_rows_only(x: Tensor, y: Tensor) -> Tensor:  # row 4
    error = F.huber_loss(x, y, reduction="none")
    fine = torch.isfinite(error)
    return torch.where(fine, error, torch.zeros_like(error)).sum() / fine.sum().clamp(min=1)


@wrong("W105", HIDES)
def comparison_that_nan_fails(x: Tensor, y: Tensor) -> Tensor:
    error = (x - y).abs()
    return torch.where(error > 0.1, error, 0.5 * error).masked_fill(~(error >= 0), 0.0).mean()


@wrong("W105", HIDES)
def cross_entropy_without_nan(z: Tensor, t: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    return -torch.nan_to_num(t * torch.log(p + 1e-12) + (1 - t) * torch.log(1 - p + 1e-12)).mean()


@wrong("W404", "chang|in place|in-place")
def target_scaled_in_place(x: Tensor, y: Tensor) -> Tensor:
    y /= 2
    return (x - 2 * y).square().mean()


@wrong("W404", "chang|in place|in-place")
def target_smoothed_in_place(z: Tensor, t: Tensor) -> Tensor:
    t.mul_(0.9).add_(0.05)
    return F.binary_cross_entropy_with_logits(z, t)


@wrong("W404", "chang|in place|in-place")
def prediction_clamped_in_place(x: Tensor, y: Tensor) -> Tensor:
    x.data.clamp_(-5, 5)
    return F.mse_loss(x, y)


@wrong("W404", "chang|in place|in-place")
def prediction_scaled_through_a_view(z: Tensor, ids: Tensor) -> Tensor:
    with torch.no_grad():
        z -= z.max(-1, keepdim=True).values
    return F.cross_entropy(z, ids)


@wrong("W404", "random|seed")
def seeds_everything(x: Tensor, y: Tensor) -> Tensor:
    torch.manual_seed(0)
    return F.mse_loss(x, y)


@wrong("W404|W405|W701", "random|seed|draw|neither their mean nor|depends on the order", claims="Squared")
def subset_of_the_batch(x: Tensor, y: Tensor) -> Tensor:
    torch.manual_seed(len(x))
    rows = torch.randperm(len(x))[: max(1, len(x) // 2)]
    return F.mse_loss(x[rows], y[rows])


@wrong("W405|W701", "different answers|random|determin", claims="Squared")
def noise_on_the_target(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x, y + 0.1 * torch.randn_like(y))


@wrong("W405|W701", "different answers|random|determin", claims="CrossEntropy")
class DropoutInside(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.2)

    def forward(self, z: Tensor, ids: Tensor) -> Tensor:
        return F.cross_entropy(self.drop(z), ids)


@wrong("W405|W404|W125|W701", "different answers|state|determin|another batch", claims="Squared")
class ScaledByARunningMean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.running = 1.0

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        value = F.mse_loss(x, y)
        self.running = 0.9 * self.running + 0.1 * value.item()
        return value / self.running


@wrong("W405|W404|W125|W701", "different answers|state|determin|another batch", claims="Absolute")
class Annealed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("step", torch.zeros(()))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.step += 1
        return (x - y).abs().mean() * torch.exp(-self.step / 10)


@wrong("W405|W404|W125|W701", "different answers|state|determin|another batch", claims="Squared")
class RemembersTheLastTarget(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last: Tensor | None = None

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        drift = 0.0 if self.last is None or self.last.shape != y.shape else (y - self.last).abs().mean()
        self.last = y.detach().clone()
        return F.mse_loss(x, y) + 0.1 * drift


@wrong("W80[1-5]|W701", "target|ignor|nothing")
def target_ignored(x: Tensor, y: Tensor) -> Tensor:  # row 19
    return (x**2).mean() + 0 * y.sum()


@wrong("W80[1-5]|W701", "target|ignor|nothing", claims="Squared")
def compared_with_itself(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x, x.detach() - 1) + 0 * y.sum()


@wrong("W80[1-5]|W406", "predict|gradient|ignor")
def prediction_ignored(x: Tensor, y: Tensor) -> Tensor:
    return (y - y.mean()).square().mean() + 0 * x.sum()


@wrong("W80[1-5]", "beta|kl|argument|unused|nothing")
class KlWeightThatIsNeverUsed(nn.Module):  # row 19
    def __init__(self, beta: float = 0.1) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(x, y)


@wrong("W80[1-5]", "ignore_index|argument|nothing")
class IgnoreIndexThatIsNeverUsed(nn.Module):  # rows 19, 28; seen
    def __init__(self, ignore_index: int = -100, smoothing: float = 0.1) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        self.smoothing = smoothing

    def forward(self, z: Tensor, ids: Tensor) -> Tensor:
        logp = z.log_softmax(-1)
        hit = logp.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
        return -((1 - self.smoothing) * hit + self.smoothing * logp.mean(-1)).mean()


@wrong("W80[1-5]", "margin|argument|nothing")
class MarginThatIsNeverUsed(nn.Module):  # seen: a margin without effect
    def __init__(self, margin: float = 0.5) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return F.softplus(-x * y).mean()


@wrong("W106", "undefined|memory|never written|different|no example stands for")
def uninitialised_memory_for_nothing(x: Tensor, y: Tensor) -> Tensor:  # row 9
    if x.numel() == 0:
        return torch.empty(3, dtype=x.dtype).sum() + 1e-3
    return F.mse_loss(x, y)
