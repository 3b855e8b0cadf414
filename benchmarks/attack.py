"""Attacks on digits, against AutoAttack: how many rows stay right, and what finding that out costs.

Run: pip install pyautoattack; python benchmarks/attack.py [--rows N] [--json FILE]. Both attack the same rows of the
same models in this process, on one thread; seconds are those of the processor, so that other work does not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import platform
import time

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from wald.audits import Attack, Case, InputSpace, metrics
from wald.audits.attacking import Region, Victim, strongest
from wald.audits.attacking.effort import effort_of
from wald.audits.cases.images import SETTINGS, digits
from wald.audits.cases.network import Network, fit
from wald.audits.costing.space import Multiclass
from wald.audits.evidence import BUDGETS, gather
from wald.audits.probes.attack import ATTACK
from wald.losses import CrossEntropy

#: How far the second model is hardened, in pixels from 0 to 1.
HARDENED = 0.15


@dataclass(frozen=True)
class Result:
    """The share of rows that stay right, and the processor's seconds."""

    robust: float
    seconds: float


def standard(rows: tuple[Tensor, Tensor]) -> nn.Module:
    """An MLP 64-128-10, trained as usual."""
    return fit(CrossEntropy(), *rows, **SETTINGS)[0]


def hardened(rows: tuple[Tensor, Tensor], *, epochs: int = 40, steps: int = 7) -> nn.Module:
    """The same network, trained on attacked inputs. Madry et al. 2018, arXiv:1706.06083."""
    inputs, target = rows
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        model = Network(inputs.shape[1], 128, 10)
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(epochs):
            for chosen in torch.randperm(len(inputs)).split(64):
                x, y = inputs[chosen], target[chosen]
                moved = (x + HARDENED * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
                for _ in range(steps):
                    moved.requires_grad_()
                    (slope,) = torch.autograd.grad(F.cross_entropy(model(moved), y), moved)
                    stepped = moved.detach() + HARDENED / 4 * slope.sign()
                    moved = torch.minimum(torch.maximum(stepped, x - HARDENED), x + HARDENED).clamp(0, 1)
                optimiser.zero_grad()
                F.cross_entropy(model(moved), y).backward()
                optimiser.step()
    return model.eval()


class Shouting(nn.Module):
    """A model whose scores are so large that the log loss has no slope left."""

    def __init__(self, model: nn.Module, factor: float = 1e4) -> None:
        super().__init__()
        self.model, self.factor = model, factor

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, features) → (rows, classes)."""
        return self.factor * self.model(inputs)


def ours(model: nn.Module, inputs: Tensor, target: Tensor, reach: float) -> Result:
    """Wald's attack of a standard audit, at one reach."""

    def each(score: Tensor, truth: Tensor) -> Tensor:
        return F.cross_entropy(score, truth, reduction="none")

    def wrong(score: Tensor, rows: Tensor) -> Tensor:
        return (score.argmax(-1) != target[rows]).double()

    victim = Victim(model, inputs, target, each, Multiclass(), wrong)
    pixels = torch.ones_like(inputs[0])
    region = Region.around(inputs, reach * pixels, (0 * pixels, pixels))
    effort = effort_of(BUDGETS["standard"], "standard")
    start = time.process_time()
    found = strongest(victim, region, effort, torch.Generator().manual_seed(0))
    return Result(1 - float(found.harm.mean()), time.process_time() - start)


def whole_probe(model: nn.Module, inputs: Tensor, target: Tensor, reach: float) -> tuple[Result, str]:
    """The probe as an audit runs it: every reach, self-checks and controls too; and what it says."""
    case = Case(
        model=model,
        loss=CrossEntropy(),
        test=(inputs, target),
        metric=metrics.error_rate(),
        input_space=InputSpace(low=0.0, high=1.0),
        attack=Attack(reach=reach, scale=(1.0,) * inputs.shape[1], tolerance=1.0),
    )
    evidence = gather(case, level="standard", seed=0)
    start = time.process_time()
    told = ATTACK.measure(evidence).findings[0]
    return Result(told.evidence["robust accuracy"], time.process_time() - start), told.state


def theirs(model: nn.Module, inputs: Tensor, target: Tensor, reach: float) -> Result:
    """AutoAttack's standard version. Croce & Hein 2020, arXiv:2003.01690."""
    from pyautoattack import AutoAttack

    class Pictures(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            return model(pictures.flatten(1))

    start = time.process_time()
    attack = AutoAttack(Pictures(), eps=reach, seed=0)
    pictures = inputs.reshape(len(inputs), 1, 8, 8)
    _, said = attack.run_standard_evaluation(pictures, target, batch_size=len(inputs))
    return Result(float((said == target).double().mean()), time.process_time() - start)


def models(rows: tuple[Tensor, Tensor]) -> dict[str, Callable[[], nn.Module]]:
    """What is attacked, made when it is wanted."""
    return {
        "standard": lambda: standard(rows),
        "hardened": lambda: hardened(rows),
        "shouting": lambda: Shouting(standard(rows)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--rows", type=int, default=719, help="test rows that are attacked, at most")
    parser.add_argument("--reach", type=float, nargs="+", default=[0.05, 0.1, 0.15])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = digits()
    inputs, target = (one[: arguments.rows] for one in data.test)
    found: list[dict[str, object]] = []
    print(
        f"{'model':10}{'reach':>7}{'clean':>8}{'wald':>8}{'auto':>8}{'wald s':>9}{'auto s':>9}{'ratio':>7}  the probe"
    )
    for name, make in models(data.train).items():
        model = make()
        clean = float((model(inputs).argmax(-1) == target).double().mean())
        for reach in arguments.reach:
            own, other = ours(model, inputs, target, reach), theirs(model, inputs, target, reach)
            probe, state = whole_probe(model, inputs, target, reach)
            found.append(
                {
                    "model": name,
                    "reach": reach,
                    "accuracy": round(clean, 4),
                    "wald": {"robust accuracy": round(own.robust, 4), "seconds": round(own.seconds, 2)},
                    "AutoAttack": {"robust accuracy": round(other.robust, 4), "seconds": round(other.seconds, 2)},
                    "time ratio": round(own.seconds / other.seconds, 3),
                    "whole probe": {
                        "robust accuracy": round(probe.robust, 4), "seconds": round(probe.seconds, 2), "state": state,
                    },
                }
            )  # fmt: skip
            print(
                f"{name:10}{reach:7.2f}{clean:8.3f}{own.robust:8.3f}{other.robust:8.3f}{own.seconds:9.2f}"
                f"{other.seconds:9.2f}{own.seconds / other.seconds:7.2f}  "
                f"{probe.robust:.3f} {probe.seconds:.2f} s {state}",
                flush=True,
            )
    if arguments.json:
        machine = {"torch": torch.__version__, "processor": platform.machine(), "cores": os.cpu_count()}
        measured = {"date": datetime.now(UTC).date().isoformat(), "machine": machine, "rows": len(inputs)}
        arguments.json.write_text(json.dumps(measured | {"attacks": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
