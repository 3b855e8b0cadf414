"""What the inputs of torch's own losses mean: where each lives, as their documentation says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from ...cards import (
    BinaryTarget,
    ClassId,
    ClassTarget,
    Domain,
    Logit,
    Logits,
    LogProbabilities,
    NonNegative,
    Probabilities,
    Real,
    Vector,
)
from ..subjects.domains import Probability, Sign

Inputs = Mapping[str, Domain]

_VARIANCE: Final = Domain(says="a variance", low=0.0, typical=(0.1, 4.0), safe=1.0)
_LENGTH: Final = Domain(says="a length", low=0.0, integer=True, typical=(1, 8), safe=1.0)
_LABELS: Final = {"input": Logits, "target": ClassId}
_NUMBERS: Final = {"input": Real, "target": Real}
_TRIPLET: Final = {"anchor": Vector, "positive": Vector, "negative": Vector}

#: The inputs of each function of `torch.nn.functional`, by its name.
FUNCTIONS: Final[Mapping[str, Inputs]] = {
    "mse_loss": _NUMBERS,
    "l1_loss": _NUMBERS,
    "huber_loss": _NUMBERS,
    "smooth_l1_loss": _NUMBERS,
    "cross_entropy": {"input": Logits, "target": ClassTarget},
    "nll_loss": {"input": LogProbabilities, "target": ClassId},
    "multi_margin_loss": _LABELS,
    "kl_div": {"input": LogProbabilities, "target": Probabilities},
    "binary_cross_entropy": {"input": Probability, "target": BinaryTarget},
    "binary_cross_entropy_with_logits": {"input": Logit, "target": BinaryTarget},
    "multilabel_soft_margin_loss": {"input": Logit, "target": BinaryTarget},
    "soft_margin_loss": {"input": Logit, "target": Sign},
    "hinge_embedding_loss": {"input": Real, "target": Sign},
    "margin_ranking_loss": {"input1": Real, "input2": Real, "target": Sign},
    "cosine_embedding_loss": {"input1": Vector, "input2": Vector, "target": Sign},
    "triplet_margin_loss": _TRIPLET,
    "triplet_margin_with_distance_loss": _TRIPLET,
    "poisson_nll_loss": {"input": Real, "target": NonNegative},
    "gaussian_nll_loss": {"input": Real, "target": Real, "var": _VARIANCE},
    "ctc_loss": {
        "log_probs": LogProbabilities,
        "targets": ClassId,
        "input_lengths": _LENGTH,
        "target_lengths": _LENGTH,
    },
}

#: The modules whose function has another name than theirs.
_MODULES: Final = {
    "MSELoss": "mse_loss",
    "L1Loss": "l1_loss",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "KLDivLoss": "kl_div",
    "CTCLoss": "ctc_loss",
    "NLLLoss": "nll_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "PoissonNLLLoss": "poisson_nll_loss",
    "GaussianNLLLoss": "gaussian_nll_loss",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss",
}


def known_as(loss: Callable[..., Any]) -> str:
    """The name in `torch.nn.functional` of a loss of torch; empty for any other."""
    if isinstance(loss, torch.nn.Module):
        kind = type(loss)
        if not kind.__module__.startswith("torch.nn"):
            return ""
        name = _MODULES.get(kind.__name__) or _snake(kind.__name__)
    else:
        name = getattr(loss, "__name__", "")
        if getattr(torch.nn.functional, name, None) is not loss:
            return ""
    return name if name in FUNCTIONS else ""


def meaning(loss: Callable[..., Any]) -> Inputs:
    """Where the inputs of a loss of torch live; nothing for any other."""
    name = known_as(loss)
    if name == "poisson_nll_loss" and getattr(loss, "log_input", True) is False:
        return {"input": NonNegative, "target": NonNegative}
    return FUNCTIONS.get(name, {})


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
