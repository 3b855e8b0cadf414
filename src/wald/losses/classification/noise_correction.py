"""Losses for labels that go wrong in a known way: forward and backward correction by a noise matrix."""

from __future__ import annotations

from math import fsum, log
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, numbers, param
from ...core import Supervised, constant
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, spared

Matrix = tuple[tuple[float, ...], ...]


class ForwardCorrection(Supervised, OverClasses):
    """Cross-entropy of the labels as they would be seen after known noise.

    `noise[true][seen]` is the chance that an example of one class carries the label of another. The model gives
    probabilities p of the true classes; those of the labels that are seen are q_j = Σ_i p_i noise[i][j], and the loss
    is -log q of the label that was seen. So the model may be right where the label is wrong. At the minimum p is the
    distribution of the true classes, if the noise is as it says and its matrix can be inverted. With the identity it
    is CrossEntropy.

    Rows are the true classes here, and each adds to 1; some code has them the other way round. q is added up in
    logarithms, so that no p is too small. A label that no class is ever given has no finite loss.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids as seen, or (*batch, classes)
    probabilities as floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: noise is not a square of chances whose rows add to 1.
        ShapeError: prediction has not one score for each row of noise.

    >>> import torch, wald
    >>> loss = wald.ForwardCorrection(noise=[[0.8, 0.2], [0.1, 0.9]])
    >>> loss(torch.tensor([[100.0, 0.0]]), torch.tensor([1]))  # surely the first class, and the label seen by noise
    tensor(1.6094)
    """

    noise: Matrix = param(
        convert=lambda given: tuple(numbers(row) for row in (given.tolist() if hasattr(given, "tolist") else given)),
        typical=(((0.7, 0.1, 0.1, 0.1), (0.0, 1.0, 0.0, 0.0), (0.2, 0.0, 0.8, 0.0), (0.05, 0.05, 0.1, 0.8)),),
        help="the chance of each label that is seen (column) for each true class (row)",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs=lambda loss: {"prediction": Logits.of("classes", size=len(loss.noise)), "target": ClassTarget},
        formula=Formula("-log(sum([p * row[target] for p, row in zip(softmax(prediction), noise)]))"),
        elicits=lambda loss: "distribution" if all(row[k] == 1 for k, row in enumerate(loss.noise)) else "unresolved",
        proper=lambda loss: all(row[k] == 1 for k, row in enumerate(loss.noise)),
        # Noise that is alike for all classes leaves the likeliest class the likeliest.
        calibrated=lambda loss: (
            len({(j == k, round(c, 9)) for j, row in enumerate(loss.noise) for k, c in enumerate(row)}) == 2
        ),
        symmetric=False,
        convex=lambda loss: True if all(row[k] == 1 for k, row in enumerate(loss.noise)) else None,
        perfect_is_minimal=None,
        smooth=3,
        slope="bounded",
        when="Labels are wrong in a way that is known, or was estimated from examples that were checked.",
        when_not="Nothing is known of the noise (GeneralisedCrossEntropy, ActivePassive).",
        points={"floor": "-log(max([max(row) for row in noise]))"},
        aliases=("forward loss correction", "transition matrix", "noise transition matrix", "forward noise correction"),
        tags=("classification", "label noise", "wrong labels", "noise matrix", "confusion matrix"),
        cite=("Patrini et al. 2017, arXiv:1609.03683",),
    )

    _log_noise: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_what_is_no_noise("ForwardCorrection", self.noise)
        # Columns first, as a label that was seen asks for the chances of all true classes.
        logs = tuple(log(each) if each else -float("inf") for seen in zip(*self.noise, strict=True) for each in seen)
        object.__setattr__(self, "_log_noise", logs)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        chances = constant(self._log_noise, prediction).reshape(len(self.noise), -1)
        logs = prediction.log_softmax(-1)
        if not target.is_floating_point():
            return -_log_sum(logs + chances[target])
        surprise = -_log_sum(logs.unsqueeze(-2) + chances)
        return (target * spared(surprise, target)).sum(-1)


