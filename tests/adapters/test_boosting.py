"""Any loss in XGBoost, LightGBM and CatBoost: where it starts, which way it goes, and how it is read."""

from __future__ import annotations

from pathlib import Path
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import wald
from wald import adapters
from wald.adapters.boosting.adapter import Adapter
from wald.adapters.boosting.closed_forms import _TABLE, closed_form
from wald.adapters.boosting.kinks import Kinks
from wald.adapters.boosting.slopes import by_autograd, slopes
from wald.adapters.boosting.task import Task

from ..sampling import daily

for _library in ("xgboost", "lightgbm", "catboost"):
    pytest.importorskip(_library)

ENGINES = ("xgboost", "lightgbm", "catboost")
THREADS: dict[str, dict[str, Any]] = {
    "xgboost": {"nthread": 1, "learning_rate": 0.1},
    "lightgbm": {"num_threads": 1, "learning_rate": 0.1, "min_data_in_leaf": 5},
    "catboost": {"thread_count": 1, "learning_rate": 0.1},
}
engines = pytest.mark.parametrize("engine", ENGINES)


def features(rows: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, 4))


def labels(x: np.ndarray, names: tuple[Any, ...]) -> np.ndarray:
    """Classes of unequal sizes, so that an order that is turned over shows."""
    noise = np.random.default_rng(1).normal(size=len(x)) * 0.3
    edges = [0.9] if len(names) == 2 else [-1.2, 0.8]
    return np.array(names)[np.digitize(x[:, 0] + noise, edges)]


def make(engine: str, loss: wald.Loss, y: Any, **rest: Any) -> Adapter:
    return getattr(adapters, engine)(loss, y, **rest)


# Derivatives.


@pytest.mark.parametrize("kind", _TABLE, ids=lambda kind: kind.__name__)
def test_closed_forms_are_what_autograd_says(kind: type[wald.Loss]) -> None:
    options: dict[type[wald.Loss], list[dict[str, Any]]] = {
        wald.Pinball: [{"level": 0.8}], wald.Huber: [{"delta": 0.7}], wald.PseudoHuber: [{"delta": 0.7}],
        wald.BinaryCrossEntropy: [{}, {"pos_weight": 3.0}],
        wald.Poisson: [{}, {"full": True}], wald.Tweedie: [{"power": 1.0}, {"power": 1.3}, {"power": 2.0}],
    }  # fmt: skip
    rng = np.random.default_rng(3)
    for fields in options.get(kind, [{}]):
        loss = kind(**fields)
        y = rng.integers(0, 2, 60).astype(float) if loss.card.task != "regression" else rng.gamma(1.0, 2.0, 60) + 0.1
        task = Task.of(loss, y)
        score = rng.normal(size=(60, task.columns)) * 2
        for found, true in zip(slopes(task, score, y), by_autograd(task, score, y), strict=True):
            np.testing.assert_allclose(found, true, rtol=1e-11, atol=1e-13)


def test_a_field_that_a_closed_form_does_not_know_goes_to_autograd() -> None:
    assert closed_form(wald.BinaryCrossEntropy(label_smoothing=0.1)) is None
    assert closed_form(wald.CrossEntropy(class_weight=(1.0, 2.0))) is None
    assert closed_form(wald.Pinball(level=(0.1, 0.9))) is None
    assert closed_form(wald.Poisson(log_input=False)) is None


def test_extreme_scores_keep_their_digits() -> None:
    score, y = np.array([[800.0], [-800.0], [40.0]]), np.array([1.0, 0.0, 1.0])
    gradient, hessian = slopes(Task.of(wald.BinaryCrossEntropy(), y), score, y)
    assert np.isfinite(gradient).all()
    assert gradient[2, 0] == pytest.approx(-np.exp(-40.0), rel=1e-12)
    assert hessian[2, 0] == pytest.approx(np.exp(-40.0), rel=1e-12)


