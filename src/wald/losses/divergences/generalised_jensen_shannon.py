"""Jensen-Shannon divergence of several predictions: how far they are from their own mean."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Logits, numbers, param
from ...core import Loss, ShapeError, constant
from ..pieces.exponential import above_tangent


class GeneralisedJensenShannon(Loss):
    """How far several predictions of one example are from their mean (AugMix's consistency).

    Σ w_k KL(p_k || m) over the views k of an example, with p_k the softmax of its scores and m = Σ w_k p_k. It is the
    entropy of m less the mean entropy: 0 where all views agree, and never more than log(views). It asks nothing of the
    labels: AugMix adds 12 times this, of a clean image and two augmented ones, to the cross-entropy of the clean one.

        views = torch.stack([model(clean), model(first), model(second)], -2)
        wald.CrossEntropy()(views[..., 0, :], label) + 12 * wald.GeneralisedJensenShannon()(views)

    **Alone it is least where every view says the same whatever the example**. All views learn, the clean one too;
    detach its scores to hold it. With two views and weights (beta, 1 - beta) it is JensenShannon. timm clamps the
    mixture at 1e-7, and smooths the labels of its cross-entropy.

    Shapes: prediction (*batch, views, classes), unnormalised.

    Raises:
        ShapeError: there is not one weight for each view.

    >>> import torch, wald
    >>> z = torch.tensor([[0.0, 400.0], [400.0, 0.0]])
    >>> wald.GeneralisedJensenShannon()(z), wald.GeneralisedJensenShannon()(z[:1].expand(3, -1))  # log 2, and 0
    (tensor(0.6931), tensor(0.))
    """

    weights: tuple[float, ...] | None = param(
        default=None, convert=numbers, above=0, help="how much each view counts, adding to 1; None for alike"
    )

    card = Card(
        task="other",
        inputs=lambda loss: {"prediction": Logits.of("views", "classes")},
        formula=Formula(
            "sum([v * sum([a * log(a / b) for a, b in zip(q, m)]) for v, q in zip(w, p)])",
            p="[softmax(row) for row in prediction]",
            w="weights or [1 / len(p) for _ in p]",
            m="[sum([v * q[k] for v, q in zip(w, p)]) for k in range(len(p[0]))]",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        slope="vanishing",
        when="Views of an example, or members of an ensemble, should say the same, beside a loss of the labels.",
        when_not="One side is the teacher (JensenShannon, Distillation), or there is no loss of labels beside it.",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("AugMix", "JSD consistency", "JsdCrossEntropy", "generalized Jensen-Shannon", "multi-view JSD"),
        tags=("consistency", "augmentation", "robustness", "divergence", "ensemble", "bounded"),
        cite=("Hendrycks et al. 2019, arXiv:1912.02781 (AugMix)", "Lin 1991, doi:10.1109/18.61115"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights is not None and abs(sum(self.weights) - 1) > 1e-6:
            raise ValueError(
                f"GeneralisedJensenShannon: weights {self.weights} add to {sum(self.weights):g}, and the mixture is a "
                "distribution only where they add to 1. Divide them by their sum."
            )

    def per_example(self, prediction: Tensor) -> Tensor:
        views = prediction.shape[-2]
        weights = self.weights or (1 / views,) * views
        if len(weights) != views:
            raise ShapeError(
                f"GeneralisedJensenShannon: weights are for {len(weights)} views, and prediction "
                f"{tuple(prediction.shape)} has {views} on its axis -2. Use one weight for each."
            )
        share = constant(weights, prediction)
        # The log of the mixture, of logarithms, so that no probability rounds to 0 on the way; one of 0 stays a number.
        logs = prediction.log_softmax(-1).clamp(min=torch.finfo(prediction.dtype).min / 4)
        mixture = (logs + share.log().unsqueeze(-1)).logsumexp(-2, keepdim=True)
        return (share * (mixture.exp() * _gain(logs - mixture)).sum(-1)).sum(-1)


def _gain(log_ratio: Tensor) -> Tensor:
    """Of a ratio r, r log r - r + 1 >= 0; summed with the weights m it is the divergence Σ p log(p / m) for p = r m."""
    near = log_ratio.clamp(min=-1.0)
    far = log_ratio.clamp(-1e3, -1.0)
    return torch.where(log_ratio > -1, near.exp() * above_tangent(-near), far * far.exp() - far.expm1())
