"""Preference, policy and distillation heads, each beside the matrix products that it cannot do without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from ... import losses
from ...kernels.heads import linear_distillation, linear_policy, linear_preference
from ..case import Bar, Case, Sides, Step, peer, size_of, step, step_without_gradient


def _drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def _ids(*shape: int, classes: int) -> Tensor:
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(1))


def _products(hidden: Tensor, weight: Tensor, rows: int, before: tuple[Tensor, Tensor] | None = None) -> Step:
    """Logits, and the gradients of hidden states and head, in chunks of rows; `before` is a teacher's head."""
    x, w = hidden.detach().reshape(-1, hidden.shape[-1]), weight.detach()

    def work() -> None:
        chunk = torch.empty(min(rows, len(x)), len(w))
        of_hidden, of_weight = torch.empty_like(x), torch.empty_like(w)
        for start in range(0, len(x), rows):
            part = x[start : start + rows]
            logits = chunk[: len(part)]
            if before is not None:
                torch.mm(before[0][start : start + rows], before[1].T, out=logits)
            torch.mm(part, w.T, out=logits)
            torch.mm(logits, w, out=of_hidden[start : start + rows])
            torch.addmm(of_weight, logits.T, part, beta=1 if start else 0, out=of_weight)

    return step_without_gradient(work)


def _log_prob(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    return (hidden @ weight.T).log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)


def _preference(pairs: int, length: int, features: int, classes: int) -> Sides:
    states, head = _drawn(2 * pairs, length, features), _drawn(classes, features, seed=1)
    labels = _ids(2 * pairs, length, classes=classes)
    with torch.no_grad():
        head.mul_(features**-0.5)
        reference = (torch.full((pairs,), -10.5 * length), torch.full((pairs,), -10.5 * length))
    chosen, rejected = (x.detach().requires_grad_() for x in states.chunk(2))
    loss, ids = losses.DPO(), labels.chunk(2)

    def ours() -> Tensor:
        return linear_preference(loss, chosen, rejected, head, *ids, reference=reference)

    def by_torch(log_prob: Callable[[Tensor, Tensor, Tensor], Tensor] = _log_prob) -> Tensor:
        sums = (log_prob(x, head, y).sum(-1) for x, y in zip((chosen, rejected), ids, strict=True))
        return loss(*sums, *reference)

    def by_trl() -> Step:
        from trl.trainer.utils import selective_log_softmax  # pyright: ignore[reportMissingImports]

        theirs: Any = selective_log_softmax
        return step(lambda: by_torch(lambda x, w, y: theirs(x @ w.T, y)), chosen, rejected, head)

    return Sides(
        ours=step(ours, chosen, rejected, head),
        floor=_products(states, head, 2 * length),
        rivals={"torch": step(by_torch, chosen, rejected, head), "TRL": peer("trl", by_trl)},
        input_bytes=4 * 2 * pairs * length * classes,
        input_name="logits",
        owed_bytes=size_of(chosen, rejected, head),
    )


def _policy(rows: int, features: int, classes: int, *, bonus: float = 0.0) -> Sides:
    hidden, head = _drawn(rows, features), _drawn(classes, features, seed=1)
    with torch.no_grad():
        head.mul_(features**-0.5)
    tokens, advantages = _ids(rows, classes=classes), _drawn(rows, seed=2).detach()
    with torch.no_grad():
        old = _log_prob(hidden, head, tokens) + 0.1
    loss = losses.GRPO()

    def ours() -> Tensor:
        return linear_policy(loss, hidden, head, tokens, advantages, old, entropy_bonus=bonus)

    def by_torch() -> Tensor:
        logs = (hidden @ head.T).log_softmax(-1)
        value = loss(logs.gather(-1, tokens.unsqueeze(-1)).squeeze(-1), advantages, old)
        return value + bonus * (logs.exp() * logs).sum(-1).mean() if bonus else value

    return Sides(
        ours=step(ours, hidden, head),
        floor=_products(hidden, head, 256),
        rivals={"torch": step(by_torch, hidden, head)},
        input_bytes=4 * rows * classes,
        input_name="logits",
        owed_bytes=size_of(hidden, head),
    )


def _distillation(rows: int, features: int, classes: int, *, loss: losses.KLDivergence | losses.JensenShannon) -> Sides:
    hidden, head = _drawn(rows, features), _drawn(classes, features, seed=1)
    teacher = _drawn(rows, features, seed=2).detach(), _drawn(classes, features, seed=3).detach() * features**-0.5
    with torch.no_grad():
        head.mul_(features**-0.5)
    logits = loss.replace(target_space="logits")

    def ours() -> Tensor:
        return linear_distillation(loss, hidden, head, *teacher)

    def by_torch() -> Tensor:
        return logits(hidden @ head.T, teacher[0] @ teacher[1].T)

    return Sides(
        ours=step(ours, hidden, head),
        floor=_products(hidden, head, 256, teacher),
        rivals={"torch": step(by_torch, hidden, head)},
        input_bytes=4 * 2 * rows * classes,
        input_name="both logits",
        owed_bytes=size_of(hidden, head),
    )


_ROWS: Final = {
    "full": {"rows": 1024, "features": 512, "classes": 32768},
    "quick": {"rows": 512, "features": 256, "classes": 8192},
    "tiny": {"rows": 19, "features": 7, "classes": 37},
}


def _with(**more: Any) -> dict[Any, dict[str, Any]]:
    return {size: {**given, **more} for size, given in _ROWS.items()}


CASES = (
    Case(
        name="DPO from hidden states, 8 pairs × 512, V = 32768",
        losses=("DPO",),
        sizes={
            "full": {"pairs": 8, "length": 512, "features": 512, "classes": 32768},
            "quick": {"pairs": 2, "length": 256, "features": 256, "classes": 8192},
            "tiny": {"pairs": 2, "length": 5, "features": 7, "classes": 37},
        },
        prepare=_preference,
        bars=(Bar("time", 1.05), Bar("memory", 0.25)),
        row=10,
    ),
    Case(name="GRPO from hidden states, 1024 tokens, V = 32768", losses=("GRPO",), sizes=_with(), prepare=_policy),
    Case(
        name="GRPO with an entropy bonus, from hidden states",
        losses=("GRPO",),
        sizes=_with(bonus=0.01),
        prepare=_policy,
    ),
    Case(
        name="distillation by KL from two heads, V = 32768",
        losses=("KLDivergence",),
        sizes=_with(loss=losses.KLDivergence()),
        prepare=_distillation,
    ),
    Case(
        name="distillation by Jensen-Shannon from two heads, V = 32768",
        losses=("JensenShannon",),
        sizes=_with(loss=losses.JensenShannon()),
        prepare=_distillation,
    ),
)
