"""Absolute percentage error, with a policy for targets of zero."""

from typing import Literal

from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import DomainError, Supervised


class Percentage(Supervised):
    """The absolute error as a fraction of the target.

    |prediction - target| / |target|.
    A fraction; `factor=100` makes it per cent. It rewards under-forecasting: a prediction of 0 never costs more
    than 1, one that is too high costs without limit. For positive targets the minimiser is the median of the targets
    weighted by 1 / target, so small targets decide; on a log-normal target (0, 1) it is 0.37, where the
    median is 1 and the mean 1.65.

    A target of 0 has no percentage, and libraries disagree on what to do. Here `zero` says it:

    - "raise": refuse it, with the count. Where looking would cost a synchronisation (on a GPU, in
      `torch.compile`, under `vmap`) it is not looked for, and such an example costs inf, or NaN where the
      prediction is 0 too.
    - "mask": leave the example out of sum and count.
    - "floor": divide by max(|target|, `floor`), as LightGBM and CatBoost do with a floor of 1. Targets
      smaller than the floor are then judged by their absolute error. Keras has 1e-7 and scikit-learn 2.2e-16:
      with so little, one target of 0 costs more than all the rest.
    - "add": divide by |target| + `floor`, as pytorch-forecasting does with 1e-8.

    neuralforecast lets a target of 0 cost nothing, and yet count in the mean.

    Shapes: prediction and target (*batch); no unit.

    Raises:
        DomainError: a target is 0 and `zero="raise"`.

    >>> import torch, wald
    >>> wald.Percentage()(torch.tensor([0.0, 3.0]), torch.tensor([2.0, 2.0]), reduction="none")
    tensor([1.0000, 0.5000])
    >>> wald.Percentage(zero="mask")(torch.tensor([5.0, 3.0]), torch.tensor([0.0, 2.0]))
    tensor(0.5000)
    """

    zero: Literal["raise", "mask", "floor", "add"] = param(
        default="raise", choices=("raise", "mask", "floor", "add"), help="what to do with a target of 0"
    )
    floor: float = param(
        default=1.0,
        above=0,
        typical=(0.1,),
        quiet=True,
        help='the least that is divided by under zero="floor", or is added to it under "add", in the target\'s unit',
    )
    factor: float = param(
        default=1.0, above=0, quiet=True, help="what an error as large as its target costs; 100 for per cent"
    )

    card = Card(
        task="regression",
        inputs={
            "prediction": Domain(says="a real number"),
            # A masked target becomes 1, which may be divided by.
            "target": Domain(says="a number other than 0", typical=(0.5, 4.0), safe=1.0),
        },
        formula=lambda loss: (
            Formula("factor * abs(prediction - target) / max(abs(target), floor)")
            if loss.zero == "floor"
            else Formula("factor * abs(prediction - target) / (abs(target) + floor)")
            if loss.zero == "add"
            else Formula("factor * abs(prediction - target) / abs(target)")
        ),
        elicits=lambda loss: (
            f"weighted median(max(y, {loss.floor:g})^-1)"
            if loss.zero == "floor"
            else None
            if loss.zero == "add"
            else "weighted median(y^-1)"
        ),
        convex=True,
        perfect_is_minimal=True,
        smooth=0,
        slope="bounded",
        when="You are judged by MAPE itself, and every target is well above 0.",
        when_not="Targets come near 0 (use Absolute), or a forecast that is too low hurts (use Pinball or Poisson).",
        points={"perfect": 0, "all_zero": "factor", "floor": 0},
        ports={
            "keras.losses.MeanAbsolutePercentageError": {"zero": "floor", "floor": 1e-7, "factor": 100.0},
            "sklearn.metrics.mean_absolute_percentage_error": {"zero": "floor", "floor": 2.220446049250313e-16},
            "lightgbm.mape": {"zero": "floor", "floor": 1.0},
            "catboost.MAPE": {"zero": "floor", "floor": 1.0},
            "pytorch_forecasting.metrics.MAPE": {"zero": "add", "floor": 1e-8},
        },
        aliases=(
            "MAPE",
            "MAPELoss",
            "mean_absolute_percentage_error",
            "absolute percentage error",
        ),
        tags=("relative", "forecasting", "positive"),
        cite=("Gneiting 2011, arXiv:0912.0902", "Tofallis 2015, doi:10.1057/jors.2014.103"),
    )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        _, target = inputs
        return target != 0 if self.zero == "mask" else None

    def refuse(self, *inputs: Tensor) -> None:
        _, target = inputs
        zeros = int((target == 0).sum())
        if zeros and self.zero == "raise":
            raise DomainError(
                f"Percentage: {zeros} of {target.numel()} targets are 0, and nothing is a percentage of 0. Leave "
                'them out with Percentage(zero="mask"), divide by at least 1 with Percentage(zero="floor"), or, if '
                "zeros are common, use Absolute() and divide by the mean target. To allow it: with "
                "wald.value_checks(False)."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        size = target.abs()
        if self.zero == "floor":
            size = size.clamp(min=self.floor)
        elif self.zero == "add":
            size = size + self.floor
        return self.factor * ((prediction - target).abs() / size)
