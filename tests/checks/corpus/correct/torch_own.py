"""Losses of torch itself with nothing wrong, as functions, modules and partials."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("torch")
add = SHELF.add

add("MSELoss, the class", nn.MSELoss, claims="Squared")
add("MSELoss, sum", nn.MSELoss(reduction="sum"))
add("MSELoss, none", nn.MSELoss(reduction="none"))
add("mse_loss", F.mse_loss, claims="Squared")
add("L1Loss", nn.L1Loss(), claims="Absolute")
add("l1_loss", F.l1_loss, claims="Absolute")
add("HuberLoss", nn.HuberLoss, claims="Huber")
add("HuberLoss, 0.1", nn.HuberLoss(delta=0.1))
add("SmoothL1Loss, 0.5", nn.SmoothL1Loss(beta=0.5))
add("smooth_l1_loss", F.smooth_l1_loss)
add("PoissonNLLLoss", nn.PoissonNLLLoss(), claims="Poisson")
add("PoissonNLLLoss, rate", nn.PoissonNLLLoss(log_input=False))
add("BCEWithLogitsLoss", nn.BCEWithLogitsLoss, claims="BinaryCrossEntropy")
add(
    "BCEWithLogitsLoss, weighted",
    nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)),
    claims="BinaryCrossEntropy(pos_weight=3.0)",
)
add("binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits, claims="BinaryCrossEntropy")
add("BCELoss", nn.BCELoss())
add("binary_cross_entropy", F.binary_cross_entropy)
add("hinge_embedding_loss", F.hinge_embedding_loss)
add("CrossEntropyLoss", nn.CrossEntropyLoss, claims="CrossEntropy")
add("cross_entropy", F.cross_entropy, claims="CrossEntropy")
add(
    "CrossEntropyLoss, smoothed",
    nn.CrossEntropyLoss(label_smoothing=0.1),
    claims="CrossEntropy(label_smoothing=0.1)",
)
add(
    "CrossEntropyLoss, weighted",
    nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0])),
    claims="CrossEntropy(class_weight=(1.0, 2.0, 3.0, 4.0))",
)
add("nll_loss", F.nll_loss)
add("NLLLoss, sum", nn.NLLLoss(reduction="sum"))
add("kl_div", partial(F.kl_div, reduction="batchmean"), claims="KLDivergence(prediction_space='log_probabilities')")
add("kl_div, mean", F.kl_div)
add("KLDivLoss", nn.KLDivLoss(reduction="sum"))
add("multilabel_soft_margin_loss", F.multilabel_soft_margin_loss)
