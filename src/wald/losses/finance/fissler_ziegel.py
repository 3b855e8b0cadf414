"""Fissler-Ziegel: the loss of a value at risk together with its expected shortfall."""

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Parameters, Real, param
from ...core import DomainError, Supervised


class FisslerZiegel(Supervised):
    """The loss of a value at risk together with the expected shortfall beyond it.

    The prediction holds two numbers: v, the `level` quantile of the target (value at risk), and how bad the targets
    beyond v are on average (expected shortfall, e). No loss has the second alone as its best prediction; of the
    pair one does: ((v - target)₊ / level - v) / s + log(s) - 1, where s is the size of the shortfall.

    Nothing is turned over; signs are those of the target, and the level says which tail hurts:

    - up to 0.5 it is the lower tail, of targets that are gains. e is the mean of the lowest share `level` of the
      targets; it lies below v and must be negative, and s = -e. With level=0.05, v = -2 and e = -3, one day in
      twenty loses more than 2, and such a day loses 3 on average.
    - above 0.5 it is the upper tail, of targets that are losses. e is the mean of the highest share 1 - `level`;
      it lies above v and must be positive, and s = e. The loss is that of the lower tail with all signs turned.

    By default the second number is log(s), which may be any number, so that a model needs no last activation:
    e = -exp(.) in the lower tail, exp(.) in the upper. With `shortfall="number"` it is e itself.

    The loss ranks forecasts alike in every currency: in a unit k times smaller all values rise by log(k). Negative
    values are normal. Where the mean of the tail has the other sign there is no least value; add a constant to all
    targets then, and take it off the forecasts. Only a share `level` of the rows says anything about e: with fewer
    than some hundred of them it is a guess.

    Shapes: prediction (*batch, 2), the value at risk first; target (*batch); the loss in nats.

    Raises:
        DomainError: with `shortfall="number"`, a shortfall is 0 or of the wrong sign. It is looked for where that
            needs no synchronisation.

    >>> import torch, wald
    >>> loss = wald.FisslerZiegel(level=0.05, shortfall="number")
    >>> loss(torch.tensor([[-2.0, -3.0], [-2.0, -3.0]]), torch.tensor([1.0, -4.0]), reduction="none")
    tensor([ 0.7653, 14.0986])
    """

    level: float = param(
        default=0.05,
        above=0,
        below=1,
        typical=(0.9,),
        help="the share of targets below the value at risk; up to 0.5 the lower tail hurts, above it the upper",
    )
    shortfall: Literal["log", "number"] = param(
        default="log",
        choices=("log", "number"),
        help="what the second entry is: the log of the size of the shortfall, or the shortfall itself",
    )

    card = Card(
        task="regression",
        inputs=lambda loss: {
            "prediction": Parameters.of("risks", size=2)
            if loss.shortfall == "log"
            # A masked prediction becomes a shortfall of size 1, in the sign of its tail.
            else Domain(
                says="a value at risk and an expected shortfall",
                axes=("risks",),
                size=2,
                typical=(-4.0, -0.1) if loss.level <= 0.5 else (0.1, 4.0),
                safe=-1.0 if loss.level <= 0.5 else 1.0,
            ),
            "target": Real,
        },
        formula=lambda loss: Formula(
            "(max(v - target, 0) / level - v) / s + log(s) - 1"
            if loss.level <= 0.5
            else "(max(target - v, 0) / (1 - level) + v) / s + log(s) - 1",
            v="prediction[0]",
            s="exp(prediction[1])"
            if loss.shortfall == "log"
            else "-prediction[1]"
            if loss.level <= 0.5
            else "prediction[1]",
        ),
        elicits=lambda loss: (
            ("median" if loss.level == 0.5 else f"quantile({loss.level:g})")
            + f", expected shortfall({loss.level:g}"
            + (")" if loss.level <= 0.5 else ", above)")
            + (" through log of its size" if loss.shortfall == "log" else "")
        ),
        convex=False,
        bounded_below=False,
        smooth=0,
        slope=lambda loss: "exponential" if loss.shortfall == "log" else None,
        when="You answer for what the bad days cost on average, not only for how often they come.",
        when_not="A quantile is enough (use Pinball), or the tail holds hardly any of your rows.",
        aliases=(
            "FZ0",
            "FZLoss",
            "ValueAtRiskShortfall",
            "VaR and ES",
            "value at risk",
            "CVaR regression",
            "conditional value at risk",
        ),
        tags=("tail", "risk", "finance", "quantile", "VaR", "ES", "insurance", "likelihood-free"),
        cite=(
            "Fissler & Ziegel 2016, arXiv:1503.08123",
            "Patton, Ziegel & Chen 2019, doi:10.1016/j.jeconom.2018.10.008",
        ),
    )

    def refuse(self, *inputs: Tensor) -> None:
        if self.shortfall == "log":
            return
        lower, second = self.level <= 0.5, inputs[0][..., 1]
        wrong = second[second >= 0] if lower else second[second <= 0]
        if wrong.numel():
            tail, sign, form = ("lower", "negative", "-exp(.)") if lower else ("upper", "positive", "exp(.)")
            raise DomainError(
                f"FisslerZiegel: {wrong.numel()} of {second.numel()} expected shortfalls are not {sign} (one is "
                f"{wrong[0]:g}). At level {self.level:g} the {tail} tail hurts, and the loss takes the log of the size "
                f"of its mean. Let the model emit that log and use "
                f'FisslerZiegel(level={self.level:g}, shortfall="log"): the shortfall is then {form} of the second '
                f"entry. If the tail itself is not {sign}, add a constant to all targets."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        value, second = prediction.unbind(-1)
        lower = self.level <= 0.5
        share, gain, beyond = (self.level, value, value - target) if lower else (1 - self.level, -value, target - value)
        if self.shortfall == "log":
            inverse, log_size = (-second).exp(), second
        else:
            size = -second if lower else second
            inverse, log_size = 1 / size, size.log()
        return (torch.relu(beyond) / share - gain) * inverse + log_size - 1