@pytest.mark.parametrize(
    "loss",
    daily(
        [
            wald.Squared(),
            wald.Absolute(),
            wald.Huber(),
            wald.LogCosh(),
            wald.GaussianNLL(),
            wald.Focal(),
            wald.CrossEntropy(),
            wald.Poisson(),
            wald.SquaredLog(),
            wald.Hinge(),
            wald.Pinball(level=(0.1, 0.9)),
            wald.FisslerZiegel(),
            wald.Focal(kind="multiclass"),
            wald.Linex(),
        ],
        3,
        repr,
    ),
)
def test_every_hessian_is_positive_and_every_gradient_the_loss_s_own(loss: wald.Loss) -> None:
    x = features(200)
    y = labels(x, (0, 1)) if loss.card.task in ("binary", "multiclass") else np.exp(x[:, 0])
    if isinstance(loss, wald.FisslerZiegel):
        y = -y  # its shortfalls are losses
    adapter = make("xgboost", loss, y)
    score = np.random.default_rng(5).normal(size=(200, adapter.task.columns)) * 3
    encoded = adapter.task.encoded(y)
    gradient, hessian = adapter.curvature(score, encoded)
    assert (hessian > 0).all()
    assert np.isfinite(hessian).all()
    true, _ = by_autograd(adapter.task, score, encoded)
    np.testing.assert_allclose(gradient / adapter.policy.unit, true, rtol=1e-9, atol=1e-12)


def test_gauss_newton_of_the_focal_loss_is_its_curvature_in_the_probability() -> None:
    y, score = np.array([0.0, 1.0, 1.0]), np.array([[0.3], [-2.0], [1.0]])
    gradient, hessian = make("xgboost", wald.Focal(), y).curvature(score, y)
    p = torch.tensor(score[:, 0]).sigmoid().requires_grad_(True)
    loss = wald.Focal().per_example(torch.logit(p), torch.tensor(y))
    (slope,) = torch.autograd.grad(loss.sum(), p, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), p)
    curved = (bend * (p * (1 - p)).square()).detach().numpy()
    # No row asks for a step of more than 1 in log-odds.
    np.testing.assert_allclose(hessian[:, 0], np.maximum(curved, np.abs(gradient[:, 0])), rtol=1e-9)
    assert (curved > np.abs(gradient[:, 0])).any()


def test_the_majoriser_of_classes_outweighs_the_whole_hessian() -> None:
    y, score = np.array([0, 1, 2, 1]), np.random.default_rng(2).normal(size=(4, 3)) * 2
    _, diagonal = make("xgboost", wald.CrossEntropy(), y).curvature(score, y.astype(float))
    for row, bends in zip(score, diagonal, strict=True):
        p = torch.tensor(row).softmax(-1)
        whole = torch.diag(p) - torch.outer(p, p)
        assert float(torch.linalg.eigvalsh(torch.diag(torch.tensor(bends)) - whole).min()) >= -1e-12


# Quantiles of leaves.


def test_a_leaf_is_set_to_its_quantile_and_a_weight_of_k_is_k_rows() -> None:
    rng = np.random.default_rng(0)
    y, leaf, weight = rng.normal(size=60), rng.integers(0, 3, 60), rng.integers(1, 4, 60).astype(float)
    task, copies = Task.of(wald.Pinball(level=0.8), y), weight.astype(int)
    kinks, many = Kinks.of(task, y), Kinks.of(task, np.repeat(y, copies))
    assert kinks is not None
    assert many is not None
    plain = kinks.best(y, leaf, 4, 0, None)
    for number in range(3):
        assert plain[number] == pytest.approx(np.quantile(y[leaf == number], 0.8, method="weibull"))
    seven = kinks.best(y, leaf, 4, 0, None, rank="n - 1")
    assert seven[1] == pytest.approx(np.quantile(y[leaf == 1], 0.8, method="linear"))
    assert plain[3] == 0
    weighed = kinks.best(y, leaf, 4, 0, weight)
    np.testing.assert_allclose(weighed, many.best(np.repeat(y, copies), np.repeat(leaf, copies), 4, 0, None))
    assert not np.allclose(weighed, plain)


