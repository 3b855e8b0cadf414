"""One batch by heart: a model that can be trained at all learns a few rows wholly."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..evidence import Evidence
from .fitting import CannotTrain, fresh, seed_of, set_mode

#: Rows in a batch at most, batches, steps for each way to train, and the step sizes.
ROWS, BATCHES, STEPS, RATES = 16, 3, 150, (1e-2, 1e-1, 1e-3)

#: What is left of the loss when a batch is known.
KNOWN = 0.1


@dataclass(frozen=True)
class Memory:
    """What was left of the loss of each batch.

    Attributes:
        left: (batches,) the share of the fall that was possible which is missing.
        free: the same where each prediction is free: the training works.
        cut: the same where the gradient is cut off: what cannot learn is seen.
    """

    left: Tensor
    free: Tensor
    cut: Tensor


def memorise(evidence: Evidence, model: nn.Module, inputs: Tensor, target: Tensor) -> Memory:
    """Train beginners on a few rows each until these are known.

    Raises:
        CannotTrain: the model is too small to know rows by heart, or the loss falls without end.
    """
    numbers = sum(one.numel() for one in model.parameters() if one.requires_grad)
    outputs = max(1, evidence.score[0].numel())
    rows = min(ROWS, numbers // (4 * outputs))
    if rows < 4:
        raise CannotTrain(f"the model has {numbers} parameters, too few to know rows by heart")
    left: list[float] = []
    free: list[float] = []
    cut: list[float] = []
    for batch in range(BATCHES):
        x, y = _distinct(evidence, inputs, target, rows, batch)
        beginner = fresh(model, seed_of(evidence, "memorise", batch))
        set_mode(beginner, calm=True)
        with torch.enable_grad():
            begun = beginner(x).detach()
            first = float(evidence.cost.total(begun, y))
            least = _least(evidence, begun, y)
            if not first - least > 1e-9 * (1 + abs(first)):
                continue
            if least < first - 1e4 * (1 + abs(first)):
                raise CannotTrain("the loss falls without end, so no batch is ever known")
            left.append(_left(evidence, beginner, x, y, first, least))
            free.append(_left(evidence, _Free(begun), x, y, first, least))
            cut.append(_left(evidence, _Cut(begun), x, y, first, least))
    if len(left) < 2:
        raise CannotTrain("a beginner's loss is as low as it can be, so there is nothing to learn")
    return Memory(torch.tensor(left), torch.tensor(free), torch.tensor(cut))


class _Free(nn.Module):
    """A model that may say anything of each row."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.said = nn.Parameter(start.clone())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.said


class _Cut(_Free):
    """The same with its gradient cut off."""

    def forward(self, inputs: Tensor) -> Tensor:
        return self.said.detach()


def _distinct(evidence: Evidence, inputs: Tensor, target: Tensor, rows: int, batch: int) -> tuple[Tensor, Tensor]:
    """Rows that differ in their inputs: of equal ones, two targets cannot both be known."""
    order = torch.randperm(len(target), generator=evidence.random("batch", batch))[: 8 * rows].to(target.device)
    kinds = torch.unique(inputs[order].flatten(1), dim=0, return_inverse=True)[1]
    seen: set[int] = set()
    kept = [place for place, kind in enumerate(kinds.tolist()) if not (kind in seen or seen.add(kind))][:rows]
    chosen = order[torch.tensor(kept, device=order.device)]
    return inputs[chosen], target[chosen]


def _least(evidence: Evidence, begun: Tensor, target: Tensor) -> float:
    """How low the loss of these rows can be, whatever predicts them."""
    starts = [begun.clone()]
    if evidence.space is not None:
        score = evidence.space.read(begun).cpu()
        starts += [
            evidence.emit(evidence.space.perfect(score, target.cpu(), size)).to(begun) for size in (1.0, 4.0, 20.0)
        ]
    values = [float(evidence.cost.total(one, target).detach()) for one in starts]
    least = min(value for value in values if value == value)
    said = _Free(starts[values.index(least)])
    return min(least, _down(evidence, said, begun, target, -torch.inf))


def _left(evidence: Evidence, module: nn.Module, x: Tensor, y: Tensor, first: float, least: float) -> float:
    """The share of the possible fall that is missing after the best of several ways to train."""
    enough = least + 0.5 * KNOWN * (first - least)
    start = [one.detach().clone() for one in module.parameters()]
    reached = first
    for rate in (*RATES, 0.0):
        with torch.no_grad():
            for one, begun in zip(module.parameters(), start, strict=True):
                one.copy_(begun)
        reached = min(
            reached, _adam(evidence, module, x, y, rate, enough) if rate else _down(evidence, module, x, y, enough)
        )
        if reached <= enough:
            break
    return max(0.0, (reached - least) / (first - least))


def _adam(evidence: Evidence, module: nn.Module, x: Tensor, y: Tensor, rate: float, enough: float) -> float:
    optimiser = torch.optim.Adam([one for one in module.parameters() if one.requires_grad], lr=rate)
    reached = torch.inf
    for _ in range(STEPS):
        optimiser.zero_grad()
        value = evidence.cost.total(module(x), y)
        now = float(value.detach())
        reached = min(reached, now) if now == now else reached
        if reached <= enough or not value.requires_grad or now != now:
            break
        value.backward()
        optimiser.step()
    return reached


def _down(evidence: Evidence, module: nn.Module, x: Tensor, y: Tensor, enough: float) -> float:
    """The same with curvature, which does not mind how inputs and targets are scaled."""
    learnt = [one for one in module.parameters() if one.requires_grad]
    optimiser = torch.optim.LBFGS(learnt, max_iter=60, line_search_fn="strong_wolfe")
    reached = torch.inf

    def closure() -> Tensor:
        nonlocal reached
        optimiser.zero_grad()
        value = evidence.cost.total(module(x), y)
        now = float(value.detach())
        reached = min(reached, now) if now == now else reached
        if value.requires_grad:
            value.backward()
        return value

    if reached > enough:
        optimiser.step(closure)  # pyright: ignore[reportArgumentType]
    return reached
