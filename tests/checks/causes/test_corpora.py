"""`wald why` names what is wrong with bad batches, proves it, and says nothing of healthy ones."""

from __future__ import annotations

from collections import Counter
import contextlib
from functools import cache
import io
import warnings

import pytest
import torch

import wald
from wald.checks.causes import CAUSES, CODES
from wald.findings import Report

from .bad_batches import BAD, Bad
from .healthy_batches import RIGHT, Healthy, healthy, kinds

#: Codes that no batch of its own stands for: nothing wrong, an old number, and what is not explained.
_OTHERS = {"W900", "W971", "W999"}


@cache
def report_of(place: int) -> Report:
    return wald.why(BAD[place].batch, BAD[place].loss)


EVERY = pytest.mark.parametrize("place", range(len(BAD)), ids=[bad.name.replace(" ", "-") for bad in BAD])


def test_the_corpus_is_wide() -> None:
    assert len(BAD) >= 60
    assert len({bad.name for bad in BAD}) == len(BAD)
    assert len({getattr(bad.loss, "__name__", type(bad.loss).__name__) for bad in BAD}) >= 15
    assert {bad.code for bad in BAD} == CODES.keys() - _OTHERS


def test_at_least_nine_in_ten_are_named_first() -> None:
    missed = [bad.name for place, bad in enumerate(BAD) if report_of(place).findings[0].code != bad.code]
    assert len(missed) <= 0.1 * len(BAD), missed


@EVERY
def test_the_cause_is_named_first(place: int) -> None:
    bad, report = BAD[place], report_of(place)
    first = report.findings[0]
    assert (first.code, first.state) == (bad.code, "fail"), first.says
    assert first.fix
    assert first.controls.right
    assert report.kind == "why"
    assert report.exit_code() == 1
    if bad.rows:
        assert tuple(first.evidence["rows"]) == bad.rows


@EVERY
def test_the_cause_is_proved(place: int) -> None:
    bad, first = BAD[place], report_of(place).findings[0]
    tried = first.evidence["fix_tried"]
    assert tried["what"]
    assert tried.get("cured", True) is True
    assert len(first.evidence["reproduce"].splitlines()) == 2
    said = what_it_prints(first.evidence["reproduce"], bad)
    symptom = report_of(place).card["symptom"]
    if symptom == "error":
        assert said.startswith("raised")
    elif symptom in ("nan", "inf", "nan gradient", "inf gradient"):
        assert "nan" in said or "inf" in said, said
    else:
        assert said


def what_it_prints(code: str, bad: Bad) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(code, {"loss": bad.loss, "batch": bad.batch})
        except Exception as error:
            return f"raised {error}"
    return printed.getvalue().strip()


def test_one_bad_row_is_shown_alone() -> None:
    for place, bad in enumerate(BAD):
        alone = bad.code in ("W901", "W902", "W903", "W921", "W931", "W933") and len(bad.rows) == 1
        if alone and report_of(place).card["symptom"] != "fine":
            part = report_of(place).findings[0].evidence["slice"]
            assert all(text.count(",") < 30 for text in part.values()), (bad.name, part)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: min(cause.codes))
def test_the_controls_of_every_cause_are_right(cause) -> None:
    planted, clean = cause.planted(), cause.clean()
    assert cause.applies(planted)
    assert {one.code for one in cause.look(planted)} <= cause.codes.keys()
    assert list(cause.look(planted))
    assert not cause.applies(clean) or not list(cause.look(clean))


def test_every_code_belongs_to_one_cause_and_is_explained() -> None:
    counts = Counter(code for cause in CAUSES for code in cause.codes)
    assert set(counts.values()) == {1}
    for code, (title, explanation) in CODES.items():
        assert code.startswith("W9")
        assert title
        assert len(explanation) > 40, code


def blamed(batches: list[Healthy]) -> list[str]:
    found: list[str] = []
    for place, one in enumerate(batches):
        report = wald.why(one.batch, one.loss)
        said = {each.code for each in report.findings if each.state != "pass"}
        if report.verdict != "pass" and not said <= RIGHT.get(type(one.loss).__name__, frozenset()):
            found.append(f"{place} {one.name}: {report.findings[0].says}")
    return found


def test_no_healthy_batch_is_blamed() -> None:
    assert blamed(list(healthy(max(200, len(kinds()))))) == []


@pytest.mark.slow
def test_none_of_two_thousand_healthy_batches_is_blamed() -> None:
    assert blamed(list(healthy(2000, seed=1))) == []


def test_a_million_numbers_take_less_than_a_second() -> None:
    import time

    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 1_000_000, generator=rng)
    wald.why({"prediction": x[:9], "target": y[:9]}, wald.Huber())
    for target in (y, torch.where(torch.arange(1_000_000) == 77, torch.nan, y)):
        # Time on the processor, so that a busy machine does not decide; the best of three, as it is shared.
        spent = []
        for _ in range(3):
            start = time.process_time()
            wald.why({"prediction": x, "target": target}, wald.Huber())
            spent.append(time.process_time() - start)
        assert min(spent) < 1
