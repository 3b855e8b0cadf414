"""The pair loss of the hard pairs of a batch only."""

import torch
from torch import Tensor

from ...cards import Card, Formula, Label, Vector, param
from ...core import Contrastive
from ..pieces.batch_pairs import mean_of, only
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class OnlineContrastive(Contrastive):
    """The pair loss of the hard pairs of a batch; the easy ones cost nothing.

    A pair that belongs together is hard unless it is nearer than every pair that does not, and costs d²; a pair that
    does not is hard unless it is further apart than every pair that does, and costs max(0, margin - d)². The distance d
    is 1 - cos. In a batch with pairs of one kind only, those on the wrong side of their mean are hard.

    Equal distances are hard, so that vectors which have all become the same cost margin² for each pair that differs; in
    sentence-transformers, where they are easy, such a collapse costs 0.

    The mean divides by all pairs. sentence-transformers adds up the hard ones, so that the gradient grows with the
    batch: that is `reduction="sum"`. Which pairs are hard jumps as vectors move, and so does the value.

    Shapes: anchor and other (N, features), same (N,) 1 if the pair belongs together, 0 if not; exactly one batch axis,
    as it says among whom the hard ones are sought.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> anchor = torch.tensor([1.0, 0.0]).expand(3, 2)
    >>> other = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]])
    >>> wald.OnlineContrastive()(anchor, other, torch.tensor([1, 1, 0]), reduction="none")  # the first is easy
    tensor([0.0000, 0.1600, 0.0900])
    """

    margin: float = param(
        default=0.5, above=0, typical=(1.0,), help="the cosine distance from which pairs that differ cost nothing"
    )

    card = Card(
        task="pairwise",
        inputs={"anchor": Vector, "other": Vector, "same": Label},
        formula=Formula(
            "(d[i]**2 if d[i] >= (min(far) if far else mean(near)) else 0) if same[i] else"
            " (max(0, margin - d[i])**2 if d[i] <= (max(near) if near else mean(far)) else 0)",
            d="[1 - cosine(a, b) for a, b in zip(anchor, other)]",
            near="[x for x, s in zip(d, same) if s]",
            far="[x for x, s in zip(d, same) if not s]",
        ),
        convex=False,
        bounded_below=True,
        coupling="coupled",
        slope="bounded",
        when="Pairs were judged same or different, most of them are easy, and batches hold several of both kinds.",
        when_not="Batches are of a few pairs, or labels are noisy: the hardest pairs are then the wrong ones.",
        points={"perfect": 0, "floor": 0, "collapse of a pair that differs": "margin**2"},
        aliases=("OnlineContrastiveLoss", "hard contrastive", "online contrastive"),
        ports={"sentence_transformers.losses.OnlineContrastiveLoss": {}},
        tags=("metric learning", "embedding", "siamese", "mining", "verification"),
    )

    def per_example(self, anchor: Tensor, other: Tensor, same: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("OnlineContrastive", "among whom hard pairs are sought", anchor=anchor, other=other, same=same)
        if same.numel() == 0:
            return anchor.sum(-1)
        far = 1 - (direction(anchor) * direction(other)).sum(-1)
        yes, no = same == 1, same == 0
        if keep is not None:
            yes, no = yes & keep, no & keep
        endless = torch.full_like(far, torch.inf)
        furthest = torch.where(yes, far, -endless).amax(-1)
        nearest = torch.where(no, far, endless).amin(-1)
        # So written, NaN stays NaN, and equal distances are hard: a collapse then costs something.
        hard_yes = yes & ~(far < torch.where(no.any(-1), nearest, mean_of(far, yes)))
        hard_no = no & ~(far > torch.where(yes.any(-1), furthest, mean_of(far, no)))
        return only(far.square(), hard_yes) + only((self.margin - far).relu().square(), hard_no)
