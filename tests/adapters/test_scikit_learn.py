"""The two estimators: what they fit, what they say, and what they refuse."""

from __future__ import annotations

import pickle
from typing import Any
import warnings

import numpy as np
import pytest
import torch

import wald

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import ConvergenceWarning, NotFittedError  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, QuantileRegressor, Ridge  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from wald.adapters import LossClassifier, LossRegressor  # noqa: E402
from wald.adapters.scikit_learn.arrays import tensor_of  # noqa: E402

ROWS, FEATURES = 600, 4
SLOPE = np.array([1.0, -0.5, 0.25, 0.0])


@pytest.fixture(scope="module")
def features() -> Any:
    # Features of very different size and place: the fit must not care.
    return np.random.default_rng(0).normal(size=(ROWS, FEATURES)) * [1.0, 1e-3, 50.0, 1.0] + [0.0, 0.0, 1e5, -3.0]


@pytest.fixture(scope="module")
def signal(features: Any) -> Any:
    return (features - [0.0, 0.0, 1e5, -3.0]) / [1.0, 1e-3, 50.0, 1.0] @ SLOPE


@pytest.fixture(scope="module")
def yes(signal: Any) -> Any:
    return (np.random.default_rng(1).random(ROWS) < 1 / (1 + np.exp(1 - signal))).astype(int)


@pytest.fixture(scope="module")
def numbers(signal: Any) -> Any:
    return signal + np.random.default_rng(2).standard_t(4, size=ROWS)


def scaled(model: Any, features: Any) -> Any:
    return model._fit.scaling.scaled(torch.from_numpy(features)).numpy()


# Against known solutions.


def test_cross_entropy_is_logistic_regression(features: Any, yes: Any) -> None:
    ours = LossClassifier(penalty=1e-2).fit(features, yes)
    inner = scaled(ours, features)
    theirs = LogisticRegression(C=1 / (ROWS * ours.penalty_[0]), tol=1e-10, max_iter=1000).fit(inner, yes)
    assert np.allclose(ours.decision_function(features), theirs.decision_function(inner), atol=1e-5)
    # Coefficients are those of the features as they came.
    assert np.allclose(features @ ours.coef_[0] + ours.intercept_, ours.decision_function(features), atol=1e-8)


def test_several_classes_are_multinomial_regression(features: Any, signal: Any) -> None:
    target = np.digitize(signal, [-0.5, 0.5])
    ours = LossClassifier(penalty=0.1).fit(features, target)
    assert ours.coef_.shape == (3, FEATURES)
    # One penalty for each output: the theirs have one for all, so compare without.
    free = LossClassifier(penalty=1e-6).fit(features, np.random.default_rng(3).permutation(target))
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        scaled(free, features), np.random.default_rng(3).permutation(target)
    )
    assert np.allclose(free.predict_proba(features), theirs.predict_proba(scaled(free, features)), atol=1e-4)


def test_squared_is_least_squares(features: Any, numbers: Any) -> None:
    ours, theirs = LossRegressor(penalty=0).fit(features, numbers), LinearRegression().fit(features, numbers)
    assert np.allclose(ours.predict(features), theirs.predict(features), atol=1e-8)
    assert np.allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=1e-6)
    assert ours.score(features, numbers) == pytest.approx(theirs.score(features, numbers), abs=1e-10)


def test_a_penalty_is_told_in_the_unit_of_the_loss(features: Any, numbers: Any) -> None:
    ours = LossRegressor(penalty=0.1).fit(features, 1000 * numbers)
    inner = scaled(ours, features)
    theirs = Ridge(alpha=0.5 * ROWS * ours.penalty_[0]).fit(inner, 1000 * numbers)
    assert np.allclose(ours.predict(features), theirs.predict(inner), rtol=1e-6)
    assert not np.allclose(
        ours.predict(features), LossRegressor(penalty=0).fit(features, 1000 * numbers).predict(features)
    )


def test_counts_are_predicted_through_the_log(features: Any, signal: Any) -> None:
    counts = np.random.default_rng(4).poisson(np.exp(0.5 * signal))
    ours = LossRegressor(wald.Poisson(), penalty=0).fit(features, counts)
    theirs = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000, solver="newton-cholesky").fit(
        scaled(ours, features), counts
    )
    assert np.allclose(ours.predict(features), theirs.predict(scaled(ours, features)), rtol=1e-5)
    assert torch.allclose(ours.raw(features).exp(), torch.from_numpy(ours.predict(features)))
    # The same loss of the rate itself, which must stay positive, is the same model.
    rates = LossRegressor(wald.Poisson(log_input=False), penalty=0).fit(features, counts)
    assert np.allclose(rates.predict(features), ours.predict(features), rtol=1e-5)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("rows", [25, ROWS])
