"""What scores cost by themselves: how sure they are, and how large."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Logits
from ...core import Loss
from ..pieces.entropy import entropy


class EntropyBonus(Loss):
    """Minus the entropy of a softmax: added to a loss, it rewards being unsure.

    Σ p log p, from -log classes where all are alike up to 0 where one is sure. **The sign is that of a loss**: a Term
    of weight 0.01 keeps a policy exploring or a classifier soft, and no minus is to be written. rlax returns this
    value; verl and TRL return the entropy, which their trainers subtract. A negative weight makes predictions sure
    instead (entropy minimisation, of unlabelled examples).

    Shapes: logits (*batch, classes), unnormalised. The value is in nats.

    >>> import torch, wald
    >>> wald.EntropyBonus()(torch.tensor([[0.0, 0.0], [0.0, 2.0]]), reduction="none")
    tensor([-0.6931, -0.3653])
    """

    card = Card(
        task="other",
        inputs={"logits": Logits},
        formula=Formula("sum([exp(x) * x for x in s])", s="log_softmax(logits)"),
        convex=False,
        smooth=3,
        slope="vanishing",
        when="A policy must not settle too early, or a prediction not become too sure.",
        when_not="Cross-entropy stands beside it: ConfidencePenalty is both in one.",
        points={"floor": "-log(classes)", "chance": "-log(classes)", "collapse": 0},
        aliases=("entropy bonus", "negative entropy", "entropy regularization", "max entropy", "entropy_loss"),
        ports={"rlax.entropy_loss": {}},
        tags=("penalty", "policy", "exploration", "confidence", "reinforcement learning"),
        cite=("Mnih et al. 2016, arXiv:1602.01783",),
    )

    def per_example(self, logits: Tensor) -> Tensor:
        return -entropy(logits)


class ZLoss(Loss):
    """The square of the log-partition: logits of a router or a vocabulary stay small.

    (log Σ exp(z))². A softmax does not see a constant that all its logits share, so it may drift until half precision
    rounds them; this holds it at 0. **It is not least where logits are 0**, but where their log-partition is: there it
    is (log classes)². Weights of 1e-3 for a mixture's router, 1e-4 for a language model's vocabulary; Megatron returns
    it with the weight in it. In CrossEntropy it is the field `z_loss`.

    Shapes: logits (*batch, classes); a token is an example. Leave padding out with `mask=`.

    >>> import torch, wald
    >>> wald.ZLoss()(torch.tensor([[0.0, 0.0], [2.0, 2.0]]), reduction="none")  # (log 2)², (2 + log 2)²
    tensor([0.4805, 7.2530])
    """

    card = Card(
        task="other",
        inputs={"logits": Logits},
        formula=Formula("logsumexp(logits)**2"),
        convex=False,
        smooth=3,
        slope="linear",
        when="Logits drift in half precision, in a router or before a large softmax.",
        when_not="The term is wanted beside cross-entropy: CrossEntropy(z_loss=1e-4) computes both at once.",
        points={"perfect": 0, "floor": 0},
        aliases=("z-loss", "router z-loss", "RouterZLoss", "router_z_loss_func", "ST-MoE z-loss"),
        ports={
            "transformers.models.switch_transformers.modeling_switch_transformers.router_z_loss_func": {},
        },
        tags=("penalty", "mixture of experts", "MoE", "router", "logits", "stability"),
        cite=("Zoph et al. 2022, arXiv:2202.08906",),
    )

    def per_example(self, logits: Tensor) -> Tensor:
        return logits.logsumexp(-1).square()
