"""What other libraries call a loss, and the fields at which it is theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: By the full name in another library, the fields at which a loss is the same: `{"keras.losses.Huber": {}}`.
Ports = Mapping[str, Mapping[str, Any]]

#: Names under which libraries are installed, and are written at the beginning of a port, beside their short ones.
SHORT: Final = {
    "scikit-learn": "sklearn",
    "smp": "segmentation_models_pytorch",
    "pml": "pytorch_metric_learning",
    "sentence-transformers": "sentence_transformers",
}


def preset(loss: str, ports: Ports, like: str) -> Mapping[str, Any]:
    """The fields at which a loss is that of another library.

    Args:
        loss: the name of the loss, for messages.
        ports: those on its card.
        like: a library, or the full name of a loss there.

    Raises:
        ValueError: no port fits, or several that differ.

    >>> preset("Huber", {"sklearn.linear_model.HuberRegressor": {"delta": 1.35}}, "scikit-learn")
    {'delta': 1.35}
    """
    wanted = SHORT.get(like, like)
    fitting = {name: fields for name, fields in ports.items() if name == wanted or library(name) == wanted}
    fitting = fitting or {name: fields for name, fields in ports.items() if "." in like and kin(name) == kin(like)}
    if not fitting:
        known = ", ".join(repr(name) for name in dict.fromkeys(map(library, ports)))
        told = f"It is known there: {known}." if known else "No library is known to ship it."
        raise ValueError(f"{loss}: like={like!r} is not known. {told} Without like= its own defaults hold.")
    first, *rest = fitting.values()
    if any(fields != first for fields in rest):
        full = " or ".join(f"like={name!r}" for name in fitting)
        raise ValueError(f"{loss}: {like} has several of this name that differ. Say which: {full}.")
    return first


def library(name: str) -> str:
    """The library that a full name begins with."""
    return name.partition(".")[0]


def kin(name: str) -> str:
    """What the names of one function in one library have in common, wherever in it they are.

    >>> kin("torch.nn.functional.huber_loss") == kin("torch.nn.HuberLoss")
    True
    """
    first = library(name)
    last = name.rpartition(".")[2].lower().replace("_", "")
    return f"{SHORT.get(first, first)}.{last}"
