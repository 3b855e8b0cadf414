"""Unlikelihood: tokens that should not be said, such as those that were said before."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassId, Domain, Formula, Logits, param
from ...core import DomainError, Loss
from ..pieces.softmax import log_odds, not_ignored
from ..pieces.softplus import softplus


class Unlikelihood(Loss):
    """Cross-entropy of the token that comes, and -log(1 - p) of those that should not.

    -log p(target) - `weight` Σ log(1 - p(c)) over the candidates c. Against repetition the candidates of a position are
    the tokens before it: `text` itself, as far as it goes. A candidate counts once, however often it is named, and the
    target is never one: wanting and not wanting the same token would have no optimum. A candidate of `ignore_index`
    is an empty place; a target of it leaves the position out.

    Computed from log-odds, it is finite for a candidate that is all but certain. `weight=0` is CrossEntropy.

    Targets are already shifted (the next token at each position).

    Shapes: prediction (*batch, vocabulary), unnormalised; target (*batch) token ids; candidates
    (*batch, candidates) token ids. Time is a batch axis.

    Raises:
        DomainError: an id is not in the vocabulary.

    >>> import torch, wald
    >>> target, candidates = torch.tensor([3]), torch.tensor([[0, 0, 3, -100]])
    >>> wald.Unlikelihood()(torch.zeros(1, 4), target, candidates)  # log 4 - log(3/4): 0 once, 3 never
    tensor(1.6740)
    """

    weight: float = param(default=1.0, at_least=0, help="how much the candidates count beside the target")
    ignore_index: int = param(default=-100, quiet=True, help="the id that marks what to leave out")

    card = Card(
        task="multiclass",
        inputs={
            "prediction": Logits,
            "target": ClassId,
            "candidates": Domain(says="a token id", integer=True, axes=("candidates",), typical=(0, 3)),
        },
        formula=Formula(
            "-p[target] - weight * sum([log(1 - exp(p[c])) for c in range(len(p)) if c in candidates and c != target])",
            p="log_softmax(prediction)",
        ),
        bounded_below=True,
        slope="bounded",
        denominator="the positions that count, each by its weight",
        when="A language model repeats itself, or says what it should not, and the tokens can be named.",
        when_not="Whole answers are preferred to others (DPO).",
        points={"floor": 0},
        aliases=("unlikelihood training", "token-level unlikelihood", "repetition penalty loss", "UL"),
        tags=("language model", "tokens", "repetition", "degeneration", "negative"),
        cite=("Welleck et al. 2019, arXiv:1908.04319",),
    )

    def refuse(self, *inputs: Tensor) -> None:
        prediction, _, candidates = inputs
        outside = (candidates != self.ignore_index) & ((candidates < 0) | (candidates >= prediction.shape[-1]))
        if outside.any():
            value = candidates[outside][0].item()
            raise DomainError(
                f"Unlikelihood: candidates contains {value:g}; expected token ids from 0 to "
                f"{prediction.shape[-1] - 1}. Use ignore_index={value:g} if it marks empty places."
            )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        return not_ignored(inputs[1], self.ignore_index)

    def per_example(self, prediction: Tensor, target: Tensor, candidates: Tensor) -> Tensor:
        own = target.unsqueeze(-1)
        likelihood = prediction.log_softmax(-1).gather(-1, own).squeeze(-1)
        # Which tokens are meant, each once; what is no token goes to one place more, which is dropped.
        size = prediction.shape[-1]
        named = torch.where(candidates < 0, torch.full_like(candidates, size), candidates)
        meant = torch.zeros((*prediction.shape[:-1], size + 1), dtype=prediction.dtype, device=prediction.device)
        meant = meant.scatter(-1, named, 1.0)[..., :size].scatter(-1, own, 0.0)
        cost = torch.where(meant > 0, softplus(log_odds(prediction)), torch.zeros_like(prediction))
        return -likelihood + self.weight * cost.sum(-1)
