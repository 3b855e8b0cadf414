"""`linear_proxy`: a loss of cosines with a proxy for each class, a block of classes at a time."""

from __future__ import annotations

from functools import partial
from typing import Final

import torch
from torch import Tensor

from ...core import DomainError, DtypeError, Reduction, ShapeError
from ...core.admission import visible
from ...core.reduction import Empty, ratio
from ...losses import ProxySoftmax
from ...losses.pieces.distance import direction
from ..eligible import eligible
from ..two_passes import two_passes
from .blocks import Buffer
from .directions import Directions
from .together import among_kept

#: What a block of cosines may take, in bytes, where nothing is said.
_BUDGET: Final = 64 * 2**20


def linear_proxy(
    loss: ProxySoftmax,
    embedding: Tensor,
    proxies: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalizer: str | float | Tensor | None = None,
    empty: Empty = "zero",
    memory_budget: int = _BUDGET,
) -> Tensor:
    """A loss of the cosines of embeddings with one learned proxy a class, without the matrix of all cosines.

    The same as `loss(cosines, target)` with the cosines of each embedding with each proxy, and exact gradients for
    both. The cosines are made for one block of classes at a time, and once more for the gradient, so that a million
    classes need no more memory than a thousand, beside the proxies and their gradient: four products of matrices.
    Examples that are left out are skipped.

    Args:
        loss: `ProxySoftmax(...)`.
        embedding: (*batch, features), of any length; they are brought to length 1.
        proxies: (classes, features), of any length; learned, so give them a larger learning rate than the network.
        target: (*batch), class ids.
        weight: (*batch), how often each example counts; 0 leaves it out.
        mask: (*batch), True to keep.
        reduction: "mean", "sum", "none" or a functional such as `CVaR(0.1)`.
        normalizer: what the mean divides by: None for the sum of weights, "rows" for the examples that count, a number.
        empty: what the mean of nothing is: "zero" (with a zero gradient), "nan" or "raise".
        memory_budget: bytes for one block of cosines and its proxies; one class a block is the least.

    Raises:
        DomainError: a target that counts has no proxy.
        DtypeError: embeddings or proxies are not floats, or targets are no whole numbers.
        ShapeError: the tensors do not go together.
        TypeError: the loss is not one of proxies.

    >>> import torch, wald
    >>> embedding, proxies = torch.tensor([[3.0, 0.0]]), torch.eye(2)
    >>> wald.linear_proxy(wald.ProxySoftmax(temperature=1.0), embedding, proxies, torch.tensor([0]))  # log(1 + 1/e)
    tensor(0.3133)
    """
    _refuse(loss, embedding, proxies, target, weight, mask)
    batch = embedding.shape[:-1]
    keep = None if mask is None else mask.flatten() != 0
    if weight is not None:
        weight = weight.flatten().to(torch.promote_types(embedding.dtype, torch.float32))
        keep = weight != 0 if keep is None else keep & (weight != 0)
    compute = partial(_of_kept, loss, proxies, memory_budget)
    with torch.autocast(embedding.device.type, enabled=False):
        values = among_kept(compute, keep, embedding.reshape(-1, embedding.shape[-1]), target.flatten())
    mass = torch.ones_like(values, requires_grad=False) if weight is None else weight
    mass = mass if keep is None else torch.where(keep, mass, torch.zeros_like(mass))
    if callable(reduction):
        return reduction(values, mass)
    weighted = values if weight is None else values * mass
    if reduction == "none":
        return weighted.reshape(batch)
    if reduction == "sum":
        return weighted.sum()
    count = mass.sum() if normalizer is None else normalizer
    if isinstance(count, str):
        count = mass.new_full((), len(mass)) if keep is None else keep.sum().to(mass.dtype)
    return ratio(weighted.sum(), torch.as_tensor(count, dtype=values.dtype, device=values.device), empty)


def _refuse(
    loss: ProxySoftmax, embedding: Tensor, proxies: Tensor, target: Tensor, weight: Tensor | None, mask: Tensor | None
) -> None:
    """Raise unless these go together."""
    if not isinstance(loss, ProxySoftmax):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"linear_proxy takes ProxySoftmax, got {type(loss).__name__}. For a loss of logits use wald.linear(loss, "
            "embedding, proxies, target)."
        )
    for name, x in (("embedding", embedding), ("proxies", proxies)):
        if not x.is_floating_point():
            raise DtypeError(f"linear_proxy: {name} is {x.dtype}, and must be floats. Use {name}.float().")
    if target.is_floating_point():
        raise DtypeError(f"linear_proxy: target is {target.dtype}, and class ids are whole numbers: use target.long().")
    if proxies.ndim != 2 or embedding.ndim < 1 or embedding.shape[-1] != proxies.shape[-1]:
        raise ShapeError(
            f"linear_proxy: embedding {tuple(embedding.shape)} and proxies {tuple(proxies.shape)} must be (*batch, "
            "features) and (classes, features), with as many features."
        )
    for name, x in (("target", target), ("weight", weight), ("mask", mask)):
        if x is not None and x.shape != embedding.shape[:-1]:
            raise ShapeError(
                f"linear_proxy: {name} {tuple(x.shape)} must have the shape of the batch, "
                f"{tuple(embedding.shape[:-1])}, that of embedding without its features."
            )
    kept = target
    if visible(target) and target.numel():
        for said in (weight, mask):
            kept = kept if said is None else torch.where(said != 0, kept, torch.zeros_like(kept))
        worst = int(kept.max()) if int(kept.max()) >= len(proxies) else int(kept.min())
        if not 0 <= worst < len(proxies):
            raise DomainError(
                f"linear_proxy: target contains {worst}, and there are proxies 0 to {len(proxies) - 1}. If it marks "
                f"what to leave out, pass mask=target != {worst}."
            )


