"""Proper losses of the beta family: which decision thresholds matter, by two numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import exp, lgamma, log
from typing import ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, param
from ...core import Supervised, constant
from ..pieces.softplus import softplus

Values = NDArray[np.float64]


class BetaProper(Supervised):
    """A proper loss for a beta-shaped weight of decision thresholds.

    Every proper loss is a mixture of cost-weighted mistakes: at the threshold c a missed yes costs 1 - c and a
    false alarm c, and a weight over c says how much each such decision matters. Here the weight is
    c^(alpha - 1) (1 - c)^(beta - 1). Of a probability p = sigmoid(prediction), "yes" costs ∫ from p to 1 of
    (1 - c) weight(c) dc, and "no" ∫ from 0 to p of c weight(c) dc.

    alpha = beta = 0 is the log loss (BinaryCrossEntropy), 1/2 in both weights less at the ends, 1 in both is
    half the Brier score, -1/2 in both the boosting loss (exponential in half the logit). Unequal numbers put the
    weight near alpha / (alpha + beta): 2 and 18 around 0.1, as for a decision where a miss costs nine false alarms. The
    minimiser is the true probability for all of them; they differ in which probabilities must be right when
    not all can be.

    At 0 or below in both it is convex in the logit. Above 0 it is bounded, and its slope fades where a prediction
    is sure and wrong: start from a model trained with the log loss. `normalised=True` divides by the total weight
    B(alpha, beta), where it is finite (both above 0), so that thresholds weigh 1 in all.

    A soft target is the mean over labels drawn from it.

    Shapes: prediction and target (*batch), each element an example; prediction in logits, target 0, 1 or between.

    Raises:
        DomainError: a target is outside [0, 1].
        ValueError: alpha or beta is not above -1, or the weight to divide by is infinite.

    >>> import torch, wald
    >>> z, y = torch.tensor([0.0, 2.0]), torch.tensor([1.0, 0.0])
    >>> wald.BetaProper(alpha=1, beta=1)(z, y, reduction="none")  # half of (p - y)²
    tensor([0.1250, 0.3879])
    >>> wald.BetaProper(alpha=0, beta=0)(z, y, reduction="none")  # the log loss
    tensor([0.6931, 2.1269])
    """

    alpha: float = param(
        convert=float, above=-1, at_most=200, typical=(2.0, 0.0, -0.5), help="the weight near 0 is c to the alpha - 1"
    )
    beta: float = param(
        convert=float, above=-1, at_most=200, typical=(1.5,), help="the weight near 1 is 1 - c to the beta - 1"
    )
    normalised: bool = param(
        default=False, choices=(False, True), quiet=True, help="divide by what all thresholds weigh, B(alpha, beta)"
    )

    card = Card(
        task="binary",
        inputs={"prediction": Logit, "target": BinaryTarget},
        formula=lambda loss: Formula(
            f"(target * missed + (1 - target) * false_alarms){' / weight' if loss.normalised else ''}",
            missed="integral(lambda d: d**beta * (1 - d)**(alpha - 1), 0, sigmoid(-prediction))",
            false_alarms="integral(lambda c: c**alpha * (1 - c)**(beta - 1), 0, sigmoid(prediction))",
            **({"weight": "exp(lgamma(alpha) + lgamma(beta) - lgamma(alpha + beta))"} if loss.normalised else {}),
        ),
        elicits="probability",
        proper=True,
        calibrated=True,
        invertible=True,
        symmetric=False,
        threshold=0.5,
        convex=lambda loss: loss.alpha <= 0 and loss.beta <= 0,
        perfect_is_minimal=True,
        smooth=3,
        slope=lambda loss: (
            "exponential"
            if min(loss.alpha, loss.beta) < 0
            else "bounded"
            if min(loss.alpha, loss.beta) == 0
            else "vanishing"
        ),
        when="Decisions are taken at thresholds in a known region, and probabilities must be right there.",
        when_not="Thresholds are known one by one (ThresholdWeighted), or only one decision counts "
        "(CostSensitiveCrossEntropy).",
        points={"perfect": 0, "floor": 0},
        aliases=("beta family", "beta loss", "Buja"),
        tags=("classification", "probabilities", "proper", "thresholds", "costs", "imbalanced", "calibration"),
        cite=(
            "Buja, Stuetzle & Shen 2005, Loss Functions for Binary Class Probability Estimation and Classification",
            "Schervish 1989, doi:10.1214/aos/1176347398 (the mixture)",
        ),
    )

    _scale: ClassVar[float]
    _yes: ClassVar[_Side]
    _no: ClassVar[_Side]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.normalised and min(self.alpha, self.beta) <= 0:
            raise ValueError(
                f"BetaProper: normalised=True needs alpha and beta above 0, got alpha={self.alpha:g} and "
                f"beta={self.beta:g}: thresholds at an end weigh infinitely much. Use normalised=False."
            )
        object.__setattr__(self, "_scale", 1 / _beta(self.alpha, self.beta) if self.normalised else 1.0)
        # Seen from "no", probabilities and thresholds are one minus themselves.
        object.__setattr__(self, "_yes", _Side.of(self.alpha, self.beta))
        object.__setattr__(self, "_no", _Side.of(self.beta, self.alpha))

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        no = 1 - target
        # A label that is not there at all costs nothing, however large that cost would be.
        if_yes, if_no = prediction.masked_fill(target == 0, 0.0), prediction.masked_fill(no == 0, 0.0)
        value = target * self._yes.cost(if_yes) + no * self._no.cost(-if_no)
        return self._scale * value if self.normalised else value


class _Rule(NamedTuple):
    """Nodes s and weights w of Gauss and Jacobi: Σ w f(s) is the integral from 0 to 1 of s^(power - 1) f(s).

    For integrals from an end of (0, 1) to x of at most one half, as ∫_0^x t^(power - 1) f(t) dt = x^power Σ w f(x s):
    only positive numbers are added, and it is differentiated as it is.
    """

    nodes: tuple[float, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, power: float, other: float) -> _Rule:
        """Enough nodes for f(t) = (1 - t)^other."""
        before = float("inf")
        nodes, weights = _gauss_jacobi(8, power - 1)
        for n in range(12, 150, 4):
            found = float(weights @ (1 - nodes / 2) ** other)
            if abs(found - before) <= 1e-13 * abs(found):
                break
            before = found
            nodes, weights = _gauss_jacobi(n, power - 1)
        return cls(tuple(nodes.tolist()), tuple(weights.tolist()))

    def integral(self, log_x: Tensor, power: float, f: Callable[[Tensor], Tensor]) -> Tensor:
        """∫ from 0 to x of t^(power - 1) f(t) dt."""
        # f needs no smaller t, and may divide by it. The power of x is by its log, as x itself may underflow.
        t = log_x.clamp(min=-60.0).exp().unsqueeze(-1) * constant(self.nodes, log_x)
        return (power * log_x).exp() * (f(t) * constant(self.weights, log_x)).sum(-1)


class _Side(NamedTuple):
    """What a yes costs: ∫ from p to 1 of c^(alpha - 1) (1 - c)^beta dc.

    Attributes:
        above: for p of one half or more, the integral from the end at 1.
        below: for smaller p, what lies between 0 and p: the integral itself where that is finite and not large, else
            what it has beyond that of c^(alpha - 1).
        whole: what `below` is taken from.
    """

    alpha: float
    beta: float
    above: _Rule
    below: _Rule
    whole: float

    @classmethod
    @cache
    def of(cls, alpha: float, beta: float) -> _Side:
        """The side of the family's loss with these exponents."""
        above = _Rule.of(beta + 1, alpha - 1)
        if alpha >= _FINITE:
            return cls(alpha, beta, above, _Rule.of(alpha, beta), _beta(alpha, beta + 1))
        side = cls(alpha, beta, above, _Rule.of(alpha + 1, beta), 0.0)
        log_half = torch.tensor(log(0.5), dtype=torch.float64)
        return side._replace(whole=float(side._above(log_half) + side._beyond(log_half)))

    def cost(self, logit: Tensor) -> Tensor:
        """The cost of the probability with this logit."""
        if self.alpha == self.beta == 0:
            return softplus(-logit)
        # Each half is worked out where it holds, and at one half for the others, so that no slope is lost.
        high, low = -softplus(logit.clamp(min=0)), -softplus(-logit.clamp(max=0))
        return torch.where(logit >= 0, self._above(high), self._below(low))

    def _above(self, log_rest: Tensor) -> Tensor:
        return self.above.integral(log_rest, self.beta + 1, lambda t: torch.exp((self.alpha - 1) * torch.log1p(-t)))

    def _below(self, log_p: Tensor) -> Tensor:
        if self.alpha >= _FINITE:
            inner = self.below.integral(log_p, self.alpha, lambda t: torch.exp(self.beta * torch.log1p(-t)))
            return self.whole - inner
        return self.whole - self._beyond(log_p) + self._power(log_p)

    def _beyond(self, log_p: Tensor) -> Tensor:
        """∫ from 0 to p of c^(alpha - 1) ((1 - c)^beta - 1) dc."""
        return self.below.integral(log_p, self.alpha + 1, lambda t: torch.expm1(self.beta * torch.log1p(-t)) / t)

    def _power(self, log_p: Tensor) -> Tensor:
        """∫ from p to 1/2 of c^(alpha - 1) dc, for any alpha, 0 too."""
        log_ratio = log(2) + log_p
        return -log_ratio if self.alpha == 0 else -torch.expm1(self.alpha * log_ratio) * (0.5**self.alpha / self.alpha)