def test_only_losses_without_curvature_have_kinks() -> None:
    y = np.linspace(-3, 5, 30)
    for loss in (wald.Absolute(), wald.Pinball(level=(0.1, 0.9)), wald.Interval()):
        assert Kinks.of(Task.of(loss, y), y) is not None
    for loss in (wald.Squared(), wald.Huber(delta=0.1), wald.SmoothedPinball(), wald.Poisson()):
        assert Kinks.of(Task.of(loss, np.abs(y)), np.abs(y)) is None


# What was measured to go wrong.


@engines
def test_absolute_error_learns_targets_near_100(engine: str) -> None:
    # XGBoost with a Hessian of 0 predicts one constant, and with 1 it is still 90 off after 30 rounds.
    x = features(600)
    y = 100 + 3 * x[:, 0] + np.random.default_rng(9).standard_t(3, size=600)
    model = make(engine, wald.Absolute(), y).fit(x, y, rounds=30, **THREADS[engine])
    found = model.predict(x)
    assert np.abs(found - y).mean() < 1.2
    assert len(np.unique(found)) > 20


@engines
@pytest.mark.parametrize("rounds", [1, 10])
def test_the_mean_probability_is_the_base_rate(engine: str, rounds: int) -> None:
    # LightGBM with an objective of one's own: 0.196 for a base rate of 0.027.
    x = features(2000)
    y = np.where(x[:, 0] + np.random.default_rng(3).normal(size=2000) > 2.7, "fraud", "fine")
    rate = (y == "fraud").mean()
    model = make(engine, wald.BinaryCrossEntropy(), y).fit(x, y, rounds=rounds, **THREADS[engine])
    found = model.predict(x)
    assert found.shape == (2000, 2)
    assert model.classes is not None
    assert model.classes.tolist() == ["fine", "fraud"]
    assert found[:, 1].mean() == pytest.approx(rate, rel=0.2)
    np.testing.assert_allclose(found.sum(1), 1)


def test_catboost_is_given_the_negative_gradient() -> None:
    y = np.array([1.0, 2.0, 4.0])
    adapter = make("catboost", wald.Squared(), y)
    found = adapter.objective.calc_ders_range(np.zeros(3), y, None)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, np.stack([y, -np.ones(3)], 1))


# Space, order, shape.


@engines
@pytest.mark.parametrize("names", [("no", "yes"), ("b", "a", "c"), (7, 3, 5), (True, False)], ids=str)
def test_classes_keep_their_names_and_order(engine: str, names: tuple[Any, ...]) -> None:
    x = features()
    y = labels(x, names)
    loss = wald.BinaryCrossEntropy() if len(names) == 2 else wald.CrossEntropy()
    model = make(engine, loss, y).fit(x, y, rounds=15, **THREADS[engine])
    assert model.classes is not None
    assert model.classes.tolist() == sorted(names)
    assert (model.decide(x) == y).mean() > 0.85
    np.testing.assert_allclose(model.predict(x).mean(0), [(y == name).mean() for name in sorted(names)], atol=0.03)


@engines
@pytest.mark.parametrize(
    ("loss", "columns"),
    daily(
        [
            (wald.Poisson(), None),
            (wald.Gamma(), None),
            (wald.Poisson(log_input=False), None),
            (wald.SquaredLog(), None),
            (wald.GaussianNLL(), 2),
            (wald.Pinball(level=(0.1, 0.5, 0.9)), 3),
        ],
        3,
        lambda case: repr(case[0]),
    ),
)
def test_numbers_come_back_in_the_unit_of_the_target(engine: str, loss: wald.Loss, columns: int | None) -> None:
    x = features()
    y = np.exp(1 + 0.5 * x[:, 0] + 0.1 * np.random.default_rng(0).normal(size=len(x)))
    adapter = make(engine, loss, y)
    model = adapter.fit(x, y, rounds=30, **THREADS[engine])
    found = model.predict(x)
    assert found.shape == (len(x),) if columns is None else (len(x), columns)
    assert model.raw(x).shape == found.shape
    middle = found if columns is None else found[:, 1] if columns == 3 else found[:, 0]
    assert np.corrcoef(middle, y)[0, 1] > 0.8
    cost = adapter.judge.value(model.score(x), y, None)
    assert cost < adapter.judge.value(adapter.started(len(y)), y, None)
    if isinstance(loss, wald.GaussianNLL):
        assert (found[:, 1] > 0).all()
    if columns is None:
        assert found.mean() == pytest.approx(y.mean(), rel=0.1)


