"""`linear_preference`: a loss of chosen and rejected answers, from hidden states, without the matrix of logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import torch
from torch import Tensor

from ....core import Preference, Reduction
from ....core.reduction import Empty
from ...eligible import eligible
from ..arguments import in_one_dtype, kept, known, operands, refuse_head, refuse_ids, refuse_outside
from ..head import Head
from ..reducing import How, answered
from .arguments import pairs_of, reference_of
from .job import PreferenceJob
from .pairs import Answers

_WHO = "linear_preference"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreferenceOutput:
    """A preference loss, and what was asked for beside it, without a gradient; None for the rest.

    All but the accuracy are one number a pair, 0 for pairs that do not count.

    Attributes:
        loss: what `wald.linear_preference` gives without outputs.
        chosen_log_prob: the log-probability of the chosen answer as the loss got it: a sum, or a mean.
        rejected_log_prob: that of the rejected answer.
        chosen_reward: beta (chosen_log_prob - its reference); without a reference the log-probability.
        rejected_reward: that of the rejected answer.
        margin: chosen_reward - rejected_reward.
        accuracy: the share of the pairs that count in which the margin is above 0, one number.
        chosen_entropy: the mean entropy of the policy over the tokens of the chosen answer, in nats.
        rejected_entropy: that over the tokens of the rejected answer.
    """

    loss: Any
    chosen_log_prob: Tensor | None = None
    rejected_log_prob: Tensor | None = None
    chosen_reward: Tensor | None = None
    rejected_reward: Tensor | None = None
    margin: Tensor | None = None
    accuracy: Tensor | None = None
    chosen_entropy: Tensor | None = None
    rejected_entropy: Tensor | None = None


_OUTPUTS: Final = tuple(field.name for field in fields(PreferenceOutput))[1:]


def linear_preference(
    loss: Preference,
    chosen: Tensor,
    rejected: Tensor,
    weight: Tensor,
    chosen_labels: Tensor,
    rejected_labels: Tensor,
    bias: Tensor | None = None,
    *,
    reference: tuple[Tensor, ...] | None = None,
    average_log_prob: bool = False,
    ignore_index: int = -100,
    mask: Tensor | None = None,
    pair_weight: Tensor | None = None,
    reduction: Reduction | Literal["tally"] = "mean",
    normalizer: str | float | Tensor | None = None,
    empty: Empty = "zero",
    memory_budget: int | None = None,
    outputs: Sequence[str] = (),
) -> Any:
    """A preference loss such as DPO of the log-probabilities that a linear head gives to two answers, pair by pair.

    The logits of one pair (of several, where answers are short) are made, and once both sums of log-probabilities are
    known, their gradient is written over them. So memory does not grow with the pairs, and nothing is made twice: three
    products of matrices. Tokens that do not count (prompt, padding) are skipped, not multiplied by 0.

    Of hidden states as TRL has them, (2 · pairs, length, features) with the chosen answers first, give both halves:
    `linear_preference(loss, *states.chunk(2), head, *labels.chunk(2))`. A causal model's state predicts the next token:
    `states[:, :-1]` with `labels[:, 1:]`.

    Args:
        loss: a loss of two answers' log-probabilities: `DPO()`, or without a reference `BradleyTerry()`.
        chosen: (pairs, length, features), hidden states that predict the chosen answer.
        rejected: (pairs, another length, features), those that predict the rejected one.
        weight: (classes, features), the matrix of the head (`lm_head.weight`).
        chosen_labels: (pairs, length), ids of the tokens of the answer; `ignore_index` leaves one out.
        rejected_labels: (pairs, another length).
        bias: (classes,), or None.
        reference: for a loss that has one, what the reference policy says of the same tokens, never with a gradient:
            (chosen, rejected), its log-probabilities of the answers, (pairs,) each; or (chosen, rejected, weight) or
            (chosen, rejected, weight, bias), its hidden states and its head, for one product more.
        average_log_prob: divide each sum of log-probabilities by its number of tokens, as SimPO and TRL's IPO do.
        ignore_index: the label that leaves a token out.
        mask: (pairs,), True to keep.
        pair_weight: (pairs,), how often each pair counts.
        reduction: "mean", "sum", "none", a functional, or "tally" for a `wald.Tally`, over pairs.
        normalizer: what the mean divides by: None for the sum of weights, "rows" for the pairs that count, a number.
        empty: what the mean is when no pair counts: "zero" (with a zero gradient), "nan" or "raise".
        memory_budget: bytes for logits; None for those of the largest pair, up to 1 GiB. The logits of a pair that does
            not fit are made twice, in chunks.
        outputs: what is wanted beside the loss, by the names in `PreferenceOutput`: "margin", "accuracy" and so on.

    Returns:
        The reduced loss; a `PreferenceOutput` if there are outputs.

    Raises:
        ShapeError: the tensors do not go together.
        DtypeError: a tensor is of a type that cannot be meant.
        DomainError: a label that counts has no row in `weight`.
        ValueError: the budget is too small for one row of logits, or there is no such output.

    >>> import torch, wald
    >>> rng = torch.Generator().manual_seed(0)
    >>> chosen, rejected = torch.randn(2, 1, 3, 4, generator=rng)  # one pair, three tokens each
    >>> weight = torch.randn(7, 4, generator=rng)
    >>> labels = torch.tensor([[1, 2, 3]]), torch.tensor([[4, 5, -100]])
    >>> frozen = (chosen, rejected, weight)  # policy and reference agree: ln 2
    >>> wald.linear_preference(wald.DPO(), chosen, rejected, weight, *labels, reference=frozen)
    tensor(0.6931)
    """
    asked = known(_WHO, outputs, _OUTPUTS)
    head = Head(weight, bias)
    for name, states, labels in (
        ("chosen", chosen, chosen_labels),
        ("rejected", rejected, rejected_labels),
    ):
        refuse_head(_WHO, states, head, (name, "weight", "bias"))
        refuse_ids(_WHO, f"{name}_labels", labels, states, name)
        refuse_outside(_WHO, f"{name}_labels", labels, labels != ignore_index, len(weight), ignore_index)
    everyone = torch.ones(pairs_of(_WHO, chosen, rejected), dtype=torch.bool, device=chosen.device)
    unknown, told = reference_of(_WHO, loss, reference, chosen, rejected)
    keep = kept(_WHO, loss, everyone, pair_weight, mask, "pair_weight")
    sides = in_one_dtype(_WHO, *(x.reshape(-1, x.shape[-1]) for x in (chosen, rejected)))
    hidden, head = operands(_WHO, torch.cat(sides), head)
    job = PreferenceJob(
        loss=loss,
        head=head,
        answers=Answers.of(chosen_labels, rejected_labels, ignore_index),
        counted=keep,
        average=average_log_prob,
        reference=unknown,
        memory_budget=memory_budget,
        names=(("log_prob",) if asked else ()) + (("entropy",) if any(x.endswith("entropy") for x in asked) else ()),
        told=told,
    )
    others = () if unknown is None else (unknown[0], *unknown[1].tensors())
    plain = (chosen, rejected, *head.tensors(), keep, *others, *told.values())
    kernel = eligible(*plain, device=hidden.device.type)
    value, found = answered(job, hidden, keep, pair_weight, How(reduction, normalizer, empty), kernel=kernel)
    if not asked:
        return value
    return PreferenceOutput(loss=value, **{name: job.output(name, found, value.dtype) for name in asked})
