"""Fraud at 0.1 %: which loss, and why? Made-up card payments in a table, and the question asked of them.

    python examples/fraud.py fraud.csv
    wald choose fraud.csv --target fraud --costs fn=amount,fp=5 --unit dollars

The payments are invented, so that the truth is known and nobody's data travel; a bank's own table goes in the same way.
"""

from __future__ import annotations

from pathlib import Path
import sys

import numpy as np
import pandas as pd


def payments(rows: int = 100_000, *, rate: float = 0.001, seed: int = 0) -> pd.DataFrame:
    """Card payments, of which about `rate` are fraud: more so at night, abroad, from new devices, of large amounts.

    Args:
        rows: how many.
        rate: the share of fraud.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    amount = np.round(np.exp(rng.normal(3.4, 1.1, rows)), 2)
    hour = rng.choice(24, rows, p=_by_hour())
    abroad = rng.random(rows) < 0.06
    new_device = rng.random(rows) < 0.08
    today = rng.poisson(1.3, rows)
    distance = np.round(rng.exponential(12, rows) * np.where(abroad, 40, 1), 1)
    account_years = np.round(rng.gamma(2.0, 2.5, rows), 2)
    shop = rng.choice(["food", "fuel", "travel", "electronics", "online"], rows, p=[0.42, 0.18, 0.08, 0.09, 0.23])
    night = (hour < 5).astype(float)
    score = (
        1.1 * (np.log(amount) - 3.4) + 1.8 * night + 2.2 * abroad + 3.0 * new_device + 0.9 * np.minimum(today, 6)
        - 0.3 * account_years + 1.2 * (shop == "electronics") + 0.9 * (shop == "online") + 1.0 * night * new_device
    )  # fmt: skip
    shift = _shift_for(score, rate)
    fraud = rng.random(rows) < 1 / (1 + np.exp(-(score + shift)))
    return pd.DataFrame(
        {"amount": amount, "hour": hour, "abroad": abroad, "new_device": new_device, "payments_today": today,
         "distance_km": distance, "account_years": account_years, "shop": shop, "fraud": fraud.astype(int)}
    )  # fmt: skip


def _by_hour() -> np.ndarray:
    weight = np.array([1, 1, 1, 1, 1, 2, 4, 6, 8, 8, 8, 9, 10, 9, 8, 8, 9, 10, 10, 9, 7, 5, 3, 2], dtype=float)
    return weight / weight.sum()


def _shift_for(score: np.ndarray, rate: float) -> float:
    """The constant that makes the mean probability `rate`, by halving."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-(score + middle)))).mean() < rate else (low, middle)
    return (low + high) / 2


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "fraud.csv")
    table = payments()
    table.to_csv(path, index=False)
    print(f"{path}: {len(table):,} payments, {table['fraud'].sum()} of them fraud.")
