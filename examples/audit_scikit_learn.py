"""Audit a pipeline of scikit-learn on a table with words and gaps.

Run:  python examples/audit_scikit_learn.py
Needs: pip install "wald[audit,tables]" scikit-learn
"""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import wald


def case() -> wald.Case:
    """Who pays back: a forest, judged by how well it ranks."""
    random = np.random.default_rng(0)
    rows = 2_000
    table = pd.DataFrame(
        {
            "age": random.integers(18, 80, rows),
            "income": random.lognormal(mean=10, size=rows),
            "region": random.choice(["north", "south", "east"], rows),
        }
    )
    table.loc[random.random(rows) < 0.1, "income"] = np.nan
    odds = 0.04 * (table["age"] - 45) + (table["region"] == "south")
    paid = np.where(random.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no")
    train, test = slice(0, 1_000), slice(1_000, None)

    model = make_pipeline(
        make_column_transformer((SimpleImputer(), ["age", "income"]), (OneHotEncoder(), ["region"])),
        RandomForestClassifier(100, min_samples_leaf=20, random_state=0),
    )
    model.fit(table[train], paid[train])
    return wald.Case(
        name="paid back",
        model=model,  # the pipeline itself: wald sees numbers, the model its own table
        loss="log_loss",
        metric="roc_auc",
        train=(table[train], paid[train]),
        test=(table[test], paid[test]),
        groups={"region": table["region"][test]},
    )


if __name__ == "__main__":
    print(wald.audit(case(), level="quick"))
