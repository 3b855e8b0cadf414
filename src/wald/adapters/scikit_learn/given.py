"""The loss that a person means: a value, a name, a class of losses, or any function of prediction and target."""

from __future__ import annotations

from collections.abc import Callable
import inspect
from typing import Any

from ...core import Loss, Supervised
from ...core.lookup import get, parse

#: What to use in place of a loss that no table of features and targets can feed.
_INSTEAD = {
    "Contrastive": "It compares embeddings of several inputs. Train an encoder with it in torch; for a table use "
    "wald.CrossEntropy() or wald.Squared().",
    "Preference": "It compares two answers to one question. Train a policy with it in torch; for a table of wins and "
    "losses use wald.BinaryCrossEntropy().",
    "Policy": "It weighs the actions of a policy by what they earned. Train a policy with it in torch; for a table use "
    "wald.CrossEntropy() with weights.",
    "Generative": "It judges a critic of generated examples. Train it in torch; for a table use "
    "wald.BinaryCrossEntropy().",
}


def loss_given(given: object, default: Loss, *, separable: bool = True) -> Callable[..., Any]:
    """The loss itself.

    Args:
        given: a loss, a class of losses, a name such as "focal" or "Focal(gamma=2)", a callable, or None.
        default: what None means.
        separable: whether each row must have a value of its own.

    Raises:
        ValueError: it is no loss of one row's prediction and target; the message says what to use.
        TypeError: it is nothing that could be called.
    """
    loss = default if given is None else _named(given) if isinstance(given, str) else given
    if inspect.isclass(loss):
        if not issubclass(loss, Loss):
            loss = loss()
        else:
            try:
                loss = loss()
            except (TypeError, ValueError) as error:
                raise ValueError(f"loss={loss.__name__} is a class that needs its fields: {error}") from None
    if not callable(loss):
        raise TypeError(
            f"loss is a wald loss, a name such as 'huber', or a function (prediction, target); got "
            f"{type(loss).__name__}."
        )
    if isinstance(loss, Loss):
        _refuse(loss)
        if separable and loss.card.coupling == "coupled":
            raise ValueError(
                f"{loss}: the value of a row depends on the other rows, so rows cannot be weighted, split into folds "
                "or taken in small batches. Use a loss with one value a row (wald.BinaryCrossEntropy() with a moved "
                "threshold, say), or train with it on whole batches in torch."
            )
    return loss


def _named(name: str) -> Loss:
    try:
        return parse(name) if name.isidentifier() or "(" in name else get(name)()
    except KeyError as error:
        raise ValueError(f"loss={name!r}: {error.args[0]}") from None


def _refuse(loss: Loss) -> None:
    family = next((kind.__name__ for kind in type(loss).__mro__ if kind.__name__ in _INSTEAD), None)
    if family is not None:
        raise ValueError(f"{loss} is no loss of one row's prediction against its target. {_INSTEAD[family]}")
    if not isinstance(loss, Supervised) or len(loss.named_domains) != 2:
        names = ", ".join(name for name, _ in loss.named_domains)
        raise ValueError(
            f"{loss} takes {names}, and a table has features and one target. Use a loss of (prediction, target), such "
            "as wald.CrossEntropy() or wald.Squared()."
        )
