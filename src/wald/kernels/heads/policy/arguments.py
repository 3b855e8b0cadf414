"""What `linear_policy` is given beside states and head: checked, and one number a token."""

from __future__ import annotations

import torch
from torch import Tensor

from ....core import Policy, ShapeError
from ....core.admission import line_up


def inputs_of(
    who: str,
    loss: Policy,
    tokens: Tensor,
    advantages: Tensor,
    old_logprob: Tensor | None,
    reference_logprob: Tensor | None,
    dtype: torch.dtype,
) -> tuple[Tensor, ...]:
    """What the loss takes beside the log-probability, one number a token, without a gradient.

    Raises:
        TypeError: it is no loss of a policy; the reference is missing, or not wanted.
        ShapeError: an input is not one number a token.
    """
    if not isinstance(loss, Policy):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"{who} takes a loss of a policy such as wald.GRPO(), got {loss!r}. For a loss of logits and targets use "
            "wald.linear, for pairs of answers wald.linear_preference."
        )
    if advantages.shape == tokens.shape[:-1] and tokens.ndim:
        advantages = advantages.unsqueeze(-1).expand(tokens.shape)
    dtype = torch.promote_types(dtype, torch.float32)
    blank = torch.zeros((), dtype=dtype, device=tokens.device).expand(tokens.shape)
    given = [advantages, blank if old_logprob is None else old_logprob]
    if "reference_logprob" in dict(loss.named_domains):
        if reference_logprob is None:
            raise TypeError(
                f"{who}: {loss!r} holds the policy to a reference, and reference_logprob is missing. Give the "
                f"reference's log-probability of each token, {tuple(tokens.shape)}."
            )
        given.append(reference_logprob)
    elif reference_logprob is not None:
        raise TypeError(
            f"{who}: {loss!r} does not look at a reference. Leave reference_logprob out, or use "
            f"{type(loss).__name__}(kl=0.04)."
        )
    line_up(loss, (blank, *given))
    return tuple(x.detach().to(dtype).reshape(-1) for x in given)


def divisor(who: str, temperature: float | Tensor, tokens: Tensor, dtype: torch.dtype) -> Tensor | None:
    """What the logits of each token are divided by; None for 1.

    Raises:
        ShapeError: it is neither one number nor one a token.
        ValueError: it is not positive.
    """
    if not isinstance(temperature, Tensor):
        if not temperature > 0:
            raise ValueError(f"{who}: temperature must be > 0, got {temperature!r}.")
        if temperature == 1:
            return None
        temperature = torch.tensor(temperature, dtype=dtype, device=tokens.device)
    if temperature.shape not in ((), tokens.shape):
        raise ShapeError(
            f"{who}: temperature {tuple(temperature.shape)} must be one number, or one for each token, "
            f"{tuple(tokens.shape)}."
        )
    return temperature.detach().to(dtype).expand(tokens.shape).reshape(-1)
