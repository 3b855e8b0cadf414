"""NT-Xent: each of two views must pick the other out of all views of the batch."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class NTXent(Contrastive):
    """Two views of each example pick each other out of all views of the batch (SimCLR).

    Cross-entropy of picking the right one: all 2 N views are anchors, the positive of a view is the other view of its
    example, and its negatives are the 2 N - 2 views of all other examples. -log(exp(s_ij) / sum over k != i of
    exp(s_ik)) with s = cosine / temperature; **a view's score with itself is left out**. An example costs the mean of
    what its two views cost, so the mean over the batch is the mean over the 2 N anchors, as in the paper.

    It is not InfoNCE, which asks the first view alone, and of the second views only: N - 1 negatives, no score
    between two first views. Chance costs log(2 N - 1). **Accumulating gradients over small batches is not one large
    batch**: each sees its own negatives only. A masked example is neither anchor nor negative.

    With `normalise=False` the scores are plain products; with `temperature=1` besides, `wald.LearnedScale` learns a
    temperature: it brings both views to the root of 1 / temperature.

    Shapes: first and second (N, features); exactly one batch axis, as it says who meets whom.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> apart = torch.eye(3)
    >>> wald.NTXent(temperature=1.0)(apart, apart)  # log(e + 4) - 1
    tensor(0.9048)
    >>> wald.NTXent()(torch.ones(3, 2), torch.ones(3, 2))  # all the same: log 5
    tensor(1.6094)
    """

    temperature: float = param(
        default=0.5,
        above=0,
        typical=(0.07, 1.0),
        help="what scores are divided by; small looks at the hardest negatives",
    )
    normalise: bool = param(default=True, typical=(False,), help="scores are cosines, not plain products")

    card = Card(
        task="other",
        inputs={"first": Vector, "second": Vector},
        formula=lambda loss: Formula(
            "(logsumexp(a) + logsumexp(b)) / 2 - own",
            own=f"{'cosine' if loss.normalise else 'dot'}(first[i], second[i]) / temperature",
            others="first[:i] + first[i + 1:] + second[:i] + second[i + 1:]",
            a=f"[own] + [{'cosine' if loss.normalise else 'dot'}(first[i], v) / temperature for v in others]",
            b=f"[own] + [{'cosine' if loss.normalise else 'dot'}(second[i], v) / temperature for v in others]",
        ),
        convex=lambda loss: False if loss.normalise else None,
        bounded_below=True,
        coupling="coupled",
        smooth=lambda loss: 0 if loss.normalise else 3,
        slope=lambda loss: "bounded" if loss.normalise else "linear",
        when="You have two views of each example (two augmentations) and no labels, and batches that are large.",
        when_not="The two sides are of different kinds (InfoNCE, SigLIP), or there are labels (SupCon).",
        points={"chance": "log(2 * batch - 1)", "collapse": "log(2 * batch - 1)", "floor": 0},
        ports={
            "lightly.loss.NTXentLoss": {"temperature": 0.5},
            "monai.losses.ContrastiveLoss": {"temperature": 0.5},
            "pytorch_metric_learning.losses.NTXentLoss": {"temperature": 0.07},
            "optax.losses.ntxent": {"temperature": 0.07},
        },
        aliases=("NT-Xent", "NTXentLoss", "ntxent", "SimCLR", "SimCLRLoss", "normalized temperature cross entropy"),
        tags=("metric learning", "embedding", "contrastive", "self-supervised", "two views"),
        cite=("Chen et al. 2020, arXiv:2002.05709 (SimCLR)", "Sohn 2016 (N-pair loss)"),
    )

    def per_example(self, first: Tensor, second: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("NTXent", "which views compete", first=first, second=second)
        views = torch.cat([first, second])
        if self.normalise:
            views = direction(views)
        scores = (views / self.temperature) @ views.mT
        count = len(first)
        view = torch.arange(2 * count, device=views.device)
        partner = view.roll(count)
        possible = view != view.unsqueeze(-1)
        if keep is not None:
            # Its partner stays, so that a view that is left out has a finite value and gradient too.
            possible = possible & keep.repeat(2) | (view == partner.unsqueeze(-1))
        scores = torch.where(possible, scores, torch.full_like(scores, -torch.inf))
        values = cross_entropy(scores, partner, reduction="none")
        return 0.5 * (values[:count] + values[count:])
