"""What a loss of scores against a class makes of the probabilities of the classes.

For some thirty laws over the classes, near ties among them, the least expected cost is found (see `risks`): overall,
and with a wrong class on top. A loss is calibrated if the wrong top always costs more, proper if the true
probabilities are the only best prediction, and invertible if no two laws share a best prediction.

Zhang 2004, JMLR 5:1225; Tewari & Bartlett 2007, JMLR 8:1007 (calibration of several classes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..subjects.subject import Subject
from ..verdict import Verdict, no, unresolved, yes
from .link import Link, link_of_classes
from .noise import Tolerance, tolerated_by_classes
from .risks import Risks, costs, risks_of, size_of

#: The share of a sure target that is spread over all classes, where the logarithm of a target is taken.
_DOUBT = 1e-6
#: Laws nearer to each other than this are as good as one.
_DISTINCT = 0.01


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What was found; the words are those of a card.

    Attributes:
        calibrated: the best prediction has the likeliest class on top.
        proper: the best prediction is the law itself.
        invertible: the law can be read from the best prediction.
        symmetric: the losses of all classes add to a constant.
        elicits: in the words of a card.
        noise: what flips of labels do to it.
        link: how the law is read from the best prediction.
    """

    calibrated: Verdict
    proper: Verdict
    invertible: Verdict
    symmetric: Verdict
    elicits: str
    noise: Tolerance
    link: Link


def measure_multiclass(subject: Subject) -> Scores:
    """What `subject`, a loss of one score a class against a class id, makes of the probabilities."""
    subject = _answering(subject)
    symmetric = _symmetric(subject)
    found = risks_of(subject)
    if isinstance(found, Risks) and found.sloped is False:
        found = "its derivatives are not those of its values, so its best predictions were not found"
    if isinstance(found, str):
        open_ = unresolved(found)
        return Scores(
            calibrated=open_,
            proper=open_,
            invertible=open_,
            symmetric=symmetric,
            elicits="unresolved",
            noise=Tolerance(rate=None, why=found),
            link=Link(name="none"),
        )
    calibrated, proper, invertible = _calibrated(found), _proper(found), _invertible(found)
    return Scores(
        calibrated=calibrated,
        proper=proper,
        invertible=invertible,
        symmetric=symmetric,
        elicits=_elicits(calibrated, proper, invertible),
        noise=tolerated_by_classes(found, invertible=invertible.word == "yes"),
        link=_link(found, named=invertible.word == "yes"),
    )


def _elicits(calibrated: Verdict, proper: Verdict, invertible: Verdict) -> str:
    if proper.word == "yes":
        return "distribution"
    if invertible.word == "no" and calibrated.word != "unresolved":
        return "mode" if calibrated.word == "yes" else "none"
    return "unresolved"


def _link(risks: Risks, *, named: bool) -> Link:
    plain = slice(0, len(risks.laws.plain))
    found = link_of_classes(
        risks.laws.plain,
        risks.best[plain],
        predicts=risks.subject.prediction.normalised,
        close=1e-4 if risks.subject.dtype is torch.float64 else 3e-3,
    )
    return found if named else Link(name="none", rows=found.rows)


