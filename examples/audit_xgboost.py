"""Audit a booster of XGBoost: its raw margins are what the loss takes.

Run:  python examples/audit_xgboost.py
Needs: pip install "wald[audit,gbdt]"
"""

import numpy as np
import xgboost

import wald


def case() -> wald.Case:
    """Counts with a long tail, predicted by a booster that minimises the Poisson loss."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(2_000, 4))
    counts = random.poisson(np.exp(0.5 * inputs[:, 0] - 0.3 * inputs[:, 1]))
    train, test = slice(0, 1_000), slice(1_000, None)
    model = xgboost.train(
        {"objective": "count:poisson", "max_depth": 3, "nthread": 1, "seed": 0},
        xgboost.DMatrix(inputs[train], counts[train]),
        num_boost_round=40,
    )
    return wald.Case(
        name="counts",
        model=model,
        loss=wald.Poisson(),
        metric="neg_mean_absolute_error",  # which rewards the median, while the loss elicits the mean
        train=(inputs[train], counts[train]),
        test=(inputs[test], counts[test]),
    )


if __name__ == "__main__":
    print(wald.audit(case(), level="quick"))
