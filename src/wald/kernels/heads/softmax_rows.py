"""Softmax cross-entropy of a block of logits, in place: values, what else is asked for, and the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .rows import Results, Scores, Upstream
from .truth import Truth


@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxRows:
    """Cross-entropy with everything at once, worked out in place on a block that stays in the cache.

    Attributes:
        truth: the targets.
        scores: softcap and temperature.
        weight: class weights (V,), or None.
        smoothing: the share of the target that is spread evenly.
        z_loss: the factor of the squared log-partition.
    """

    truth: Truth
    scores: Scores
    weight: Tensor | None = None
    smoothing: float = 0.0
    z_loss: float = 0.0

    def work(self, rows: slice, z: Tensor, results: Results, upstream: Upstream | None) -> None:
        """Find out about these rows; with an upstream, overwrite their logits by its gradient."""
        asked, truth = results.outputs, self.truth.at(rows)
        scored = self._scored(rows, z, results, graded=upstream is not None)
        top = z.amax(-1)
        _note_hits(rows, z, truth, asked)
        found = self._found(z, top, truth)
        if self.smoothing:
            whole = z.sum(-1) if self.weight is None else z @ self.weight
            even = (top * self._heft(z) - whole) / z.shape[-1]
        else:
            even = top
        torch.softmax(z, -1, out=z)
        # The largest probability is at least 1/V, so its logarithm is exact where others' are lost.
        spread = -z.amax(-1).log()
        lse = top + spread
        results.values[rows] = self._value(found, even, spread, lse, z.shape[-1])
        if "log_sum_exp" in asked:
            asked["log_sum_exp"][rows] = lse
        if "log_prob" in asked:
            asked["log_prob"][rows] = -(found.gap + found.mass * spread)
        entropy = None
        if "entropy" in asked and scored.kept is not None:
            inner = torch.mul(z, scored.kept, out=results.spare("product", z)).sum(-1)
            asked["entropy"][rows] = entropy = lse - inner * scored.unit
        if upstream is not None:
            self._differentiate(rows, z, results, upstream, _Row(truth, scored, found, lse, entropy))

    def _scored(self, rows: slice, z: Tensor, results: Results, *, graded: bool) -> _Scored:
        """Logits to scores in place."""
        cap, heat = self.scores.softcap, self.scores.at(rows)
        cooling, entropy, kept = None, "entropy" in results.outputs, None
        if heat is not None:
            cooling = (1 / heat).unsqueeze(-1) if isinstance(heat, Tensor) and heat.ndim else z.new_ones(1) / heat
        unit = z.new_ones(())
        if cap is not None:
            z.mul_(1 / cap).tanh_()
            kept = results.spare("kept", z).copy_(z) if graded or entropy else None
            scale = unit * cap if cooling is None else cap * cooling
            unit = scale if cooling is None else scale.squeeze(-1)
            z.mul_(scale)
        else:
            if cooling is not None:
                z.mul_(cooling)
            kept = results.spare("kept", z).copy_(z) if entropy else None
        return _Scored(kept, unit, cooling)

    def _found(self, z: Tensor, top: Tensor, truth: Truth) -> _Found:
        """How far below the top the target lies, and its mass."""
        weight = self.weight
        if not truth.soft:
            gap = top - z.gather(-1, truth.target.unsqueeze(-1)).squeeze(-1)
            mass = torch.ones_like(gap)
            if weight is None:
                return _Found(gap, mass, gap, mass)
            share = weight[truth.target]
            return _Found(gap, mass, torch.where(share == 0, share, share * gap), share)
        shares = truth.target.to(z.dtype)
        below = top.unsqueeze(-1) - truth.of(z)
        gap, mass = torch.linalg.vecdot(shares, below), shares.sum(-1)
        if weight is None:
            return _Found(gap, mass, gap, mass)
        shares = shares * truth.of(weight)
        return _Found(gap, mass, torch.linalg.vecdot(shares, below), shares.sum(-1))

    def _value(self, found: _Found, even: Tensor, spread: Tensor, lse: Tensor, classes: int) -> Tensor:
        cost = found.weighted_gap + found.weighted_mass * spread
        if self.weight is not None:
            # 0 · ∞ = 0: an impossible class without weight costs nothing.
            cost = torch.where(found.weighted_mass == 0, torch.zeros_like(cost), cost)
        if self.smoothing:
            evenly = even + self._heft(lse, classes) / classes * spread
            cost = (1 - self.smoothing) * cost + self.smoothing * evenly
        return cost + self.z_loss * lse.square() if self.z_loss else cost

    def _heft(self, like: Tensor, classes: int | None = None) -> Tensor | float:
        """The sum of the class weights."""
        return float(classes or like.shape[-1]) if self.weight is None else self.weight.sum()

    def _differentiate(self, rows: slice, z: Tensor, results: Results, upstream: Upstream, row: _Row) -> None:
        """Probabilities to the gradient by the logits, in place."""
        scored, found, classes = row.scored, row.found, z.shape[-1]
        extra = {name: given[rows] for name, given in upstream.outputs.items()}
        scale = upstream.loss[rows] if upstream.loss.ndim else upstream.loss
        share = (1 - self.smoothing) * found.weighted_mass
        if self.smoothing:
            share = share + self.smoothing * self._heft(z) / classes
        pull = scale * (share + 2 * self.z_loss * row.lse if self.z_loss else share)
        if (given := extra.get("log_sum_exp")) is not None:
            pull = pull + given
        if (given := extra.get("log_prob")) is not None:
            pull = pull - given * found.mass
        if (given := extra.get("entropy")) is not None and row.entropy is not None and scored.kept is not None:
            slope = torch.mul(scored.kept, (-given * scored.unit).unsqueeze(-1), out=results.spare("product", z))
            z.mul_(slope.add_((pull + given * (row.lse - row.entropy)).unsqueeze(-1)))
        else:
            z.mul_(pull.unsqueeze(-1))
        _pull_truth(z, row.truth, self.weight, -(1 - self.smoothing) * scale, extra.get("log_prob"))
        if self.smoothing:
            each = (-self.smoothing / classes * scale).expand(len(z))
            if self.weight is None:
                z.add_(each.unsqueeze(-1))
            else:
                z.addr_(each, self.weight)
        if scored.cooling is not None:
            z.mul_(scored.cooling)
        if self.scores.softcap is not None and scored.kept is not None:
            # The slope of tanh is 1 - tanh².
            z.addcmul_(z, scored.kept.square_(), value=-1)


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """What is kept of a block of scores.

    Attributes:
        kept: tanh with a softcap, else the scores where their entropy is wanted; None where neither is.
        unit: what `kept` is multiplied by to give the scores, one number or one a row.
        cooling: what the capped logits were multiplied by; None for 1.
    """

    kept: Tensor | None
    unit: Tensor
    cooling: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Σ share · (top - score) and Σ share over the target of each row, without and with class weights."""

    gap: Tensor
    mass: Tensor
    weighted_gap: Tensor
    weighted_mass: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """What the gradient needs to know of each row of a block."""

    truth: Truth
    scored: _Scored
    found: _Found
    lse: Tensor
    entropy: Tensor | None


