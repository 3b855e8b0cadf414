"""`linear_policy`: a loss of the tokens that a policy took, from hidden states, without the matrix of logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor

from ....core import Policy, Reduction
from ....core.reduction import Empty
from ...eligible import eligible
from ..arguments import kept, known, operands, refuse_head, refuse_ids, refuse_outside
from ..budget import head_plan
from ..head import Head
from ..reducing import How, answered
from .arguments import divisor, inputs_of
from .job import PolicyJob

_WHO = "linear_policy"

_OUTPUTS: Final = ("log_prob", "entropy")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolicyOutput:
    """A loss of a policy, and what was asked for beside it: one number a token, without a gradient; None for the rest.

    Tokens that do not count have 0.

    Attributes:
        loss: what `wald.linear_policy` gives without outputs.
        log_prob: the log-probability of each token.
        entropy: the entropy of what the token was drawn from, in nats.
    """

    loss: Any
    log_prob: Tensor | None = None
    entropy: Tensor | None = None


def linear_policy(
    loss: Policy,
    hidden: Tensor,
    weight: Tensor,
    tokens: Tensor,
    advantages: Tensor,
    old_logprob: Tensor | None = None,
    reference_logprob: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    entropy_bonus: float = 0.0,
    temperature: float | Tensor = 1.0,
    ignore_index: int = -100,
    mask: Tensor | None = None,
    token_weight: Tensor | None = None,
    reduction: Reduction | Literal["tally"] = "mean",
    normalizer: str | float | Tensor | None = None,
    empty: Empty = "zero",
    memory_budget: int | None = None,
    outputs: Sequence[str] = (),
) -> Any:
    """A policy loss of log_softmax(hidden @ weight.T + bias) at the tokens that were taken, chunk by chunk.

    The matrix of logits, one row a token and one column a word, is never there: a chunk of rows is made, its
    gradient is written over it, and it is forgotten. Tokens that do not count are skipped, not multiplied by 0.
    The mean and the sum make their gradients in the forward pass (three products of matrices); values that stay apart
    make them in the backward pass (four).

    Args:
        loss: a loss of log-probabilities, such as `GRPO()`.
        hidden: (*batch, features), the states that predict `tokens`: of a causal model `states[:, :-1]`.
        weight: (classes, features), the matrix of the head (`lm_head.weight`).
        tokens: (*batch), ids of the tokens that were taken; `ignore_index` leaves one out (prompt, padding).
        advantages: (*batch), or one for each sequence, (*batch without its last axis).
        old_logprob: (*batch), of the policy that drew the tokens; None where that is this policy.
        reference_logprob: (*batch), where the loss has a penalty for leaving a reference (`GRPO(kl=0.04)`).
        bias: (classes,), or None.
        entropy_bonus: how many units of the loss a nat of entropy is worth; it is subtracted, token by token.
        temperature: what the logits are divided by, as they were when the tokens were drawn; one number, or (*batch).
        ignore_index: the id that leaves a token out.
        mask: (*batch), True to keep.
        token_weight: (*batch), how often each token counts.
        reduction: "mean", "sum", "none", a functional, or "tally" for a `wald.Tally`, over tokens.
        normalizer: what the mean divides by: None for the sum of weights, "rows" for the tokens that count, a number.
        empty: what the mean is when no token counts: "zero" (with a zero gradient), "nan" or "raise".
        memory_budget: bytes for logits; None for 192 rows of them, and 16 MiB at least. It changes the speed only.
        outputs: what is wanted beside the loss: "log_prob", "entropy".

    Returns:
        The reduced loss; a `PolicyOutput` if there are outputs.

    Raises:
        ShapeError: the tensors do not go together.
        DtypeError: a tensor is of a type that cannot be meant.
        DomainError: a token that counts has an id without a row in `weight`.
        ValueError: the budget is too small for one row of logits, or there is no such output.

    >>> import torch, wald
    >>> rng = torch.Generator().manual_seed(0)
    >>> hidden = torch.randn(2, 3, 4, generator=rng)  # two answers of three tokens
    >>> weight = torch.randn(7, 4, generator=rng)  # a vocabulary of 7
    >>> tokens = torch.tensor([[1, 2, 3], [4, 5, -100]])  # one padded
    >>> wald.linear_policy(wald.GRPO(), hidden, weight, tokens, torch.tensor([1.0, -1.0]))
    tensor(-0.2000)
    """
    asked = known(_WHO, outputs, _OUTPUTS)
    head = Head(weight, bias)
    refuse_head(_WHO, hidden, head)
    refuse_ids(_WHO, "tokens", tokens, hidden, "hidden")
    inputs = inputs_of(_WHO, loss, tokens, advantages, old_logprob, reference_logprob, hidden.dtype)
    keep = kept(_WHO, loss, tokens != ignore_index, token_weight, mask, "token_weight")
    refuse_outside(_WHO, "tokens", tokens, keep, len(weight), ignore_index)
    x, head = operands(_WHO, hidden.reshape(-1, hidden.shape[-1]), head)
    job = PolicyJob(
        loss=loss,
        head=head,
        keep=keep.reshape(-1),
        taken=tokens.reshape(-1).long(),
        inputs=inputs,
        on_policy=old_logprob is None,
        bonus=float(entropy_bonus),
        temperature=divisor(_WHO, temperature, tokens, torch.promote_types(x.dtype, torch.float32)),
        plan=head_plan(len(x), x.shape[1], len(weight), dtype=x.dtype, memory_budget=memory_budget, matrix=False),
        names=asked,
    )
    kernel = eligible(x, *head.tensors(), job.keep, *job.inputs, device=x.device.type)
    value, told = answered(job, x, keep, token_weight, How(reduction, normalizer, empty), kernel=kernel)
    if not asked:
        return value
    return PolicyOutput(loss=value, **{name: told[name].reshape(tokens.shape) for name in asked})
