"""What a binary loss makes of a probability.

For a chance η of "yes" the expected cost of a score z is C(η, z) = η ℓ(z, yes) + (1 - η) ℓ(z, no), see `curves`.
Derivatives come in only to confirm that the truth is stationary.

Calibration is meant as Bartlett, Jordan & McAuliffe (2006, doi:10.1198/016214505000000907) do: whatever the
chance, a score on the wrong side costs more. Ties count as wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..subjects.subject import Subject
from ..verdict import Verdict, no, unresolved, yes
from .curves import Curves, sides
from .guarantee import excess_needed
from .link import Link, link_of_label
from .noise import Tolerance, tolerated


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
        link: how the true probability is read from the best prediction.
        cut: the prediction that stands for a chance of one half; None where it cannot be read from it.
        noise: what flips of labels do to the decision.
        guarantee: the excess loss below which at most 5 % more decisions are wrong than need be.
    """

    calibrated: Verdict
    proper: Verdict
    invertible: Verdict
    symmetric: Verdict
    threshold: float | None
    elicits: str
    link: Link
    cut: float | None
    noise: Tolerance
    guarantee: float | None


def measure_binary(subject: Subject) -> Margins:
    """What `subject`, a loss of one score or probability against one label, makes of a probability."""
    curves = Curves.of(subject)
    calibrated, proper = _calibrated(curves), _proper(curves)
    invertible, symmetric = _invertible(curves), _symmetric(curves)
    threshold = _threshold(curves)
    told, unit = invertible.word == "yes", subject.prediction.high == 1
    return Margins(
        calibrated=calibrated,
        proper=proper,
        invertible=invertible,
        symmetric=symmetric,
        threshold=threshold,
        elicits=_elicits(calibrated, proper, invertible),
        link=_link(curves, named=told),
        cut=None if not told else _cut(curves) if calibrated.word != "yes" else 0.5 if unit else 0.0,
        noise=tolerated(curves, threshold, invertible=told),
        guarantee=excess_needed(curves) if calibrated.word == "yes" else None,
    )


def _elicits(calibrated: Verdict, proper: Verdict, invertible: Verdict) -> str:
    if proper.word == "yes":
        return "probability"
    if invertible.word == "no":
        return "mode" if calibrated.word == "yes" else "none"
    return "unresolved"


def _link(curves: Curves, *, named: bool) -> Link:
    rungs = _rungs(curves)
    best, etas = curves.best[rungs], curves.etas[rungs]
    found = link_of_label(
        # Rounding moves a best score a little; the chance for which it is the best follows it.
        _chances(curves, best, etas),
        best,
        probability=curves.subject.prediction.high == 1,
        close=1e-5 if curves.exact else 3e-4,
    )
    return found if named else Link(name="none", rows=found.rows)


def _rungs(curves: Curves) -> Tensor:
    """The chances in steps of 5 %, as in single precision the best score is off by more than 1 % moves it."""
    return ((20 * curves.etas - (20 * curves.etas).round()).abs() < 1e-6) & (curves.etas > 0.04)


def _chances(curves: Curves, z: Tensor, etas: Tensor) -> Tensor:
    """The chances for which the expected cost is stationary at these scores; near `etas`, or they themselves."""
    slopes = _slopes(curves, z)
    if slopes is None:
        return etas
    on, off = slopes
    found = off / (off - on)
    return torch.where((found - etas).abs() < 5e-3, found, etas)


def _slopes(curves: Curves, z: Tensor) -> tuple[Tensor, Tensor] | None:
    """The derivatives of both curves in the prediction; None if there are none."""
    subject = curves.subject
    x = curves.placed(z).to(subject.dtype)
    off_label, on_label = subject.labels
    try:
        on = subject.slopes(x, torch.full_like(x, on_label)).double()
        off = subject.slopes(x, torch.full_like(x, off_label)).double()
    except RuntimeError:
        return None
    return (on, off) if bool((on.isfinite() & off.isfinite()).all()) else None


def _cut(curves: Curves) -> float:
    """The best prediction where both labels are as likely."""
    half = int((curves.etas - 0.5).abs().argmin())
    return float(f"{curves.placed(curves.best[half]).item():.5g}")


def _calibrated(curves: Curves) -> Verdict:
    etas = curves.etas
    below, above = curves.halves()
    wrong = torch.where(etas > 0.5, below, above) - torch.minimum(below, above)
    aside = (etas - 0.5).abs()
    bad = (wrong <= curves.noise) & (aside > (1e-9 if curves.exact else 0.015))
    if not bool(bad.any()):
        return yes("for every chance a score on the wrong side of one half costs more")
    # The chance farthest from one half shows it best.
    chance = int(torch.where(bad, aside, -1.0).argmax())
    if aside[chance] < 0.03 and curves.best[chance] * (etas[chance] - 0.5) > 0:
        return unresolved("near one half a score on the wrong side costs more by no more than rounding")
    shown = _shown(curves, chance, curves.z[int(curves.cost[chance].argmin())])
    return no(
        f"at a chance of {shown['probability']:g} its best prediction is {shown['best']:.3g}, "
        "which is not on the right side of one half",
        **shown,
    )


