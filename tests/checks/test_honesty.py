"""The checker, checked: on wrong losses, on right ones, on mutants, and the page that says how it did."""

from __future__ import annotations

from dataclasses import replace

import pytest

import wald

from ..sampling import daily
from .corpus import page
from .corpus.claims import claims_of, line, whose
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


def test_claims_are_counted_by_what_became_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, told = claims_of("Huber"), claims_of("BatchTriplet")
    assert sound.held[:1] == ("elicits",)
    assert {"convex", "slope", "formula"} < {*sound.held}
    assert sound.made == len(sound.held)
    assert "formula" in {*told.held, *told.unmeasured}
    # A card that is wrong is not counted as held.
    monkeypatch.setattr(wald.Huber, "card", replace(wald.Huber.card, convex=False, smooth=3))
    wrong = claims_of("Huber")
    assert wrong.failed == ("convex", "smooth")
    assert f"{sound.made + wrong.made} claims: {sound.made + wrong.made - 2} held, 2 failed" in line((sound, wrong))
    assert whose((sound, wrong), "failed") == {"convex": ["Huber"], "smooth": ["Huber"]}


@pytest.mark.slow
def test_the_page_says_what_the_checker_does() -> None:
    found = page.measure()
    failed = sum(one.verdict == "fail" and one.named for one in found.wrong)
    accused = sum(one.verdict not in ("pass", "warn") for one in found.correct)
    killed, alive = page.killed_of(found.mutants, spoken=True)
    print(line(found.claims))
    assert not whose(found.claims, "failed")
    assert failed >= 0.9 * len(found.wrong)
    assert accused <= 0.01 * len(found.correct)
    assert alive >= 600
    assert killed >= 0.97 * alive
    for score in found.truth:
        assert not score.wrong
        assert score.right >= 0.97 * (score.right + score.unresolved)
    assert page.PAGE.read_text("utf-8") == page.text(found), "write it again: make honesty"
