"""A number as soft labels over a row of bins: two of them, or a bell."""

import math

import torch
from torch import Tensor

from ...cards import Card, Formula, Logits, Real, param
from ...core import ShapeError, Supervised


class TwoHot(Supervised):
    """Cross-entropy against a number shared between its two nearest atoms.

    The prediction is one logit for each of n atoms, which lie evenly from `low` to `high`, both included. A target
    between two of them is shared so that the mean of the labels is the target. The forecast is the mean of the atoms
    under the softmax: with it no digit is lost to the grid. A target beyond the ends counts as the end.

    Regression by a classifier has gradients that are bounded whatever the size of the target. The value holds the
    entropy of the labels, which no forecast can remove, so even the best is above 0; compare differences.

    Shapes: prediction (*batch, atoms); target (*batch); low and high in the target's unit; the loss in nats.

    Raises:
        ShapeError: there are fewer than two atoms.
        ValueError: high is not above low.

    >>> import torch, wald
    >>> logits = torch.tensor([[0.0, 0.0, 0.0]]).log_softmax(-1)
    >>> wald.TwoHot(low=0.0, high=2.0)(logits, torch.tensor([0.25]))  # log(3) whatever the target
    tensor(1.0986)
    """

    low: float = param(typical=(-3.0,), convert=float, help="where the first atom lies, in target units")
    high: float = param(typical=(3.0,), convert=float, help="where the last atom lies, in target units")

    card = Card(
        task="regression",
        inputs={"prediction": Logits.of("atoms"), "target": Real},
        formula=Formula(
            "-sum([max(1 - abs(place - k), 0) * log_softmax(prediction)[k] for k in range(n)])",
            n="len(prediction)",
            place="(min(max(target, low), high) - low) / (high - low) * (n - 1)",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        points={"chance": "log(classes)"},
        when="Values of very different sizes are learned by one network, as returns in reinforcement learning are.",
        when_not="A density is wanted (BinnedNLL), or bins far from the target should help too (HLGauss).",
        aliases=("two-hot", "categorical value loss", "distributional two-hot"),
        tags=("histogram", "bins", "distributional", "reinforcement learning", "value", "categorical"),
        cite=("Schrittwieser et al. 2020, arXiv:1911.08265 (MuZero)", "Farebrother et al. 2024, arXiv:2403.03950"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _rising("TwoHot", self.low, self.high)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        atoms = prediction.shape[-1]
        if atoms < 2:
            raise ShapeError(f"TwoHot: prediction {tuple(prediction.shape)} has {atoms} atoms, and 2 are the fewest.")
        place = (target.clamp(self.low, self.high) - self.low) * ((atoms - 1) / (self.high - self.low))
        index = torch.arange(atoms, device=prediction.device)
        share = (1 - (place.unsqueeze(-1) - index).abs()).clamp(min=0)
        return -(share * prediction.log_softmax(-1)).sum(-1)


class HLGauss(Supervised):
    """Cross-entropy against a number spread over its neighbouring bins, as a bell.

    The prediction is one logit for each of n bins of equal width from `low` to `high`. The labels are the shares of a
    normal law around the target that fall into each bin, `spread` bins wide: so bins nearby count as nearly right,
    and the order of the bins is learned. A target beyond the ends counts as the end.

    The forecast is the mean of the bins' middles under the softmax; near the ends it is drawn inwards, by up to a bin
    or so, as the bell is cut off there. The value holds the entropy of the labels, which no forecast can remove.

    Shapes: prediction (*batch, bins); target (*batch); low and high in the target's unit; the loss in nats.

    Raises:
        ValueError: high is not above low.

    >>> import torch, wald
    >>> wald.HLGauss(low=0.0, high=3.0)(torch.zeros(1, 3), torch.tensor([0.25]))  # log(3) whatever the target
    tensor(1.0986)
    """

    low: float = param(typical=(-3.0,), convert=float, help="where the first bin begins, in target units")
    high: float = param(typical=(3.0,), convert=float, help="where the last bin ends, in target units")
    spread: float = param(default=0.75, above=0, help="the standard deviation of the bell, in bins")

    card = Card(
        task="regression",
        inputs={"prediction": Logits.of("bins"), "target": Real},
        formula=Formula(
            "-sum([(below(k + 1) - below(k)) * log_softmax(prediction)[k] for k in range(n)]) / (below(n) - below(0))",
            n="len(prediction)",
            place="(min(max(target, low), high) - low) / (high - low) * n",
            below="lambda k: integral(lambda u: exp(-u**2 / 2), 0, (k - place) / spread)",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        points={"chance": "log(classes)"},
        when="A number is learned by a classifier: large networks, noisy or very uneven targets.",
        when_not="A density is wanted (BinnedNLL), or rows are few.",
        aliases=("HL-Gauss", "histogram loss", "Gaussian histogram", "HLGaussLoss"),
        tags=("histogram", "bins", "distributional", "reinforcement learning", "value", "categorical"),
        cite=("Imani & White 2018, arXiv:1806.04613", "Farebrother et al. 2024, arXiv:2403.03950"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _rising("HLGauss", self.low, self.high)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        bins = prediction.shape[-1]
        place = (target.clamp(self.low, self.high) - self.low) * (bins / (self.high - self.low))
        edges = torch.arange(bins + 1, device=prediction.device)
        below = torch.erf((edges - place.unsqueeze(-1)) / (self.spread * math.sqrt(2)))
        share = below.diff(dim=-1) / (below[..., -1:] - below[..., :1])
        return -(share * prediction.log_softmax(-1)).sum(-1)


def _rising(loss: str, low: float, high: float) -> None:
    if not low < high:
        raise ValueError(f"{loss}: low is {low:g} and high {high:g}; use {loss}(low={high:g}, high={low:g}).")
