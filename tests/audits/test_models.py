"""Models of other libraries emit what the loss takes, and are what they were afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import wald
from wald.audits import Case, CaseError
from wald.audits.models.wanted import Wanted, wanted_by_trial

linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")

from sklearn import compose, ensemble, impute, metrics, pipeline, preprocessing, svm  # noqa: E402

RNG = np.random.default_rng(0)
ROWS = 400
TABLE = pandas.DataFrame(
    {
        "age": RNG.integers(18, 80, ROWS),
        "income": RNG.lognormal(size=ROWS),
        "city": RNG.choice(["Aachen", "Bonn", "Celle"], ROWS),
        "member": RNG.random(ROWS) < 0.3,
        "since": pandas.to_datetime("2020-01-01") + pandas.to_timedelta(RNG.integers(0, 900, ROWS), unit="D"),
        "plan": pandas.Categorical(RNG.choice(["s", "m", "l"], ROWS), categories=["s", "m", "l"]),
    }
)
TABLE.loc[RNG.random(ROWS) < 0.1, "income"] = np.nan
TABLE.loc[RNG.random(ROWS) < 0.1, "city"] = None
LABELS = np.where(RNG.random(ROWS) < 1 / (1 + np.exp(-0.05 * (TABLE.age - 45) - TABLE.member)), "good", "bad")
X = RNG.normal(size=(ROWS, 4))
Y = (RNG.random(ROWS) < 1 / (1 + np.exp(-1.5 * X[:, 0]))).astype(int)
THREE = np.array(["x", "y", "z"])[np.argmax(X[:, :3] + RNG.gumbel(size=(ROWS, 3)), -1)]
COUNTS = RNG.poisson(np.exp(0.3 * X[:, 0]))
OLD, NEW = slice(0, 250), slice(250, None)


def tabular(estimator: Any) -> Any:
    words = ["city", "member", "plan"]
    prepared = compose.ColumnTransformer(
        [
            (
                "numbers",
                pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()),
                ["age", "income"],
            ),
            ("words", preprocessing.OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    return pipeline.make_pipeline(prepared, estimator).fit(TABLE[OLD], LABELS[OLD])


def emitted(case: Case) -> Tensor:
    assert case.model is not None
    return case.model(case.test[0])


def mean_loss(case: Case) -> float:
    prediction = emitted(case).double()
    target = case.test[1].double() if case.test[1].is_floating_point() else case.test[1]
    return float(torch.as_tensor(case.loss(prediction, target)).mean())


@pytest.mark.parametrize(
    "estimator",
    [linear_model.LogisticRegression(), ensemble.RandomForestClassifier(10, random_state=0)],
)
def test_a_pipeline_with_words_gaps_and_names_of_classes(estimator: Any) -> None:
    model = tabular(estimator)
    case = Case(model=model, loss="log_loss", metric="roc_auc", test=(TABLE[NEW], LABELS[NEW]),
                train=(TABLE[OLD], LABELS[OLD]))  # fmt: skip
    chance = model.predict_proba(TABLE[NEW])
    assert case.loss == wald.BinaryCrossEntropy()
    assert case.original is model
    assert case.classes == ("bad", "good")
    assert mean_loss(case) == pytest.approx(metrics.log_loss(LABELS[NEW], chance), rel=1e-9)
    area = metrics.roc_auc_score(LABELS[NEW] == "good", chance[:, 1])
    assert case.metric.value(emitted(case), case.test[1]) == pytest.approx(area)
    assert case.features == (
        "age", "income", "income is missing", "city", "city is missing", "member", "since", "plan"
    )  # fmt: skip
    assert set(case.input_space.categorical) == {"city", "member", "plan", "income is missing", "city is missing"}
    assert set(case.input_space.integer) == {"age", "since"}
    assert case.test[0].isfinite().all()


def test_a_table_comes_back_as_it_was() -> None:
    case = Case(model=tabular(linear_model.LogisticRegression()), loss="log_loss", metric="roc_auc",
                test=(TABLE, LABELS))  # fmt: skip
    back = case.model.table(case.test[0])  # type: ignore[union-attr]
    pandas.testing.assert_frame_equal(back, TABLE.reset_index(drop=True))


def test_a_case_that_was_read_is_read_again_without_a_change() -> None:
    case = Case(model=tabular(linear_model.LogisticRegression()), loss="log_loss", metric="roc_auc",
                test=(TABLE[NEW], LABELS[NEW]), train=(TABLE[OLD], LABELS[OLD]))  # fmt: skip
    again = replace(case, loss=wald.Focal())
    assert torch.equal(again.test[0], case.test[0])
    assert torch.equal(again.test[1], case.test[1])
    assert (again.features, again.input_space, again.model) == (case.features, case.input_space, case.model)
    other = replace(case, loss=nn.BCELoss())
    assert torch.allclose(emitted(other), torch.sigmoid(emitted(case)))
    assert other.metric.value(emitted(other), other.test[1]) == pytest.approx(
        case.metric.value(emitted(case), case.test[1])
    )


def homemade_logits(score: Tensor, target: Tensor) -> Tensor:
    return functional.softplus((1 - 2 * target) * score)


def homemade_probabilities(chance: Tensor, target: Tensor) -> Tensor:
    return -(target * chance.log() + (1 - target) * (-chance).log1p()).mean()


@pytest.mark.parametrize(
    ("loss", "form", "by_class"),
    [
        (wald.CrossEntropy(), "logits", True),
        (wald.Hinge(), "margins", False),
        (wald.Squared(), "probabilities", False),
        (nn.BCEWithLogitsLoss(), "logits", False),
        (nn.BCELoss(), "probabilities", False),
        (functional.cross_entropy, "logits", True),
        (nn.NLLLoss(), "log-probabilities", True),
        (homemade_logits, "logits", False),
        (homemade_probabilities, "probabilities", False),
        (lambda p, y: functional.cross_entropy(p, y), "logits", True),
        (lambda p, y: -p.gather(1, y[:, None])[:, 0], "log-probabilities", True),
        (metrics.log_loss, "logits", False),
    ],
)
def test_predictions_are_in_the_form_that_the_loss_takes(loss: Any, form: str, by_class: bool) -> None:
    model = linear_model.LogisticRegression().fit(X[OLD], Y[OLD])
    case = Case(model=model, loss=loss, metric="neg_log_loss", test=(X[NEW], Y[NEW]))
    assert case.model.wanted == Wanted(form, by_class)  # type: ignore[union-attr,arg-type]
    assert case.metric.value(emitted(case), case.test[1]) == pytest.approx(
        metrics.log_loss(Y[NEW], model.predict_proba(X[NEW]))
    )


def test_several_classes_in_the_order_of_the_estimator() -> None:
    model = linear_model.LogisticRegression().fit(X[OLD], THREE[OLD])
    case = Case(model=model, loss="log_loss", metric="roc_auc_ovr", test=(X[NEW], THREE[NEW]))
    chance = model.predict_proba(X[NEW])
    assert case.loss == wald.CrossEntropy()
    assert mean_loss(case) == pytest.approx(metrics.log_loss(THREE[NEW], chance))
    area = metrics.roc_auc_score(THREE[NEW], chance, multi_class="ovr")
    assert case.metric.value(emitted(case), case.test[1]) == pytest.approx(area)


def test_a_scorer_finds_its_positive_class_by_name() -> None:
    model = tabular(linear_model.LogisticRegression())
    scorer = metrics.make_scorer(metrics.f1_score, pos_label="bad")
    case = Case(model=model, loss="log_loss", metric=scorer, test=(TABLE[NEW], LABELS[NEW]))
    expected = scorer(model, TABLE[NEW], LABELS[NEW])
    assert case.metric.value(emitted(case), case.test[1]) == pytest.approx(expected)


def test_margins_are_no_probabilities_and_it_is_said() -> None:
    model = svm.LinearSVC().fit(X[OLD], Y[OLD])
    case = Case(model=model, loss="log_loss", metric="roc_auc", test=(X[NEW], Y[NEW]))
    assert np.allclose(emitted(case).numpy(), model.decision_function(X[NEW]))
    assert "read as log-odds, which they need not be" in case.notes[0]


def test_a_regression_and_a_rate_through_its_logarithm() -> None:
    model = linear_model.PoissonRegressor().fit(X[OLD], COUNTS[OLD])
    case = Case(model=model, loss=wald.Poisson(), metric="neg_mean_absolute_error", test=(X[NEW], COUNTS[NEW]))
    assert np.allclose(emitted(case).exp().numpy(), model.predict(X[NEW]))
    expected = metrics.mean_absolute_error(COUNTS[NEW], model.predict(X[NEW]))
    assert case.metric.value(emitted(case), case.test[1]) == pytest.approx(expected)
    squared = Case(model=model, loss="mse", metric="r2", test=(X[NEW], COUNTS[NEW]))
    assert mean_loss(squared) == pytest.approx(metrics.mean_squared_error(COUNTS[NEW], model.predict(X[NEW])))


def test_gaps_in_an_array_reach_the_model_that_knows_them() -> None:
    holed = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
    model = ensemble.HistGradientBoostingClassifier(max_iter=5).fit(holed[OLD], Y[OLD])
    case = Case(model=model, loss="log_loss", metric="accuracy", test=(holed[NEW], Y[NEW]))
    assert np.allclose(torch.sigmoid(emitted(case)).numpy(), model.predict_proba(holed[NEW])[:, 1])
    assert case.test[0].isfinite().all()
    assert case.test[0].shape[1] == 8


def test_texts_are_one_category() -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    texts = [f"{'win money' if y else 'see you'} {i % 7}" for i, y in enumerate(Y)]
    model = pipeline.make_pipeline(CountVectorizer(), linear_model.LogisticRegression()).fit(texts[:250], Y[OLD])
    case = Case(model=model, loss="log_loss", metric="accuracy", test=(texts[250:], Y[NEW]))
    assert torch.allclose(torch.sigmoid(emitted(case)), torch.from_numpy(model.predict_proba(texts[250:])[:, 1]))


def test_training_again_from_a_seed_and_on_other_rows() -> None:
    model = ensemble.RandomForestClassifier(5, random_state=3).fit(X[OLD], Y[OLD])
    case = Case(model=model, loss="log_loss", metric="accuracy", test=(X[NEW], Y[NEW]), train=(X[OLD], Y[OLD]))
    assert case.refit is not None
    first, again, other = (case.refit(seed, case.loss)(case.test[0]) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert case.train is not None
    fewer = case.refit(0, case.loss, train=(case.train[0][:60], case.train[1][:60]))(case.test[0])
    assert not torch.equal(first, fewer)
    assert not case.refit.takes_loss  # type: ignore[attr-defined]
    assert model.get_params()["random_state"] == 3


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"model": linear_model.LogisticRegression()}, "has no classes_, so it has not been fitted"),
        ({"model": linear_model.LinearRegression(), "loss": "mse"}, "not fitted yet"),
        ({"loss": "mse", "model": linear_model.LogisticRegression().fit(X, THREE), "test": (X, THREE)},
         "3 classes apart.*one for numbers"),
        ({"loss": wald.Focal(), "model": linear_model.LogisticRegression().fit(X, THREE), "test": (X, THREE)},
         "3 classes apart, and the loss takes one number a row"),
        ({"test": (X[NEW], np.where(Y[NEW] > 0, 7, 0))}, "hold 7, and the model knows the classes 0, 1"),
        ({"test": (X[NEW, :2], Y[NEW])}, "LogisticRegression raised ValueError on 64 test inputs"),
        ({"loss": lambda p, y: p.sum() * 0}, "nothing shows whether the loss takes logits"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(wrong: dict[str, Any], says: str) -> None:
    given: dict[str, Any] = {
        "model": linear_model.LogisticRegression().fit(X[OLD], Y[OLD]),
        "loss": "log_loss",
        "metric": "accuracy",
        "test": (X[NEW], Y[NEW]),
    }
    Case(**given)
    with pytest.raises(CaseError, match=says):
        Case(**(given | wrong))


def test_words_for_a_torch_module_are_refused() -> None:
    with pytest.raises(CaseError, match=r"city, .*hold no numbers, and the model is a torch module"):
        Case(model=nn.Linear(3, 1), loss="mse", metric="mae", test=(TABLE, X[:, 0]))


def test_arrays_come_in_the_precision_of_the_module() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 1)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.layer(inputs)[:, 0]

    model = Net()
    frame = pandas.DataFrame(X, columns=list("abcd"))
    case = Case(model=model, loss="log_loss", metric="accuracy", test=(frame, Y.astype(float)))
    assert case.model is model
    assert case.test[0].dtype == torch.float32
    assert case.features == ("a", "b", "c", "d")
    assert emitted(case).shape == (ROWS,)


@pytest.mark.parametrize("function", [lambda x: x[:, 0] * 2, lambda x: np.asarray(x)[:, 0] * 2])
def test_a_function_of_tensors_or_of_arrays(function: Callable[[Any], Any]) -> None:
    case = Case(model=function, loss="log_loss", metric="accuracy", test=(X, Y.astype(float)))
    assert isinstance(emitted(case), Tensor)
    assert np.allclose(emitted(case).numpy(), X[:, 0] * 2)


def test_a_bound_method_stands_for_its_estimator() -> None:
    model = linear_model.LogisticRegression().fit(X[OLD], Y[OLD])
    case = Case(model=model.predict_proba, loss="log_loss", metric="accuracy", test=(X[NEW], Y[NEW]))
    assert case.original is model


def test_a_loss_of_neither_form_is_not_guessed() -> None:
    assert wanted_by_trial(lambda p, y: (p * 0).mean(), 2) is None


@pytest.mark.peers
@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_boosted_trees_and_their_boosters(library: str, native: bool, classes: int) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    options: dict[str, Any] = {"n_estimators": 8}
    if library == "catboost":
        options |= {"verbose": 0, "allow_writing_files": False, "thread_count": 1}
        estimator = module.CatBoostClassifier(**options)
    else:
        kind = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier"}[library]
        options |= {"n_jobs": 1} | ({"verbose": -1} if library == "lightgbm" else {})
        estimator = getattr(module, kind)(**options)
    targets = Y if classes == 2 else np.searchsorted(["x", "y", "z"], THREE)
    estimator.fit(X[OLD], targets[OLD])
    model: Any = estimator
    if native:
        if library == "catboost":
            pytest.skip("CatBoost has no other model")
        model = estimator.get_booster() if library == "xgboost" else estimator.booster_
    case = Case(model=model, loss="log_loss", metric="accuracy", test=(X[NEW], targets[NEW]))
    assert mean_loss(case) == pytest.approx(metrics.log_loss(targets[NEW], estimator.predict_proba(X[NEW])), rel=1e-5)
    assert emitted(case).shape == ((150,) if classes == 2 else (150, 3))


@pytest.mark.peers
def test_counts_of_xgboost_are_read_through_their_logarithm() -> None:
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    model = xgboost.XGBRegressor(objective="count:poisson", n_estimators=5, n_jobs=1).fit(X[OLD], COUNTS[OLD])
    case = Case(model=model, loss=wald.Poisson(), metric="mae", test=(X[NEW], COUNTS[NEW]))
    assert np.allclose(emitted(case).exp().numpy(), model.predict(X[NEW]), rtol=1e-4)


@pytest.mark.peers
def test_an_audit_leaves_an_estimator_as_it_was() -> None:
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    model = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(X[OLD], Y[OLD])
    before = pickle.dumps(model)
    case = Case(model=model, loss="log_loss", metric="roc_auc", test=(X[NEW], Y[NEW]))
    report = wald.audit(case, level="quick", only=["preflight", "calibration"])
    assert report.counts["error"] == 0
    assert pickle.dumps(model) == before
