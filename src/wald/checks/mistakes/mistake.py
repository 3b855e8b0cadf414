"""What a known mistake is: a function of a loss's own fields and inputs, a name, a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import inspect
from typing import Any, Final

from torch import Tensor

from ...core import Loss

Formula = Callable[..., Tensor]


@dataclass(frozen=True, eq=False)
class Mistake:
    """A loss as it is known to be written wrong.

    Attributes:
        name: what it is called.
        says: what is wrong, in one sentence.
        values: (loss, *inputs) -> one value for each example; for a `whole` mistake, the value of the batch.
        when: for which fields it is another function than the loss.
        whole: whether it shows in a batch only, never in an example alone.
        telling: whether no loss that is right looks like this, so that nobody need say what was meant.
        fix: what to write, where the canonical call alone does not tell.
        harmless: whether it is no mistake but a relative, as right as the loss itself.
        rescales: whether it tells even where it only rescales a loss that is right.
    """

    name: str
    says: str
    values: Formula
    when: Callable[[Any], bool]
    whole: bool = False
    telling: bool = False
    fix: str = ""
    harmless: bool = False
    rescales: bool = False


#: The mistakes known for each loss, by the name of its class.
MISTAKES: Final[dict[str, list[Mistake]]] = {}
#: The fields that people set for each loss, beside those that its own card holds typical.
USUAL: Final[dict[str, list[dict[str, Any]]]] = {}
#: What other people call the fields of a loss.
SYNONYMS: Final[dict[str, dict[str, tuple[str, ...]]]] = {}
#: Factors and reasons for which the same loss is known at another scale.
SCALES: Final[dict[str, list[tuple[str, Callable[[Any], float]]]]] = {}


def mistake(
    *kinds: type[Loss],
    when: Callable[[Any], bool] = lambda loss: True,
    whole: bool = False,
    telling: bool = False,
    fix: str = "",
    harmless: bool = False,
    rescales: bool = False,
) -> Callable[[Formula], Formula]:
    """Enter a function among the known mistakes of these losses; its name and docstring are what a report says."""

    def enter(formula: Formula) -> Formula:
        name = formula.__name__.strip("_").replace("_", " ")
        says = " ".join(inspect.cleandoc(formula.__doc__ or name).split())
        for kind in kinds:
            made = Mistake(name, says, formula, when, whole, telling, fix, harmless, rescales)
            MISTAKES.setdefault(kind.__name__, []).append(made)
        return formula

    return enter


def usual(kind: type[Loss], *fields: dict[str, Any]) -> None:
    """Fields of a loss that are worth trying first."""
    USUAL.setdefault(kind.__name__, []).extend(fields)


def also_called(kind: type[Loss], **names: tuple[str, ...]) -> None:
    """What other people call its fields."""
    SYNONYMS.setdefault(kind.__name__, {}).update(names)


def also_scaled(kind: type[Loss], reason: str, factor: Callable[[Any], float]) -> None:
    """A scale at which the same loss is known elsewhere; no mistake, though a sum with other terms feels it."""
    SCALES.setdefault(kind.__name__, []).append((reason, factor))
