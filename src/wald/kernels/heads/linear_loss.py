"""`wald.linear`: a loss of the scores of a linear head, without the matrix of all scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, Unpack, overload

from torch import Tensor

from ...core import Loss, Tally
from ...core.reduction import Empty, Reduction
from ..eligible import eligible
from .admitting import Few, admitted, head_of
from .at_once import at_once
from .chunked import by_chunks
from .output import LinearOutput
from .reducing import How


class _Common(TypedDict, total=False):
    """What every call may say, for the overloads."""

    lora: tuple[Tensor, Tensor, float] | None
    token_weight: Tensor | None
    mask: Tensor | None
    normalizer: str | float | Tensor | None
    empty: Empty
    softcap: float | None
    temperature: float | Tensor | None
    recompute: bool
    memory_budget: int | None


@overload
def linear(
    loss: Loss,
    hidden: Tensor,
    weight: Tensor,
    target: Tensor | Few,
    bias: Tensor | None = ...,
    *,
    reduction: Reduction = ...,
    **common: Unpack[_Common],
) -> Tensor: ...
@overload
def linear(
    loss: Loss,
    hidden: Tensor,
    weight: Tensor,
    target: Tensor | Few,
    bias: Tensor | None = ...,
    *,
    reduction: Literal["tally"],
    **common: Unpack[_Common],
) -> Tally: ...
@overload
def linear(
    loss: Loss,
    hidden: Tensor,
    weight: Tensor,
    target: Tensor | Few,
    bias: Tensor | None = ...,
    *,
    reduction: Reduction | Literal["tally"] = ...,
    outputs: Sequence[str],
    filtering: float | None = ...,
    **common: Unpack[_Common],
) -> LinearOutput: ...
@overload
def linear(
    loss: Loss,
    hidden: Tensor,
    weight: Tensor,
    target: Tensor | Few,
    bias: Tensor | None = ...,
    *,
    reduction: Reduction | Literal["tally"] = ...,
    filtering: float,
    **common: Unpack[_Common],
) -> LinearOutput: ...
def linear(
    loss: Loss,
    hidden: Tensor,
    weight: Tensor,
    target: Tensor | Few,
    bias: Tensor | None = None,
    *,
    lora: tuple[Tensor, Tensor, float] | None = None,
    token_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction | Literal["tally"] = "mean",
    normalizer: str | float | Tensor | None = None,
    empty: Empty = "zero",
    softcap: float | None = None,
    temperature: float | Tensor | None = None,
    outputs: Sequence[str] = (),
    recompute: bool = False,
    filtering: float | None = None,
    memory_budget: int | None = None,
) -> Any:
    """A loss of the scores of a linear head, without the matrix of all scores.

    The same as `loss(torch.nn.functional.linear(hidden, weight, bias), target, ...)`, a few rows at a time: with a
    vocabulary of 128,000 the scores of 8,192 tokens are 4 GB, and backpropagation wants several times that. Any loss
    of (prediction, target) that is computed row by row will do; `CrossEntropy` and `NextToken` have a path of their
    own, at the speed of the three matrix products that must be made.

    With a mean, a sum or a tally the gradient is made beside the value. Where the upstream gradient is not known
    beforehand (reduction="none" or a functional, weights that are learned), and where outputs are differentiated, the
    scores are made a second time. Logits, sums and results are fp32 or wider whatever the dtype of the operands, and
    do not depend on the budget. `docs/linear.md` tells more: what runs when, and what it costs.

    Shapes: hidden (*batch, D), weight (V, D), bias (V,); target, mask and token_weight as the loss takes them for
    scores (*batch, V).

    Args:
        loss: such as `wald.CrossEntropy(label_smoothing=0.1)` or `wald.NextToken(shift=True)`.
        hidden: what the trunk of the model emits.
        weight: the matrix of the head, as in `torch.nn.Linear(D, V).weight`; it may be tied to the embedding.
        target: as the loss takes it. CrossEntropy also takes (ids, probabilities), both (*batch, k): a distribution
            over a few classes; an id that comes twice counts twice.
        bias: of the head.
        lora: (A, B, scale): an adapter of low rank, A (rank, D) and B (V, rank). The head is then weight + scale·B·A.
        token_weight: what each example counts, not negative; what a call of a loss calls weight.
        mask: True to keep an example. On the CPU no work is done for those that are left out.
        reduction: "mean", "sum", "none", a functional such as `wald.CVaR(0.1)`, or "tally" for a `wald.Tally`.
        normalizer: what the mean divides by, as in a call of the loss.
        empty: what the mean of nothing is.
        softcap: c: scores are c · tanh(logits / c).
        temperature: what scores are divided by, after the softcap; a number, or a tensor with one a row.
        outputs: what to give beside the loss, any of "log_sum_exp", "log_prob", "entropy", "argmax" and "correct".
        recompute: make no gradient beside the value. Saves work where outputs are differentiated.
        filtering: leave out of the large products of the gradient those classes that together have at most this share
            of its absolute mass in a chunk of rows; what was really left out is in `.dropped`. None for all classes.
        memory_budget: bytes for what is held beyond inputs and gradients; None for about what 192 rows of scores
            take. `wald.linear_plan` says what follows from it.

    Returns:
        The loss, or a `LinearOutput` where outputs or filtering are asked for.

    Raises:
        TypeError: the loss is none of (prediction, target), or dtypes differ.
        ValueError: the loss is coupled, sizes do not go together, or the budget is too small for one row.

    >>> import torch, wald
    >>> hidden, head = torch.randn(6, 16, requires_grad=True), torch.nn.Linear(16, 1000)
    >>> target = torch.tensor([3, 1, 4, -100, 5, 9])
    >>> loss = wald.linear(wald.CrossEntropy(), hidden, head.weight, target, head.bias)
    >>> loss.backward()
    >>> torch.allclose(loss, torch.nn.functional.cross_entropy(head(hidden), target))
    True
    """
    given = admitted(
        loss,
        hidden,
        head_of(weight, bias, lora),
        target,
        token_weight=token_weight,
        mask=mask,
        softcap=softcap,
        temperature=temperature,
        outputs=outputs,
    )
    how = How(reduction, normalizer, empty)
    if not eligible(*given.tensors, device=hidden.device.type):
        if filtering is not None:
            raise ValueError("filtering does not work under torch.func, torch.compile or for subclasses of tensors.")
        return at_once(given, how)
    return by_chunks(given, how, recompute=recompute, filtering=filtering, memory_budget=memory_budget)
