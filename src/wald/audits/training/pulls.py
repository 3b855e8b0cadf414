"""What pulls at the parameters of a model, and which way: the gradients of the terms of its loss, and of its metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..costing.space import Space
from ..evidence import Evidence, in_use
from .fitting import scores
from .objective import Part

#: Rows, the batches that they are measured in, and numbers of a gradient that are compared.
ROWS, BATCHES, WIDTH = 2_048, 16, 1_000_000

#: Widths of the smoothing of the metric, in units of the task.
_SIZES = (0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Stage:
    """The gradients at one stage of training, through their inner products alone.

    Attributes:
        name: which stage.
        inner: (batches, sources, batches, sources): of the gradients of each batch; sources are the terms and, where
            there is one, the metric at the end.
        mass: what each batch counts for.
    """

    name: str
    inner: Tensor
    mass: Tensor

    def products(self, draws: int, source: torch.Generator) -> Tensor:
        """Inner products of the mean gradients: (1 + draws, sources, sources), first as they are, then resampled."""
        batches = len(self.mass)
        drawn = torch.randint(batches, (draws, batches), generator=source)
        counts = torch.zeros(draws, batches, dtype=torch.float64).scatter_add(
            1, drawn, torch.ones(draws, batches, dtype=torch.float64)
        )
        share = torch.cat([torch.ones(1, batches, dtype=torch.float64), counts]) * self.mass
        share = share / share.sum(-1, keepdim=True)
        return torch.einsum("db,bscu,dc->dsu", share, self.inner, share)


def smoothed(evidence: Evidence, space: Space, score: Tensor) -> Tensor:
    """The slope of the metric in these scores, as if each were blurred: metrics are often steps. In their shape."""
    stick, unit = evidence.by_metric, space.unit(evidence.target)
    slope = torch.zeros_like(score, dtype=torch.float64)
    ways = torch.eye(score.shape[-1], dtype=score.dtype) if score.ndim > 1 else torch.ones(1, dtype=score.dtype)
    for way in ways:
        for size in _SIZES:
            move = size * unit * way
            rise = (stick.values(score + move) - stick.values(score - move)) / (2 * size * unit * len(_SIZES))
            slope += rise.reshape(-1, *[1] * (score.ndim - 1)) * way.double()
    return slope


def looked_at(
    evidence: Evidence, name: str, module: nn.Module, terms: Mapping[str, Part], space: Space | None
) -> Stage:
    """The gradients of all terms, and of the metric where there is a space to smooth it in."""
    parameters = [one for one in module.parameters() if one.requires_grad]
    wide = sum(one.numel() for one in parameters)
    # The inner products of very wide gradients are close to those of a random part of them.
    part = torch.randperm(wide, generator=evidence.random("coordinates"))[:WIDTH] if wide > WIDTH else None
    slope = None if space is None else smoothed(evidence, space, scores(evidence, module))

    def flat(goal: Tensor) -> Tensor:
        if not goal.requires_grad:
            return torch.zeros(min(wide, WIDTH))
        slopes = torch.autograd.grad(goal, parameters, retain_graph=True, materialize_grads=True)
        whole = torch.cat([one.detach().flatten().cpu() for one in slopes])
        return whole if part is None else whole[part]

    gradients: list[Tensor] = []
    batches, mass = _batches(evidence)
    with in_use(module), torch.enable_grad():
        for rows in batches:
            prediction = module(evidence.inputs[rows.to(evidence.inputs.device)])
            target = evidence.target[rows].to(prediction.device)
            goals = [term(prediction, target) for term in terms.values()]
            if space is not None and slope is not None:
                score = space.read(prediction)
                goals.append((score * slope[rows].to(score)).sum() / len(rows))
            gradients.append(torch.stack([flat(goal) for goal in goals]).double())
    every = torch.stack(gradients)
    rows_of = every.reshape(-1, every.shape[-1])
    return Stage(name, (rows_of @ rows_of.T).reshape(*every.shape[:2], *every.shape[:2]), mass)


def _batches(evidence: Evidence) -> tuple[list[Tensor], Tensor]:
    """Rows in batches, and what each counts for: no cluster is split, neighbours in time stay together."""
    sample = evidence.sample
    source = evidence.random("batches")
    if sample.cluster is not None:
        place = torch.randperm(int(sample.cluster.max()) + 1, generator=source)[sample.cluster] % BATCHES
        batches = [(place == one).nonzero()[:, 0] for one in range(BATCHES)]
    else:
        order = torch.arange(sample.rows) if sample.ordered else torch.randperm(sample.rows, generator=source)
        batches = list(order[:ROWS].tensor_split(min(BATCHES, sample.rows)))
    batches = [rows for rows in batches if len(rows)]
    mass = torch.tensor([len(rows) for rows in batches], dtype=torch.float64)
    if sample.weight is not None:
        # A row is drawn as often as it counts, so that a term needs to know nothing of weights.
        weights = [sample.weight[rows] for rows in batches]
        mass = torch.stack([one.sum() for one in weights])
        batches = [
            rows[torch.multinomial(own, len(rows), replacement=True, generator=source)]
            for rows, own in zip(batches, weights, strict=True)
        ]
    return batches, mass


def shares_of(products: Tensor, terms: int) -> Tensor:
    """(draws, terms): the length of each term's gradient, as a share of all lengths."""
    length = products.diagonal(dim1=-2, dim2=-1)[:, :terms].clamp_min(0).sqrt()
    return length / length.sum(-1, keepdim=True).clamp_min(1e-300)


def cosines_of(products: Tensor, terms: int) -> Tensor:
    """(draws, terms): of the angle between each term's gradient and the metric's, which is last."""
    square = products.diagonal(dim1=-2, dim2=-1).clamp_min(1e-300)
    return products[:, :terms, -1] / (square[:, :terms] * square[:, -1:]).sqrt()
