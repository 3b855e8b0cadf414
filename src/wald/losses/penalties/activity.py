"""What sparse codes cost to search: how often each of their features is active."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Vector
from ...core import Loss
from ..pieces.one_batch import one_batch


class FLOPS(Loss):
    """How many products a search through sparse embeddings takes: features should be rare, and evenly so.

    The sum over features of the square of their mean size in the batch, Σ_v (mean_i |x_iv|)². A product is needed where
    two embeddings are active in the same feature; with the share a_v of embeddings in which it is, that is Σ a_v²,
    smoothed here by sizes in place of shares. Unlike a sum of sizes (ElasticNet l1=1) it asks a feature that all have
    for more than one that few have, so it spreads what is left over the vocabulary.

    Beside the loss of a sparse encoder, with a weight that grows slowly from 0: at once, it empties the embeddings, and
    0 is a minimum. Queries and documents have one each, of different weights. **It depends on the size of the batch**:
    the mean of squares over small batches is larger than the square of the mean over large ones. Sizes count, so scale
    is to be held by the other loss.

    To leave embeddings in peace that have few active features, make them 0 (`x * (x.count_nonzero(-1) > 50)[:, None]`):
    they still count in the mean. sentence-transformers takes no absolute values, which of activations after a ReLU is
    the same. **One number for the whole batch**, given to each example alike.

    Shapes: embedding (N, features), activations that are mostly 0.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> one_for_all, one_each = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    >>> wald.FLOPS()(one_for_all), wald.FLOPS()(one_each)
    (tensor(4.), tensor(2.))
    """

    card = Card(
        task="other",
        inputs={"embedding": Vector},
        formula=Formula("sum([mean([abs(x) for x in feature])**2 for feature in zip(*embedding)])"),
        convex=True,
        coupling="coupled",
        denominator="nothing: the batch has one value",
        when="Beside the loss of a sparse encoder whose embeddings go into an inverted index.",
        when_not="Embeddings are dense, or single activations should be small (ElasticNet).",
        points={"collapse": 0, "floor": 0},
        aliases=("FlopsLoss", "FLOPS regulariser", "FLOPS regularizer", "SPLADE regularizer", "FLOPs penalty"),
        ports={"sentence_transformers.sparse_encoder.losses.FlopsLoss": {}},
        tags=("penalty", "sparsity", "activations", "embedding", "retrieval", "SPLADE"),
        cite=("Paria et al. 2020, arXiv:2004.05665", "Formal, Piwowarski & Clinchant 2021, arXiv:2107.05720 (SPLADE)"),
    )

    def per_example(self, embedding: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("FLOPS", "over which embeddings a feature is counted", embedding=embedding)
        counts = torch.ones_like(embedding[:, 0], dtype=torch.bool) if keep is None else keep
        sizes = torch.where(counts.unsqueeze(-1), embedding, torch.zeros_like(embedding)).abs().sum(0)
        return (sizes / counts.sum().clamp(min=1)).square().sum().expand(len(embedding))
