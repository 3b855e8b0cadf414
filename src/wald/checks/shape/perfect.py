"""Whether predicting the target exactly costs least."""

from __future__ import annotations

import torch
from torch import Tensor

from ..gaming.comparison import compares
from ..subjects.grids import inside, pairs, spread
from ..subjects.subject import BATCH, CLASSES, Subject
from ..verdict import MEANINGLESS, Verdict, no, unresolved, yes

#: The farthest score, and the farthest whose probability is not 1 in double precision.
_SURE, _SURE_PROBABILITY = 250.0, 33.0


def measure_perfect(subject: Subject, *, scale: str = "identity") -> Verdict:
    """Whether `subject` costs least where the prediction is the target.

    Args:
        subject: a loss.
        scale: the scale in which predictions are; the target is not predicted exactly by itself in another.
    """
    if subject.whole:
        return _of_batches(subject) if subject.task == "regression" else MEANINGLESS
    if subject.task == "regression" and subject.scalar:
        return _of_numbers(subject) if scale == "identity" and not compares(subject) else MEANINGLESS
    if subject.labelled:
        return _of_labels(subject)
    if subject.task == "multiclass" and len(subject.domains) == 2:
        return _of_classes(subject)
    return MEANINGLESS


def _of_numbers(subject: Subject) -> Verdict:
    generator = subject.generator()
    y = spread(subject.target, 15, generator, wide=False).to(subject.dtype)
    y = y[(y > subject.prediction.low) & (y < subject.prediction.high)]
    places = [spread(subject.prediction, 101, generator, wide=wide) for wide in (True, False)]
    x = torch.cat(places).sort().values.to(subject.dtype)
    found = _least(subject, subject.values(y, y), x, y)
    return MEANINGLESS if found.word == "no" and _in_another_scale(subject, y) else found


def _in_another_scale(subject: Subject, y: Tensor) -> bool:
    """Whether each target has a prediction of its own that costs as little, on a curve, as its logarithm would be."""
    x = torch.cat([spread(subject.prediction, 1001, subject.generator(), wide=wide) for wide in (True, False)])
    x = x.sort().values.to(subject.dtype)
    table = subject.values(*pairs(x, y)).detach().double().reshape(len(x), len(y)).nan_to_num(nan=torch.inf)
    least, place = table.min(0)
    usual = table.quantile(0.5, dim=0) - least
    # Its own least value hardly differs from target to target.
    if not bool((least - least.min() <= 1e-2 * usual).all()):
        return False
    best, target = x[place].double(), y.double()
    if not bool((best.diff() > 0).all()):
        return False
    line = torch.stack([target, torch.ones_like(target)], 1)
    fitted = line @ torch.linalg.lstsq(line, best.unsqueeze(1)).solution
    # On a line it is a wrong factor or offset, and no scale that anybody means.
    return bool((fitted.squeeze(1) - best).abs().max() > 0.03 * (best.max() - best.min()))


def _of_labels(subject: Subject) -> Verdict:
    """A label is predicted exactly by the farthest score on its side, or, if it is -1 or 1, by itself."""
    labels = torch.tensor(subject.labels, dtype=subject.dtype)
    half = torch.cat([torch.logspace(-3, 2.4, 120), torch.arange(0.1, 12, 0.1)])
    z = torch.cat([-half, half]).to(subject.dtype)
    if subject.prediction.high == 1:
        sure = torch.tensor([-_SURE_PROBABILITY, _SURE_PROBABILITY], dtype=subject.dtype).sigmoid()
        z = z.clamp(-_SURE_PROBABILITY, _SURE_PROBABILITY).sigmoid()
    else:
        sure = torch.tensor([-_SURE, _SURE], dtype=subject.dtype)
    perfect = subject.values(sure, labels)
    if subject.labels[0] < 0:
        perfect = torch.minimum(perfect, subject.values(labels, labels))
    return _least(subject, perfect, z, labels)


def _least(subject: Subject, perfect: Tensor, x: Tensor, y: Tensor) -> Verdict:
    """Whether no prediction of `x` costs less than the perfect one, for any target."""
    perfect = perfect.detach().double()
    table = subject.values(*pairs(x, y)).detach().double().reshape(len(x), len(y)).nan_to_num(nan=torch.inf)
    least, place = table.min(0)
    excess = (perfect - least) / (table.quantile(0.5, dim=0) - least).clamp(min=1e-12)
    if bool((excess <= 10 * subject.close).all()):
        return yes("no prediction costs less than the target itself")
    worst = int(excess.nan_to_num(nan=torch.inf).argmax())
    better = x[place[worst]]
    target = y[worst : worst + 1]
    return no(
        f"a target of {y[worst]:.4g} predicted exactly costs {perfect[worst]:.4g}, and predicting {better:.4g} costs "
        f"{least[worst]:.4g}",
        (target, target),
        (better.unsqueeze(0), target),
    )


def _of_classes(subject: Subject) -> Verdict:
    generator = subject.generator()
    domain, size = subject.prediction, subject.prediction.size or CLASSES
    n = 1024
    scores = torch.randn(n, size, generator=generator, dtype=torch.float64)
    scores = scores * 10 ** (2.5 * torch.rand(n, 1, generator=generator, dtype=torch.float64) - 1)
    x = inside(domain, scores).to(subject.dtype)
    one_hot = torch.eye(size, dtype=subject.dtype)
    targets = subject.observed(torch.arange(size), size)
    # Scores are known up to a shift, and a loss may prefer one, so three are tried.
    sure = [_SURE * (one_hot - shift) for shift in (0, 1, 1 / size)]
    perfect = torch.stack([subject.values(inside(domain, z), targets).detach().double() for z in sure])
    perfect = perfect.nan_to_num(nan=torch.inf).amin(0)
    table = subject.values(x.repeat_interleave(size, 0), targets.repeat(n, *[1] * (targets.ndim - 1)))
    least, place = table.detach().double().reshape(n, size).nan_to_num(nan=torch.inf).min(0)
    excess = perfect - least
    if bool((excess <= 1e-6 * (1 + least.abs())).all()):
        return yes("no scores cost less than those that are sure of the class")
    worst = int(excess.argmax())
    return no(
        f"being sure of the class costs {perfect[worst]:.4g}, and other scores {least[worst]:.4g}",
        (inside(domain, sure[0])[worst : worst + 1], targets[worst : worst + 1]),
        (x[place[worst]].unsqueeze(0), targets[worst : worst + 1]),
    )


def _of_batches(subject: Subject) -> Verdict:
    generator = subject.generator()
    for _ in range(20):
        x, *rest = subject.inputs(BATCH, generator)
        if len(rest) != 1 or rest[0].shape != x.shape:
            return MEANINGLESS
        y = rest[0]
        try:
            perfect, other = (float(subject.batch(at, y).detach().double().mean()) for at in (y, x))
        except (RuntimeError, ValueError) as error:
            return unresolved(f"it refuses a batch of perfect predictions: {error}")
        if not other >= perfect - 1e-9 * (1 + abs(perfect)):
            return no(f"perfect predictions cost {perfect:.4g}, others {other:.4g}", (y, y), (x, y))
    return yes("no batch of predictions costs less than the targets themselves")