def test_quantiles_are_kept_from_crossing_where_that_is_asked_for() -> None:
    rng = np.random.default_rng(0)
    x, y = features(150), rng.normal(size=150)
    plain, kept = (
        make("xgboost", wald.Pinball(level=(0.45, 0.5, 0.55)), y, sort=sort).fit(x, y, rounds=30, **THREADS["xgboost"])
        for sort in (False, True)
    )
    assert (np.diff(plain.predict(x)) < 0).any()
    assert (np.diff(kept.predict(x)) >= 0).all()
    np.testing.assert_allclose(np.sort(plain.predict(x)), kept.predict(x))


def test_a_loss_without_probabilities_decides() -> None:
    x = features()
    y = labels(x, ("no", "yes"))
    model = make("lightgbm", wald.Hinge(), y).fit(x, y, rounds=20, **THREADS["lightgbm"])
    assert (model.predict(x) == y).mean() > 0.85


@engines
def test_tables_of_pandas_bring_their_categories(engine: str) -> None:
    pandas = pytest.importorskip("pandas")
    x = features()
    place = np.array(["north", "south", "west"])[np.digitize(x[:, 0], [-0.5, 0.5])]
    table = pandas.DataFrame({"where": pandas.Categorical(place), "size": x[:, 1]})
    y = pandas.Series(np.where(place == "south", 5.0, 1.0) + x[:, 1])
    for loss in (wald.Squared(), wald.Pinball(level=(0.2, 0.8))):
        model = make(engine, loss, y).fit(table, y, rounds=40, **{**THREADS[engine], "learning_rate": 0.3})
        found = model.predict(table)
        middle = found if found.ndim == 1 else found.mean(1)
        assert np.corrcoef(middle, y)[0, 1] > 0.9
    kept = table.copy()
    model.predict(table)
    assert table.equals(kept)


# Weights.


@engines
@pytest.mark.parametrize("loss", [wald.Squared(), wald.Absolute(), wald.BinaryCrossEntropy()], ids=repr)
def test_a_weight_of_k_is_k_rows_and_one_of_0_is_none(engine: str, loss: wald.Loss) -> None:
    x = np.repeat(np.arange(6.0), 40)[:, None]
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 240).astype(float) if loss.card.task == "binary" else rng.normal(size=240) + x[:, 0]
    weight = rng.integers(0, 4, 240)
    settings = dict(THREADS[engine]) | {
        "lightgbm": {"min_data_in_leaf": 1},
        "catboost": {"bootstrap_type": "No", "random_strength": 0},
    }.get(engine, {})
    copies = np.repeat(np.arange(240), weight)
    weighed = make(engine, loss, y, weight=weight).fit(x, y, weight=weight, rounds=8, **settings)
    repeated = make(engine, loss, y[copies]).fit(x[copies], y[copies], rounds=8, **settings)
    ignored = make(engine, loss, y).fit(x, y, rounds=8, **settings)
    # CatBoost's own leaves of the absolute error interpolate between rows, and copies are rows of their own there.
    near = 0.06 if engine == "catboost" and loss == wald.Absolute() else 1e-4
    np.testing.assert_allclose(weighed.score(x), repeated.score(x), rtol=1e-4, atol=near)
    assert np.abs(weighed.score(x) - ignored.score(x)).max() > 1e-2


# Stopping early.


