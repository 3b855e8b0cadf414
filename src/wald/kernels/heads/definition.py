"""Any separable loss of a block of logits by its own definition, and the outputs of a head in differentiable torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...core import Loss
from ...core.admission import refuse_values, visible
from ...core.call import made_safe
from .rows import Results, Scores, Upstream
from .truth import Truth


@dataclass(frozen=True, slots=True, eq=False)
class DefinitionRows:
    """A loss that knows of no head: its definition is run and differentiated a block at a time.

    Attributes:
        loss: in plain layout.
        truth: the targets.
        scores: softcap and temperature.
        keep: which values count, of their shape; None for all.
    """

    loss: Loss
    truth: Truth
    scores: Scores
    keep: Tensor | None = None

    def work(self, rows: slice, z: Tensor, results: Results, upstream: Upstream | None) -> None:
        """Find out about these rows; with an upstream, overwrite their logits by its gradient."""
        with torch.set_grad_enabled(upstream is not None):
            logits = z.detach().requires_grad_(upstream is not None)
            found = self.found(rows, logits, results.outputs)
        results.values[rows] = found["loss"].detach()
        for name, values in results.outputs.items():
            values[rows] = found[name].detach()
        if upstream is None:
            return
        asked = {"loss": upstream.loss, **upstream.outputs}
        pulls = [given[rows] if given.ndim else given.expand(found[name].shape) for name, given in asked.items()]
        if any(found[name].requires_grad for name in asked):
            # Nothing but the graph, which ends here, needs the logits; the gradient takes their place.
            (slope,) = torch.autograd.grad([found[name] for name in asked], logits, pulls, allow_unused=True)
        else:
            slope = None
        z.zero_() if slope is None else z.copy_(slope)

    def found(self, rows: slice, logits: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """The values ("loss") and outputs of these rows, in differentiable torch."""
        truth, classes = self.truth.at(rows), logits.shape[-1]
        scores, target = self.scores.of(logits, self.scores.at(rows)), truth.dense(classes, logits.dtype)
        if self.keep is not None:
            scores, target = made_safe(self.loss, (scores, target), self.keep[rows], all_of_them=True)
        if visible(scores):
            refuse_values(self.loss, (scores.detach(), target))
            self.loss.refuse(scores.detach(), target)
        return {"loss": self.loss.per_example(scores, target), **outputs_of(scores, truth, names)}


def outputs_of(scores: Tensor, truth: Truth, names: Iterable[str]) -> dict[str, Tensor]:
    """The outputs of these names, one number a row, in differentiable torch."""
    found: dict[str, Tensor] = {}
    names = tuple(names)
    logs = scores.log_softmax(-1) if {"log_prob", "entropy"}.intersection(names) else scores
    for name in names:
        if name == "log_sum_exp":
            found[name] = scores.logsumexp(-1)
        elif name == "log_prob":
            if truth.soft:
                share = truth.target.to(scores.dtype)
                found[name] = (share * truth.of(logs).masked_fill(share == 0, 0.0)).sum(-1)
            else:
                found[name] = logs.gather(-1, truth.target.unsqueeze(-1)).squeeze(-1)
        elif name == "entropy":
            p = logs.exp()
            # What cannot occur adds nothing, neither to the value nor, as 0 · ∞, to the gradient.
            found[name] = -(p * logs.masked_fill(p == 0, 0.0)).sum(-1)
        elif name == "argmax":
            found[name] = scores.argmax(-1)
        else:
            found[name] = scores.argmax(-1) == truth.likeliest()
    return found