#: From this exponent on ∫ from 0 to 1 is taken whole; below, it is large or infinite, and would drown what is left.
_FINITE: Final = 0.5


def _beta(alpha: float, beta: float) -> float:
    """The beta function."""
    return exp(lgamma(alpha) + lgamma(beta) - lgamma(alpha + beta))


def _gauss_jacobi(n: int, power: float) -> tuple[Values, Values]:
    """The n nodes and weights of Gauss for the weight s^power on [0, 1]: Golub & Welsch 1969."""
    k = np.arange(1, n)
    middle = np.array([power / (power + 2), *(power**2 / ((2 * k + power) * (2 * k + power + 2)))])
    beside = 2 * k * (k + power) / ((2 * k + power) * np.sqrt((2 * k + power - 1) * (2 * k + power + 1)))
    found = np.linalg.eigvalsh(np.diag(middle) + np.diag(beside, 1) + np.diag(beside, -1))
    # The weights by the orthonormal polynomials: eigenvectors would lose the digits of the small ones.
    last, this = np.zeros(n), np.full(n, np.sqrt(power + 1))
    total = this**2
    for i in range(n - 1):
        last, this = this, ((found - middle[i]) * this - (beside[i - 1] if i else 0.0) * last) / beside[i]
        total += this**2
    return (found + 1) / 2, 1 / total
