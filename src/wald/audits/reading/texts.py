"""Texts that a language model continues: every token that it must predict is a row."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...losses import NextToken
from ..errors import CaseError
from ..models import HuggingFace
from ..models.hugging_face import is_hugging_face, kind_of
from ..statistics import generator
from ..tables import ROWS, taken
from .rows import Rows, as_tensor

if TYPE_CHECKING:
    from ..case import Case

#: Marks tokens that are not to be predicted, in the targets of Hugging Face and torch.
_LEFT_OUT = -100


def by_token(case: Case) -> dict[str, Any] | None:
    """The fields of a case of texts, told token by token; None where it is none.

    Of inputs and targets (texts, time), each token that is to be predicted becomes a row: what stands before it, and
    the token. Rows of one text belong together. Targets are the text itself (Hugging Face's labels, or
    `NextToken(shift=True)`), or hold the next token at each position. Of very many tokens a seeded part is taken.

    Raises:
        CaseError: inputs and targets do not line up.
    """
    model: Any = case.model
    if isinstance(model, HuggingFace):
        model = model.original
    test: Any = case.test
    if test is None or not (is_hugging_face(model) and kind_of(model) == "text"):
        return None
    _, targets = test
    if getattr(targets, "ndim", 1) != 2:
        return None
    loss: Any = case.loss
    shift = loss.shift if isinstance(loss, NextToken) else None
    pad = getattr(model.config, "pad_token_id", None)
    told, text, note = _rows("test", case.test, shift, pad)
    rows = text.tolist()
    clusters: Any = rows if case.clusters is None else taken(_listed(case.clusters), text)
    found: dict[str, Any] = {
        "loss": loss.replace(shift=False) if isinstance(loss, NextToken) else loss,
        "test": told,
        "clusters": clusters,
        "weight": None if case.weight is None else torch.as_tensor(case.weight)[text],
        "groups": {name: taken(_listed(labels), text) for name, labels in case.groups.items()},
        "columns": {name: torch.as_tensor(values)[text] for name, values in case.columns.items()},
        "shifted": {name: _rows(f"shifted[{name!r}]", rows, shift, pad)[0] for name, rows in case.shifted.items()},
        "notes": (*case.notes, note),
    }
    if case.train is not None:
        found["train"] = _rows("train", case.train, shift, pad)[0]
    return found


def _rows(name: str, given: Rows, shift: bool | None, pad: int | None) -> tuple[Rows, Tensor, str]:
    """Prefixes and their next tokens, and which text each is of."""
    tokens, targets = (as_tensor(f"{name} {what}", one) for what, one in zip(("inputs", "targets"), given, strict=True))
    if tokens.ndim != 2 or tokens.shape != targets.shape or tokens.is_floating_point():
        raise CaseError(
            f"{name} of a language model is token numbers (texts, time) and a target for each; got "
            f"{tuple(tokens.shape)} {tokens.dtype} and {tuple(targets.shape)}."
        )
    counted = targets != _LEFT_OUT
    itself = bool((tokens == targets)[counted].all()) if shift is None else shift
    there = torch.ones_like(counted) if pad is None else tokens != pad
    if itself:
        counted = counted & there
        counted[:, 0] = False
    places = (counted & (there if not itself else counted)).nonzero()
    if not len(places):
        raise CaseError(f"{name}: no token is left to predict; every target is {_LEFT_OUT} or padding.")
    many = len(places)
    if many > ROWS:
        drawn = torch.randperm(many, generator=generator(0, "tokens"))[:ROWS].sort().values
        places = places[drawn]
    text, at = places.unbind(1)
    length = at if itself else at + 1
    width = int(length.max())
    filler = -1 if pad is None else pad
    inputs = torch.where(torch.arange(width) < length[:, None], tokens[text, :width], filler)
    part = f", {len(places):,} of them drawn at random" if many > len(places) else ""
    note = f"each of the {many:,} tokens of {len(tokens):,} texts is a row{part}; tokens of one text belong together"
    return (inputs, targets[text, at]), text, note


def _listed(values: Any) -> list[Hashable]:
    return values.tolist() if hasattr(values, "tolist") else list(values)