def test_a_kinked_loss_comes_within_a_thousandth_of_the_exact_solution(
    features: Any, numbers: Any, level: float, rows: int
) -> None:
    x, y = features[:rows], numbers[:rows]
    loss = wald.Pinball(level=level)
    ours = LossRegressor(loss, penalty=0).fit(x, y)
    exact = QuantileRegressor(quantile=level, alpha=0).fit(scaled(ours, x), y)
    best = float(loss(torch.from_numpy(exact.predict(scaled(ours, x))), torch.from_numpy(y)))
    assert best - 1e-9 <= float(loss(ours.raw(x), torch.from_numpy(y))) <= best * 1.001


def test_hinge_reaches_the_dual_of_the_support_vector_machine(features: Any, yes: Any) -> None:
    svm = pytest.importorskip("sklearn.svm")
    ours = LossClassifier(wald.Hinge(), penalty=1e-2).fit(features, yes)
    inner = scaled(ours, features)
    # libsvm leaves the intercept free, as we do.
    theirs = svm.SVC(kernel="linear", C=1 / (ROWS * ours.penalty_[0]), tol=1e-6).fit(inner, yes)

    def objective(score: Any, slope: Any) -> float:
        cost = float(wald.Hinge()(torch.from_numpy(score), torch.from_numpy(yes.astype(float))))
        return cost + 0.5 * float(ours.penalty_[0]) * float((slope**2).sum())

    best = objective(theirs.decision_function(inner), theirs.coef_)
    found = objective(ours.decision_function(features), ours._fit.slope.numpy())
    assert best * (1 - 1e-4) <= found <= best * 1.001


def test_a_loss_that_is_not_convex_goes_down(features: Any, yes: Any) -> None:
    model = LossClassifier(wald.Truncated(wald.BinaryCrossEntropy(), 2.0)).fit(features, yes)
    assert all(later <= earlier for earlier, later in zip(model.loss_curve_, model.loss_curve_[1:], strict=False))
    assert model.loss_curve_[-1] < 0.95 * model.loss_curve_[0]


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_unit_of_the_target_changes_nothing(features: Any, numbers: Any, factor: float) -> None:
    for loss in (wald.Squared(), wald.Pinball(level=0.8), wald.GaussianNLL()):
        model = LossRegressor(loss, penalty=0.1).fit(features, numbers)
        other = LossRegressor(loss, penalty=0.1).fit(features, numbers * factor)
        assert np.allclose(other.predict(features) / factor, model.predict(features), rtol=1e-3, atol=1e-3)


# Outputs follow from the loss.


def test_several_levels_are_several_columns(features: Any, numbers: Any) -> None:
    loss = wald.Pinball(level=(0.1, 0.5, 0.9))
    model = LossRegressor(loss).fit(features, numbers)
    said = model.predict(features)
    assert said.shape == (ROWS, 3)
    assert model.coef_.shape == (3, FEATURES)
    assert np.allclose((numbers[:, None] < said).mean(0), [0.1, 0.5, 0.9], atol=0.01)
    with pytest.raises(ValueError, match=r"predicts 3 columns.*make_scorer"):
        model.score(features, numbers)


def test_a_mean_and_its_variance(features: Any, signal: Any) -> None:
    noise = np.random.default_rng(5).normal(size=ROWS) * np.exp(0.5 * signal)
    model = LossRegressor(wald.GaussianNLL()).fit(features, signal + noise)
    assert model.raw(features).shape == (ROWS, 2)
    assert model.predict(features).shape == (ROWS,)
    assert np.corrcoef(model.raw(features)[:, 1].numpy(), signal)[0, 1] > 0.9
    variance = LossRegressor(wald.GaussianNLL(scale="variance")).fit(features, signal + noise)
    assert torch.allclose(variance.raw(features)[:, 1], model.raw(features)[:, 1].exp(), rtol=1e-3)


