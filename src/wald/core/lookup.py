"""Finding a loss: by any name that people know it by, by words, from an expression or from a dict."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..cards import shelf
from .loss import KINDS, Loss


def catalogue() -> list[type[Loss]]:
    """Every loss that Wald ships, in the order of `wald list`.

    >>> import wald
    >>> wald.Huber in wald.catalogue()
    True
    """
    return [KINDS[name] for name in shelf.catalogue()]


def get(name: str) -> type[Loss]:
    """The loss known by `name`: its own name, an alias, or what another library calls it.

    Raises:
        KeyError: no loss is known by that name; the message gives the nearest ones.

    >>> import wald
    >>> wald.get("HuberLoss") is wald.Huber
    True
    """
    return KINDS[name] if name in KINDS else KINDS[shelf.find(name).name]


def search(words: str) -> list[type[Loss]]:
    """The losses whose names, tags or descriptions speak of all these words, best first.

    >>> import wald
    >>> wald.Focal in wald.search("imbalanced")
    True
    """
    return [KINDS[entry.name] for entry in shelf.search(words)]


def parse(expression: str) -> Loss:
    """The loss that an expression such as `Focal(gamma=2)` or `Smoothed(Huber(), 0.1)` means.

    Only names of losses and plain values are understood; nothing is run.

    Raises:
        KeyError: a name is not known.
        ValueError: the expression is something else.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"{expression!r} is not an expression such as Huber(delta=1.0)") from None
    made = _built(tree)
    if not isinstance(made, Loss):
        raise ValueError(f"{expression!r} is not a loss; write a name such as Huber or Huber(delta=1.0)")
    return made


def from_dict(facts: Mapping[str, Any]) -> Loss:
    """The loss that `loss.to_dict()` described.

    >>> import wald
    >>> wald.from_dict(wald.Huber(delta=2.0).to_dict())
    Huber(delta=2.0)
    """
    rest = dict(facts)
    if "loss" not in rest:
        raise ValueError(f"a loss as a dict names itself under 'loss'; got the keys {sorted(rest)}")
    kind = _kind(rest.pop("loss"))
    return kind(**{name: from_dict(v) if isinstance(v, Mapping) else v for name, v in rest.items()})


def _kind(name: str) -> type[Loss]:
    # A loss from outside the catalogue is known by where it is written.
    module, _, own = name.partition(":")
    return getattr(import_module(module), own) if own else get(name)


def _built(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name):
            return get(name)()
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            named = {k.arg: _built(k.value) for k in keywords if k.arg}
            return get(name)(*(_built(a) for a in args), **named)
        case _:
            try:
                return ast.literal_eval(node)
            except ValueError:
                raise ValueError(f"{ast.unparse(node)!r} is neither a loss nor a plain value") from None