def _pull_truth(z: Tensor, truth: Truth, weight: Tensor | None, scale: Tensor, log_prob: Tensor | None) -> None:
    """Add to the gradient what the targets pull: `scale` times their weighted shares, `log_prob` times their own."""
    scale = scale.expand(len(z)).unsqueeze(-1)
    if not truth.soft:
        own = truth.target.unsqueeze(-1)
        pulled = scale if weight is None else scale * weight[own]
        z.scatter_add_(-1, own, pulled if log_prob is None else pulled + log_prob.unsqueeze(-1))
        return
    shares = truth.target.to(z.dtype)
    factor = scale if weight is None else scale * truth.of(weight)
    factor = factor if log_prob is None else factor + log_prob.unsqueeze(-1)
    if truth.few is None:
        z.addcmul_(shares, factor)
    else:
        z.scatter_add_(-1, truth.few, shares * factor)


def _note_hits(rows: slice, z: Tensor, truth: Truth, asked: dict[str, Tensor]) -> None:
    """Write down the likeliest class of each row, and whether it is the target (its likeliest class)."""
    if "argmax" not in asked and "correct" not in asked:
        return
    best = z.argmax(-1)
    if "argmax" in asked:
        asked["argmax"][rows] = best
    if "correct" in asked:
        asked["correct"][rows] = best == truth.likeliest()