def test_a_value_at_risk_and_its_shortfall(features: Any, numbers: Any) -> None:
    logs = LossRegressor(wald.FisslerZiegel(level=0.1)).fit(features, numbers)
    pair = LossRegressor(wald.FisslerZiegel(level=0.1, shortfall="number")).fit(features, numbers)
    said = logs.predict(features)
    assert np.allclose(said, pair.predict(features), rtol=1e-3)
    below = numbers < said[:, 0]
    assert below.mean() == pytest.approx(0.1, abs=0.02)
    # Where the cost is least in the shortfall's intercept, it is on average in the ratio 1 to what was seen of it.
    seen = said[:, 0] - np.maximum(said[:, 0] - numbers, 0) / 0.1
    assert (seen / said[:, 1]).mean() == pytest.approx(1, abs=0.01)


def test_ordered_classes(features: Any, signal: Any) -> None:
    stars = np.digitize(signal, [-0.5, 0.5]) + 1
    model = LossClassifier(wald.Ordinal(levels=3)).fit(features, stars)
    assert model.raw(features).shape == (ROWS, 2)
    chance = model.predict_proba(features)
    assert chance.shape == (ROWS, 3)
    assert np.allclose(chance.sum(1), 1)
    assert model.score(features, stars) > 0.95
    with pytest.raises(ValueError, match="alphabet"):
        LossClassifier(wald.Ordinal(levels=3)).fit(features, np.array(["low", "mid", "high"])[stars - 1])
    with pytest.raises(ValueError, match="for 4 ordered classes, and y has 3"):
        LossClassifier(wald.Ordinal(levels=4)).fit(features, stars)


def test_two_classes_by_a_loss_of_several(features: Any, yes: Any) -> None:
    one = LossClassifier(wald.BinaryCrossEntropy()).fit(features, yes)
    two = LossClassifier(wald.CrossEntropy(), penalty=5e-4).fit(features, yes)
    assert two.raw(features).shape == (ROWS, 2)
    assert two.decision_function(features).shape == (ROWS,)
    assert np.allclose(one.predict_proba(features), two.predict_proba(features), atol=2e-3)


def test_classes_keep_their_names(features: Any, yes: Any) -> None:
    plain = LossClassifier().fit(features, yes)
    for names in (np.array(["zebra", "ant"]), np.array([7, -3]), np.array([True, False])):
        model = LossClassifier().fit(features, names[yes])
        assert set(model.classes_.tolist()) == set(names.tolist())
        column = int(np.flatnonzero(model.classes_ == names[1])[0])
        assert np.allclose(model.predict_proba(features)[:, column], plain.predict_proba(features)[:, 1], atol=1e-7)
        assert (model.predict(features) == names[plain.predict(features)]).mean() > 0.999


# Probabilities.


@pytest.mark.parametrize(
    "loss", [wald.Focal(gamma=2.0), wald.BinaryCrossEntropy(pos_weight=20.0), wald.SquaredHinge()], ids=str
)
def test_recalibration_takes_back_what_the_loss_does(features: Any, yes: Any, loss: wald.Loss) -> None:
    model = LossClassifier(loss, recalibrate=True, penalty=0).fit(features, yes)
    chance = model.predict_proba(features)[:, 1]
    honest = LossClassifier(penalty=0).fit(features, yes).predict_proba(features)[:, 1]
    assert chance.mean() == pytest.approx(yes.mean(), abs=0.02)
    assert np.abs(chance - honest).mean() < 0.03
    assert np.array_equal(model.predict(features), (chance > 0.5).astype(int))
    assert np.allclose(model.decision_function(features), np.log(chance / (1 - chance)), atol=1e-6)
    plain = clone(model).set_params(recalibrate=False).fit(features, yes)
    assert torch.equal(plain.raw(features), model.raw(features))
    if hasattr(plain, "predict_proba"):
        assert abs(plain.predict_proba(features)[:, 1] - honest).mean() > 0.05


def test_recalibration_of_several_classes(features: Any, signal: Any) -> None:
    target = np.digitize(signal + np.random.default_rng(6).normal(size=ROWS), [-0.5, 0.5])
    model = LossClassifier(wald.Focal(gamma=2.0, kind="multiclass"), recalibrate=True, penalty=0).fit(features, target)
    chance = model.predict_proba(features)
    honest = LossClassifier(penalty=0).fit(features, target).predict_proba(features)
    assert np.allclose(chance.sum(1), 1)
    assert np.abs(chance - honest).mean() < 0.03
    # What is said of a row does not depend on its neighbours.
    assert np.allclose(model.predict_proba(features[:1]), chance[:1])
    assert np.array_equal(model.predict(features), chance.argmax(1))


