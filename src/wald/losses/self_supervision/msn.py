"""MSN: masked views predict the code of the whole view, and all prototypes are used on the mean."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Real, param
from ...core import Contrastive
from ..pieces.one_batch import one_batch


class MSN(Contrastive):
    """A masked view predicts the code of the whole view, and the batch uses all prototypes.

    -Σ code · log softmax(scores / temperature), as in SwAV, plus `evenness` times log(prototypes) less the entropy of
    the *mean* prediction of the batch: 0 once all prototypes are used alike, log(prototypes) if one takes all. **The
    entropy is that of the mean, and is to be large**; that of each prediction is to be small, and is so by the codes.

    A code is the sharpened softmax of the whole view's scores, (scores / (temperature · 0.25)).softmax(-1), or what
    `codes(code.log(), epsilon=1.0)` of `wald.Prototypes`, which gives the scores, makes of that. It has no gradient.
    With several masked views a whole one, repeat its code.

    Shapes: scores and code (N, prototypes); exactly one batch axis, over which the mean prediction is taken.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> scores = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> wald.MSN(temperature=1.0)(scores, torch.eye(2))  # log(1 + 1/e), and nothing for a mean that is even
    tensor(0.3133)
    """

    temperature: float = param(default=0.1, above=0, typical=(1.0,), help="what scores are divided by")
    evenness: float = param(default=1.0, at_least=0, help="the weight of the entropy of the mean prediction")

    card = Card(
        task="other",
        inputs={
            "scores": Real.of("prototypes"),
            "code": Domain(says="probabilities", low=0.0, high=1.0, axes=("prototypes",), normalised="linear"),
        },
        formula=Formula(
            "-dot(code[i], log_softmax([s / temperature for s in scores[i]])) + evenness * (log(len(m)) + "
            "sum([x * log(x) if x > 0 else 0 for x in m]))",
            p="[softmax([s / temperature for s in row]) for row in scores]",
            m="[mean([row[k] for row in p]) for k in range(len(p[0]))]",
        ),
        convex=None,
        bounded_below=True,
        coupling="coupled",
        smooth=3,
        slope="bounded",
        when="Views are masked, there are prototypes and no labels, and all classes are about as common.",
        when_not="Classes are of very different size: an even use of prototypes is then wrong (DINO).",
        points={"floor": 0},
        aliases=("MSNLoss", "masked siamese network"),
        ports={"lightly.loss.MSNLoss": {}},
        tags=("self-supervised", "clustering", "prototypes", "masked image modelling"),
        cite=("Assran et al. 2022, arXiv:2204.07141",),
    )

    def per_example(self, scores: Tensor, code: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("MSN", "over which the mean prediction is taken", scores=scores, code=code)
        logs = (scores / self.temperature).log_softmax(-1)
        kept = torch.ones_like(scores[:, 0], dtype=torch.bool) if keep is None else keep
        # The mean is taken of logarithms, so that a share that rounds to 0 has a gradient still.
        possible = kept | ~kept.any()
        every = torch.where(possible.unsqueeze(-1), logs, torch.full_like(logs, -math.inf))
        mean = every.logsumexp(0) - possible.sum().clamp(min=1).to(logs.dtype).log()
        shares = mean.exp()
        unused = torch.where(shares > 0, shares * mean, torch.zeros_like(shares)).sum() + math.log(
            max(1, logs.shape[-1])
        )
        return -(code.detach() * logs).sum(-1) + self.evenness * unused
