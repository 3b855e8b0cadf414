"""What `linear_preference` is given beside states and head: pairs of answers, and what a reference says of them."""

from __future__ import annotations

import torch
from torch import Tensor

from ....core import Preference, ShapeError
from ....core.admission import line_up
from ..arguments import in_one_dtype, operands, refuse_head
from ..head import Head


def pairs_of(who: str, chosen: Tensor, rejected: Tensor) -> int:
    """How many pairs there are.

    Raises:
        ShapeError: the answers are not laid out pair by pair, or there are more on one side.
    """
    for name, x in (("chosen", chosen), ("rejected", rejected)):
        if x.ndim != 3:
            raise ShapeError(
                f"{who}: {name} {tuple(x.shape)} must be (pairs, length, features). Use {name}.unsqueeze(0) for a "
                "single pair."
            )
    if len(chosen) != len(rejected):
        raise ShapeError(
            f"{who}: {len(chosen)} chosen and {len(rejected)} rejected answers do not make pairs. Answers with the "
            "chosen ones first are divided by states.chunk(2)."
        )
    return len(chosen)


def reference_of(
    who: str, loss: Preference, reference: tuple[Tensor, ...] | None, chosen: Tensor, rejected: Tensor
) -> tuple[tuple[Tensor, Head] | None, dict[str, Tensor]]:
    """The reference as a job takes it, to be found out or told, without a gradient.

    Raises:
        TypeError: it is no loss of two answers; the reference is missing, not wanted, or of another form.
        ShapeError: the reference does not go with the answers.
    """
    names = [name for name, _ in loss.named_domains] if isinstance(loss, Preference) else []  # pyright: ignore[reportUnnecessaryIsInstance]
    if names[:2] != ["chosen", "rejected"] or len(names) not in (2, 4) or type(loss).card.coupling != "separable":
        raise TypeError(
            f"{who} takes a loss of two answers' log-probabilities such as wald.DPO(), got {loss!r}. For a loss of "
            "single tokens use wald.linear or wald.linear_policy."
        )
    if (reference is None) != (len(names) == 2):
        fix = (
            "Give reference=(chosen, rejected), the summed log-probabilities of the reference, or "
            "reference=(chosen_hidden, rejected_hidden, weight)."
            if reference is None
            else "Leave reference out, or use wald.DPO()."
        )
        raise TypeError(f"{who}: {loss!r} takes {', '.join(names)}. {fix}")
    if reference is None:
        return None, {}
    if not 2 <= len(reference) <= 4:
        raise TypeError(
            f"{who}: reference has {len(reference)} entries. Use (chosen, rejected) for log-probabilities, or "
            "(chosen_hidden, rejected_hidden, weight) or (chosen_hidden, rejected_hidden, weight, bias)."
        )
    reference = tuple(x.detach() for x in reference)
    if len(reference) == 2:
        blank = torch.zeros((), device=chosen.device).expand(len(chosen))
        line_up(loss, (blank, blank, *reference))
        return None, {"reference": torch.cat(reference)}
    first, second, weight, *rest = reference
    head = Head(weight, rest[0] if rest else None)
    for name, own, x in (("chosen", chosen, first), ("rejected", rejected, second)):
        refuse_head(who, x, head, (f"reference's {name}", "reference's weight", "reference's bias"))
        if x.shape[:-1] != own.shape[:-1]:
            raise ShapeError(
                f"{who}: the reference's hidden states of the {name} answers {tuple(x.shape)} must be of the same "
                f"tokens as those of the policy, {tuple(own.shape)}; only the features may differ."
            )
    sides = in_one_dtype(who, *(x.reshape(-1, x.shape[-1]) for x in (first, second)))
    return operands(f"{who}: the reference", torch.cat(sides), head), {}