@engines
@pytest.mark.parametrize(("metric", "lower"), [(None, True), ("roc_auc", False), ("mape-like", True)])
def test_the_best_round_is_kept_whatever_the_metric_is_called(engine: str, metric: str | None, lower: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    y = (x[:, 0] + 2 * rng.normal(size=300) > 0).astype(int)
    given: Any = metric
    if metric == "mape-like":
        given = wald.Metric(name="mape", of=lambda p, t: float((p.sigmoid() - t).square().mean()), perfect=0.0)
    adapter = make(engine, wald.BinaryCrossEntropy(), y[:150], metric=given)
    settings = THREADS[engine] | {"learning_rate": 0.5}
    model = adapter.fit(x[:150], y[:150], rounds=60, validation=(x[150:], y[150:]), patience=8, **settings)
    history = np.array(model.history)
    best = int(history.argmin() if lower else history.argmax())
    assert len(history) < 60
    assert best < len(history) - 1
    assert adapter.judge.value(model.score(x[150:]), y[150:], None) == pytest.approx(history[best], rel=1e-5)


@engines
def test_leaves_that_are_refitted_stop_early_too(engine: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    y = x[:, 0] + 3 * rng.normal(size=300)
    adapter = make(engine, wald.Pinball(level=0.7), y[:150])
    settings = THREADS[engine] | {"learning_rate": 0.5}
    model = adapter.fit(x[:150], y[:150], rounds=60, validation=(x[150:], y[150:]), patience=5, **settings)
    assert len(model.history) < 60
    assert adapter.judge.value(model.score(x[150:]), y[150:], None) == pytest.approx(min(model.history), rel=1e-5)


# Saving.


@engines
@pytest.mark.parametrize("loss", [wald.Absolute(), wald.CrossEntropy(), wald.GaussianNLL(), wald.Focal()], ids=repr)
def test_what_is_loaded_predicts_the_same(engine: str, loss: wald.Loss, tmp_path: Path) -> None:
    x = features(200)
    names = ("no", "yes") if loss.card.task == "binary" else ("b", "a", "c")
    y = 50 + x[:, 0] if loss.card.task == "regression" else labels(x, names)
    model = make(engine, loss, y).fit(x, y, rounds=5, **THREADS[engine])
    model.save(tmp_path / "model.wald")
    again = adapters.Boosted.load(tmp_path / "model.wald")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.policy == model.policy
    assert again.task.loss == loss
    if loss.card.task != "regression":
        np.testing.assert_array_equal(again.decide(x), model.decide(x))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(x), model.predict(x))


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("tree")
    with pytest.raises(adapters.BoostingError, match="not a booster saved by wald"):
        adapters.Boosted.load(tmp_path / "model")


# The engines' own interfaces.


def test_the_own_train_of_xgboost() -> None:
    import xgboost

    x = features()
    y = labels(x, ("b", "a", "c"))
    adapter: Any = make("xgboost", wald.CrossEntropy(), y)
    settings = {"nthread": 1, "eta": 0.1}
    booster = xgboost.train(
        settings | adapter.params, adapter.data(x, y), 6, obj=adapter.objective, custom_metric=adapter.metric,
        evals=[(adapter.data(x, y), "all")], verbose_eval=False, evals_result=(seen := {}),
    )  # fmt: skip
    model = adapter.fit(x, y, rounds=6, **settings)
    np.testing.assert_allclose(adapter.predict(booster, x), model.predict(x), rtol=1e-5)
    assert seen["all"]["wald_CrossEntropy"][-1] == pytest.approx(
        adapter.judge.value(model.score(x), adapter.task.encoded(y), None), rel=1e-5
    )


@pytest.mark.parametrize("names", [("no", "yes"), ("b", "a", "c")], ids=str)
def test_the_estimators_of_xgboost(names: tuple[str, ...]) -> None:
    import xgboost

    x = features()
    words = labels(x, names)
    y = np.searchsorted(sorted(names), words)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    adapter: Any = make(
        "xgboost", wald.BinaryCrossEntropy() if len(names) == 2 else wald.CrossEntropy(), y, weight=weight
    )
    settings = {"learning_rate": 0.1}
    estimator = xgboost.XGBClassifier(n_estimators=6, n_jobs=1, **settings, **adapter.estimator)
    estimator.fit(x, y, sample_weight=weight)
    model = adapter.fit(x, y, weight=weight, rounds=6, nthread=1, **settings)
    np.testing.assert_allclose(estimator.predict_proba(x), model.predict(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("several", [False, True])
def test_the_own_train_and_the_estimators_of_lightgbm(several: bool) -> None:
    import lightgbm

    x = features()
    y = np.searchsorted(["a", "b", "c"], labels(x, ("b", "a", "c"))) if several else np.exp(x[:, 0])
    adapter: Any = make("lightgbm", wald.CrossEntropy() if several else wald.Gamma(), y)
    settings = {"num_threads": 1, "learning_rate": 0.1, "seed": 0}
    booster = lightgbm.train(settings | adapter.params, adapter.data(x, y), 6)
    model = adapter.fit(x, y, rounds=6, **settings)
    np.testing.assert_allclose(adapter.predict(booster, x), model.predict(x), rtol=1e-6)
    start = adapter.started(len(y))
    kind = lightgbm.LGBMClassifier if several else lightgbm.LGBMRegressor
    estimator = kind(
        n_estimators=6, learning_rate=0.1, n_jobs=1, random_state=0, verbosity=-1, objective=adapter.objective
    )
    estimator.fit(x, y, init_score=start if several else start[:, 0])
    np.testing.assert_allclose(adapter.predict(estimator, x), model.predict(x), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Failed to import numba", "ignore:Can't optim")
def test_the_own_fit_of_catboost() -> None:
    import catboost

    x = features()
    y = np.exp(x[:, 0])
    adapter: Any = make("catboost", wald.Gamma(), y)
    settings = {"thread_count": 1, "learning_rate": 0.1, "random_seed": 0, "verbose": False}
    booster = catboost.CatBoost(settings | adapter.params | {"iterations": 6}).fit(adapter.data(x, y))
    np.testing.assert_allclose(
        adapter.predict(booster, x), adapter.fit(x, y, rounds=6, **THREADS["catboost"]).predict(x)
    )
    with pytest.raises(adapters.BoostingError, match="once for every row"):
        _ = make("catboost", wald.GaussianNLL(), y).params


@engines
def test_the_same_seed_gives_the_same_model_and_leaves_no_trace(engine: str) -> None:
    x, y = features(150), np.arange(150.0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    kept = x.copy(), y.copy()
    first, second = (make(engine, wald.Huber(), y).fit(x, y, rounds=4, seed=3, **THREADS[engine]) for _ in range(2))
    np.testing.assert_array_equal(first.score(x), second.score(x))
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(y, kept[1])


# What is said.


def test_a_policy_is_a_sentence() -> None:
    y = np.linspace(1.0, 9.0, 50)
    assert str(make("xgboost", wald.Squared(), y).policy) == "Squared(): the exact second derivative."
    assert "is 0 everywhere" in str(make("lightgbm", wald.Absolute(), y).policy)
    assert "own MAE" in str(make("catboost", wald.Absolute(), y).policy)
    assert "own MAE" not in str(make("catboost", wald.Absolute(), y, hessian="majorised").policy)
    assert "Gauss-Newton" in str(make("xgboost", wald.Focal(), y > 4).policy)
    assert make("xgboost", wald.Huber(), y, leaves="refit").policy.leaves == "refit"


def test_the_share_of_floored_rows_is_told() -> None:
    x = features()
    y = x[:, 0] + np.random.default_rng(0).standard_t(2, size=len(x))
    adapter = make("xgboost", wald.Huber(delta=0.5), y, hessian="exact")
    assert "not positive in" in str(adapter.policy)
    model = adapter.fit(x, y, rounds=3, **THREADS["xgboost"])
    assert 0.2 < model.floored < 0.9
    assert model.floored == adapter.floored
    assert make("xgboost", wald.Squared(), y).fit(x, y, rounds=2, **THREADS["xgboost"]).floored == 0


@pytest.mark.parametrize(
    ("loss", "y", "said"),
    [
        (wald.BinaryCrossEntropy(), ["no"] * 9, "one class"),
        (wald.BinaryCrossEntropy(), [0, 1, 2], "two classes"),
        (wald.CrossEntropy(), [0.5, 1.2, 3.0], "classes apart"),
        (wald.Squared(), [1.0, float("nan")], "NaN"),
        (wald.Squared(), ["a", "b"], "no number"),
        (wald.Poisson(), [0.0, 0.0, 0.0], "all targets 0"),
        (wald.Squared, [1.0, 2.0], "is a class"),
        (wald.Dice(), [0.0, 1.0], "no table"),
        (wald.Squared(), [], "shape"),
        (wald.Squared(), [[1.0, 2.0]], "shape"),
        ("squared", [1.0], "a loss of wald"),
        (wald.CrossEntropy(), ["a", None], "missing"),
    ],
    ids=lambda one: str(one)[:30],
)
def test_targets_that_do_not_fit_are_refused(loss: Any, y: Any, said: str) -> None:
    with pytest.raises(adapters.BoostingError, match=said):
        adapters.xgboost(loss, y)


def test_negative_counts_are_refused_by_the_loss() -> None:
    with pytest.raises(wald.DomainError, match="-1"):
        adapters.lightgbm(wald.Poisson(), [1.0, -1.0])


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ({"hessian": "exact"}, "no split"),
        ({"hessian": "gauss-newton"}, "nothing for Gauss-Newton"),
        ({"hessian": "none"}, "one of"),
        ({"weight": [1.0, -1.0, 1.0]}, "negative"),
        ({"weight": [1.0]}, "one weight for each"),
        ({"weight": [0.0] * 3}, "every weight"),
        ({"leaves": "best"}, "one of"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_are_refused(rest: dict[str, Any], said: str) -> None:
    with pytest.raises(adapters.BoostingError, match=said):
        adapters.xgboost(wald.Absolute(), [1.0, 2.0, 4.0], **rest)


def test_calls_that_do_not_fit_are_refused() -> None:
    x, y = features(20), np.repeat(["a", "b"], 10)
    adapter = adapters.xgboost(wald.BinaryCrossEntropy(), y)
    for call, said in (
        (lambda: adapter.fit(x), "needs the targets"), (lambda: adapter.fit(x[:5], y), "5 rows"),
        (lambda: adapter.fit(x, np.repeat(["a", "c"], 10)), "'c'"),
        (lambda: adapter.fit(x, y, patience=3), "validation"),
        (lambda: adapter.fit(x, y, rounds=0), "at least one"), (lambda: adapter.fit(x[:, 0], y), "shape"),
        (lambda: adapter.fit(x.astype(object), y), "category"),
    ):  # fmt: skip
        with pytest.raises(adapters.BoostingError, match=said):
            call()


@engines
@pytest.mark.parametrize("rows", [2, 150])
def test_features_that_do_not_vary_leave_the_base_score(engine: str, rows: int) -> None:
    y = np.arange(1.0, rows + 1)
    adapter = make(engine, wald.Squared(), y)
    try:
        found = adapter.fit(np.ones((rows, 2)), y, rounds=3).predict(np.ones((4, 2)))
    except adapters.BoostingError as error:
        assert f"{engine} finds no feature" in str(error)  # noqa: PT017
    else:
        np.testing.assert_allclose(found, y.mean(), rtol=1e-4)


@engines
def test_small_tables(engine: str) -> None:
    x, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.0, 6.0])
    model = make(engine, wald.Squared(), y).fit(x, y, rounds=3, learning_rate=1e-6)
    np.testing.assert_allclose(model.predict(x), 3.0, rtol=1e-4)
    model = make(engine, wald.Absolute(), y).fit(x, y, rounds=3, learning_rate=1e-6)
    np.testing.assert_allclose(model.predict(x), 2.0, rtol=1e-4)
