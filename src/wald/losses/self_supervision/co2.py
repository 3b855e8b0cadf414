"""CO2: a query and its key see the same candidates alike."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Contrastive
from ..pieces.spaces import divergence


class CO2(Contrastive):
    """A query and its key see the same candidates alike: consistency beside a contrastive loss.

    (KL(p, q) + KL(q, p)) / 2 of p = softmax(prediction / temperature) and q = softmax(target / temperature): the
    scores of a query and of its key with the same candidates, which are their score with each other and those with a
    queue, say. A negative that is really of the same
    kind is so allowed to look like it, if both views say so. **A term beside InfoNCE or MoCo**, weight about 1.

    Both sides have a gradient: detach the key's scores where it comes from a moving average. lightly 1.6 wraps the
    result in a new tensor, which has no gradient at all.

    Shapes: prediction and target (*batch, candidates).

    >>> import torch, wald
    >>> wald.CO2(temperature=1.0)(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, -1.0]]))  # tanh(1) / 2
    tensor(0.3808)
    """

    temperature: float = param(default=0.05, above=0, typical=(1.0,), help="what scores are divided by")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("candidates"), "target": Real.of("candidates")},
        formula=Formula(
            "sum([(exp(a) - exp(b)) * (a - b) for a, b in zip(p, q)]) / 2",
            p="log_softmax([x / temperature for x in prediction])",
            q="log_softmax([x / temperature for x in target])",
        ),
        bounded_below=True,
        perfect_is_minimal=True,
        when="Beside a contrastive loss whose negatives may be of the same kind as the query.",
        when_not="Alone: it is 0 once every vector is the same.",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("CO2Regularizer", "consistent contrast"),
        ports={"lightly.loss.regularizer.CO2Regularizer": {}},
        tags=("self-supervised", "contrastive", "consistency", "regulariser"),
        cite=("Wei, Wang, Shen & Yuille 2021, arXiv:2010.02217",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        p, q = ((x / self.temperature).log_softmax(-1) for x in (prediction, target))
        return 0.5 * (divergence(p.exp(), p, q) + divergence(q.exp(), q, p))
