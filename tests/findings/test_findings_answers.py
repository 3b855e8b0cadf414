"""An answer can be read by somebody who knows the work and no statistics."""

from __future__ import annotations

import pytest

from wald.findings import Controls, Finding
from wald.findings.answers import certainty, compose, jargon, sentence


def finding(state="fail", **fields):
    given = {"code": "A101", "question": "alignment", "says": "So.", "effect": 0.65, "unit": "of cost",
             "interval": (0.59, 0.7), "threshold": 0.1}  # fmt: skip
    return Finding(**(given | {"state": state} | fields))


def test_the_worst_comes_first_and_the_rest_is_kept():
    parts = [("pass", "a"), ("inconclusive", "b"), ("fail", "c"), ("pass", "d"), ("pass", "e"), ("not_run", "")]
    assert compose("gaming", parts) == ("Yes. C. B. A.", ("D.", "E."))
    assert compose("something else", [("pass", "all is well")]) == ("All is well.", ())


@pytest.mark.parametrize(
    ("question", "state", "opening"),
    [
        ("alignment", "fail", "No."),
        ("Metric_correlation", "pass", "Yes, where it was tried."),
        ("gaming", "pass", "No way to do that was found."),
        ("edge cases", "inconclusive", "Not decided."),
        ("robustness", "error", "A check broke, so this is open."),
    ],
)
def test_the_opening_agrees_with_the_state(question, state, opening):
    assert compose(question, [(state, "it is 3")])[0] == f"{opening} It is 3."


def test_a_sentence_has_no_brackets_and_no_answer_of_its_own():
    assert sentence("no: it costs 65% [59%, 70.4%] of it; ") == "It costs 65% (between 59% and 70.4%) of it."
    assert sentence("Nearly, it is") == "It is."
    assert sentence("notable: 5") == "Notable: 5."
    assert sentence("noise of 0.5 sd hurts") == "Noise of 0.5 of the usual spread hurts."
    assert sentence("is it so?") == "Is it so?"


def test_certainty_is_a_range_in_words():
    assert certainty([finding()]) == "Sure: the effect lies between 59% and 70% of cost; the limit is 10%."
    assert "Not sure: the effect lies between 5% and 20%" in certainty([finding("inconclusive", interval=(0.05, 0.2))])
    assert (
        certainty([finding(interval=(0.5, 0.5))]) == "Certain: the effect is 50% of cost exactly, and the limit is 10%."
    )
    assert certainty([finding("pass", effect=1, unit="", interval=(0, 2), threshold=3)]) == (
        "Sure: the effect lies between 0 and 2; the limit is 3."
    )
    assert certainty([finding("pass", interval=(0, 0.05), effect=0.01)] * 3) == "3 checks passed; none failed."


def test_a_check_that_failed_its_control_is_sure_of_nothing():
    missed = finding("inconclusive", interval=(0.0, 0.0), effect=0.0, controls=Controls(positive=False))
    assert certainty([missed, finding("pass", interval=(0, 0.05), effect=0.01)]).startswith("Not sure: on a case where")


def test_certainty_is_silent_where_nothing_was_measured_and_plain_where_a_range_would_not_be():
    assert certainty([]) == certainty([finding("not_run"), finding("error")]) == ""
    assert certainty([finding(unit="Kendall's τ"), finding("pass", interval=(0, 0.05), effect=0.01)]) == (
        "Sure: 1 check failed."
    )
    assert certainty([finding("warn", interval=(0.1, float("inf")))]) == "1 check gave a warning."


@pytest.mark.parametrize("said", ["p = 0.03", "by bootstrap", "τ = 0.2", "a Cox slope of 2", "3 SD", "the logits"])
def test_jargon_is_known(said):
    assert jargon(said)
    assert not jargon("Cost per loan is 12% higher for 3 of 40 groups, perhaps by 300 dollars.")
