"""The checker, checked: on wrong losses, on right ones, on mutants, and the page that says how it did."""

from __future__ import annotations

import pytest

import wald

from ..sampling import daily
from .corpus import page
from .corpus.correct import CORRECT
from .corpus.entry import Entry
from .corpus.running import ENTRIES, outcome_of, sample
from .corpus.wrong import WRONG
from .mutants.running import harvest_of
from .mutants.sowing import built, mutants, shows


def by_id(entry: Entry) -> str:
    return entry.id


@pytest.mark.parametrize("entry", daily(sample(WRONG, 2), 4, by_id))
def test_a_wrong_loss_is_failed_and_its_defect_named(entry: Entry) -> None:
    found = outcome_of(entry.id)
    assert found.verdict == "fail"
    assert found.named, found.says


@pytest.mark.parametrize("entry", daily(sample(CORRECT, 2), 4, by_id))
def test_a_right_loss_is_not_failed(entry: Entry) -> None:
    found = outcome_of(entry.id)
    assert found.verdict in ("pass", "warn"), found.says


def test_the_corpus_is_large_and_every_loss_is_there_once() -> None:
    assert len(WRONG) >= 140
    assert len(CORRECT) >= 140
    assert len(ENTRIES) == len(WRONG) + len(CORRECT)
    assert all(entry.code for entry in WRONG)
    assert not any(entry.code for entry in CORRECT)


def test_a_mutant_is_the_loss_with_one_error() -> None:
    for mutant in mutants(wald.Huber):
        kind = built(mutant)
        assert kind is not wald.Huber
        assert kind.card is wald.Huber.card
        state, loss = shows(mutant)
        assert (loss is None) == (state != "alive")
    assert any(shows(mutant)[0] == "equal" for mutant in mutants(wald.Squared))  # (target - prediction)²


def test_the_mutants_are_the_same_every_time() -> None:
    assert [one.id for one in mutants(wald.Triplet)] == [one.id for one in mutants(wald.Triplet)]


def test_mutants_of_a_loss_are_killed() -> None:
    found = harvest_of("Huber", each=4)
    assert found.alive == 4
    assert found.killed == 4


@pytest.mark.slow
def test_the_page_says_what_the_checker_does() -> None:
    found = page.measure()
    failed = sum(one.verdict == "fail" and one.named for one in found.wrong)
    accused = sum(one.verdict not in ("pass", "warn") for one in found.correct)
    killed, alive = page.killed_of(found.mutants, spoken=True)
    assert failed >= 0.9 * len(found.wrong)
    assert accused <= 0.01 * len(found.correct)
    assert alive >= 250
    assert killed >= 0.9 * alive
    for score in found.truth:
        assert not score.wrong
        assert score.right >= 0.97 * (score.right + score.unresolved)
    assert page.PAGE.read_text("utf-8") == page.text(found), "write it again: make honesty"
