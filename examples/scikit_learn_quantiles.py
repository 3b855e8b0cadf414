"""How many to stock: a loss of several quantiles in a pipeline, searched and scored by scikit-learn.

Too few on the shelf costs nine times what too many costs, so the right number is the 0.9 quantile of the demand
(cost of too few / (cost of too few + cost of too many)). Run: python examples/scikit_learn_quantiles.py
"""

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

import wald
from wald.adapters import LossRegressor, make_scorer


def main() -> None:
    """Fit, search and compare."""
    draw = np.random.default_rng(0)
    day = draw.uniform(0, 7, size=(3000, 1))
    demand = draw.gamma(4.0, 5.0 + 3.0 * np.sin(day[:, 0]))
    train, test, sold, wanted = train_test_split(day, demand, random_state=0)

    cost = wald.Pinball(level=0.9)
    stock = make_pipeline(SplineTransformer(n_knots=6), LossRegressor(cost))
    search = GridSearchCV(
        stock, {"lossregressor__penalty": [1e-4, 1e-2, 1.0]}, scoring=make_scorer(cost), cv=3, n_jobs=1
    ).fit(train, sold)
    print(f"penalty chosen by the cost itself: {search.best_params_['lossregressor__penalty']:g}")
    print(f"days on which the stock was enough: {(wanted <= search.predict(test)).mean():.1%} (90 % was asked)")

    mean = make_pipeline(SplineTransformer(n_knots=6), LinearRegression())
    for name, model in (("stock the mean", mean), ("stock the 0.9 quantile", search.best_estimator_)):
        found = -cross_val_score(model, day, demand, scoring=make_scorer(cost), cv=5)
        print(f"{name:24s} costs {found.mean():.3f} a day")

    band = make_pipeline(SplineTransformer(n_knots=6), LossRegressor(wald.Pinball(level=(0.1, 0.5, 0.9))))
    low, middle, high = band.fit(train, sold).predict(test[:1])[0]
    print(f"demand on the first test day: {middle:.0f}, in 8 of 10 cases between {low:.0f} and {high:.0f}")


if __name__ == "__main__":
    main()
