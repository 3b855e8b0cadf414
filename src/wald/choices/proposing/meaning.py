"""What the predictions of a loss would mean on this target, in words and in the target's own numbers."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import torch
from torch import Tensor

from ...audits.models.wanted import wanted_of
from ...core import Loss
from ...findings.words import number_words as n
from ...losses import Ordinal, SmoothedPinball
from ..candidate import After
from ..profiling import Profile
from .constants import CERTAIN, best_constant


def estimates(loss: Loss, profile: Profile, after: After = "nothing") -> str:
    """What predictions would mean here, in a sentence."""
    found = best_constant(loss, profile)
    if found is None or not bool(found.isfinite().all()):
        return f"{loss.card.elicits or 'unknown'}; no number can be given"
    if profile.task == "regression" or (found.ndim == 0 and loss.card.task == "regression"):
        return _number(loss, profile, found)
    assert profile.classes is not None  # noqa: S101  (every other task has classes)
    if profile.task == "binary":
        return _binary(loss, profile, found, after)
    return _several(loss, profile, found, after)


def estimate(loss: Loss, profile: Profile) -> float:
    """The number, or the probability of yes, that the loss would settle on for all rows together; NaN where none."""
    found = best_constant(loss, profile)
    if found is None or not bool(found.isfinite().all()):
        return float("nan")
    form = wanted_of(loss, len(profile.classes.names) if profile.classes else 0)
    if profile.task == "regression" or loss.card.task == "regression":
        value = float(found) if found.ndim == 0 else float(found[0])
        return exp(value) if form is not None and form.form == "log-numbers" else value
    if found.ndim:
        return float(found.softmax(-1)[1]) if len(found) == 2 else float("nan")
    return float(found) if form is not None and form.form == "probabilities" else float(torch.sigmoid(found))


def _number(loss: Loss, profile: Profile, found: Tensor) -> str:
    form = wanted_of(loss, 0)
    inverse = torch.exp if form is not None and form.form == "log-numbers" else torch.Tensor.clone
    numbers = profile.numbers
    told = " and ".join(n(one) for one in inverse(found).reshape(-1).tolist())
    mean = numbers.mean if numbers is not None else float(profile.target.double().mean())
    median = numbers.median if numbers is not None else float(profile.target.double().median())
    what = _statistic(loss, log_input=form is not None and form.form == "log-numbers")
    others = {"the mean": mean, "the median": median}
    beside = " and ".join(f"{name} is {n(value)}" for name, value in others.items() if name != what)
    return f"{what}: {told} for all rows together, where {beside}"


def _statistic(loss: Loss, *, log_input: bool) -> str:
    """What a loss estimates, as people call it."""
    elicits = str(loss.card.elicits)
    name, _, inside = elicits.rstrip(")").partition("(")
    if isinstance(loss, SmoothedPinball):
        return f"nearly the value that {100 * loss.level:g} % of the targets stay below"
    if elicits == "mean" or (log_input and elicits == "mean through log"):
        return "the mean"
    if "), " in elicits:
        return f"several statistics, {elicits}"
    if name == "quantile":
        return f"the value that {100 * float(inside):g} % of the targets stay below"
    if name == "expectile":
        return f"the {float(inside):g} expectile, a mean that counts what is missed above and below differently"
    known = {
        "median": "the median",
        "m-functional": "a middle that few rows cannot move, neither mean nor median",
        "mean through log1p": "the mean of the logarithms, taken back",
        "mean through log": "the mean of the logarithms, taken back",
        "weighted median": "a median in which small targets count most",
        "none": "no statistic that has a name",
        "unresolved": "no statistic that has a name",
    }
    return known.get(elicits, known.get(name, elicits))


def _binary(loss: Loss, profile: Profile, found: Tensor, after: After) -> str:
    assert profile.classes is not None  # noqa: S101
    rate = profile.rate
    if found.ndim == 0 and abs(float(found)) > 0.99 * CERTAIN:
        return f"no probability: it says {profile.classes.names[int(found > 0)]!r} as loudly as it can"
    if loss.card.invertible is False:
        return (
            f"only the likelier class, {profile.classes.names[int(found > 0)]!r} for all rows together; no probability"
        )
    said = estimate(loss, profile)
    if abs(said - rate) <= 0.01 * min(rate, 1 - rate):
        moved = "; decisions are taken at a threshold found on the training rows" if after == "threshold" else ""
        return f"the probability of yes, {n(rate)} on average{moved}"
    odds, true = said / (1 - said), rate / (1 - rate)
    times = odds / true
    bent = f"its odds are blown up {n(times)} times" if times > 1 else f"its odds are shrunk {n(1 / times)} times"
    if not all(abs(_times(loss, profile, one) / times - 1) < 0.02 for one in (0.2, 0.6)):
        bent = "it is bent"
    text = f"not the probability of yes: {bent}, and where yes has {n(rate)} it says {n(said)}"
    if after in ("prior correction", "recalibration"):
        how = "the closed-form correction" if after == "prior correction" else "the inverse of that bend"
        return f"{text}; {how} gives {n(rate)} back"
    if after == "threshold":
        return f"{text}; decisions are taken at a threshold found on the training rows"
    return text


def _times(loss: Loss, profile: Profile, rate: float) -> float:
    """How many times too large the odds are that the loss settles on where yes has this rate."""
    shares = torch.tensor([1 - rate, rate], dtype=torch.float64)
    said = estimate(loss, replace(profile, target=torch.tensor([0, 1]), weight=shares, rows=2))
    return said / (1 - said) / (rate / (1 - rate)) if 0 < said < 1 else float("nan")


def _several(loss: Loss, profile: Profile, found: Tensor, after: After) -> str:
    classes = profile.classes
    assert classes is not None  # noqa: S101
    if found.ndim == 0:
        return f"a place on the scale of the levels: {n(float(found))} for all rows together"
    if isinstance(loss, Ordinal):
        said = loss.probabilities(found)
    elif loss.named_domains[0][1].logits:
        said = found.softmax(-1)
    else:
        return "no probabilities"
    true = torch.tensor(classes.shares, dtype=torch.float64)
    if len(said) != len(true):
        return "no probabilities"
    if float((said - true).abs().max()) < 0.01 * float(true.clamp_min(1e-3).min()):
        return f"the probability of each class, {n(min(classes.shares))} on average for the rarest"
    rare = classes.rarest
    text = (
        f"not the probabilities: {classes.names[rare]!r}, the rarest, has {n(classes.shares[rare])} and gets "
        f"{n(float(said[rare]))}"
    )
    if after == "prior correction":
        return f"{text}; the closed-form correction gives {n(classes.shares[rare])} back"
    return f"{text}; the inverse of that bend is applied" if after == "recalibration" else text
