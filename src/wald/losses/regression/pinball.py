"""Pinball: the loss of quantiles, one or several."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, numbers, param
from ...core import Supervised, constant


class Pinball(Supervised):
    """The loss of a quantile: too low costs `level`, too high 1 - `level`.

    For e = target - prediction it is level · e where e ≥ 0, and (1 - level) · |e| where e < 0. Its minimiser is
    the `level` quantile: at 0.9, too low costs nine times what too high costs, and one target in ten ends up
    above the prediction. At 0.5 it is *half* the absolute error. pytorch-forecasting doubles it (`factor=2`);
    scikit-learn, LightGBM and XGBoost do not. The gradient is -level or 1 - level, and 0 for a perfect prediction;
    the second derivative is 0 everywhere, so a booster needs a stand-in for it.

    With a tuple of levels the prediction has one column for each, and the value is their mean; CatBoost's
    MultiQuantile takes the sum, which is `factor=` the number of levels. Twice the mean, over many evenly spread
    levels, tends to the CRPS of the predicted distribution. Nothing here keeps columns from crossing.

    Shapes: target (*batch); prediction (*batch) for one level, (*batch, levels) for a tuple of them. In the
    target's unit.

    Raises:
        ValueError: a level is outside (0, 1), or several are not in rising order: a column that stands for
            another level than its reader believes is the one mistake that no number would show.

    >>> import torch, wald
    >>> wald.Pinball(level=0.9)(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0]), reduction="none")
    tensor([0.9000, 0.1000])
    >>> wald.Pinball(level=(0.1, 0.5, 0.9))(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([1.0]))
    tensor(0.0667)
    """

    level: float | tuple[float, ...] = param(
        default=0.5,
        above=0,
        below=1,
        typical=(0.1, 0.9, (0.1, 0.5, 0.9)),
        convert=lambda level: (
            numbers(level) if hasattr(level, "__len__") and getattr(level, "ndim", 1) else float(level)
        ),
        help="the share of targets below the prediction; a tuple of them for several columns",
    )

    factor: float = param(
        default=1.0, above=0, quiet=True, help="a factor; 2 makes the median's loss the absolute error"
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": Real.of("levels", size=len(loss.level)) if isinstance(loss.level, tuple) else Real,
            "target": Real,
        },
        formula=lambda loss: (
            Formula("factor * mean([max(q * (target - p), (q - 1) * (target - p)) for p, q in zip(prediction, level)])")
            if isinstance(loss.level, tuple)
            else Formula("factor * max(level * e, (level - 1) * e)", e="target - prediction")
        ),
        elicits=lambda loss: (
            ", ".join(f"quantile({q:g})" for q in loss.level)
            if isinstance(loss.level, tuple)
            else "median"
            if loss.level == 0.5
            else f"quantile({loss.level:g})"
        ),
        convex=True,
        perfect_is_minimal=lambda loss: None if isinstance(loss.level, tuple) else True,
        smooth=0,
        slope="bounded",
        when="Too low and too high cost differently: level = cost of too low / (cost of too low + cost of too high).",
        when_not="You want the mean of a tail (an expectile or CVaR), or a whole distribution.",
        points={"perfect": 0, "floor": 0},
        ports={
            "sklearn.metrics.mean_pinball_loss": {},
            "sklearn.linear_model.QuantileRegressor": {},
            "xgboost.reg:quantileerror": {},
            "lightgbm.quantile": {"level": 0.9},
            "catboost.Quantile": {},
            "chemprop.nn.metrics.QuantileLoss": {"level": 0.1},
            "neuralforecast.losses.pytorch.QuantileLoss": {},
            "neuralforecast.losses.pytorch.MQLoss": {"level": (0.1, 0.5, 0.9)},
            "pytorch_forecasting.metrics.QuantileLoss": {
                "level": (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98),
                "factor": 2.0,
            },
            "scoringrules.quantile_score": {},
        },
        aliases=(
            "quantile",
            "QuantileLoss",
            "quantile regression",
            "MultiQuantile",
            "PinballLoss",
            "mean_pinball_loss",
            "check loss",
            "tilted L1",
            "newsvendor",
            "VaR score",
            "tick loss",
        ),
        tags=("quantile", "asymmetric", "interval", "robust", "forecasting"),
        cite=("Koenker & Bassett 1978, doi:10.2307/1913643", "Gneiting 2011, arXiv:0912.0902"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.level, tuple):
            return
        if not self.level:
            raise ValueError("Pinball: level is empty; give a number such as 0.9, or several.")
        rising = tuple(sorted(set(self.level)))
        if self.level != rising:
            raise ValueError(
                f"Pinball: level {self.level} must rise, each once, as column k of the prediction is the k-th "
                f"quantile. Use level={rising}, and the columns in that order."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if not isinstance(self.level, tuple):
            error = target - prediction
            low, high = self.factor * self.level, self.factor * (1 - self.level)
            return low * torch.relu(error) + high * torch.relu(-error)
        lows = constant(tuple(self.factor * level for level in self.level), prediction)
        highs = constant(tuple(self.factor * (1 - level) for level in self.level), prediction)
        error = target.unsqueeze(-1) - prediction
        return (lows * torch.relu(error) + highs * torch.relu(-error)).mean(-1)