def test_a_loss_without_probabilities_has_no_predict_proba(features: Any, yes: Any) -> None:
    model = LossClassifier(wald.Hinge())
    assert not hasattr(model, "predict_proba")
    model.fit(features, yes)
    assert not hasattr(model, "predict_proba")
    assert set(np.unique(model.predict(features))) == {0, 1}
    with pytest.raises(ValueError, match=r"recalibrate=True: Hinge\(\).*CalibratedClassifierCV"):
        LossClassifier(wald.Hinge(), recalibrate=True).fit(features, yes)


def test_shares_are_fitted_by_a_loss_of_logits(features: Any, signal: Any) -> None:
    share = 1 / (1 + np.exp(-signal))
    said = LossRegressor(wald.BinaryCrossEntropy(), penalty=0).fit(features, share).predict(features)
    assert np.allclose(said, share, atol=1e-6)


# Weights.


@pytest.mark.parametrize(
    ("model", "loss"),
    [("linear", None), ("linear", wald.Pinball(level=0.7)), ("linear", wald.GaussianNLL()), ("mlp", wald.Squared())],
    ids=str,
)
def test_weight_k_is_k_rows_and_weight_0_is_none(features: Any, numbers: Any, model: str, loss: Any) -> None:
    x, y = features[:60], numbers[:60]
    weight = np.random.default_rng(7).integers(0, 4, size=60)
    estimator = LossRegressor(loss, model=model, random_state=0, max_iter=20 if model == "mlp" else None)
    one = clone(estimator).fit(x, y, sample_weight=weight)
    two = clone(estimator).fit(np.repeat(x, weight, axis=0), np.repeat(y, weight))
    assert np.allclose(one.predict(x), two.predict(x), rtol=1e-6, atol=1e-6)
    given = np.where(weight == 0, 1e9, y)
    assert np.allclose(clone(estimator).fit(x, given, sample_weight=weight).predict(x), one.predict(x), rtol=1e-9)


def test_what_cannot_be_written_is_read(features: Any, numbers: Any) -> None:
    given = [one.copy() for one in (features, numbers, np.ones(ROWS))]
    for one in given:
        one.setflags(write=False)
    with warnings.catch_warnings():
        # Said once in a process, whatever the filters; so the array itself is looked at, too.
        warnings.simplefilter("error")
        model = LossRegressor("huber").fit(*given)
    assert tensor_of(given[0]).data_ptr() != given[0].ctypes.data
    assert np.array_equal(model.predict(given[0]), LossRegressor("huber").fit(features, numbers).predict(features))


# The network.


def test_a_network_learns_what_is_not_linear() -> None:
    draw = np.random.default_rng(8)
    x = draw.normal(size=(700, 2))
    ring = np.where((x**2).sum(1) > 1.4, "out", "in")
    network = LossClassifier(model="mlp", hidden=(16,), learning_rate=0.02, max_iter=60, random_state=0).fit(x, ring)
    assert network.score(x, ring) > 0.93
    assert LossClassifier().fit(x, ring).score(x, ring) < 0.7
    assert not hasattr(network, "coef_")


def test_a_network_is_the_same_for_a_seed_and_leaves_the_world_alone(features: Any, numbers: Any) -> None:
    before, numpys = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    estimator = LossRegressor(model="mlp", hidden=(8,), max_iter=3, batch_size=64, random_state=5)
    one, two = (clone(estimator).fit(features, numbers).predict(features) for _ in range(2))
    other = clone(estimator).set_params(random_state=6).fit(features, numbers).predict(features)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpys)  # noqa: NPY002


def test_early_stopping_ends_before_the_noise_is_learned(features: Any) -> None:
    noise = np.random.default_rng(9).normal(size=ROWS)
    estimator = LossRegressor(model="mlp", hidden=(64,), penalty=0, batch_size=64, max_iter=60, random_state=0)
    long = clone(estimator).fit(features, noise)
    short = clone(estimator).set_params(early_stopping=True, n_iter_no_change=5).fit(features, noise)
    assert long.n_iter_ == 60
    assert short.n_iter_ < 40
    assert len(short.validation_curve_) == short.n_iter_
    assert short.score(features, noise) < 0.5 * long.score(features, noise)


