"""Ways of calling one and the same loss: scores or probabilities, labels 0 and 1 or -1 and 1, ids or one-hot rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

import torch
from torch import Tensor

from ...cards import BinaryTarget
from ...core import Loss
from .battery import Inputs

Kind = Literal["", "space", "labels", "layout"]


@dataclass(frozen=True)
class Change:
    """One input, brought into the form that another convention has for it.

    Attributes:
        kind: what differs; empty for nothing that a reader need know.
        says: what the loss takes then.
        written: the same as Python, with {} for the input.
        of: the change.
    """

    kind: Kind
    says: str
    written: str
    of: Callable[[Tensor], Tensor]


SAME: Final = Change("", "", "{}", lambda x: x)
SIGMOID: Final = Change("space", "a probability", "torch.sigmoid({})", torch.sigmoid)
SOFTMAX: Final = Change("space", "probabilities", "{}.softmax(-1)", lambda x: x.softmax(-1))
LOG_SOFTMAX: Final = Change("space", "log-probabilities", "{}.log_softmax(-1)", lambda x: x.log_softmax(-1))
SIGNS: Final = Change("labels", "labels -1 and 1", "2 * {} - 1", lambda y: 2 * y - 1)
_WHOLE: Final = Change("", "", "{}.long()", lambda y: y.long())
_HOT: Final = Change(
    "labels",
    "one-hot rows",
    "torch.nn.functional.one_hot({}, 4).double()",
    lambda y: torch.nn.functional.one_hot(y, 4).double(),
)
_COLUMN: Final = Change("layout", "columns of shape (n, 1)", "{}.unsqueeze(-1)", lambda x: x.unsqueeze(-1))
_TWO: Final = Change(
    "layout",
    "scores of two classes",
    "torch.stack([torch.zeros_like({0}), {0}], -1)",
    lambda z: torch.stack([torch.zeros_like(z), z], -1),
)
_IMAGE: Final = Change("layout", "images (n, 1, 1, pixels)", "{}[:, None, None]", lambda x: x[:, None, None])
_CLASSES_FIRST: Final = Change(
    "layout", "classes on axis 1", "{}.movedim(-1, 1)", lambda x: x.movedim(-1, 1) if x.ndim > 2 else x
)


@dataclass(frozen=True)
class Convention:
    """How the inputs of a loss are changed into what a candidate takes, one change for each input."""

    changes: tuple[Change, ...]

    def of(self, inputs: Inputs) -> Inputs:
        """The inputs as the candidate takes them."""
        return tuple(change.of(x) for change, x in zip(self.changes, inputs, strict=True))

    @property
    def plain(self) -> bool:
        """Whether nothing differs that a reader need know."""
        return not any(change.kind for change in self.changes)

    def kinds(self) -> set[Kind]:
        """What differs."""
        return {change.kind for change in self.changes if change.kind}

    def says(self) -> str:
        """What the candidate takes."""
        return " and ".join(dict.fromkeys(change.says for change in self.changes if change.says))

    def written(self, names: tuple[str, ...]) -> str:
        """The call, as Python."""
        given = [change.written.format(name) for change, name in zip(self.changes, names, strict=True)]
        return f"loss({', '.join(given)})"


def conventions(loss: Loss) -> Iterator[Convention]:
    """The ways in which a candidate for `loss` may want its inputs, the likeliest first."""
    domains = [domain for _, domain in loss.named_domains]
    first = domains[0]
    rest = (SAME,) * len(domains)
    yield Convention(rest)
    if len(domains) == 3 and BinaryTarget in domains:
        yield Convention((SAME, SAME, SIGNS))
        yield Convention((SAME, SAME, _WHOLE))
        return
    if len(domains) != 2:
        return
    second = domains[1]
    scores: list[Change] = [SAME]
    # A loss that says itself in which space its prediction comes needs no other way of calling.
    if first.logits and not hasattr(loss, "prediction_space"):
        scores += [SOFTMAX, LOG_SOFTMAX] if first.axes == ("classes",) else [SIGMOID]
    targets: list[Change] = [SAME]
    if second == BinaryTarget:
        targets += [SIGNS, _WHOLE]
    if second.integer and first.size in (None, 4):
        targets += [_HOT]
    for x, y in product(scores, targets):
        if x is not SAME or y is not SAME:
            yield Convention((x, y))
    if not first.axes and not second.axes:
        yield from (Convention((_then(x, _COLUMN), _then(y, _COLUMN))) for x, y in product(scores, targets))
        if first.logits:
            yield Convention((_TWO, _WHOLE))
            yield Convention((_then(_TWO, SOFTMAX), _WHOLE))
    if first.axes == ("pixels",):
        yield from (Convention((_then(x, _IMAGE), _IMAGE)) for x in scores)


def _then(one: Change, other: Change) -> Change:
    if one is SAME:
        return other
    says = " in ".join(each for each in (one.says, other.says) if each)
    return Change(one.kind or other.kind, says, other.written.replace("{}", one.written), lambda x: other.of(one.of(x)))
