"""One call of `linear_policy`: what each token is worth, by a kernel and by the definition."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ....core import Policy
from ..budget import HeadPlan
from ..head import Head, Needed
from ..products import Products
from ..rows import Results, Upstream
from ..token_pass import Slopes, Tokens, pass_over
from ..whole_matrix import told_of_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyJob:
    """What is asked about the tokens, one entry a row of the hidden states.

    Attributes:
        loss: the loss of one token.
        head: the form of the head.
        keep: which tokens count.
        taken: their ids.
        inputs: what the loss takes beside the log-probability.
        on_policy: whether the old log-probability is that of this policy.
        bonus: what a nat of entropy is worth.
        temperature: what the logits are divided by; None for 1.
        plan: how many rows of logits may be held.
        names: what is asked beside the values, "log_prob" and "entropy".
    """

    loss: Policy
    head: Head
    keep: Tensor
    taken: Tensor
    inputs: tuple[Tensor, ...]
    on_policy: bool
    bonus: float
    temperature: Tensor | None
    plan: HeadPlan
    names: tuple[str, ...]

    @property
    def smooth(self) -> tuple[str, ...]:
        """None of them is differentiable."""
        return ()

    def defined(self, head: Head, hidden: Tensor) -> dict[str, Tensor]:
        """The values ("loss") and the outputs, in differentiable torch."""
        told = told_of_tokens(head, hidden, self.taken, self.keep, ("log_prob", "entropy"), self.temperature)
        values = self._values(told["log_prob"], told["entropy"])
        values = torch.where(self.keep, values, torch.zeros_like(values))
        return {"loss": values, **{name: told[name].detach() for name in self.names}}

    def passed(
        self, head: Head, hidden: Tensor, needed: Needed, upstream: Upstream | None
    ) -> tuple[Results, list[Tensor | None]]:
        """One pass: values, outputs and, with an upstream, the gradients."""
        rows = self.keep.nonzero().squeeze(-1)
        products = Products(head, hidden, needed, self.plan.holding(len(rows)), rows)
        blank = hidden.new_zeros(len(self.keep), dtype=products.wide)
        results = Results(blank, {name: torch.zeros_like(blank) for name in self.names})
        spans = products.plan.spans(len(rows))
        weights = None if upstream is None or not needed.any else upstream.loss.expand(len(self.keep))

        def judge(group: int, logprob: Tensor, entropy: Tensor | None) -> Slopes | None:
            at = rows[slice(*spans[group])]
            for name, found in (("log_prob", logprob), ("entropy", entropy)):
                if name in results.outputs and found is not None:
                    results.outputs[name][at] = found
            wanted = [logprob, entropy] if self.bonus and entropy is not None else [logprob]
            with torch.enable_grad():
                wanted = [x.detach().requires_grad_() for x in wanted]
                found = self._values(wanted[0], wanted[1] if self.bonus else None, at)
            results.values[at] = found.detach()
            if weights is None:
                return None
            slopes = torch.autograd.grad(found, wanted, weights[at])
            return slopes[0], slopes[1] if self.bonus else None

        tokens = Tokens(
            taken=self.taken[rows],
            groups=spans,
            temperature=None if self.temperature is None else self.temperature[rows],
            entropy=bool(self.bonus) or "entropy" in self.names,
        )
        pass_over(products, tokens, judge)
        return results, products.gradients()

    def _values(self, logprob: Tensor, entropy: Tensor | None, rows: Tensor | None = None) -> Tensor:
        """The loss of all tokens, or of some, the bonus subtracted."""
        given = self.inputs if rows is None else tuple(x[rows] for x in self.inputs)
        if self.on_policy:
            given = (given[0], logprob.detach(), *given[2:])
        value: Tensor = self.loss.per_example(logprob, *given)
        return value - self.bonus * entropy if self.bonus and entropy is not None else value
