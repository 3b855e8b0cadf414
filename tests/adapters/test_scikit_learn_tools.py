"""The estimators and scorers inside scikit-learn's tools: searches, pipelines, tables, routing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import wald

pytest.importorskip("sklearn")
pandas = pytest.importorskip("pandas")

from sklearn import config_context, metrics  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor  # noqa: E402
from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402

from wald.adapters import LossClassifier, LossRegressor, make_scorer  # noqa: E402

ROWS = 300


@pytest.fixture(scope="module")
def table() -> Any:
    draw = np.random.default_rng(0)
    return pandas.DataFrame(
        {"age": draw.normal(40, 10, ROWS), "town": draw.choice(["A", "B", "C"], ROWS), "pay": draw.lognormal(size=ROWS)}
    )


@pytest.fixture(scope="module")
def numeric(table: Any) -> Any:
    return table[["age", "pay"]]


@pytest.fixture(scope="module")
def bought(table: Any) -> Any:
    chance = 1 / (1 + np.exp(-(table["age"] - 45) / 10))
    return np.where(np.random.default_rng(1).random(ROWS) < chance, "yes", "no")


@pytest.fixture(scope="module")
def spent(table: Any) -> Any:
    return table["age"].to_numpy() + np.random.default_rng(2).normal(size=ROWS) * 3


@pytest.mark.slow
def test_a_search_over_the_fields_of_a_loss(numeric: Any, bought: Any) -> None:
    search = GridSearchCV(LossClassifier(wald.Focal()), {"loss__gamma": [0.0, 1.0, 2.0], "penalty": [1e-3, 1.0]}, cv=3)
    search.fit(numeric, bought)
    assert search.best_estimator_.loss_ == wald.Focal(gamma=search.best_params_["loss__gamma"])
    losses = GridSearchCV(LossRegressor(), {"loss": [wald.Squared(), "huber", wald.Pinball()]}, cv=3)
    assert losses.fit(numeric, numeric["pay"]).best_score_ <= 1


def test_parameters_reach_into_the_loss() -> None:
    model = LossClassifier(wald.Focal(gamma=3.0))
    assert model.get_params()["loss__gamma"] == 3.0
    assert "loss__gamma" not in model.get_params(deep=False)
    copy = clone(model)
    assert copy.loss == model.loss
    assert copy.set_params(loss__gamma=1.0, penalty=0.5).loss == wald.Focal(gamma=1.0)
    assert model.loss == wald.Focal(gamma=3.0)
    with pytest.raises(ValueError, match="no field gama; it has gamma"):
        model.set_params(loss__gama=1.0)
    with pytest.raises(ValueError, match="has no fields"):
        LossClassifier("focal").set_params(loss__gamma=1.0)


def test_a_pipeline_over_a_table_of_words_and_numbers(table: Any, bought: Any) -> None:
    columns = ColumnTransformer(
        [("town", OneHotEncoder(sparse_output=False), ["town"]), ("rest", StandardScaler(), ["age", "pay"])]
    ).set_output(transform="pandas")
    pipeline = make_pipeline(columns, LossClassifier(wald.BinaryCrossEntropy())).fit(table, bought)
    assert pipeline[-1].feature_names_in_.tolist()[-1] == "rest__pay"
    assert pipeline.score(table, bought) > 0.6
    assert cross_val_score(pipeline, table, bought, cv=3, scoring=make_scorer(wald.Focal())).max() < 0


def test_weights_reach_fit_and_score(numeric: Any, bought: Any) -> None:
    weight = np.random.default_rng(3).integers(0, 3, ROWS).astype(float)
    with config_context(enable_metadata_routing=True):
        model = LossClassifier().set_fit_request(sample_weight=True)
        scorer = make_scorer(wald.BinaryCrossEntropy()).set_score_request(sample_weight=True)
        found = cross_val_score(model, numeric, bought, cv=3, scoring=scorer, params={"sample_weight": weight})
        theirs = metrics.make_scorer(
            metrics.log_loss, greater_is_better=False, response_method="predict_proba"
        ).set_score_request(sample_weight=True)
        wanted = cross_val_score(model, numeric, bought, cv=3, scoring=theirs, params={"sample_weight": weight})
        both = cross_validate(
            model, numeric, bought, cv=3, scoring={"a": scorer, "b": theirs}, params={"sample_weight": weight}
        )
        search = GridSearchCV(model, {"penalty": [1e-3]}, scoring=scorer, cv=3)
        search.fit(numeric, bought, sample_weight=weight)
    assert np.allclose(found, wanted, rtol=1e-6)
    assert np.allclose(both["test_a"], both["test_b"], rtol=1e-6)
    assert search.best_score_ == pytest.approx(found.mean())
    assert not np.allclose(found, cross_val_score(LossClassifier(), numeric, bought, cv=3, scoring="neg_log_loss"))


@pytest.mark.slow
@pytest.mark.distributed
def test_the_work_spreads_over_processes(numeric: Any, spent: Any) -> None:
    one = cross_val_score(LossRegressor("huber"), numeric, spent, cv=2)
    assert np.array_equal(one, cross_val_score(LossRegressor("huber"), numeric, spent, cv=2, n_jobs=2))


# Scorers and the estimators of others.


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        HistGradientBoostingClassifier(max_iter=5),
        CalibratedClassifierCV(LinearSVC(), cv=2),
        make_pipeline(StandardScaler(), LogisticRegression()),
        LossClassifier(),
        make_pipeline(StandardScaler(), LossClassifier(wald.Focal(), recalibrate=True)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_loss_scores_any_classifier(numeric: Any, bought: Any, model: Any) -> None:
    fitted = clone(model).fit(numeric, bought)
    scorer = make_scorer(wald.BinaryCrossEntropy())
    wanted = -metrics.log_loss(bought, fitted.predict_proba(numeric))
    assert scorer(fitted, numeric, bought) == pytest.approx(wanted, rel=1e-5)
    # By a loss of each class as by one of the second class alone.
    assert make_scorer("cross_entropy")(fitted, numeric, bought) == pytest.approx(wanted, rel=1e-5)


def test_several_classes_in_any_order(numeric: Any) -> None:
    target = np.array(["mid", "low", "high"])[np.digitize(numeric["age"], [35, 45])]
    fitted = LogisticRegression(max_iter=1000).fit(numeric, target)
    wanted = -metrics.log_loss(target, fitted.predict_proba(numeric))
    assert make_scorer(wald.CrossEntropy())(fitted, numeric, target) == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(ValueError, match="the class 'tiny', which the estimator has never seen"):
        make_scorer(wald.CrossEntropy())(fitted, numeric[:2], ["low", "tiny"])


def test_a_loss_of_numbers_scores_any_regressor(numeric: Any, spent: Any) -> None:
    fitted = LinearRegression().fit(numeric, spent)
    for loss, theirs in (
        (wald.Squared(), metrics.mean_squared_error(spent, fitted.predict(numeric))),
        (wald.Pinball(level=0.9), metrics.mean_pinball_loss(spent, fitted.predict(numeric), alpha=0.9)),
    ):
        assert make_scorer(loss)(fitted, numeric, spent) == pytest.approx(-theirs)
    # A loss of log-numbers gets the logarithm of what is predicted.
    positive = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp).fit(numeric, spent)
    rate = torch.from_numpy(positive.predict(numeric))
    wanted = wald.Poisson()(rate.log(), torch.from_numpy(spent))
    assert make_scorer(wald.Poisson())(positive, numeric, spent) == pytest.approx(-float(wanted))


def test_our_own_predictions_are_scored_as_the_loss_takes_them(numeric: Any, spent: Any) -> None:
    loss = wald.Pinball(level=(0.1, 0.9))
    pipeline = make_pipeline(StandardScaler(), LossRegressor(loss)).fit(numeric, spent)
    scaled = pipeline[:-1].transform(numeric)
    wanted = -float(loss(pipeline[-1].raw(scaled), torch.from_numpy(spent)))
    assert make_scorer(loss)(pipeline, numeric, spent) == pytest.approx(wanted)
    with pytest.raises(ValueError, match="columns"):
        make_scorer(loss)(LinearRegression().fit(numeric, spent), numeric, spent)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "f1_macro", "neg_log_loss"])
def test_metrics_score_as_those_of_scikit_learn(numeric: Any, bought: Any, name: str) -> None:
    fitted = LogisticRegression().fit(numeric, bought)
    numbers = (np.asarray(bought) == "yes").astype(int)
    same = LogisticRegression().fit(numeric, numbers)
    wanted = metrics.get_scorer(name)(same, numeric, numbers)
    assert make_scorer(name)(fitted, numeric, bought) == pytest.approx(wanted, rel=1e-6)
    weight = np.random.default_rng(4).random(ROWS)
    wanted = metrics.get_scorer(name)(same, numeric, numbers, sample_weight=weight)
    assert make_scorer(name)(fitted, numeric, bought, sample_weight=weight) == pytest.approx(wanted, rel=1e-6)


def test_metrics_of_numbers_and_of_ones_own(numeric: Any, spent: Any) -> None:
    fitted = LinearRegression().fit(numeric, spent)
    error = metrics.mean_absolute_error(spent, fitted.predict(numeric))
    for measure in ("neg_mean_absolute_error", "mae", metrics.mean_absolute_error):
        assert make_scorer(measure)(fitted, numeric, spent) == pytest.approx(-error)
    late = wald.Metric(name="late", per_example=lambda p, y: (y - p).clamp_min(0))
    assert make_scorer(late)(fitted, numeric, spent) == pytest.approx(-error / 2, rel=1e-6)
    best = make_scorer(lambda p, y: -(p - y).abs().mean(), lower_is_better=False)
    assert best(fitted, numeric, spent) == pytest.approx(-error)


def test_distances_are_not_taken_for_log_odds(numeric: Any, bought: Any) -> None:
    model = LinearSVC().fit(numeric, bought)
    with pytest.raises(ValueError, match=r"takes logits, and LinearSVC gives distances.*CalibratedClassifierCV"):
        make_scorer(wald.BinaryCrossEntropy())(model, numeric, bought)
    assert make_scorer(wald.Hinge())(model, numeric, bought) < 0


def test_what_is_no_measure_is_refused(numeric: Any, bought: Any) -> None:
    with pytest.raises(ValueError, match="nearest"):
        make_scorer("focall")
    with pytest.raises(ValueError, match="compares embeddings"):
        make_scorer(wald.InfoNCE())
    assert repr(make_scorer(wald.Focal())) == "make_scorer(Focal(gamma=2.0))"
