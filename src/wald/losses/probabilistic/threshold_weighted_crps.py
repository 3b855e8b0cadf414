"""Threshold-weighted CRPS: an ensemble judged in one tail only."""

from typing import Literal

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from .crps import ensemble_crps


class ThresholdWeightedCRPS(Supervised):
    """The CRPS of an ensemble in one tail: what lies on the other side of a threshold is all the same.

    CRPS of the members and the target after each is cut off at the threshold: with `tail="above"`, max(x, threshold).
    It is the part of the area between the step functions that lies beyond the threshold. A day on which forecast and
    target both stay on the harmless side costs nothing and teaches nothing.

    It stays proper, which picking the rows with extreme targets would not: a forecaster judged only on days that
    turned out extreme does best to cry wolf. It is proper for that tail alone, so train with CRPS too where the
    rest matters.

    Shapes: prediction (*batch, members), target (*batch); threshold and loss in the target's unit.

    Raises:
        ShapeError: there are no members, or only one and fair=True.

    >>> import torch, wald
    >>> members, seen = torch.tensor([[0.0, 1.0, 4.0]]), torch.tensor([1.0])
    >>> wald.ThresholdWeightedCRPS(threshold=2.0)(members, seen)  # of 2, 2, 4 and 2: 2/3 - 4/9
    tensor(0.2222)
    """

    threshold: float = param(typical=(0.5,), convert=float, help="where the tail begins, in target units")
    tail: Literal["above", "below"] = param(
        default="above", choices=("above", "below"), help="which side of the threshold counts"
    )
    fair: bool = param(default=False, choices=(False, True), help="pairs of different members only: no bias")

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("members"), "target": Real},
        formula=lambda loss: Formula(
            "mean([abs(cut(x) - cut(target)) for x in prediction])"
            " - sum([abs(cut(x) - cut(z)) for x in prediction for z in prediction]) / 2"
            " / (m * (m - 1) if fair else m * m)",
            m="len(prediction)",
            cut="lambda x: max(x, threshold)" if loss.tail == "above" else "lambda x: min(x, threshold)",
        ),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope="bounded",
        points={"perfect": 0},
        when="Only extremes cost you: floods, heat, peaks of demand.",
        when_not="The whole distribution matters (CRPS).",
        aliases=("twCRPS", "tail CRPS", "weighted CRPS"),
        ports={"scoringrules.twcrps_ensemble": {}},
        tags=("probabilistic", "forecasting", "ensemble", "samples", "extremes", "tail", "proper", "score"),
        cite=(
            "Gneiting & Ranjan 2011, doi:10.1198/jbes.2010.08110",
            "Allen, Ginsbourger & Ziegel 2022, arXiv:2202.12732",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        low, high = (self.threshold, None) if self.tail == "above" else (None, self.threshold)
        return ensemble_crps(self, prediction.clamp(low, high), target.clamp(low, high), fair=self.fair)
