"""The rates of the classes where nobody knows the labels.

Saerens, Latinne & Decaestecker (2002, doi:10.1162/089976602753284446): if only the rates of the classes changed since
training, the predictions on new rows are a mixture of which all but the rates is known, and these have a likeliest
value. Expectation-maximisation finds it: predictions at the present rates, then the mean of these predictions as the
new rates.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from ..errors import ChoiceError
from .correction import Correction

_ROUNDS: Final = 5000
_CLOSE: Final = 1e-9

#: A rate that is known no better than this is not known.
_UNSURE: Final = 0.15


def rates_of(found: Correction, trained: Tensor, raw: Any) -> tuple[Tensor, str]:
    """The likeliest rates of the classes behind raw predictions, (classes,), and a sentence about them.

    Args:
        found: turns raw predictions into those of the rates that the model was trained at.
        trained: these rates.
        raw: the predictions, (rows,) or (rows, classes).

    Raises:
        ChoiceError: the predictions hardly tell the classes apart, so that they say nothing of the rates.
    """
    held = found.probabilities(raw).double()
    if not found.several:
        held = held.reshape(-1)
        held = torch.stack([1 - held, held], -1)
    if held.ndim != 2 or held.shape[-1] != len(trained) or not len(held):
        raise ChoiceError(
            f"unlabelled are raw predictions, (rows,) or (rows, {len(trained)} classes) for these rates; got "
            f"{tuple(held.shape)}."
        )
    # How much likelier each row is under each class, up to a factor of the row.
    ratio = held / trained
    rates = trained.clone()
    for _ in range(_ROUNDS):
        shared = ratio * rates
        after = (shared / shared.sum(-1, keepdim=True)).mean(0)
        moved, rates = float((after - rates).abs().max()), after
        if moved < _CLOSE:
            break
    error = _errors(ratio, rates)
    if float(error.max()) > _UNSURE:
        raise ChoiceError(
            f"the rates cannot be read from these {len(held)} predictions: a standard error of "
            f"{float(error.max()):.2g} would remain. The model hardly tells the classes apart, or there are too few "
            "rows; give actual=... itself."
        )
    told = ", ".join(f"{float(r):.3g} ± {float(e):.1g}" for r, e in zip(rates, error, strict=True))
    if len(rates) == 2:
        told = f"{float(rates[1]):.3g} ± {float(error[1]):.1g}"
    says = f"On {len(held)} unlabelled rows the likeliest rate is {told}, if only the rates of the classes changed. "
    return rates.clamp_min(1e-12) / rates.clamp_min(1e-12).sum(), says


def _errors(ratio: Tensor, rates: Tensor) -> Tensor:
    """Standard errors of the rates, from the curvature of the likelihood."""
    each = ratio / (ratio * rates).sum(-1, keepdim=True)
    # The rates add to 1: the last one follows from the others.
    free = each[:, :-1] - each[:, -1:]
    covariance = torch.linalg.pinv(free.mT @ free, hermitian=True)
    information = torch.linalg.eigvalsh(free.mT @ free)
    if float(information[0]) < 1 / (3 * _UNSURE) ** 2:
        return torch.full_like(rates, 1.0)
    variance = torch.cat([covariance.diagonal(), covariance.sum()[None]])
    return variance.clamp_min(0).sqrt()
