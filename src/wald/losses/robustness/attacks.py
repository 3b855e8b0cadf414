"""Training against attacks: a clean example and its attacked twin, whose logits are given."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassId, ClassTarget, Formula, Logits, param
from ...core import Loss
from ..pieces.softmax import cross_entropy, log_odds_of
from ..pieces.softplus import softplus
from ..pieces.spaces import divergence


class TRADES(Loss):
    """Right on clean examples, and of the same opinion on attacked ones.

    CE(prediction, target) + strength · KL(softmax(prediction) || softmax(attacked)). The attack maximises the second
    part: take some steps on the input that make it larger, and give the logits of what was found. **Both sides have a
    gradient**, the clean one through the divergence too, as in the authors' code. The paper uses a strength of 6 on
    CIFAR-10 while the code's default is 1; the authors' code divides the second part by a batch size that is
    given by hand, here by the examples that are there.

    Shapes: prediction (clean) and attacked (*batch, classes), logits; target (*batch) class ids, or (*batch, classes)
    probabilities as floats.

    >>> import torch, wald
    >>> clean, attacked, target = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> wald.TRADES(strength=0.0)(clean, attacked, target), wald.TRADES()(clean, attacked, target)
    (tensor(0.1269), tensor(2.0938))
    """

    strength: float = param(default=6.0, at_least=0, typical=(1.0,), help="the weight of the divergence")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "attacked": Logits, "target": ClassTarget},
        formula=Formula(
            "-a[target] + strength * sum([exp(x) * (x - y) for x, y in zip(a, b)])",
            a="log_softmax(prediction)",
            b="log_softmax(attacked)",
        ),
        smooth=3,
        when="A classifier must hold against small changes of its input, at a price in clean accuracy that you choose.",
        when_not="Only attacked examples are trained on (CrossEntropy), or no labels are known (Consistency).",
        points={"perfect": 0, "chance": "log(classes)", "floor": 0},
        aliases=("TRADES loss", "adversarial training with a trade-off"),
        tags=("robustness", "adversarial", "attack", "consistency", "classification"),
        cite=("Zhang et al. 2019, arXiv:1901.08573",),
    )

    def per_example(self, prediction: Tensor, attacked: Tensor, target: Tensor) -> Tensor:
        a, b = prediction.log_softmax(-1), attacked.log_softmax(-1)
        return cross_entropy(prediction, target) + self.strength * divergence(a.exp(), a, b)


class MART(Loss):
    """Right on attacked examples, and of one opinion where the clean one is already mistaken.

    -log p'_y - log(1 - the largest p' of another class) + strength · KL(softmax(prediction) || softmax(attacked)) ·
    (1 - p_y), with p of the clean and p' of the attacked example: an example that is wrong when clean is weighed more.
    **Both sides have a gradient, and the weight 1 - p_y too**, as in the authors' code, which adds 1.0001 and 1e-12
    inside its logarithms; here they are exact. The second term is about the second-best class, whatever comes first.

    Shapes: prediction (clean) and attacked (*batch, classes), logits of two classes or more; target (*batch), ids.

    >>> import torch, wald
    >>> clean, attacked, target = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> wald.MART(strength=0.0)(clean, attacked, target), wald.MART()(clean, attacked, target)  # 2 log 2, and more
    (tensor(1.3863), tensor(1.5817))
    """

    strength: float = param(default=5.0, at_least=0, typical=(1.0,), help="the weight of the divergence")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "attacked": Logits, "target": ClassId},
        formula=Formula(
            "-log(b[target]) - log(1 - max([x for k, x in zip(range(len(b)), b) if k != target]))"
            " + strength * sum([x * log(x / y) for x, y in zip(a, b)]) * (1 - a[target])",
            a="softmax(prediction)",
            b="softmax(attacked)",
        ),
        convex=False,
        when="A classifier must hold against attacks, and the clean accuracy is not high.",
        when_not="Clean accuracy comes first (TRADES).",
        points={"perfect": 0, "chance": "2 * log(classes) - log(classes - 1)", "floor": 0},
        aliases=("misclassification-aware adversarial training", "boosted cross-entropy"),
        tags=("robustness", "adversarial", "attack", "classification"),
        cite=("Wang et al. 2020, ICLR",),
    )

    def per_example(self, prediction: Tensor, attacked: Tensor, target: Tensor) -> Tensor:
        a, b = prediction.log_softmax(-1), attacked.log_softmax(-1)
        own = target.unsqueeze(-1)
        second = attacked.scatter(-1, own, float("-inf")).argmax(-1)
        # 1 - p of a class is sigmoid of minus its log-odds.
        boosted = cross_entropy(attacked, target) + softplus(log_odds_of(attacked, second))
        doubt = (-softplus(log_odds_of(prediction, target))).exp()
        return boosted + self.strength * divergence(a.exp(), a, b) * doubt
