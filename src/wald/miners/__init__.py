"""Miners: which pairs or triplets of a batch count, as weights.

Each looks at embeddings without a gradient, as they are (bring them to length 1 where the loss does), and gives numbers
that are 0 for what is left out. Rows are anchors. Pairs go to a loss of pairs, each with its weight:

>>> import torch, wald
>>> x, label = torch.tensor([[0.0], [1.0], [1.5], [3.0]]), torch.tensor([0, 0, 1, 1])
>>> weight = wald.miners.hard_pairs(x, label)
>>> anchor, other = weight.nonzero(as_tuple=True)
>>> wald.ContrastivePair()(x[anchor], x[other], label[anchor] == label[other], weight=weight[anchor, other])
tensor(0.8750)

Triplets, as (anchor, positive, negative), go to `wald.Triplet` in the same way:

>>> weight = wald.miners.margin_triplets(x, label, margin=2.0)
>>> a, p, n = weight.nonzero(as_tuple=True)
>>> wald.Triplet(margin=2.0)(x[a], x[p], x[n], weight=weight[a, p, n])
tensor(1.7143)
"""

from .distances import distance_weights as distance_weights, even_pairs as even_pairs
from .pairs import (
    hard_pairs as hard_pairs,
    hardest_share as hardest_share,
    informative_pairs as informative_pairs,
    margin_pairs as margin_pairs,
)
from .triplets import angular_triplets as angular_triplets, margin_triplets as margin_triplets
