"""docs/performance.md says what was measured: text and figures cannot drift apart."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("performance_page", BENCHMARKS / "page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_the_newest_figures(page: ModuleType) -> None:
    told = page.PAGE.read_text("utf-8")
    assert page.written(told, page.figures()) == told, "run python benchmarks/page.py"


def test_every_case_was_measured(page: ModuleType) -> None:
    from wald.timing.cases import cases

    assert [case["name"] for case in page.figures()["fast"]["cases"]] == [case.name for case in cases()], (
        "run python benchmarks/fast.py with the name of what is new"
    )


def test_a_figure_that_changed_shows(page: ModuleType) -> None:
    told, figures = page.PAGE.read_text("utf-8"), page.figures()
    first = next(case for case in figures["fast"]["cases"] if case["sides"])
    first["sides"]["wald"]["ms"] *= 2
    assert page.written(told, figures) != told


def test_a_place_that_is_missing_is_told(page: ModuleType) -> None:
    with pytest.raises(ValueError, match="0 places called 'summary'"):
        page.written("nothing", page.figures())
