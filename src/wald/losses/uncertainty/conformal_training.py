"""Conformal training: prediction sets of a stated coverage, as small as they can be."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, ClassId, Formula, Label, Logits, param
from ...core import Loss
from ..pieces.one_batch import one_batch
from ..pieces.softmax import over_labels


class ConformalTraining(Loss):
    """How many classes a prediction set holds that misses the true one with a chance of `miss` (ConfTr).

    Part of the batch calibrates: τ is the quantile at miss · (1 + 1 / n) of the log-probabilities that its n examples
    give to their true class. The other part predicts: the set of an example holds the classes of a log-probability
    above τ, and costs what its size has over `size`, where a class counts by sigmoid((log p - τ) / temperature). The
    quantile is that of torch, linear between two examples, so only these two are pulled; the authors sort softly.

    **A term beside CrossEntropy**: sets of one class for all are small as well. It is about training: afterwards
    calibrate with examples that were not trained on, or the coverage is not what is stated.

    Who calibrates costs nothing itself, and the mean over the batch is that over the examples which predict. Where one
    of the parts is empty all cost 0. It depends on who is in the batch: a quantile of ten examples is a guess.

    Shapes: prediction (N, classes), unnormalised; target (N,) class ids; calibration (N,) of 1 and 0. Exactly one batch
    axis.

    Raises:
        DomainError: an id is not a class, or a calibration is not 0 or 1.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> prediction = torch.tensor([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.1, 0.0, 0.0], [4.0, 0.0, 0.0]])
    >>> target, calibration = torch.tensor([0, 1, 0, 0]), torch.tensor([1, 1, 0, 0])
    >>> wald.ConformalTraining(size=0.0)(prediction, target, calibration, reduction="none")
    tensor([0.0000, 0.0000, 0.7113, 1.0604])
    """

    miss: float = param(default=0.1, above=0, below=1, typical=(0.3,), help="how often a set may lack the true class")
    temperature: float = param(default=0.5, above=0, typical=(0.1,), help="how soft the edge of a set is, in nats")
    size: float = param(default=1.0, at_least=0, typical=(0.0,), help="the size of a set that costs nothing")

    card = Card(
        task="other",
        inputs={"prediction": Logits, "target": ClassId, "calibration": Label},
        formula=Formula(
            "max(0, sum([sigmoid((s - tau) / temperature) for s in logs[i]]) - size) * len(logs) / (len(logs) - n)"
            " if calibration[i] == 0 and n > 0 else 0",
            logs="[log_softmax(row) for row in prediction]",
            own="sorted([s[y] for s, y, c in zip(logs, target, calibration) if c > 0])",
            n="len(own)",
            place="min(1, miss * (1 + 1 / n)) * (n - 1) if n else 0",
            k="sum([place >= j for j in range(1, n)])",
            tau="sum([x + (y - x) * (place - j) for j, x, y in zip(range(n), own, own[1:] + own[-1:]) if j == k])",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        when="Sets of classes with a stated coverage are what is used, and they are larger than need be.",
        when_not="One class is told (CrossEntropy), or batches are small.",
        points={"floor": 0},
        aliases=("ConfTr", "ConfTrLoss", "conformal training", "smooth set size", "prediction sets"),
        tags=("uncertainty", "conformal", "prediction set", "coverage", "calibration", "classification", "batch"),
        cite=("Stutz et al. 2021, arXiv:2110.09192",),
    )

    def per_example(
        self, prediction: Tensor, target: Tensor, calibration: Tensor, *, keep: Tensor | None = None
    ) -> Tensor:
        one_batch("ConformalTraining", "who calibrates", prediction=prediction, target=target, calibration=calibration)
        logs = prediction.log_softmax(-1)
        kept = torch.ones_like(target, dtype=torch.bool) if keep is None else keep
        calibrates, predicts = kept & (calibration > 0), kept & (calibration == 0)
        edge = _quantile(over_labels(logs, target), calibrates, self.miss)
        held = ((logs - edge) / self.temperature).sigmoid().sum(-1)
        some = calibrates.any() & predicts.any()
        each = torch.where(predicts & some, (held - self.size).relu(), torch.zeros_like(held))
        return each * kept.sum() / predicts.sum().clamp(min=1)


def _quantile(x: Tensor, counted: Tensor, level: float) -> Tensor:
    """The quantile at level · (1 + 1 / n) of what is counted, linear between two; of nothing, 0."""
    count = counted.sum().to(x.dtype)
    place = (level * (1 + 1 / count.clamp(min=1))).clamp(max=1) * (count - 1).clamp(min=0)
    low = place.floor()
    # What is not counted is sorted to the end, beyond all that is looked at, and has no slope.
    ordered = torch.where(counted, x, torch.full_like(x, torch.inf)).sort().values
    ordered = torch.where(torch.arange(len(x), device=x.device) < count, ordered, torch.zeros_like(x))
    # Of no example at all there is still a number to look at.
    ordered = F.pad(ordered, (0, 1))
    here, next_one = (ordered.gather(0, i.long().reshape(1)) for i in (low, place.ceil()))
    return here + (next_one - here) * (place - low)