def _shown(curves: Curves, chance: int, z: Tensor) -> dict[str, Any]:
    """A chance and a prediction, in numbers."""
    x = curves.placed(z).item()
    return {"probability": round(curves.etas[chance].item(), 4), "best": float(f"{x:.6g}")}


def _proper(curves: Curves) -> Verdict:
    best, etas, noise = curves.best, curves.etas, curves.noise
    truth = torch.logit(etas)
    on, off = sides(curves.subject, torch.cat([truth, truth - 0.5, truth + 0.5]))
    at_truth, *beside = (etas * a + (1 - etas) * b for a, b in zip(on.chunk(3), off.chunk(3), strict=True))
    apart = (torch.sigmoid(best) - etas).abs()
    shown = _shown(curves, int(apart.argmax()), best[int(apart.argmax())])
    dearer = bool((at_truth - curves.cost.amin(1) > 1e2 * noise).any())
    # Where a loss weighs next to nothing, values are equal up to rounding, and slopes still lead to the truth.
    led = not dearer and _led_to_the_truth(curves)
    if dearer or (bool((apart > 1e-2).any()) and not led):
        told = f"at a chance of {shown['probability']:g} its best prediction is {shown['best']:.3g}"
        meant = (
            ""
            if curves.subject.prediction.high == 1
            else f", a probability of {torch.tensor(shown['best']).sigmoid():.3g}"
        )
        return no(told + meant, **shown)
    stationary = _stationary(curves, truth)
    if stationary is not None and stationary > (1e-6 if curves.exact else 1e-3):
        return unresolved("values have their least at the true probability, derivatives are not zero there")
    if any(bool((cost - at_truth <= noise).any()) for cost in beside) and not led:
        return no("the true probability is not the only best prediction", **shown)
    return yes("for every chance the true probability is the best prediction, and the only one")


def _led_to_the_truth(curves: Curves) -> bool:
    """Whether the expected cost falls towards the true probability from both sides, by its slope."""
    if not curves.exact:
        return False
    z = torch.linspace(-6, 6, 120, dtype=curves.etas.dtype)
    slopes = _slopes(curves, z)
    if slopes is None:
        return False
    on, off = slopes
    truth = torch.logit(curves.etas)[:, None]
    expected = torch.exp(truth) * on + off
    return bool((expected.sign() == (z - truth).sign()).all())


def _stationary(curves: Curves, truth: Tensor) -> float | None:
    """The largest derivative of the expected cost at the truth, as a share of its parts; None if it has none."""
    slopes = _slopes(curves, truth)
    if slopes is None:
        return None
    on, off = slopes
    on, off = curves.etas * on, (1 - curves.etas) * off
    parts = on.abs() + off.abs()
    # Where both are zero nothing is told by their sum.
    return float(torch.where(parts > 0, (on + off).abs() / parts, 1.0).max())


def _invertible(curves: Curves) -> Verdict:
    rungs = _rungs(curves)
    etas, z = curves.etas[rungs], curves.best[rungs]
    far = 0.9 * float(curves.z[-1])
    if bool((z.abs() > far).any()):
        chance = int(z.abs().argmax())
        return no(f"its best prediction is as far out as can be at a chance of {etas[chance]:.2f} already")
    steps = z.diff()
    if bool((steps > (5e-4 if curves.exact else 2e-3)).all()):
        return yes("the best prediction grows with the probability")
    chance = int(steps.argmin())
    first, second = (round(eta.item(), 4) for eta in etas[chance : chance + 2])
    best = curves.placed(z[chance]).item()
    return no(
        f"chances of {first:.2f} and {second:.2f} have the same best prediction, {best:.3g}",
        probabilities=[first, second],
        best=best,
    )


def _symmetric(curves: Curves) -> Verdict:
    near = curves.z.abs() <= 12
    total = (curves.on + curves.off)[near]
    apart = float(total.max() - total.min())
    if apart <= (1e-7 if curves.exact else 1e-3) * (1 + float(total.abs().max())):
        return yes("the losses of both labels add to a constant")
    return no(f"the losses of both labels add to {total.min():.4g} here and {total.max():.4g} there")


def _threshold(curves: Curves) -> float | None:
    below, above = curves.halves()
    gap = above - below
    told = gap.abs() > curves.noise
    if not bool(told[0] & told[-1]) or not (gap[0] > 0 > gap[-1]):
        return None
    low, high = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    for _ in range(40):
        eta = (low + high) / 2
        above_half = curves.says_yes(eta)
        low, high = torch.where(above_half, low, eta), torch.where(above_half, eta, high)
    return round(float(low + high) / 2, 4)
