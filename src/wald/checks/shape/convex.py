"""Whether a loss is convex in its prediction: random chords, near and far.

A "yes" means that no chord was found below the loss where one would show; a "no" comes with the chord.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ...cards import Domain
from ..subjects.grids import inside, spread
from ..subjects.subject import BATCH, Inputs, Subject
from ..verdict import Verdict, no, unresolved, yes

_CHORDS, _CHORDS_ONE_BY_ONE, _CHORDS_OF_BATCHES = 6000, 1000, 150


def measure_convex(subject: Subject) -> Verdict:
    """Whether `subject` lies below its chords."""
    return _of_batches(subject) if subject.whole else _of_examples(subject)


def _of_examples(subject: Subject) -> Verdict:
    n = _CHORDS if subject.together else _CHORDS_ONE_BY_ONE
    generator = subject.generator()
    first = _scattered(subject, subject.inputs(n, generator), generator)
    last = _scattered(subject, first, generator)
    # A third of the chords are short, where a loss of vectors bends within what is typical.
    last = _along(subject, first, last, torch.where(torch.arange(n) % 3 == 0, 0.05, 1.0))
    half = _along(subject, first, last, torch.full((n,), 0.5))
    ends, middle = (
        [subject.values(*x).detach().double() for x in (first, last)],
        subject.values(*half).detach().double(),
    )
    mean = (ends[0] + ends[1]) / 2
    # What is rounded in a prediction may be all that is left of a small value.
    rounding = (
        torch.finfo(subject.dtype).eps / subject.close * torch.stack([_largest(x[0]) for x in (first, last)]).amax(0)
    )
    size = torch.stack([*ends, middle]).abs().amax(0)
    share = torch.where(size.isfinite(), (middle - mean) / (size + 16 * rounding + 1e-6), -torch.inf)
    if not bool(share.isfinite().any()):
        return unresolved("it has no finite values to compare")
    worst = int(share.argmax())
    if share[worst] <= subject.close:
        return yes(f"{int(share.isfinite().sum())} chords lie above it")
    row = slice(worst, worst + 1)
    return no(
        f"half-way between two predictions it costs {middle[worst]:.4g}, more than the mean of both, {mean[worst]:.4g}",
        *(tuple(x[row] for x in point) for point in (first, half, last)),
    )


def _largest(x: Tensor) -> Tensor:
    return x.detach().double().reshape(len(x), -1).abs().amax(1)


def _of_batches(subject: Subject) -> Verdict:
    generator = subject.generator()
    seen = 0
    for _ in range(_CHORDS_OF_BATCHES):
        first, last = subject.inputs(BATCH, generator), subject.inputs(BATCH, generator)
        last = _along(subject, first, last, torch.ones(BATCH))
        half = _along(subject, first, last, torch.full((BATCH,), 0.5))
        try:
            start, end, middle = (float(subject.batch(*x).detach().double().mean()) for x in (first, last, half))
        except (RuntimeError, ValueError):
            continue  # a batch that it refuses is no counter-example
        mean = (start + end) / 2
        seen += middle == middle
        if middle - mean > subject.close * (max(abs(start), abs(end), abs(middle)) + 1e-6):
            told = f"half-way between two batches of predictions it costs {middle:.4g}, more than the mean of both, "
            return no(f"{told}{mean:.4g}", first, half, last)
    return yes(f"{seen} chords between batches lie above it") if seen else unresolved("it has no finite values")


def _along(subject: Subject, first: Inputs, last: Inputs, share: Tensor) -> Inputs:
    """Each example that share of the way from one point to another; what is observed stays."""
    free = _emitted(subject)

    def moved(a: Tensor, b: Tensor) -> Tensor:
        return a + share.to(a.dtype).reshape(-1, *[1] * (a.ndim - 1)) * (b - a)

    return tuple(moved(a, b) if i in free else a for i, (a, b) in enumerate(zip(first, last, strict=True)))


def _emitted(subject: Subject) -> list[int]:
    """The places of the inputs that a model emits: the first, and where nothing is observed those like it."""
    names = [name for name, _ in subject.domains]
    if len(names) == 1 or names[1] in ("target", "relevance"):
        return [0]
    return [place for place, (_, domain) in enumerate(subject.domains) if domain == subject.prediction]


def _scattered(subject: Subject, inputs: Inputs, generator: Generator) -> Inputs:
    """The same examples with predictions anywhere in their domain."""
    free = _emitted(subject)
    return tuple(_points(subject.prediction, x, generator) if i in free else x for i, x in enumerate(inputs))


def _points(domain: Domain, like: Tensor, generator: Generator) -> Tensor:
    """Random points of a domain in the shape of `like`, near each other and decades apart."""
    if not domain.axes:
        pool = spread(domain, 512, generator, wide=True).to(like.dtype)
        return pool[torch.randint(len(pool), like.shape, generator=generator)]
    size = 10 ** (3 * torch.rand(len(like), generator=generator, dtype=torch.float64) - 1.5)
    scores = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    if domain.logits:
        # What all scores have in common matters to some losses, and may be larger than their differences.
        scores = scores + 4 * torch.randn((*like.shape[:-1], 1), generator=generator, dtype=torch.float64)
    scores = scores * size.reshape(-1, *[1] * (like.ndim - 1))
    if domain.low > -torch.inf and not domain.normalised:
        scores = domain.low + scores.exp()
    return inside(domain, scores).to(like.dtype)
