"""InfoNCE with negatives that are given: a queue of earlier keys (MoCo), or distractors of each example's own."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Contrastive
from ..pieces.softplus import softplus


class MoCo(Contrastive):
    """A positive is picked out of negatives that are given: a queue, or each example's own.

    log(1 + Σ exp((negative - positive) / temperature)): cross-entropy of picking the positive. The loss takes scores,
    usually cosines, so that negatives may come from anywhere and examples do not meet:

    - a queue of earlier keys (MoCo): positive = (query * key).sum(-1), negative = queue(query) of a `wald.Queue`, with
      queries and keys of length 1, and keys without a gradient (`wald.Teacher`). Put the keys of this batch into the
      queue *after* the loss, or each meets itself as a negative;
    - distractors drawn for each example (wav2vec 2.0): any that equals the positive has the score -inf.

    With the other keys of the batch as negatives it is InfoNCE.

    Shapes: positive (*batch), negative (*batch, negatives).

    >>> import torch, wald
    >>> wald.MoCo(temperature=1.0)(torch.tensor([1.0]), torch.tensor([[0.0, 0.0]]))  # log(1 + 2/e)
    tensor(0.5514)
    """

    temperature: float = param(
        default=0.07, above=0, typical=(0.2, 1.0), help="what scores are divided by; 0.07 to 0.2 is usual"
    )

    card = Card(
        task="other",
        inputs={"positive": Real, "negative": Real.of("negatives")},
        formula=Formula("softplus(logsumexp([x / temperature for x in negative]) - positive / temperature)"),
        convex=True,
        bounded_below=True,
        slope="bounded",
        when="Batches are too small to hold enough negatives, or each example comes with its own.",
        when_not="The batch itself holds enough (InfoNCE, NTXent).",
        points={"perfect": 0, "floor": 0, "collapse": "log(1 + negatives)", "chance": "log(1 + negatives)"},
        aliases=(
            "MoCo loss",
            "InfoNCE with a queue",
            "momentum contrast",
            "wav2vec 2.0 contrastive",
            "sampled InfoNCE",
        ),
        tags=("metric learning", "embedding", "contrastive", "self-supervised", "queue", "memory bank"),
        cite=("He, Fan, Wu, Xie & Girshick 2020, arXiv:1911.05722",),
    )

    def per_example(self, positive: Tensor, negative: Tensor) -> Tensor:
        return softplus((negative / self.temperature).logsumexp(-1) - positive / self.temperature)
