"""What the scores of a classifier say of its classes, as they stand or with what the loss does to them taken back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...audits.calibrating.class_link import believed_classes, meant_classes
from ...audits.costing.cost import Cost
from ...audits.costing.link import Link, link_of
from ...audits.costing.space import Binary
from ...audits.metrics.forms import converted, two_columns
from ...losses import Ordinal
from ..emission import Emission
from .rows import Rows

#: Scores on which it is tried whether a loss of several classes can be taken back, and how far out they lie.
_TRIED, _FAR = 400, 1.5


@dataclass(frozen=True, eq=False)
class Meaning:
    """How scores become probabilities of classes.

    Attributes:
        emission: of the model.
        loss: by which it was fitted.
        link: of a loss of two classes whose doing is taken back; None where nothing is.
        solved: whether the doing of a loss of several classes is taken back.
    """

    emission: Emission
    loss: object
    link: Link | None = None
    solved: bool = False

    @classmethod
    def of(cls, rows: Rows, *, recalibrate: bool) -> Meaning:
        """Settled for the loss of these rows.

        Raises:
            ValueError: probabilities cannot be read from the best scores of the loss.
        """
        plain = cls(rows.emission, rows.cost.loss)
        if not recalibrate or isinstance(rows.cost.loss, Ordinal):
            return plain
        if rows.emission.flat:
            link = link_of(rows.cost, Binary(probability=rows.emission.form == "probabilities"))
            if link is None or rows.emission.way == "log sigmoid":
                raise ValueError(_lost(rows.cost))
            return cls(rows.emission, rows.cost.loss, link=link)
        # A loss can be read or it cannot, whatever the rows are; scores far out, such as fits have, say little of that.
        source, classes = torch.Generator().manual_seed(0), rows.emission.outputs
        score = _FAR * torch.randn(_TRIED, classes, generator=source, dtype=torch.float64)
        plainly = rows.emission.form in ("logits", "margins") and rows.emission.way == "as it is"
        if not plainly or meant_classes(rows.cost, score, source) is None:
            raise ValueError(_lost(rows.cost))
        return cls(rows.emission, rows.cost.loss, solved=True)

    @property
    def certain(self) -> bool:
        """Whether scores say probabilities at all, and not only on which side of a border a row is."""
        return self.emission.form != "margins" or self.link is not None or self.solved

    def log_probabilities(self, score: Tensor) -> Tensor:
        """Of each class, (rows, classes); of margins, scores that rank alike."""
        raw = self.emission.emit(score)
        if isinstance(self.loss, Ordinal):
            return self.loss.probabilities(raw).log()
        if self.link is not None:
            return two_columns(torch.nn.functional.logsigmoid(self.link.undo(score[:, 0])), "log-probabilities")
        if self.solved:
            return believed_classes(self._cost(score.shape[-1]), raw)
        if self.emission.form == "margins":
            return two_columns(raw, "margins")
        return two_columns(converted(raw, self.emission.form, "log-probabilities"), "log-probabilities")

    def scores(self, score: Tensor) -> Tensor:
        """One number for two classes, 0 where they are even, (rows,); else one for each class, (rows, classes)."""
        raw = self.emission.emit(score)
        if self.link is not None:
            return self.link.undo(score[:, 0])
        if self.emission.flat and not isinstance(self.loss, Ordinal):
            return converted(raw, self.emission.form, "logits")
        plain = self.emission.form in ("logits", "margins") and not self.solved
        each = raw if plain and not isinstance(self.loss, Ordinal) else self.log_probabilities(score)
        return each[:, 1] - each[:, 0] if each.shape[-1] == 2 else each

    def _cost(self, classes: int) -> Cost:
        few = torch.zeros(classes, classes, dtype=torch.float64)
        return Cost(self.loss, few, torch.arange(classes))  # pyright: ignore[reportArgumentType]


def _lost(cost: Cost) -> str:
    return (
        f"recalibrate=True: {cost.name} has the same best score for several probabilities (as hinge losses have), or "
        "scores that nobody can read, so what it does to probabilities cannot be taken back. Use recalibrate=False and "
        "sklearn.calibration.CalibratedClassifierCV, or a loss such as wald.BinaryCrossEntropy()."
    )
