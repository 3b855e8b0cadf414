"""SigLIP: each pair of an image and a text is a yes or no question of its own."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Vector, param
from ...core import Contrastive
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch
from ..pieces.softplus import softplus


class SigLIP(Contrastive):
    """Every image with every text: does it belong? A logistic loss of each of the N² pairs.

    softplus(-s_ii) + sum over j != i of softplus(s_ij) with s = scale * cosine + bias. No softmax joins the pairs, so
    it needs no large batch and no exchange of normalisers. An example costs the whole row of its image; **the mean
    divides by the N rows, not by the N² pairs**, as in the paper.

    As N - 1 of N pairs do not belong, `bias` starts at -10, so that at first nearly nothing costs but the pairs that
    do. Scale and bias are usually learned: `wald.LearnedScale` scales the vectors and carries the bias in one more
    feature, and this loss, with `normalise=False, scale=1.0, bias=0.0`, takes them as they are, as the second example
    shows. Both get exact gradients.

    A masked pair is neither image nor text. Two equal texts in a batch count as not belonging to each other's
    image; leave out repeats with `mask`.

    Shapes: image and text (N, features); exactly one batch axis, as it says who meets whom.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> x = torch.eye(3)
    >>> wald.SigLIP()(x, x)  # log 2, and twice softplus(-10)
    tensor(0.6932)
    >>> scale = wald.LearnedScale(10.0, bias=-10.0)
    >>> wald.SigLIP(scale=1.0, bias=0.0, normalise=False)(*scale(x, x)).detach()
    tensor(0.6932)
    """

    scale: float = param(default=10.0, above=0, typical=(1.0,), help="what cosines are multiplied by")
    bias: float = param(default=-10.0, typical=(0.0,), help="what is added to every score")
    normalise: bool = param(default=True, typical=(False,), help="scores are of cosines, not of plain products")

    card = Card(
        task="other",
        inputs={"image": Vector, "text": Vector},
        formula=lambda loss: Formula(
            "sum([softplus(-x if k == i else x) for k, x in zip(range(len(s)), s)])",
            s=f"[scale * {'cosine' if loss.normalise else 'dot'}(image[i], t) + bias for t in text]",
        ),
        convex=lambda loss: False if loss.normalise else None,
        bounded_below=True,
        coupling="coupled",
        smooth=lambda loss: 0 if loss.normalise else 3,
        slope="bounded",
        when="Two sides of different kinds in pairs, images and texts, and batches of any size.",
        when_not="Only the order of scores matters and batches are large (InfoNCE), or both sides are views (NTXent).",
        points={"floor": 0},
        ports={"open_clip.SigLipLoss": {}},
        aliases=("SigLIPLoss", "sigmoid loss for language and image", "sigmoid contrastive", "pairwise sigmoid"),
        tags=("metric learning", "embedding", "contrastive", "CLIP", "image and text", "retrieval"),
        cite=("Zhai et al. 2023, arXiv:2303.15343",),
    )

    def per_example(self, image: Tensor, text: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("SigLIP", "which texts meet which images", image=image, text=text)
        if self.normalise:
            image, text = direction(image), direction(text)
        scores = (self.scale * image) @ text.mT + self.bias
        own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        costs = softplus(torch.where(own, -scores, scores))
        if keep is not None:
            costs = torch.where(keep | own, costs, torch.zeros_like(costs))
        return costs.sum(-1)
