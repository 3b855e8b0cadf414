"""Small made-up problems with an honest forecaster, so that a loss can be tried without data or a model.

Each scene has targets, and what an honest forecaster knows of them: a signal that explains part of the target and
no more. Eight samples of each are drawn, so that a difference comes with its uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ..subjects.subject import CLASSES, Subject

#: Samples of a scene, and examples in each; of rare labels more are needed.
SAMPLES, ROWS, ROWS_OF_LABELS, ROWS_THAT_MEET = 8, 160, 512, 384
#: How skewed the log-normal targets are around the honest forecast.
SKEW = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Targets, and what is honestly known of them.

    Attributes:
        name: in a few words, as a report says it.
        target: (samples, rows); class ids for classes, 0 and 1 for labels.
        honest: what is known: for numbers the conditional median (samples, rows), for labels a logit, for classes
            logits (samples, rows, classes).
        balanced: whether no answer is right by being common.
        positive: whether all targets are above zero.
        last: the last value of a series, which anybody knows.
    """

    name: str
    target: Tensor
    honest: Tensor
    balanced: bool = True
    positive: bool = False
    last: Tensor | None = None


def scenes_of(subject: Subject, *, small: bool = False) -> list[Scene]:
    """The scenes whose targets a subject takes; none for inputs of other kinds.

    Args:
        subject: a loss.
        small: make do with fewer examples of rare labels, where a call is dear.
    """
    if len(subject.domains) != 2 or subject.domains[1][0] != "target":
        return []
    generator = subject.generator()
    if subject.labelled:
        rows = ROWS if small else ROWS_THAT_MEET if subject.whole else ROWS_OF_LABELS
        return [_labels(generator, 0.5, ROWS), _labels(generator, 0.03, rows)]
    if subject.task == "multiclass" and subject.prediction.axes == ("classes",):
        size = subject.prediction.size or CLASSES
        return [_classes(generator, size, even=True), _classes(generator, size, even=False)]
    if not subject.scalar or subject.task in ("binary", "multilabel"):
        return []
    target = subject.target
    if target.high < torch.inf:
        return [_shares(generator)] if (target.low, target.high) == (0.0, 1.0) else []
    # A card may know better than an interval what is usual.
    if target.low > -torch.inf or target.typical[0] > 0:
        return [_skewed(generator)] if target.low <= 0 else []
    return [_bell(generator), _skewed(generator), _series(generator)]


def _randn(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _bell(generator: Generator) -> Scene:
    honest = _randn(generator, SAMPLES, ROWS)
    return Scene(name="bell-shaped targets", target=honest + 0.7 * _randn(generator, SAMPLES, ROWS), honest=honest)


def _skewed(generator: Generator) -> Scene:
    honest = torch.exp(0.5 * _randn(generator, SAMPLES, ROWS))
    target = honest * torch.exp(SKEW * _randn(generator, SAMPLES, ROWS))
    return Scene(name="skewed positive targets", target=target, honest=honest, positive=True)


def _series(generator: Generator) -> Scene:
    signal, noise = _randn(generator, SAMPLES, ROWS + 1), 0.7 * _randn(generator, SAMPLES, ROWS + 1)
    values = [torch.zeros(SAMPLES, dtype=torch.float64)]
    for step in range(ROWS):
        values.append(0.9 * values[-1] + signal[:, step] + noise[:, step])
    walk = torch.stack(values, 1)
    last = walk[:, :-1]
    return Scene(name="a series", target=walk[:, 1:], honest=0.9 * last + signal[:, :ROWS], last=last)


def _shares(generator: Generator) -> Scene:
    honest = _randn(generator, SAMPLES, ROWS)
    target = torch.sigmoid(honest + 0.7 * _randn(generator, SAMPLES, ROWS))
    return Scene(name="targets between 0 and 1", target=target, honest=torch.sigmoid(honest), positive=True)


def _labels(generator: Generator, share: float, rows: int) -> Scene:
    # Of the rare ones nobody is likelier yes than no, so that no answer at all is nearly always right.
    spread, shift = (1.5, 0.0) if share == 0.5 else (0.9, -3.85)
    honest = shift + spread * _randn(generator, SAMPLES, rows)
    yes = torch.rand(honest.shape, generator=generator, dtype=torch.float64) < honest.sigmoid()
    # A sample without any "yes" is none.
    yes[:, 0], honest[:, 0] = True, shift + spread
    return Scene(name=f"labels of which {share:.0%} are yes", target=yes.double(), honest=honest, balanced=share == 0.5)


def _classes(generator: Generator, size: int, *, even: bool) -> Scene:
    prior = torch.zeros(size, dtype=torch.float64) if even else -1.3 * torch.arange(size, dtype=torch.float64)
    honest = prior.log_softmax(0) + 1.5 * _randn(generator, SAMPLES, ROWS, size)
    ids = torch.multinomial(honest.softmax(-1).flatten(0, 1), 1, generator=generator).reshape(SAMPLES, ROWS)
    ids[:, :size] = torch.arange(size)
    name = "classes that are equally common" if even else "classes of which one is common"
    return Scene(name=name, target=ids, honest=honest, balanced=even)
