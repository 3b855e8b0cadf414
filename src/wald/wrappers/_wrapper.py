"""What every loss of a loss shares: it is called like the loss that it holds, and inherits its claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
import re
from typing import Any, Final

import torch
from torch import Tensor

from ..cards import Card, Domain, Formula, param
from ..cards.card import Task
from ..core import Loss, Supervised
from ..core.admission import line_up

Inputs = tuple[Tensor, ...]

#: A name in a formula: not a part of a longer one, of a number (1e3) or of a quoted word.
_WORD: Final = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*(?!['\"])\b")


@dataclass(frozen=True, kw_only=True)
class OuterCard(Card):
    """The card of a wrapper: kind of problem, inputs and denominator are always those of the inner loss."""

    task: Task = "other"
    inputs: Mapping[str, Domain] = field(default_factory=dict[str, Domain])

    def of(self, loss: Any) -> Card:
        """The card of this wrapper around its inner loss."""
        inner: Card = loss.inner.card
        always = ("task", "inputs", "coupling", "denominator")
        return replace(super().of(loss), **{claim: getattr(inner, claim) for claim in always})


def supervised(value: Any) -> Supervised:
    """`value`, once it is known to be a loss of prediction and target."""
    if isinstance(value, Supervised):
        return value
    if isinstance(value, type) and issubclass(value, Loss):
        raise TypeError(f"{value.__name__} is a class; write {value.__name__}()")
    raise TypeError(f"a loss of prediction and target is wanted, got {value!r}")


class Wrapper(Supervised, kw_only=False):
    """A loss that holds a loss, and changes what goes into it or what comes out."""

    inner: Loss = param(convert=supervised, help="the loss that is changed")

    def kept(self, *inputs: Tensor) -> Tensor | None:
        """Which examples count, as the inner loss says."""
        return self.inner.kept(*inputs)

    def share(self, *inputs: Tensor) -> Tensor | None:
        """What each example adds to the denominator, as the inner loss says."""
        return self.inner.share(*inputs)

    def refuse(self, *inputs: Tensor) -> None:
        """What the inner loss refuses, in its words."""
        self.inner.refuse(*inputs)

    def drawn(self, prediction: Tensor, target: Tensor, how: Mapping[str, Tensor | None]) -> Tensor | None:
        """The expected loss if the class is drawn from a target of probabilities; None for any other target.

        A change that is not linear in the inner loss must be made class by class: what many rows with the label of
        one class each cost together, one row with their shares must cost too.
        """
        if not self.inner.named_domains[1][1].soft or not target.is_floating_point():
            return None
        ids = torch.arange(prediction.shape[-1], device=target.device)
        each = torch.vmap(lambda k: self.per_example(prediction, k.expand(target.shape[:-1]), **how), out_dims=-1)(ids)
        return (torch.where(target > 0, each, torch.zeros_like(each)) * target).sum(-1)

    def in_plain_layout(self) -> Loss:
        """The same change of the inner loss in plain layout."""
        return self if self.inner.plain is self.inner else self.replace(inner=self.inner.plain)

    def arranged(
        self, inputs: Inputs, weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, Inputs, Tensor | None, Tensor | None]:
        """The examples as the inner loss lays them out."""
        plain, inputs, weight, mask = self.inner.arranged(inputs, weight, mask)
        if not isinstance(plain, Wrapper):
            # What does not line up is refused in the name of the loss whose fields can mend it.
            line_up(plain, inputs)
        return self.plain, inputs, weight, mask


# What a wrapper claims of itself.


def inherited(claim: str, *, when: Callable[[Any], bool] = lambda loss: True) -> Callable[[Any], Any]:
    """What the inner loss claims, where `when` holds of the wrapper; elsewhere nothing is claimed."""
    return lambda loss: getattr(loss.inner.card, claim) if when(loss) else None


def kept_if_true(claim: str) -> Callable[[Any], Any]:
    """Yes where the inner loss says yes; elsewhere nothing is claimed."""
    return lambda loss: True if getattr(loss.inner.card, claim) is True else None


def not_convex(loss: Any) -> bool | None:
    """No for what is bounded above on a whole space: only a constant is convex there."""
    prediction = loss.inner.named_domains[0][1]
    return None if prediction.bounded or prediction.normalised else False


def around(loss: Any, text: str, **meaning: str) -> Formula | str:
    """The formula `text` of a wrapper, in which `{inner}` stands for the inner formula.

    Args:
        loss: the wrapper; the fields of its inner loss are filled in.
        text: the formula, in the names of the wrapper's fields.
        meaning: what an input of the inner formula is replaced by.
    """
    formula = loss.inner.card.formula
    settled = {each.name: getattr(loss.inner, each.name) for each in fields(loss.inner)}
    usual = {each.name: each.default for each in fields(loss.inner)}
    # A formula holds while the fields that it does not mention are at their defaults.
    if not isinstance(formula, Formula) or any(
        value != usual[name] and not isinstance(value, Loss)
        for name, value in settled.items()
        if name not in formula.names
    ):
        said = "".join(f" with {new} in place of {name}" for name, new in meaning.items())
        return text.format(inner=f"[{formula}{said}]")
    names = {name: f"({new})" for name, new in ({k: repr(v) for k, v in settled.items()} | meaning).items()}

    def filled(part: str) -> str:
        return _WORD.sub(lambda found: names.get(found[0], found[0]), part)

    return Formula(
        text.format(inner=f"({filled(formula.text)})"), **{name: filled(part) for name, part in formula.where}
    )
