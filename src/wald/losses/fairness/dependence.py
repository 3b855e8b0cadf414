"""Dependence: a score tells nothing of an attribute, linearly or at all."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Real, Vector, param
from ...core import Loss
from ..pieces.batch_features import centred
from ..pieces.groups import one_axis
from ..pieces.one_batch import one_batch


class GroupCovariance(Loss):
    """A score does not vary together with an attribute: their covariance over the batch (Zafar).

    The square of mean (attribute - its mean) · prediction, or its absolute value (kind "absolute"). The attribute is a
    number: 0 or 1 for two groups, or age, say. **It sees linear dependence only**: a score that is high at both ends
    has none. The authors constrain the signed distance to the boundary, a logit, and not the probability. Of two groups
    with shares q and 1 - q the covariance is q (1 - q) times the gap of their means. **One number for the whole
    batch**, given to each example alike.

    Shapes: prediction (N,), attribute (N,).

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> score, attribute = torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0])
    >>> wald.GroupCovariance()(score, attribute), wald.GroupCovariance(kind="absolute")(score, attribute)
    (tensor(0.2500), tensor(0.5000))
    """

    kind: str = param(default="squared", choices=("squared", "absolute"), help="what is taken of the covariance")

    card = Card(
        task="other",
        inputs={"prediction": Real, "attribute": Real},
        formula=lambda loss: Formula(
            "c**2" if loss.kind == "squared" else "abs(c)",
            c="mean([x * (a - mean(attribute)) for x, a in zip(prediction, attribute)])",
        ),
        coupling="coupled",
        slope=lambda loss: "linear" if loss.kind == "squared" else "bounded",
        denominator="nothing: the batch has one value",
        when="A score of any kind should not follow an attribute, and a cheap penalty is wanted.",
        when_not="Dependence may be anything but linear (HSIC), or there are groups (DemographicParity).",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("decision boundary covariance", "covariance penalty", "Zafar", "correlation penalty"),
        tags=("penalty", "fairness", "group", "covariance"),
        cite=("Zafar et al. 2015, arXiv:1507.05259",),
    )

    def per_example(self, prediction: Tensor, attribute: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_axis("GroupCovariance", "over which they vary", prediction=prediction, attribute=attribute)
        away, rows = centred(attribute.unsqueeze(-1), keep)
        score, _ = centred(prediction.unsqueeze(-1), keep)
        covariance = (score * away).sum() / rows
        value = covariance.square() if self.kind == "squared" else covariance.abs()
        return value.expand(prediction.shape)


class HSIC(Loss):
    """A representation tells nothing of an attribute, by any function that kernels see (HSIC).

    tr(K H L H) / (N - 1)², with Gaussian kernels exp(-distance² / (2 σ²)) of predictions (K) and attributes (L) and H
    taking the means off: the biased estimate, never negative, and about 1 / N above 0 for what is independent. 0 if and
    only if a kernel of these widths sees no dependence. **Bandwidths are fixed here**, in the unit of each side; the
    median distance of a batch will do, computed without a gradient. Attributes of categories are one-hot rows, with a
    bandwidth well below 1. **One number for the whole batch**, given to each example alike. Memory grows with N².

    Shapes: prediction (N, features), attribute (N, attributes).

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> x, same = torch.tensor([[0.0], [1.0]]), torch.zeros(2, 1)
    >>> wald.HSIC()(x, x), wald.HSIC()(x, same)  # (1 - exp(-1/2))²
    (tensor(0.1548), tensor(0.))
    """

    bandwidth: float = param(default=1.0, above=0, typical=(0.5,), help="width σ of the predictions' kernel")
    attribute_bandwidth: float = param(default=1.0, above=0, help="width σ of the attributes' kernel")

    card = Card(
        task="other",
        inputs={"prediction": Vector, "attribute": Real.of("attributes")},
        formula=Formula(
            "sum([dot(r, s) for r, s in zip(centre(kernel(prediction, bandwidth)),"
            " centre(kernel(attribute, attribute_bandwidth)))]) / max(len(prediction) - 1, 1) ** 2",
            kernel="lambda s, w: [[exp(-distance(x, z) ** 2 / (2 * w**2)) for z in s] for x in s]",
            centre="lambda k: [[v - mean(r) - mean(q) + mean([mean(u) for u in k]) for v, q in zip(r, k)] for r in k]",
        ),
        convex=False,
        coupling="coupled",
        slope="vanishing",
        denominator="nothing: the batch has one value",
        when="Features or scores should be independent of an attribute: fairness, nuisances, disentangling.",
        when_not="Linear dependence is all that matters (GroupCovariance), or batches are tens of thousands.",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("Hilbert-Schmidt independence criterion", "kernel dependence penalty"),
        tags=("penalty", "fairness", "independence", "kernel", "representation"),
        cite=("Pérez-Suay et al. 2017, arXiv:1710.05578",),
    )

    def per_example(self, prediction: Tensor, attribute: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("HSIC", "over which they may depend", prediction=prediction, attribute=attribute)
        own, rows = self._centred(prediction, self.bandwidth, keep)
        other, _ = self._centred(attribute, self.attribute_bandwidth, keep)
        value = (own * other).sum() / (rows - 1).clamp(min=1).square()
        return value.expand(prediction.shape[0])

    def _centred(self, x: Tensor, width: float, keep: Tensor | None) -> tuple[Tensor, Tensor]:
        """The kernel of all pairs, its means over rows and columns taken off."""
        kernel = ((x.unsqueeze(1) - x).square().sum(-1) / (-2 * width * width)).exp()
        # Who is left out adds no row, and no column.
        once, rows = centred(kernel, keep)
        return centred(once.mT, keep)[0], rows
