"""Case-control Cox: an event against a few of those who could have had it."""

from __future__ import annotations

from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, Formula, Real, param
from ...core import Loss, ShapeError


class CaseControlCox(Loss):
    """The partial likelihood of an event against a few sampled controls, in place of all who were at risk.

    log(1 + Σ exp(control - prediction)) over the controls of an event. The prediction is the log-risk of who had the
    event, a control that of somebody who was still at risk then, drawn at random. Each event brings its own risk set,
    so, unlike Cox, small batches leave the gradient of the data unbiased, and inputs may depend on time.

    With few controls log-risks are determined up to a constant only, as in Cox. `shrink` pulls all of them to 0.
    pycox cuts differences off at 80, and with them the gradient of the worst cases; nothing is cut off here.

    Shapes: prediction (*batch) of the events, controls (*batch, controls); the loss in nats.

    Raises:
        ShapeError: there are no controls.

    >>> import torch, wald
    >>> wald.CaseControlCox()(torch.zeros(1), torch.zeros(1, 3))  # log(4)
    tensor(1.3863)
    """

    shrink: float = param(default=0.0, at_least=0, typical=(0.1,), help="how much sizes of log-risks cost")

    card = Card(
        task="other",
        inputs={"prediction": Real, "controls": Real.of("controls")},
        formula=Formula(
            "logsumexp([0, *[c - prediction for c in controls]])"
            " + shrink * (abs(prediction) + sum([abs(c) for c in controls])) / len(controls)"
        ),
        convex=True,
        bounded_below=True,
        slope="bounded",
        points={"perfect": 0},
        when="Data are too many for a batch to hold risk sets, or inputs change over time.",
        when_not="All of the data fit into a batch (Cox).",
        aliases=("CoxCC", "CoxTime", "CoxCCLoss", "case-control Cox", "nested case-control"),
        ports={"pycox.models.loss.cox_cc_loss": {}, "pycox.models.loss.CoxCCLoss": {}},
        tags=("survival", "censored", "hazard", "time to event", "sampled", "contrastive"),
        cite=("Kvamme, Borgan & Scheel 2019, arXiv:1907.00825",),
    )

    def per_example(self, prediction: Tensor, controls: Tensor) -> Tensor:
        if not controls.shape[-1]:
            raise ShapeError(f"CaseControlCox: controls {tuple(controls.shape)} holds none; an event needs at least 1.")
        value = F.pad(controls - prediction.unsqueeze(-1), (1, 0)).logsumexp(-1)
        if not self.shrink:
            return value
        return value + self.shrink * (prediction.abs() + controls.abs().sum(-1)) / controls.shape[-1]