def _of_kept(loss: ProxySoftmax, proxies: Tensor, budget: int, embedding: Tensor, target: Tensor) -> Tensor:
    """One value an example."""
    dtype = torch.promote_types(torch.promote_types(embedding.dtype, proxies.dtype), torch.float32)
    target = target.long()

    def definition(embedding: Tensor, proxies: Tensor) -> Tensor:
        return loss.per_example(direction(embedding.to(dtype)) @ direction(proxies.to(dtype)).mT, target)

    if not (eligible(embedding, proxies, target, device=embedding.device.type) and len(proxies)):
        return definition(embedding, proxies)
    plan = _Classes(loss, target, dtype, budget)
    return two_passes(plan.values, plan.slopes, definition, embedding, proxies)


class _Classes:
    """The classes in blocks."""

    def __init__(self, loss: ProxySoftmax, target: Tensor, dtype: torch.dtype, budget: int) -> None:
        self._scale, self._lead = 1 / loss.temperature, loss.margin / loss.temperature
        self._target, self._dtype, self._budget = target, dtype, budget

    def values(self, embedding: Tensor, proxies: Tensor) -> tuple[Tensor, Tensor]:
        """The values, and the logarithm of the sum of exponentials of each row."""
        x = self._directions(embedding).vectors * self._scale
        own = self._directions(proxies.index_select(0, self._target)).vectors
        top, total, buffer = torch.full_like(self._sums(x), -torch.inf), self._sums(x), Buffer(x)
        for left, right in self._blocks(x, proxies):
            scores = self._scores(buffer, x, self._directions(proxies[left:right]).vectors, left, right)
            higher = torch.maximum(top, scores.amax(-1))
            total.mul_(torch.exp(top - higher)).add_(scores.sub_(higher.unsqueeze(-1)).exp_().sum(-1))
            top = higher
        chosen = (x * own).sum(-1) - self._lead
        return ((top - chosen) + total.log()).clamp_(min=0), top + total.log()

    def slopes(
        self, needed: tuple[bool, ...], upstream: Tensor, kept: Tensor, embedding: Tensor, proxies: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients of Σ upstream · values."""
        mine = self._directions(embedding)
        x, counts = mine.vectors, (upstream * self._scale).unsqueeze(-1)
        scaled, weighted, buffer = x * self._scale, x * counts, Buffer(x)
        by_x = torch.zeros_like(x) if needed[0] else None
        by_proxies = torch.empty_like(proxies) if needed[1] else None
        for left, right in self._blocks(x, proxies):
            theirs = self._directions(proxies[left:right])
            shares = self._scores(buffer, scaled, theirs.vectors, left, right)
            shares.sub_(kept.unsqueeze(-1)).exp_()
            rows, columns = self._inside(left, right)
            shares[rows, columns] -= 1
            if by_x is not None:
                by_x.addmm_(shares, theirs.vectors)
            if by_proxies is not None:
                by_proxies[left:right] = theirs.back(shares.T @ weighted)
        if by_x is not None:
            by_x = mine.back(by_x.mul_(counts)).to(embedding.dtype)
        return by_x, by_proxies

    def _directions(self, x: Tensor) -> Directions:
        return Directions.of(x.to(self._dtype), normalise=True)

    def _sums(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x))

    def _blocks(self, x: Tensor, proxies: Tensor) -> list[tuple[int, int]]:
        # Beside a block of scores its proxies, in the type that is computed in, and what becomes of them.
        each = x.element_size() * (len(x) + 4 * x.shape[-1])
        width = max(self._budget // max(each, 1), 1)
        return [(left, min(left + width, len(proxies))) for left in range(0, len(proxies), width)]

    def _inside(self, left: int, right: int) -> tuple[Tensor, Tensor]:
        """The rows whose target is in the block, and where."""
        rows = ((self._target >= left) & (self._target < right)).nonzero().squeeze(-1)
        return rows, self._target.index_select(0, rows) - left

    def _scores(self, buffer: Buffer, x: Tensor, proxies: Tensor, left: int, right: int) -> Tensor:
        scores = buffer.product(x, proxies)
        if self._lead:
            rows, columns = self._inside(left, right)
            scores[rows, columns] -= self._lead
        return scores
