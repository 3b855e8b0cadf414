"""Environments: what is learnt holds in each of them alike."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassId, Formula, Real, param
from ...core import Loss, ShapeError, Supervised
from ..pieces.groups import group_means, groups_once, one_axis


class InvariantRisk(Supervised):
    """Scaling the logits of an environment would gain nothing there: one classifier is best in each (IRMv1).

    The square of d/dw mean CE(w · prediction, target) at w = 1, which is the mean over an environment's samples of
    Σ p_k z_k - z_target. **Each environment is one example**; add the penalty to the mean risk, with a weight that is 1
    while features are learnt and large (100 and more) afterwards, the whole loss then being divided by the weight.

    `unbiased=True` is the product of the means of the even and of the odd samples: no bias from small batches, and it
    may be negative.

    Shapes: prediction (*environments, samples, classes), logits, target (*environments, samples), class ids. Of
    environments of unequal size take the loss of each: `sum(loss(z, y) for z, y in ...)`.

    Raises:
        ShapeError: an environment has no samples, or unbiased=True and it has one.

    >>> import torch, wald
    >>> prediction, target = torch.tensor([[[2.0, 0.0], [2.0, 0.0]]]), torch.tensor([[0, 1]])
    >>> wald.InvariantRisk()(prediction, target)  # (2 · 0.8808 - 1)²
    tensor(0.5800)
    """

    unbiased: bool = param(default=False, choices=(False, True), help="the product of two halves of the samples")

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("samples", "outcomes"),
            "target": ClassId.of("samples"),
        },
        formula=lambda loss: Formula(
            "mean(d[0::2]) * mean(d[1::2])" if loss.unbiased else "mean(d) ** 2",
            d="[dot(softmax(z), z) - z[k] for z, k in zip(prediction, target)]",
        ),
        convex=False,
        bounded_below=lambda loss: not loss.unbiased,
        smooth=3,
        when="Data come from several environments, and what predicts in only some of them must not be used.",
        when_not="There is one environment, or they differ only in their share of hard cases (WorstGroup, VREx).",
        points=lambda loss: {} if loss.unbiased else {"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("IRM", "IRMv1", "IRM penalty", "invariant risk minimisation", "invariant risk minimization"),
        tags=("penalty", "robustness", "domain generalisation", "environments", "invariance"),
        cite=("Arjovsky et al. 2019, arXiv:1907.02893",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        samples = prediction.shape[-2]
        if samples < 1 + self.unbiased:
            raise ShapeError(
                f"InvariantRisk: prediction {tuple(prediction.shape)} is (*environments, samples, classes) with "
                f"{samples} samples; "
                + ("two halves need 2. Use unbiased=False." if samples else "it needs 1 or more.")
            )
        p = prediction.softmax(-1)
        never = p == 0  # a class that cannot occur, whose score may be -inf
        each = (p * prediction.masked_fill(never, 0.0)).sum(-1) - prediction.gather(-1, target.unsqueeze(-1)).squeeze(
            -1
        )
        if self.unbiased:
            return each[..., 0::2].mean(-1) * each[..., 1::2].mean(-1)
        return each.mean(-1).square()


class VREx(Loss):
    """The risks of all environments are the same: the variance of their means (V-REx).

    The mean over environments of (their mean loss - the mean of these means)². It is a penalty to add to the mean
    loss, with a weight that is small while features are learnt. It divides by the number of environments, as the
    authors' code does; environments of few examples count as much as others, and those with none not at all. One
    environment has no variance. **One number for the whole batch**, given to each example alike.

    Shapes: prediction (N,), the loss of each example: `CrossEntropy()(z, y, reduction="none")`; group (N,), the ids of
    the environments.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> wald.VREx()(torch.tensor([1.0, 3.0, 4.0]), torch.tensor([0, 0, 1]))  # of 2 and 4
    tensor(1.)
    """

    card = Card(
        task="other",
        inputs={"prediction": Real, "group": ClassId},
        formula=Formula(
            "mean([(m - mean(risks)) ** 2 for m in risks])",
            there="[k for k in range(max(group) + 1) if k in group]",
            risks="[mean([x for x, g in zip(prediction, group) if g == k]) for k in there]",
        ),
        convex=True,
        coupling="coupled",
        slope="linear",
        denominator="nothing: the batch has one value",
        when="Risks differ between environments, and what makes them differ should not be used.",
        when_not="Only the worst environment matters (the reduction WorstGroup).",
        points={"perfect": 0, "floor": 0},
        aliases=("V-REx", "REx", "risk extrapolation", "variance of risks"),
        tags=("penalty", "robustness", "domain generalisation", "environments", "group"),
        cite=("Krueger et al. 2020, arXiv:2003.00688",),
    )

    def per_example(self, prediction: Tensor, group: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_axis("VREx", "which examples share an environment", prediction=prediction, group=group)
        risks, share = group_means(prediction, group, keep), groups_once(group, keep, prediction.dtype)
        return (share * (risks - (share * risks).sum()).square()).sum().expand(prediction.shape)
