"""What a binary loss makes of a probability.

For a chance η of "yes" the expected cost of a score z is C(η, z) = η ℓ(z, yes) + (1 - η) ℓ(z, no). It is looked
at on a grid that is dense around the decision and reaches far out, and its best score z*(η) is refined by a
golden section, on values alone. Derivatives come in only to confirm that the truth is stationary.

Calibration is meant as Bartlett, Jordan & McAuliffe (2006, doi:10.1198/016214505000000907) do: whatever the
chance, a score on the wrong side costs more. Ties count as wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .subject import Subject
from .verdict import Verdict, no, unresolved, yes

#: Farthest score that is looked at, and for probabilities the farthest that is not 0 or 1 in double precision.
_FAR, _FAR_PROBABILITY = 300.0, 33.0
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, kw_only=True)
class Margins:
    """What was found.

    Attributes:
        calibrated: the best score is on the right side of one half.
        proper: the best score is the true probability (in its logit).
        invertible: the true probability can be read from the best score.
        symmetric: the losses of both labels add to a constant.
        threshold: the chance at which the decision of the best score flips; None where it does not.
        elicits: in the words of a card.
        link: chances and their best predictions.
    """

    calibrated: Verdict
    proper: Verdict
    invertible: Verdict
    symmetric: Verdict
    threshold: float | None
    elicits: str
    link: list[dict[str, float]] = field(default_factory=list[dict[str, float]])


def measure_binary(subject: Subject) -> Margins:
    """What `subject`, a loss of one score or probability against one label, makes of a probability."""
    curves = _Curves.of(subject)
    best = curves.best()
    calibrated, proper = _calibrated(curves), _proper(curves, best)
    invertible, symmetric = _invertible(curves, best), _symmetric(curves)
    return Margins(
        calibrated=calibrated,
        proper=proper,
        invertible=invertible,
        symmetric=symmetric,
        threshold=_threshold(curves),
        elicits=_elicits(calibrated, proper, invertible),
        link=[
            {"probability": round(eta.item(), 4), "best": round(curves.placed(z).item(), 6)}
            for eta, z in zip(curves.etas[4::10], best[4::10], strict=True)
        ],
    )


def _elicits(calibrated: Verdict, proper: Verdict, invertible: Verdict) -> str:
    if proper.word == "yes":
        return "probability"
    if invertible.word == "no":
        return "mode" if calibrated.word == "yes" else "none"
    return "unresolved"


@dataclass(frozen=True, kw_only=True)
class _Curves:
    """The costs of both labels over a grid of scores, and the chances at which they are mixed."""

    subject: Subject
    z: Tensor
    on: Tensor
    off: Tensor
    etas: Tensor
    cost: Tensor
    scale: Tensor
    close: float

    @staticmethod
    def of(subject: Subject) -> _Curves:
        far = _FAR_PROBABILITY if subject.prediction.high == 1 else _FAR
        near = torch.cat([torch.tensor([1e-12, 1e-9]), torch.logspace(-6, 0, 60).double()])
        half = torch.cat([near, torch.logspace(0, torch.tensor(far).log10().item(), 80).double()])
        half = torch.cat([half, torch.arange(0.05, 12, 0.05, dtype=torch.float64)]).unique()
        z = torch.cat([-half.flip(0), half])
        etas = torch.arange(1, 100, dtype=torch.float64) / 100
        on, off = _sides(subject, z)
        cost = _mixed(etas, on, off)
        middle = z.abs() <= 2
        scale = cost[:, middle].amax(1) - cost.amin(1)
        close = 1e-9 if subject.dtype is torch.float64 else 1e-5
        return _Curves(
            subject=subject, z=z, on=on, off=off, etas=etas, cost=cost, scale=scale.clamp(min=1e-12), close=close
        )

    def placed(self, z: Tensor) -> Tensor:
        """The prediction that stands for these scores."""
        return torch.sigmoid(z) if self.subject.prediction.high == 1 else z

    def best(self) -> Tensor:
        """The best score for each chance, refined between the neighbours of the best on the grid."""
        place = self.cost.argmin(1)
        low, high = self.z[(place - 1).clamp(min=0)], self.z[(place + 1).clamp(max=len(self.z) - 1)]
        a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        at_a, at_b = self._at(a), self._at(b)
        for _ in range(36):
            left = at_a <= at_b
            low, high = torch.where(left, low, a), torch.where(left, b, high)
            fresh = torch.where(left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
            found = self._at(fresh)
            a, b = torch.where(left, fresh, b), torch.where(left, a, fresh)
            at_a, at_b = torch.where(left, found, at_b), torch.where(left, at_a, found)
        return (low + high) / 2

    def _at(self, z: Tensor) -> Tensor:
        """The expected cost of one score for each chance."""
        on, off = _sides(self.subject, z)
        return self.etas * on + (1 - self.etas) * off

    def sides(self) -> tuple[Tensor, Tensor]:
        """The least cost below and above the decision, for each chance."""
        below = self.z < 0
        return self.cost[:, below].amin(1), self.cost[:, ~below].amin(1)

    def example(self, chance: int, place: int) -> dict[str, Any]:
        """A chance and a prediction, in numbers."""
        x = self.placed(self.z[place]).item()
        return {"probability": round(self.etas[chance].item(), 4), "best": float(f"{x:.6g}")}


def _sides(subject: Subject, z: Tensor) -> tuple[Tensor, Tensor]:
    """What each score costs under "yes" and under "no"."""
    x = torch.sigmoid(z) if subject.prediction.high == 1 else z
    x = x.to(subject.dtype)
    no_label, yes_label = subject.labels
    y = torch.cat([torch.full_like(x, yes_label), torch.full_like(x, no_label)])
    both = subject.values(torch.cat([x, x]), y).detach().double().nan_to_num(nan=torch.inf, posinf=torch.inf)
    return both[: len(z)], both[len(z) :]


def _mixed(etas: Tensor, on: Tensor, off: Tensor) -> Tensor:
    return etas.unsqueeze(1) * on + (1 - etas).unsqueeze(1) * off


def _calibrated(curves: _Curves) -> Verdict:
    below, above = curves.sides()
    least = torch.minimum(below, above)
    wrong = torch.where(curves.etas > 0.5, below, above) - least
    bad = (wrong <= curves.close * curves.scale) & ((curves.etas - 0.5).abs() > 1e-9)
    if not bool(bad.any()):
        return yes("for every chance a score on the wrong side of one half costs more")
    # The chance farthest from one half shows it best.
    chance = int(torch.where(bad, (curves.etas - 0.5).abs(), -1.0).argmax())
    place = int(curves.cost[chance].argmin())
    shown = curves.example(chance, place)
    return no(
        f"at a chance of {shown['probability']:g} its best prediction is {shown['best']:.3g}, "
        "which is not on the right side of one half",
        **shown,
    )


def _proper(curves: _Curves, best: Tensor) -> Verdict:
    truth = torch.logit(curves.etas)
    on, off = _sides(curves.subject, truth)
    at_truth = curves.etas * on + (1 - curves.etas) * off
    excess = (at_truth - curves.cost.amin(1)) / curves.scale
    apart = (torch.sigmoid(best) - curves.etas).abs()
    worst = int(apart.argmax())
    shown = {
        "probability": round(curves.etas[worst].item(), 4),
        "best": float(f"{curves.placed(best[worst]).item():.6g}"),
    }
    loose = 1e2 * curves.close
    if bool((excess > loose).any()) or bool((apart > 1e-2).any()):
        told = f"at a chance of {shown['probability']:g} its best prediction is {shown['best']:.3g}"
        meant = "" if curves.subject.prediction.high == 1 else f", a probability of {torch.sigmoid(best[worst]):.3g}"
        return no(told + meant, **shown)
    stationary = _stationary(curves, truth)
    if stationary is not None and stationary > max(1e-6, loose):
        return unresolved("values have their least at the true probability, derivatives are not zero there")
    beside = [
        curves.etas * a + (1 - curves.etas) * b for a, b in (_sides(curves.subject, truth + d) for d in (-0.5, 0.5))
    ]
    if any(bool((c - at_truth <= curves.close * curves.scale).any()) for c in beside):
        return no("the true probability is not the only best prediction", **shown)
    return yes("for every chance the true probability is the best prediction, and the only one")


def _stationary(curves: _Curves, truth: Tensor) -> float | None:
    """The largest derivative of the expected cost at the truth, as a share of its parts; None if it has none."""
    subject = curves.subject
    x = curves.placed(truth).to(subject.dtype)
    off_label, on_label = subject.labels
    try:
        on = subject.slopes(x, torch.full_like(x, on_label)).double()
        off = subject.slopes(x, torch.full_like(x, off_label)).double()
    except RuntimeError:
        return None
    on, off = curves.etas * on, (1 - curves.etas) * off
    if not bool((on.isfinite() & off.isfinite()).all()):
        return None
    return float(((on + off).abs() / (on.abs() + off.abs()).clamp(min=1e-300)).max())


def _invertible(curves: _Curves, best: Tensor) -> Verdict:
    inner = (curves.etas >= 0.05) & (curves.etas <= 0.95)
    etas, z = curves.etas[inner], best[inner]
    far = 0.9 * float(curves.z[-1])
    if bool((z.abs() > far).any()):
        chance = int(z.abs().argmax())
        return no(f"its best prediction is as far out as can be at a chance of {etas[chance]:.2f} already")
    steps = z.diff()
    if bool((steps > 1e-4).all()):
        return yes("the best prediction grows with the probability")
    chance = int(steps.argmin())
    return no(
        f"chances of {etas[chance]:.2f} and {etas[chance + 1]:.2f} have the same best prediction, "
        f"{curves.placed(z[chance]).item():.3g}"
    )


def _symmetric(curves: _Curves) -> Verdict:
    near = curves.z.abs() <= 12
    total = (curves.on + curves.off)[near]
    apart = float(total.max() - total.min())
    if apart <= 1e2 * curves.close * (1 + float(total.abs().max())):
        return yes("the losses of both labels add to a constant")
    return no(f"the losses of both labels add to {total.min():.4g} here and {total.max():.4g} there")


def _threshold(curves: _Curves) -> float | None:
    below, above = curves.sides()
    gap = above - below
    told = gap.abs() > curves.close * curves.scale
    if not bool(told[0] & told[-1]) or not (gap[0] > 0 > gap[-1]):
        return None
    low, high = 0.0, 1.0
    left = curves.z < 0
    for _ in range(40):
        eta = (low + high) / 2
        cost = eta * curves.on + (1 - eta) * curves.off
        low, high = (low, eta) if cost[~left].min() < cost[left].min() else (eta, high)
    return round((low + high) / 2, 4)
