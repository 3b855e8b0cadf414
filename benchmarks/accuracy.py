"""How far each faster implementation is from its definition in double precision.

Run: python benchmarks/accuracy.py. For every loss of the catalogue that an implementation takes, at all typical
settings: inputs drawn from its card in fp32, value and gradient by the implementation and by the definition itself in
fp32, both against the definition in fp64. An error is the largest difference over the largest figure.
"""

from __future__ import annotations

from datetime import UTC, datetime
import json
from pathlib import Path

import torch
from torch import Tensor

import wald
from wald.checks.subjects.draw import draw, variants
from wald.core.implementation import Implementation, implementations
from wald.kernels.worthwhile import any_size
from wald.timing.machine import machine

HERE = Path(__file__).parent
ROWS, LABELS, CLASSES = 257, 5, 33


def inputs_of(loss: wald.Loss) -> tuple[Tensor, ...]:
    """Inputs in double precision that fp32 holds exactly, so that no side starts from other ones."""
    rng = torch.Generator().manual_seed(0)
    # A loss with a parameter for each label has five of them; examples that meet each other have one axis.
    shape = (ROWS,) if loss.card.coupling == "coupled" else (ROWS, LABELS)
    drawn = draw(loss, shape, rng, classes=CLASSES)
    return tuple(x.float().double() if x.is_floating_point() else x for x in drawn)


def narrow(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(x.float() if x.is_floating_point() else x for x in inputs)


def slopes(compute, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """The values, and the gradient of their weighted sum, in double precision."""
    first = inputs[0].clone().requires_grad_()
    values = compute(first, *inputs[1:])
    upstream = torch.linspace(0.5, 1.5, values.numel(), dtype=values.dtype).reshape(values.shape)
    values.backward(upstream)
    assert first.grad is not None
    return values.detach().double(), first.grad.double()


def away(found: Tensor, truth: Tensor) -> float:
    return ((found - truth).abs().max() / truth.abs().max().clamp(min=1e-30)).item()


def errors(faster: Implementation, loss: wald.Loss) -> dict[str, float] | None:
    inputs = inputs_of(loss)
    plain, arranged, _, _ = loss.arranged(inputs, None, None)
    small = narrow(arranged)
    with any_size():
        if not faster.accepts(plain, *small):
            return None
        value, gradient = slopes(plain.per_example, arranged)
        ours = slopes(lambda *x: faster.run(plain, *x), small)
    theirs = slopes(plain.per_example, small)
    return {
        "value": away(ours[0], value),
        "gradient": away(ours[1], gradient),
        "definition_value": away(theirs[0], value),
        "definition_gradient": away(theirs[1], gradient),
    }


def measured() -> list[dict[str, object]]:
    """For each implementation and loss, its largest errors over the settings that it takes."""
    found: list[dict[str, object]] = []
    for faster in implementations():
        taken = [one for loss in variants(faster.of) if (one := errors(faster, loss)) is not None]
        if taken:
            worst = {name: float(f"{max(one[name] for one in taken):.2g}") for name in taken[0]}
            found.append({"implementation": faster.name, "loss": faster.of.__name__, "settings": len(taken), **worst})
    return found


def main() -> None:
    torch.set_num_threads(1)
    now = datetime.now(UTC)
    told = {
        "schema": 1,
        "kind": "accuracy",
        "date": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "rows": ROWS,
        "errors": measured(),
    }
    (HERE / f"accuracy-{now:%Y-%m-%d}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
