"""Which payments to stop: a missed fraud costs its amount, a stopped customer five dollars.

Two ways that the design names, held against the best that can be done, which is known as the payments are made up.

Run:  python examples/design_fraud.py
"""

from __future__ import annotations

import torch
from torch import Tensor

import wald

FEE = 5.0


def payments(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What is known of each payment, (count, 4), its amount, its true chance of fraud, and whether it was one."""
    generator = torch.Generator().manual_seed(seed)
    log_amount = torch.randn(count, generator=generator, dtype=torch.float64)
    night, abroad = (torch.rand(2, count, generator=generator) < 0.15).double()
    chance = torch.sigmoid(-6.5 + 0.8 * log_amount + 1.6 * night + 2.2 * abroad)
    fraud = (torch.rand(count, generator=generator, dtype=torch.float64) < chance).double()
    inputs = torch.stack([torch.ones(count, dtype=torch.float64), log_amount, night, abroad], 1)
    return inputs, torch.exp(3.5 + log_amount), chance, fraud


def fitted(loss: wald.Loss, inputs: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """The coefficients of a linear model of least loss."""
    coefficients = torch.zeros(inputs.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([coefficients], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss(inputs @ coefficients, target, weight=weight)
        value.backward()
        return value

    optimiser.step(closure)
    return coefficients.detach()


def money() -> dict[str, float]:
    """What 1,000 payments cost in dollars, decided in each way."""
    design = wald.design(costs=wald.Costs(false_negative="amount", false_positive=FEE, unit="dollars"))
    inputs, amount, _, fraud = payments(60_000, seed=0)
    later, amounts, chances, came = payments(60_000, seed=1)
    columns = {"amount": amounts}

    # One way: plain probabilities, and in each row the threshold of its own amount.
    probability = torch.sigmoid(later @ fitted(wald.BinaryCrossEntropy(), inputs, fraud))
    told = design.saving(probability, came, columns)
    # The other: each row weighted by what is at stake in it, and the score cut at 0.
    weighted = later @ fitted(design.loss, inputs, fraud, design.weight(fraud, {"amount": amount}))
    stopped = weighted >= design.score
    paid = torch.where(came.bool(), torch.where(stopped, 0.0, amounts), torch.where(stopped, FEE, 0.0))

    thousand = len(came) / 1000
    return {
        "thresholds by amount": told.cost / thousand,
        "weights by amount": float(paid.sum()) / thousand,
        "the decision at one half": told.others["the decision at one half"] / thousand,
        "stopping nothing": told.others["never a yes"] / thousand,
        "the true chances": design.saving(chances, came, columns).cost / thousand,
        "the least to be expected": float(torch.minimum(chances * amounts, (1 - chances) * FEE).sum()) / thousand,
        "to be expected, by the design": design.saving(chances, columns=columns).cost / thousand,
    }


if __name__ == "__main__":
    print(wald.design(costs=wald.Costs(false_negative="amount", false_positive=FEE, unit="dollars")))
    print()
    for name, cost in money().items():
        print(f"{name:<32} {cost:9.2f}")