# What is refused.


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (wald.InfoNCE(), "compares embeddings"),
        (wald.DPO(), "compares two answers"),
        (wald.GANGenerator(), "critic"),
        (wald.Dice(), "LossClassifier|axes|depends on the other rows"),
        ("huberr", "nearest are Huber"),
        (wald.Ordinal, "needs its fields"),
        (wald.CrossEntropy(), r"LossClassifier\(CrossEntropy\(\)\)"),
        (wald.Hinge(), r"LossClassifier\(Hinge\(\)\)"),
    ],
)
def test_losses_that_do_not_fit_are_refused(features: Any, numbers: Any, loss: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LossRegressor(loss).fit(features, numbers)


def test_what_does_not_fit_a_classifier_is_refused(features: Any, yes: Any) -> None:
    three = np.digitize(features[:, 0], [-0.5, 0.5])
    with pytest.raises(ValueError, match=r"y has 3 classes.*CrossEntropy"):
        LossClassifier(wald.BinaryCrossEntropy()).fit(features, three)
    with pytest.raises(ValueError, match="is for 3 classes, and y has 2"):
        LossClassifier(wald.CrossEntropy(class_weight=(1.0, 2.0, 3.0))).fit(features, yes)
    with pytest.raises(ValueError, match="1 class"):
        LossClassifier().fit(features, np.zeros(ROWS))
    with pytest.raises(TypeError, match="a function"):
        LossClassifier(3).fit(features, yes)


def test_targets_and_parameters_outside_are_refused(features: Any, numbers: Any, yes: Any) -> None:
    with pytest.raises(ValueError, match="target contains -"):
        LossRegressor(wald.Poisson()).fit(features, numbers)
    with pytest.raises(ValueError, match=r"sample_weight: 1 of 600.*[Nn]egative"):
        LossRegressor().fit(features, numbers, sample_weight=np.r_[-1.0, np.ones(ROWS - 1)])
    with pytest.raises(ValueError, match="penalty is a number from 0"):
        LossRegressor(penalty=-1).fit(features, numbers)
    with pytest.raises(ValueError, match="'linear' or 'mlp'"):
        LossClassifier(model="tree").fit(features, yes)
    with pytest.raises(NotFittedError):
        LossClassifier().raw(features)
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        LossRegressor().fit(pytest.importorskip("scipy.sparse").csr_array(features), numbers)


def test_an_end_that_was_not_reached_is_told(features: Any, yes: Any) -> None:
    with pytest.warns(ConvergenceWarning, match=r"after 1 steps.*max_iter"):
        LossClassifier(max_iter=1).fit(features, yes)


# Foreign losses.


def test_foreign_losses(features: Any, yes: Any, numbers: Any) -> None:
    ours = LossClassifier().fit(features, yes).predict_proba(features)
    for loss in (
        torch.nn.BCEWithLogitsLoss(),
        torch.nn.BCELoss(),
        torch.nn.functional.binary_cross_entropy_with_logits,
    ):
        assert np.allclose(LossClassifier(loss).fit(features, yes).predict_proba(features), ours, atol=1e-5)
    robust = LossRegressor(lambda p, y: (p - y).abs().sqrt().mean()).fit(features, numbers)
    assert robust.score(features, numbers) > 0.3
    with pytest.raises(ValueError, match="no mean over rows"):
        LossRegressor(lambda p, y: (p - y).square().mean().sqrt()).fit(features, numbers)


# scikit-learn's own checks.


@pytest.mark.parametrize(
    "model",
    [
        LossRegressor(),
        pytest.param(LossClassifier(), marks=pytest.mark.slow),
        pytest.param(LossClassifier(model="mlp"), marks=pytest.mark.slow),
        pytest.param(LossRegressor(model="mlp"), marks=pytest.mark.slow),
        pytest.param(LossRegressor("pinball"), marks=pytest.mark.slow),
        pytest.param(LossClassifier("focal", recalibrate=True), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_the_checks_of_scikit_learn(model: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(model, on_skip=None, on_fail=None)
    assert {one["check_name"]: one["exception"] for one in results if one["status"] not in ("passed", "skipped")} == {}
    assert sum(one["status"] == "passed" for one in results) > 50


def test_a_fitted_model_survives_the_disk(features: Any, yes: Any) -> None:
    for model in (LossClassifier(wald.Focal(), recalibrate=True), LossClassifier(model="mlp", max_iter=2)):
        model.fit(features, yes)
        again = pickle.loads(pickle.dumps(model))
        assert np.array_equal(again.predict_proba(features), model.predict_proba(features))
