"""How many rolls to bake: the loss that follows from what a roll too few and a roll too many cost.

Run:  python examples/design_newsvendor.py
"""

from __future__ import annotations

import torch
from torch import Tensor

import wald

#: A roll that is missing costs its margin, one that is left over its flour and work.
MISSING, LEFT_OVER = 0.90, 0.30
SPREAD = 40.0


def days(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Days with their weather and weekday, (count, 3), the mean demand on such days, and the demand that came."""
    generator = torch.Generator().manual_seed(seed)
    warmth = torch.randn(count, generator=generator, dtype=torch.float64)
    weekend = (torch.rand(count, generator=generator) < 2 / 7).double()
    mean = 300 + 35 * warmth + 120 * weekend
    demand = mean + SPREAD * torch.randn(count, generator=generator, dtype=torch.float64)
    return torch.stack([torch.ones(count, dtype=torch.float64), warmth, weekend], 1), mean, demand


def fitted(loss: wald.Loss, inputs: Tensor, target: Tensor) -> Tensor:
    """The coefficients of a linear model of least loss."""
    # From the least squares on, step by step smaller: a loss with a kink never stops pulling.
    coefficients = torch.linalg.lstsq(inputs, target).solution.requires_grad_(True)
    optimiser = torch.optim.Adam([coefficients], lr=1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.99)
    for _ in range(700):
        optimiser.zero_grad()
        loss(inputs @ coefficients, target).backward()
        optimiser.step()
        schedule.step()
    return coefficients.detach()


def money() -> dict[str, float]:
    """What a day costs: by the design, by a forecast of the mean, and at best, where the law is known."""
    design = wald.design(underage=MISSING, overage=LEFT_OVER, unit="dollars")
    inputs, _, demand = days(2_000, seed=0)
    later, mean, came = days(20_000, seed=1)
    designed = later @ fitted(design.loss, inputs, demand)
    usual = later @ fitted(wald.Squared(), inputs, demand)

    def a_day(amount: Tensor) -> float:
        return design.saving(amount, came).cost / len(came)

    # Normal demand: the best order lies z spreads above the mean, and costs (cu + co) · spread · φ(z) a day.
    normal = torch.distributions.Normal(0.0, 1.0)
    z = normal.icdf(torch.tensor(MISSING / (MISSING + LEFT_OVER), dtype=torch.float64))
    return {
        "by the design": a_day(designed),
        "by the mean": a_day(usual),
        "at best": a_day(mean + SPREAD * z),
        "at best, by its formula": (MISSING + LEFT_OVER) * SPREAD * float(normal.log_prob(z).exp()),
        "days with enough": float((designed >= came).double().mean()),
    }


if __name__ == "__main__":
    print(wald.design(underage=MISSING, overage=LEFT_OVER, unit="dollars"))
    print()
    for name, cost in money().items():
        print(f"{name:<24} {cost:.2f}")
