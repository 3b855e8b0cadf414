"""SupCon: each example must pick those of its own label out of the batch."""

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Vector, param
from ...core import Contrastive
from ..pieces.distance import direction
from ..pieces.one_batch import one_batch


class SupCon(Contrastive):
    """Each example picks those of its label out of the batch: supervised contrastive loss.

    The mean over the examples p of the same label of -log softmax(s)_p, the softmax over all other examples of the
    batch, s = cosine / temperature. **The mean stands outside the logarithm** (the better of the two forms in the
    paper, L_out), and the other positives stay in the denominator. Two views of each example are twice the rows:
    torch.cat([first, second]) with label.repeat(2); with a label of its own for each example that is NTXent.

    An example that is alone with its label has nothing to pick: it costs 0, is a negative of the others, and counts
    in the mean, as in the authors' code. To average over the others only, pass their number as `normalizer`. The
    authors multiply by temperature / base_temperature, which is 1 at their defaults; pytorch-metric-learning leaves
    examples that cost 0 out of the mean. The least value is not 0: p equal positives leave log p.

    A masked example is neither anchor, positive nor negative.

    Shapes: embedding (N, features), label (N,) class ids; exactly one batch axis, as it says who meets whom.

    Raises:
        DomainError: a label is negative.
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> embedding = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> wald.SupCon(temperature=1.0)(embedding, torch.tensor([0, 0, 1, 1]))  # log(e + 2) - 1
    tensor(0.5514)
    """

    temperature: float = param(
        default=0.1,
        above=0,
        typical=(0.07, 1.0),
        help="what scores are divided by; small looks at the hardest negatives",
    )
    normalise: bool = param(default=True, typical=(False,), help="scores are cosines, not plain products")

    card = Card(
        task="other",
        inputs={"embedding": Vector, "label": ClassId},
        formula=lambda loss: Formula(
            "sum([logsumexp(s) - x for x, c in zip(s, label[:i] + label[i + 1:]) if c == label[i]]) / (positives or 1)",
            positives="label.count(label[i]) - 1",
            others="embedding[:i] + embedding[i + 1:]",
            s=f"[{'cosine' if loss.normalise else 'dot'}(embedding[i], z) / temperature for z in others]",
        ),
        convex=lambda loss: False if loss.normalise else None,
        bounded_below=True,
        coupling="coupled",
        smooth=lambda loss: 0 if loss.normalise else 3,
        slope=lambda loss: "bounded" if loss.normalise else "linear",
        when="You have labels and want embeddings in which each class is near itself, with several of each in a batch.",
        when_not="Batches rarely hold two of a label, or probabilities are wanted (CrossEntropy).",
        points={"collapse": "log(batch - 1)", "floor": 0},
        ports={"pytorch_metric_learning.losses.SupConLoss": {"temperature": 0.1}},
        aliases=("SupConLoss", "SupervisedContrastiveLoss", "supervised contrastive"),
        tags=("metric learning", "embedding", "contrastive", "labels"),
        cite=("Khosla et al. 2020, arXiv:2004.11362",),
    )

    def per_example(self, embedding: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("SupCon", "which examples meet", embedding=embedding, label=label)
        if self.normalise:
            embedding = direction(embedding)
        scores = (embedding / self.temperature) @ embedding.mT
        other = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        if keep is not None:
            other = other & keep
        positive = other & (label == label.unsqueeze(-1))
        count = positive.sum(-1).to(scores.dtype)
        meets = count > 0
        # A row without positives has a finite stand-in, so that nothing of it reaches a gradient.
        possible = other | ~meets.unsqueeze(-1)
        shares = torch.where(possible, scores, torch.full_like(scores, -torch.inf)).log_softmax(-1)
        picked = torch.where(positive, shares, torch.zeros_like(shares)).sum(-1)
        return torch.where(meets, -picked / count.clamp(min=1), torch.zeros_like(picked))
