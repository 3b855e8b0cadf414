"""One call of `linear_policy`: what each token is worth, by a kernel and by the definition."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ....core import Policy
from ...one_pass import Gradients
from ..row_products import HeadProducts
from ..token_pass import Slopes, Tokens, pass_over
from ..whole_matrix import token_logprobs


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyJob:
    """What is asked about the tokens, one entry a row of the hidden states.

    Attributes:
        loss: the loss of one token.
        keep: which tokens count.
        taken: their ids.
        inputs: what the loss takes beside the log-probability.
        on_policy: whether the old log-probability is that of this policy.
        bonus: what a nat of entropy is worth.
        temperature: what the logits are divided by; None for 1.
        rows: how many rows of logits may be held.
        entropy: whether entropies are wanted for their own sake.
        told: what was found out on the way: "log_prob" and "entropy", one number a token.
    """

    loss: Policy
    keep: Tensor
    taken: Tensor
    inputs: tuple[Tensor, ...]
    on_policy: bool
    bonus: float
    temperature: Tensor | None
    rows: int
    entropy: bool
    told: dict[str, Tensor]

    def defined(self, weights: Tensor | None, *tensors: Tensor) -> Tensor:
        """Σ weight · value, or all values, in differentiable torch."""
        logprob, entropy = token_logprobs(tensors, self.taken, self.keep, self.temperature)
        self.told.update(log_prob=logprob.detach(), entropy=entropy.detach())
        values = self._values(logprob, entropy)
        values = torch.where(self.keep, values, torch.zeros_like(values))
        return values if weights is None else (values * weights).sum()

    def passed(self, needed: tuple[bool, ...], weights: Tensor | None, *tensors: Tensor) -> tuple[Tensor, Gradients]:
        """All values, and with weights the gradients of Σ weight · value."""
        head = HeadProducts(needed, *tensors)
        rows = self.keep.nonzero().squeeze(-1)
        groups = rows.split(self.rows) if len(rows) else ()
        values, logprobs, entropies = (torch.zeros(len(self.keep), dtype=head.wide, device=rows.device) for _ in "123")

        def judge(group: int, logprob: Tensor, entropy: Tensor | None) -> Slopes | None:
            at = groups[group]
            logprobs[at] = logprob
            if entropy is not None:
                entropies[at] = entropy
            wanted = [logprob, entropy] if self.bonus and entropy is not None else [logprob]
            with torch.enable_grad():
                wanted = [x.detach().requires_grad_() for x in wanted]
                found = self._values(wanted[0], wanted[1] if self.bonus else None, at)
            values[at] = found.detach()
            if weights is None or not head.needed:
                return None
            slopes = torch.autograd.grad(found, wanted, weights[at])
            return slopes[0], slopes[1] if self.bonus else None

        tokens = Tokens(
            taken=self.taken,
            groups=groups,
            rows=self.rows,
            temperature=self.temperature,
            entropy=bool(self.bonus) or self.entropy,
        )
        pass_over(head, tokens, judge)
        self.told.update(log_prob=logprobs, entropy=entropies)
        return values, head.gradients()[: len(tensors)]

    def _values(self, logprob: Tensor, entropy: Tensor | None, rows: Tensor | None = None) -> Tensor:
        """The loss of all tokens, or of some, the bonus subtracted."""
        given = self.inputs if rows is None else tuple(x[rows] for x in self.inputs)
        if self.on_policy:
            given = (given[0], logprob.detach(), *given[2:])
        value: Tensor = self.loss.per_example(logprob, *given)
        return value - self.bonus * entropy if self.bonus and entropy is not None else value
