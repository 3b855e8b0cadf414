"""Quantile CRPS: a whole distribution, judged at the quantiles that are predicted."""

from itertools import pairwise

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, numbers, param
from ...core import Supervised, constant


class QuantileCRPS(Supervised):
    """The CRPS of a distribution known by some of its quantiles; at even levels the weighted interval score.

    Σ w_k · 2 · pinball_k over the levels, where the weights w_k add to 1. By default they are equal: twice Pinball at
    the same levels. With levels in pairs about the median that is the weighted interval score (WIS) of the intervals
    between them, weighted by half their α as forecasters of epidemics do, and with one level, the median, it is the
    absolute error.

    As levels fill the range from 0 to 1 evenly it becomes the CRPS of the distribution. Where they are uneven, such as
    0.01, 0.025, 0.05, 0.1, ..., equal weights count the crowded tails too much; `weights="spacing"` gives each level
    the part of the range that is nearest to it. Nothing keeps quantiles from crossing: sort them before use.

    Shapes: prediction (*batch, quantiles), in the order of `levels`; target (*batch); the loss in the target's unit.

    Raises:
        ValueError: the levels do not rise.

    >>> import torch, wald
    >>> loss = wald.QuantileCRPS(levels=(0.25, 0.5, 0.75))
    >>> loss(torch.tensor([[-1.0, 0.0, 1.0]]), torch.tensor([2.0]))  # (0.75 + 1 + 0.75) * 2 / 3
    tensor(1.6667)
    """

    levels: tuple[float, ...] = param(
        default=(0.1, 0.25, 0.5, 0.75, 0.9),
        convert=numbers,
        above=0,
        below=1,
        help="the levels of the quantiles, rising",
    )
    weights: str = param(
        default="equal", choices=("equal", "spacing"), help="equal, or by how much of the range is nearest to a level"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {"prediction": Real.of("quantiles", size=len(loss.levels)), "target": Real},
        formula=lambda loss: Formula(
            "sum([2 * w * max(q * (target - x), (q - 1) * (target - x))"
            " for w, q, x in zip(share, levels, prediction)])",
            **(
                {"share": "[1 / len(levels) for q in levels]"}
                if loss.weights == "equal"
                else {
                    "middles": "[(a + b) / 2 for a, b in zip(levels[:-1], levels[1:])]",
                    "share": "[b - a for a, b in zip([0, *middles], [*middles, 1])]",
                }
            ),
        ),
        elicits=lambda loss: ", ".join(f"quantile({q:g})" for q in loss.levels),
        convex=True,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        points={"perfect": 0},
        when="A model gives several quantiles, and the forecast is judged as a distribution.",
        when_not="You have draws (CRPS), parameters (GaussianCRPS), or want one quantile (Pinball).",
        aliases=("WIS", "weighted interval score", "quantile-approximated CRPS", "crps_quantile", "sCRPS"),
        ports={"scoringrules.crps_quantile": {}, "scoringrules.weighted_interval_score": {}},
        tags=("quantile", "interval", "probabilistic", "forecasting", "epidemics", "proper", "score"),
        cite=(
            "Gneiting & Ranjan 2011, doi:10.1198/jbes.2010.08110",
            "Bracher et al. 2021, arXiv:2005.12881 (weighted interval score)",
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        rising = tuple(sorted(set(self.levels)))
        if self.levels != rising or not rising:
            raise ValueError(
                f"QuantileCRPS: levels {self.levels} must rise, each once, as column k of the prediction is the k-th "
                f"quantile. Use levels={rising or (0.1, 0.5, 0.9)}, and the columns in that order."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        share = [1 / len(self.levels)] * len(self.levels)
        if self.weights == "spacing":
            middles = [(low + high) / 2 for low, high in pairwise(self.levels)]
            share = [high - low for low, high in pairwise([0.0, *middles, 1.0])]
        low = constant(tuple(2 * w * q for w, q in zip(share, self.levels, strict=True)), prediction)
        high = constant(tuple(2 * w * (1 - q) for w, q in zip(share, self.levels, strict=True)), prediction)
        error = target.unsqueeze(-1) - prediction
        return (low * torch.relu(error) + high * torch.relu(-error)).sum(-1)