class BackwardCorrection(Supervised, OverClasses):
    """Cross-entropy weighted so that known label noise averages out.

    Σ_j noise⁻¹[label][j] (-log p_j): over the labels that noise gives to an example of class i, its mean is exactly
    the cross-entropy of class i. So it trains as if labels were right, whatever the model, and its minimiser is the
    distribution of the true classes.

    It pays for this. Some of the weights are negative, so an example may have a loss below 0 and none has a least
    one; only the mean over much data is bounded. The closer the matrix is to one that cannot be inverted, the larger
    weights and scatter are. `ForwardCorrection` has the same minimiser without either and mostly trains better. A
    class with a logit of -inf takes no part, unless it is the label.

    `noise[true][seen]` as in ForwardCorrection: rows are the true classes, and each adds to 1.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids as seen, or (*batch, classes)
    probabilities as floats; the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        ValueError: noise is not a square of chances whose rows add to 1, or it cannot be inverted.
        ShapeError: prediction has not one score for each row of noise.

    >>> import torch, wald
    >>> loss = wald.BackwardCorrection(noise=[[0.8, 0.2], [0.1, 0.9]])
    >>> each = loss(torch.tensor([[2.0, 0.0]] * 2), torch.tensor([0, 1]), reduction="none")
    >>> each, 0.8 * each[0] + 0.2 * each[1]  # the cross-entropy of the first class is 0.1269
    (tensor([-0.4445,  2.4126]), tensor(0.1269))
    """

    noise: Matrix = param(
        convert=lambda given: tuple(numbers(row) for row in (given.tolist() if hasattr(given, "tolist") else given)),
        typical=(((0.7, 0.1, 0.1, 0.1), (0.0, 1.0, 0.0, 0.0), (0.2, 0.0, 0.8, 0.0), (0.05, 0.05, 0.1, 0.8)),),
        help="the chance of each label that is seen (column) for each true class (row)",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs=lambda loss: {"prediction": Logits.of("classes", size=len(loss.noise)), "target": ClassTarget},
        formula=Formula("-dot(inverse(noise)[target], log_softmax(prediction))"),
        elicits=lambda loss: "distribution" if all(row[k] == 1 for k, row in enumerate(loss.noise)) else "unresolved",
        proper=lambda loss: all(row[k] == 1 for k, row in enumerate(loss.noise)),
        # Noise that is alike for all classes leaves the likeliest class the likeliest.
        calibrated=lambda loss: (
            len({(j == k, round(c, 9)) for j, row in enumerate(loss.noise) for k, c in enumerate(row)}) == 2
        ),
        symmetric=False,
        # The weights of a label add to 1, so the logarithm of the sum stands there once, and what is left is straight.
        convex=True,
        bounded_below=lambda loss: all(row[k] == 1 for k, row in enumerate(loss.noise)),
        smooth=3,
        slope="bounded",
        when="Labels are wrong in a way that is known, and an unbiased estimate of the true loss is wanted.",
        when_not="For training (ForwardCorrection), or where noise nearly hides a class.",
        points={"chance": "log(len(noise))"},
        aliases=(
            "backward loss correction",
            "unbiased loss",
            "backward noise correction",
            "method of unbiased estimators",
        ),
        tags=("classification", "label noise", "wrong labels", "noise matrix", "confusion matrix", "unbiased"),
        cite=(
            "Patrini et al. 2017, arXiv:1609.03683",
            "Natarajan et al. 2013, Learning with Noisy Labels, NeurIPS (two classes)",
        ),
    )

    _inverse: ClassVar[tuple[float, ...]]

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_what_is_no_noise("BackwardCorrection", self.noise)
        square = np.array(self.noise)
        if (condition := float(np.linalg.cond(square))) > 1e12:
            raise ValueError(
                f"BackwardCorrection: noise cannot be inverted (its condition number is {condition:.2g}): two classes "
                "are given the same labels. Use ForwardCorrection, or merge the classes."
            )
        object.__setattr__(self, "_inverse", tuple(float(each) for each in np.linalg.inv(square).flat))

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        inverse = constant(self._inverse, prediction).reshape(len(self.noise), -1)
        weight = target @ inverse if target.is_floating_point() else inverse[target]
        surprise = spared(-prediction.log_softmax(-1), weight)
        # What cannot occur costs only as the label: as another class its weight may be negative, and ∞ - ∞ is none.
        nowhere = torch.zeros_like(prediction)
        here = target if target.is_floating_point() else nowhere.scatter(-1, target.unsqueeze(-1), 1.0)
        surprise = surprise.masked_fill((prediction == -torch.inf) & (here == 0), 0.0)
        return (weight * surprise).sum(-1)


def _log_sum(logs: Tensor) -> Tensor:
    """The logarithm of a sum of exponentials; where all of them are 0, -inf without a slope."""
    none = logs.amax(-1, keepdim=True) == -torch.inf
    return logs.masked_fill(none, 0.0).logsumexp(-1).masked_fill(none.squeeze(-1), -torch.inf)


def _refuse_what_is_no_noise(loss: str, noise: Matrix) -> None:
    if len(noise) < 2:
        raise ValueError(f"{loss}: noise must have a row for each of at least two classes")
    for true, row in enumerate(noise):
        if len(row) != len(noise):
            raise ValueError(
                f"{loss}: noise has {len(noise)} rows, so row {true} must have as many columns, one for each label "
                f"that may be seen; it has {len(row)}"
            )
        if min(row) < 0 or abs(fsum(row) - 1) > 1e-4:
            flipped = all(abs(fsum(column) - 1) < 1e-4 for column in zip(*noise, strict=True))
            raise ValueError(
                f"{loss}: row {true} of noise has the chances of the labels of one true class, from 0 up and adding "
                f"to 1; got {tuple(round(each, 4) for each in row)}, which add to {fsum(row):.4g}."
                + (" Its columns add to 1, so it is the other way round: pass its transpose." if flipped else "")
            )