def _answering(subject: Subject) -> Subject:
    """The subject, with a trace of doubt in targets that are distributions where it is not finite without."""
    size = size_of(subject)
    if subject.target.normalised != "linear" or bool(costs(subject, torch.eye(size)).isfinite().all()):
        return subject

    def doubting(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda prediction, target: loss(prediction, (1 - _DOUBT) * target + _DOUBT / size)

    each = None if subject.each is None else doubting(subject.each)
    return replace(subject, call=doubting(subject.call), each=each)


def _calibrated(risks: Risks) -> Verdict:
    right, wrong = risks.sides()
    noise = risks.noise
    gain = wrong - torch.minimum(right, wrong)
    plain = torch.arange(len(gain)) < len(risks.laws.plain)
    tilted = torch.arange(len(gain)) >= len(gain) - size_of(risks.subject)
    # So near a tie even what is calibrated gains next to nothing from the right top: it must lose by it.
    lost = (plain & (gain <= 10 * noise)) | (tilted & (right - wrong > 10 * noise))
    if bool(lost.any()):
        return _miscalibrated(risks, int((right - wrong).where(lost, -torch.inf).argmax()))
    law = int((gain / noise).where(plain, torch.inf).argmin())
    if bool(gain[law] <= 100 * noise[law]):
        told = _told(risks.laws.every[law])
        return unresolved(f"for the law ({told}) a wrong class on top costs more by no more than rounding")
    if risks.sloped and bool((wrong < right)[tilted].any()):
        return unresolved("for laws all but even a wrong class on top costs less, by no more than rounding")
    return yes(f"for {int(plain.sum())} laws, near ties among them, a wrong class on top costs more")


def _miscalibrated(risks: Risks, chance: int) -> Verdict:
    law = risks.laws.every[chance]
    wrong = risks.scores.argmax(1) != law.argmax()
    best = risks.scores[int(risks.risk[chance].where(wrong, torch.inf).argmin())]
    right, other = (side[chance].item() for side in risks.sides())
    said = "less than" if right - other > 10 * risks.noise[chance] else "no more than"
    return no(
        f"for the law ({_told(law)}) scores with class {int(best.argmax())} on top cost {said} the best with "
        f"class {int(law.argmax())} there",
        law=law.tolist(),
        best=_rounded(best),
        top=int(best.argmax()),
        right=right,
        wrong=other,
    )


def _proper(risks: Risks) -> Verdict:
    plain = slice(0, len(risks.laws.plain))
    every, best = risks.laws.every, risks.best
    apart = (best.softmax(-1) - every).abs().amax(1)[plain]
    excess = ((risks.at(every.log()) - risks.least) / risks.noise)[plain]
    worst = int(apart.argmax())
    law, told = _told(every[worst]), _told(best[worst].softmax(-1))
    loose = 1e-4 if risks.subject.dtype is torch.float64 else 1e-2
    shown = {"law": every[worst].tolist(), "best": _rounded(best[worst])}
    if bool((excess > 100).any()):
        return no(f"for the law ({law}) its best prediction means ({told})", **shown)
    if bool((apart <= loose).all()):
        return yes("for every law the true probabilities are the best prediction, and the only one")
    if bool((excess <= 1).all()):
        return no(f"for the law ({law}) a prediction that means ({told}) costs no more than the truth", **shown)
    return unresolved(f"for the law ({law}) truth and the best prediction found, ({told}), cost nearly the same")


def _invertible(risks: Risks) -> Verdict:
    """Whether the best prediction of one law is never that of another."""
    every, place = risks.laws.every, risks.risk.argmin(1)
    shared = (risks.risk[:, place] - risks.least.unsqueeze(1)) / risks.noise.unsqueeze(1)
    shared = shared.where(torch.cdist(every, every) > _DISTINCT, torch.inf)
    kept = len(every) - size_of(risks.subject)
    shared = shared[:kept, :kept]
    law, other = divmod(int(shared.argmin()), kept)
    if bool(shared.min() <= 1):
        return no(
            f"the laws ({_told(every[other])}) and ({_told(every[law])}) have the same best prediction",
            laws=[every[other].tolist(), every[law].tolist()],
            best=_rounded(risks.best[other]),
        )
    if bool(shared.min() <= 10):
        return unresolved("two laws have best predictions that cost nearly the same under both")
    if not risks.sloped:
        return unresolved("it has no derivative, so its best predictions are not exact")
    return yes("different laws have different best predictions")


def _symmetric(subject: Subject) -> Verdict:
    rows = 256 if subject.together else 32
    scores = 3 * torch.randn(rows, size_of(subject), generator=subject.generator(), dtype=torch.float64)
    total = costs(subject, scores).detach().sum(1)
    close = 1e-9 if subject.dtype is torch.float64 else 1e-4
    if bool((total - total[0]).abs().max() <= close * (1 + total.abs().max())):
        return yes("the losses of all classes add to a constant")
    return no(f"the losses of all classes add to {total.min():.4g} here and {total.max():.4g} there")


def _told(law: Tensor) -> str:
    return ", ".join(f"{p:.2f}" for p in law)


def _rounded(row: Tensor) -> list[Any]:
    return [float(f"{x:.5g}") for x in row.tolist()]
