"""The forms in which the same prediction can be written: log-odds, probabilities, decisions, numbers."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import CaseError

#: "logits": log-odds of one class, or unnormalised log-probabilities of several. "margins": scores that rise with
#: the chance of the class and are 0 where it is even, such as a distance from a plane. "decisions": class numbers.
#: "numbers": what a regression predicts. "log-numbers": its logarithm.
Form = Literal["logits", "probabilities", "log-probabilities", "margins", "decisions", "numbers", "log-numbers"]


def converted(prediction: Tensor, have: Form, want: Form) -> Tensor:
    """The prediction in another form; one number for two classes stays one number, a row for several a row.

    Raises:
        CaseError: the form says too little, as decisions do of probabilities.

    >>> import torch
    >>> converted(torch.tensor([-1.0, 2.0]), "logits", "decisions")
    tensor([0, 1])
    """
    if have == want:
        return prediction
    if want == "decisions":
        return _decided(prediction, have)
    match have, want:
        case ("logits", "margins") | ("margins", "logits") | ("log-probabilities", "logits" | "margins"):
            # Log-probabilities of several classes are logits already; of one class they are not.
            if have == "log-probabilities" and prediction.ndim == 1:
                return prediction - _log1mexp(prediction)
            return prediction
        case ("logits" | "margins", "probabilities"):
            return torch.sigmoid(prediction) if prediction.ndim == 1 else prediction.softmax(-1)
        case ("logits" | "margins", "log-probabilities"):
            return functional.logsigmoid(prediction) if prediction.ndim == 1 else prediction.log_softmax(-1)
        case ("probabilities", "logits" | "margins"):
            inside = _inside(prediction)
            return torch.logit(inside) if prediction.ndim == 1 else inside.log()
        case ("probabilities", "log-probabilities"):
            return _inside(prediction).log()
        case ("log-probabilities", "probabilities"):
            return prediction.exp()
        case ("logits" | "margins" | "log-probabilities" | "probabilities", "numbers") if prediction.ndim == 1:
            # The number that is to be expected of a 0 or 1.
            return converted(prediction, have, "probabilities")
        case ("numbers", "log-numbers"):
            return prediction.clamp_min(torch.finfo(prediction.dtype).tiny).log()
        case ("log-numbers", "numbers"):
            return prediction.exp()
        case _:
            raise CaseError(
                f"the predictions are {have}, and {want} are wanted; they cannot be worked out. Give a model that "
                f"predicts {want}, or a loss and a metric that take {have}."
            )


def one_column(prediction: Tensor, form: Form) -> Tensor:
    """Of two classes, what is said of the second: (rows, 2) becomes (rows,)."""
    if prediction.ndim != 2 or prediction.shape[-1] != 2:
        return prediction
    if form in ("logits", "margins"):
        return prediction[:, 1] - prediction[:, 0]
    return prediction[:, 1]


def two_columns(prediction: Tensor, form: Form) -> Tensor:
    """Of two classes, what is said of each: (rows,) becomes (rows, 2)."""
    if prediction.ndim != 1:
        return prediction
    if form == "probabilities":
        return torch.stack([1 - prediction, prediction], -1)
    if form == "log-probabilities":
        return torch.stack([_log1mexp(prediction), prediction], -1)
    return torch.stack([torch.zeros_like(prediction), prediction], -1)


def _decided(prediction: Tensor, have: Form) -> Tensor:
    if prediction.ndim == 2 and prediction.shape[-1] > 1:
        return prediction.argmax(-1)
    edge = {"probabilities": 0.5, "numbers": 0.5, "log-probabilities": -0.6931471805599453}.get(have, 0.0)
    return (prediction >= edge).long()


def _inside(probability: Tensor) -> Tensor:
    # As scikit-learn's log_loss does it: 0 and 1 are as near to certain as the dtype can say.
    small = torch.finfo(probability.dtype).eps
    return probability.clamp(small, 1 - small)


def _log1mexp(x: Tensor) -> Tensor:
    """log(1 - exp(x)) for x below 0."""
    return torch.log(-torch.expm1(x.clamp_max(-torch.finfo(x.dtype).eps)))
