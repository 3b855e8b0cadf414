"""The examples of designs match their closed forms."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "examples"


def example(name: str) -> Any:
    spec = util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_of_a_design_is_tested() -> None:
    named = {"design_cancer_screening", "design_fraud", "design_newsvendor"}
    assert {path.stem for path in FOLDER.glob("design_*.py")} == named


def test_cancer_screening_is_what_enumeration_says() -> None:
    module = example("design_cancer_screening")
    saving, (least, called) = module.saving(), module.by_enumeration()
    assert saving.cost == pytest.approx(least)
    # (fp - tn) / (fp - tn + fn - tp) = 1 / 60: a round shadow, 0.015, stays just below.
    assert module.COSTS.threshold == pytest.approx(1 / 60)
    assert called == [name for name, (_, share) in module.GROUPS.items() if share >= 1 / 60]
    assert saving.against_half > 0
    assert saving.against_never > saving.against_half


@pytest.mark.slow
def test_the_newsvendor_costs_what_its_formula_says() -> None:
    costs = example("design_newsvendor").money()
    assert costs["at best"] == pytest.approx(costs["at best, by its formula"], rel=0.01)
    assert costs["by the design"] == pytest.approx(costs["at best"], rel=0.02)
    assert costs["by the mean"] > 1.15 * costs["by the design"]
    assert costs["days with enough"] == pytest.approx(0.75, abs=0.03)


@pytest.mark.slow
def test_fraud_costs_the_least_that_can_be_expected() -> None:
    costs = example("design_fraud").money()
    assert costs["to be expected, by the design"] == pytest.approx(costs["the least to be expected"])
    best = costs["the true chances"]
    for way in ("thresholds by amount", "weights by amount"):
        assert costs[way] == pytest.approx(best, rel=0.05)
        assert costs[way] < 0.75 * costs["the decision at one half"]
