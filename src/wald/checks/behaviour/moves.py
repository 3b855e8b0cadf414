"""Moves that are better and worse for a model, whatever its loss: nearer to what was observed, and farther from it.

What is better follows from what the inputs are: a prediction nearer to its target, a score on the side of its label, a
positive nearer to its anchor, a chosen answer likelier than the rejected one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..subjects.grids import inside
from ..subjects.subject import Inputs, Subject

#: The inputs after a move of this size, its sign saying whether it is for the better.
Move = Callable[[Inputs, float], Inputs]


def move_of(subject: Subject) -> Move | None:
    """The move that makes predictions of `subject` better; None where what is better has no meaning."""
    names = tuple(name for name, _ in subject.domains)
    for known, move in _BY_NAME.items():
        if names[: len(known)] == known:
            return move
    if len(names) < 2 or names[1] not in ("target", "relevance"):
        return None
    if subject.task == "multiclass" and subject.target.integer and subject.prediction.axes:
        return _to_class(subject)
    shapes = [x.shape for x in subject.inputs(2)[:2]]
    if shapes[0] != shapes[1] or subject.target.integer:
        return None
    if subject.task == "ranking" or names[1] == "relevance":
        return _with_relevance
    if subject.task in ("binary", "multilabel") or (subject.target.low, subject.target.high) == (0.0, 1.0):
        return _to_label(subject)
    return _to_target(subject) if subject.task in ("regression", "other", "multiclass") else None


def _to_target(subject: Subject) -> Move:
    def move(inputs: Inputs, size: float) -> Inputs:
        x, y, *rest = inputs
        return inside(subject.prediction, x + size * (y.to(x) - x)), y, *rest

    return move


def _to_label(subject: Subject) -> Move:
    """Scores are raised for yes and lowered for no; probabilities go part of the way."""
    no, yes = subject.labels
    probability = subject.prediction.high <= 1 and subject.prediction.low >= 0 and not subject.prediction.normalised

    def move(inputs: Inputs, size: float) -> Inputs:
        x, y, *rest = inputs
        sign = 2 * ((y.to(x) - no) / (yes - no)) - 1
        if probability:
            end = (sign * size > 0).to(x)
            return x + 0.8 * abs(size) * (end - x), y, *rest
        return inside(subject.prediction, x + 3 * size * sign), y, *rest

    return move


def _to_class(subject: Subject) -> Move:
    def move(inputs: Inputs, size: float) -> Inputs:
        x, ids, *rest = inputs
        one_hot = torch.nn.functional.one_hot(ids.clamp(min=0), x.shape[-1]).to(x)
        scores = x.clamp(min=1e-9).log() if subject.prediction.normalised == "linear" else x
        return inside(subject.prediction, scores + 6 * size * one_hot), ids, *rest

    return move


def _with_relevance(inputs: Inputs, size: float) -> Inputs:
    x, y, *rest = inputs
    return x + 2 * size * (y.to(x) - y.to(x).mean(-1, keepdim=True)), y, *rest


def _preferred(inputs: Inputs, size: float) -> Inputs:
    chosen, rejected, *rest = inputs
    return chosen + 2 * size, rejected - 2 * size, *rest


def _advantageous(inputs: Inputs, size: float) -> Inputs:
    log_prob, *rest = inputs
    return log_prob + 0.1 * size * rest[-1].sign(), *rest


def _to_anchor(inputs: Inputs, size: float) -> Inputs:
    anchor, positive, negative = inputs
    return anchor, positive + size * (anchor - positive), negative - size * (anchor - negative)


def _to_query(inputs: Inputs, size: float) -> Inputs:
    query, key = inputs
    return query, key + size * (query - key)


_BY_NAME: dict[tuple[str, ...], Move] = {
    ("chosen", "rejected"): _preferred,
    ("log_prob", "old_log_prob", "advantage"): _advantageous,
    ("log_prob", "advantage"): _advantageous,
    ("anchor", "positive", "negative"): _to_anchor,
    ("query", "key"): _to_query,
}
