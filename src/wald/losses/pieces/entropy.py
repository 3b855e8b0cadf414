"""The entropy of a softmax."""

from torch import Tensor


def entropy(logits: Tensor) -> Tensor:
    """-Σ p log p over the last axis, in nats; a class that cannot occur adds nothing, with a finite slope."""
    logs = logits.log_softmax(-1)
    p = logs.exp()
    return -(p * logs.masked_fill(p == 0, 0.0)).sum(-1)
