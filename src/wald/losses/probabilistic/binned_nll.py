"""Binned density: a number predicted by a classifier over ranges of it."""

from itertools import pairwise
import math

import torch
from torch import Tensor

from ...cards import Card, Formula, Logits, Real, numbers, param
from ...core import Supervised, constant


class BinnedNLL(Supervised):
    """Negative log-likelihood of a histogram: a number, predicted by a classifier over ranges of it.

    log(width of the target's bin) - log(probability of the bin), with the softmax of one logit a bin. It is
    CrossEntropy of the bin and, by the width, a density: so values can be compared between sets of bins, and with
    those of other likelihoods. Any shape of law can be learned, with two peaks or long tails.

    Bins are `edges[k]` up to but not including `edges[k + 1]`. A target beyond the outer edges counts into the bin
    next to it, so choose edges that hold all of them. Quantiles of the training targets make good edges. Nothing says
    that neighbouring bins are alike: HLGauss and RankedProbability do.

    Shapes: prediction (*batch, bins) with bins = len(edges) - 1; target (*batch); the loss in nats.

    Raises:
        ValueError: there are fewer than two edges, or they do not rise.

    >>> import torch, wald
    >>> loss = wald.BinnedNLL(edges=(0.0, 1.0, 3.0))
    >>> loss(torch.zeros(2, 2), torch.tensor([0.5, 2.0]), reduction="none")  # log(2), log(4)
    tensor([0.6931, 1.3863])
    """

    edges: tuple[float, ...] = param(
        typical=((-3.0, -1.0, 0.0, 0.5, 3.0),),
        convert=numbers,
        help="where bins begin and end, rising, in target units",
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {"prediction": Logits.of("bins", size=len(loss.edges) - 1), "target": Real},
        formula=Formula(
            "log(edges[k + 1] - edges[k]) - log_softmax(prediction)[k]",
            k="len([edge for edge in edges[1:-1] if target >= edge])",
        ),
        convex=True,
        bounded_below=True,
        slope="bounded",
        smooth=3,
        points={"chance": "log(classes)"},
        when="The target may have any distribution, and rows are many.",
        when_not="Rows are few, or targets go far beyond those seen in training (GaussianNLL, StudentTNLL).",
        aliases=("bar distribution", "histogram density", "regression as classification", "BarDistribution"),
        tags=("histogram", "bins", "likelihood", "distributional", "multimodal", "probabilistic", "log score"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        rising = tuple(sorted(set(self.edges)))
        if self.edges != rising or len(rising) < 2:
            fix = f"Use edges={rising}." if len(rising) > 1 else "One bin needs 2 edges, such as edges=(0.0, 1.0)."
            raise ValueError(f"BinnedNLL: edges {self.edges} must rise, each once. {fix}")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        begun = target.unsqueeze(-1) >= constant(self.edges[1:-1], target)
        own = begun.sum(-1, keepdim=True)
        log_width = constant(tuple(math.log(high - low) for low, high in pairwise(self.edges)), prediction)
        value = (log_width - prediction.log_softmax(-1)).gather(-1, own).squeeze(-1)
        return torch.where(target.isnan(), target, value)
