"""SwAV: one view predicts the code of the other; codes share the prototypes evenly, by Sinkhorn's iteration."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Real, param
from ...core import Contrastive


def sinkhorn(scores: Tensor, *, epsilon: float = 0.05, iterations: int = 3, keep: Tensor | None = None) -> Tensor:
    """Codes that share the prototypes evenly among the examples, near the softmax of the scores.

    Rows and columns of exp(scores / epsilon) are brought in turn to equal sums, here by their logarithms, so that a
    small epsilon does not overflow. The codes have no gradient.

    Args:
        scores: (N, prototypes), usually cosines; those of a queue may be added as further rows and cut off after.
        epsilon: small makes codes hard, and slow to share evenly.
        iterations: how often; 3 is usual.
        keep: which rows take part; the others get the code of their own softmax.

    Returns:
        (N, prototypes): rows that add up to 1, and columns nearly to N / prototypes.

    >>> import torch
    >>> from wald.losses.self_supervision.swav import sinkhorn
    >>> sinkhorn(torch.tensor([[9.0, 8.0], [9.0, 0.0]]), iterations=50).round(decimals=1)  # one each
    tensor([[0., 1.],
            [1., 0.]])
    """
    logs = scores.detach() / epsilon
    for _ in range(iterations):
        column = logs if keep is None else torch.where(keep.unsqueeze(-1), logs, torch.full_like(logs, -math.inf))
        share = column.logsumexp(0)
        logs = (logs - torch.where(share.isfinite(), share, torch.zeros_like(share))).log_softmax(-1)
    return logs.softmax(-1)


class SwAV(Contrastive):
    """The scores of one view predict the code of another view (SwAV).

    -Σ code · log softmax(scores / temperature): cross-entropy with codes that come from the *other* view's scores by
    Sinkhorn's iteration, and have no gradient; `wald.Prototypes` gives scores and codes. That codes share the
    prototypes evenly is what keeps all examples from getting the same one.

    Scores are cosines with the prototypes, which are brought back to length 1 after each step and held fixed at first.
    A queue's scores go into the codes, not into the loss. Add up over views and crops, and divide by their number.

    Shapes: scores and code (*batch, prototypes).

    >>> import torch, wald
    >>> wald.SwAV(temperature=1.0)(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]]))  # log(1 + 1/e)
    tensor(0.3133)
    """

    temperature: float = param(default=0.1, above=0, typical=(1.0,), help="what scores are divided by")

    card = Card(
        task="other",
        inputs={
            "scores": Real.of("prototypes"),
            "code": Domain(says="probabilities", low=0.0, high=1.0, axes=("prototypes",), normalised="linear"),
        },
        formula=Formula("-dot(code, log_softmax([s / temperature for s in scores]))"),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        when="You have several views of each example, no labels, and prototypes that should all be used.",
        when_not="Batches are small beside the prototypes: without a queue the codes are then noise (DINO).",
        points={"collapse": "log(prototypes)"},
        aliases=("SwaVLoss", "SwAVLoss", "swapped prediction"),
        ports={"lightly.loss.SwaVLoss": {}},
        tags=("self-supervised", "clustering", "prototypes", "Sinkhorn"),
        cite=("Caron et al. 2020, arXiv:2006.09882",),
    )

    def per_example(self, scores: Tensor, code: Tensor) -> Tensor:
        return -(code.detach() * (scores / self.temperature).log_softmax(-1)).sum(-1)
