from __future__ import annotations

from itertools import product
from math import inf, nan

import pytest

from wald.findings import Controls, judge
from wald.findings.state import COUNTED, STATES, SYMBOLS, WORDS, count_states, overall_state

RIGHT = Controls(positive=True, negative=True)
UNTRIED = Controls()
HALF = Controls(positive=True)
DEAF = Controls(positive=False, negative=True)
JUMPY = Controls(positive=True, negative=False)

# (effect, interval, warn, state where both controls are right), for a threshold of 0.10.
BEYOND, BETWEEN, BELOW = (0.20, (0.15, 0.25)), (0.06, (0.05, 0.08)), (0.01, (0.00, 0.02))
TABLE = [
    (*BEYOND, None, "fail"),
    (*BEYOND, 0.03, "fail"),
    (*BETWEEN, None, "pass"),
    (*BETWEEN, 0.03, "warn"),
    (*BELOW, None, "pass"),
    (*BELOW, 0.03, "pass"),
    # straddling the threshold
    (0.11, (0.05, 0.15), None, "inconclusive"),
    (0.09, (0.05, 0.15), None, "inconclusive"),
    # straddling the threshold, but wholly beyond the milder level: at least a warning
    (0.09, (0.05, 0.15), 0.03, "warn"),
    (0.11, (0.05, 0.15), 0.03, "warn"),
    # straddling the milder level, and both levels
    (0.03, (0.01, 0.05), 0.03, "inconclusive"),
    (0.07, (0.01, 0.15), 0.03, "inconclusive"),
    # an effect outside its own interval is not to be believed in either direction
    (0.09, (0.15, 0.25), None, "inconclusive"),
    (0.20, (0.00, 0.02), None, "inconclusive"),
    (0.02, (0.05, 0.08), 0.03, "inconclusive"),
    (0.09, (0.15, 0.25), 0.03, "warn"),
    # the level itself is still good, and touching it is not crossing it
    (0.10, (0.10, 0.10), None, "pass"),
    (0.10, (0.05, 0.10), None, "pass"),
    (0.12, (0.10, 0.15), None, "inconclusive"),
    # no uncertainty known, nothing measured
    (0.20, None, None, "inconclusive"),
    (0.01, None, None, "inconclusive"),
    (None, (0.15, 0.25), None, "inconclusive"),
    (nan, (0.15, 0.25), None, "inconclusive"),
    # an exact value is an interval of no width; an infinite one can be exact
    (0.20, (0.20, 0.20), None, "fail"),
    (inf, (inf, inf), None, "fail"),
    (inf, (0.15, inf), None, "fail"),
    (-inf, (-inf, -inf), None, "pass"),
    # a bound that is not known reaches to infinity
    (0.20, (nan, 0.25), None, "inconclusive"),
    (0.20, (0.15, nan), None, "fail"),
    (0.01, (nan, 0.02), None, "pass"),
    (0.01, (0.00, nan), None, "inconclusive"),
    (0.01, (nan, nan), None, "inconclusive"),
]


@pytest.mark.parametrize(("effect", "interval", "warn", "state"), TABLE)
def test_truth_table(effect, interval, warn, state):
    def judged(controls):
        return judge(effect=effect, interval=interval, threshold=0.10, warn=warn, controls=controls)

    assert judged(RIGHT) == state
    for wrong in (DEAF, JUMPY, Controls(positive=False), Controls(negative=False)):
        assert judged(wrong) == "inconclusive"
    # Without controls nothing may be accused, but what is quiet may be called quiet.
    for untried in (UNTRIED, HALF, Controls(negative=True)):
        assert judged(untried) == (state if state == "pass" else "inconclusive")


@pytest.mark.parametrize(("effect", "interval", "warn", "state"), TABLE)
def test_below_is_the_mirror_image_of_above(effect, interval, warn, state):
    judged = judge(
        effect=None if effect is None else -effect,
        interval=None if interval is None else (-interval[1], -interval[0]),
        threshold=-0.10,
        warn=None if warn is None else -warn,
        controls=RIGHT,
        worse="below",
    )
    assert judged == state


def test_a_wider_interval_never_makes_a_verdict_surer():
    sure = ("pass", "warn", "fail")
    grid = [-0.05, 0.0, 0.02, 0.03, 0.05, 0.1, 0.12, 0.3]
    for effect, low, high, more in product(grid, grid, grid, (0.01, 0.1, inf)):
        if low <= effect <= high:
            narrow = judge(effect=effect, interval=(low, high), threshold=0.1, warn=0.03, controls=RIGHT)
            wide = judge(effect=effect, interval=(low - more, high + more), threshold=0.1, warn=0.03, controls=RIGHT)
            assert wide in (narrow, "inconclusive") or (narrow, wide) == ("fail", "warn")
            assert wide not in sure or narrow in sure


@pytest.mark.parametrize(
    ("detectable", "warn", "state"),
    [
        (None, None, "pass"),
        (0.05, None, "pass"),
        (0.10, None, "pass"),
        (0.20, None, "inconclusive"),
        (0.05, 0.03, "inconclusive"),
        (0.03, 0.03, "pass"),
        (nan, None, "inconclusive"),
    ],
)
def test_what_could_not_have_been_seen_is_not_called_absent(detectable, warn, state):
    judged = judge(effect=0.01, interval=(0.0, 0.02), threshold=0.10, warn=warn, controls=RIGHT, detectable=detectable)
    assert judged == state


def test_an_effect_that_was_seen_is_seen_whatever_could_have_been():
    seen = judge(effect=0.2, interval=(0.15, 0.25), threshold=0.1, controls=RIGHT, detectable=0.5)
    assert seen == "fail"


def test_a_level_has_no_size_to_compare_with():
    # τ of at least 0.8, from a sample that tells 0.2 from 0: well powered, whatever the numbers look like.
    judged = judge(
        effect=0.9, interval=(0.85, 0.95), threshold=0.5, warn=0.8, controls=RIGHT, worse="below", detectable=0.2
    )
    assert judged == "pass"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": nan}, "must be a number"),
        ({"warn": nan}, "must be a number"),
        ({"warn": 0.2}, "milder level"),
        ({"warn": 0.05, "worse": "below"}, "milder level"),
        ({"interval": (0.3, 0.1)}, "low, high"),
        ({"worse": "higher"}, "'above' or 'below'"),
    ],
)
def test_contradictions_are_refused(arguments, message):
    good = {"effect": 0.2, "interval": (0.1, 0.3), "threshold": 0.1, "controls": RIGHT}
    with pytest.raises(ValueError, match=message):
        judge(**(good | arguments))


@pytest.mark.parametrize("positive", [True, False, None])
@pytest.mark.parametrize("negative", [True, False, None])
def test_controls(positive, negative):
    controls = Controls(positive=positive, negative=negative)
    assert controls.right == (positive is True and negative is True)
    assert controls.wrong == (positive is False or negative is False)
    assert Controls.from_dict(controls.to_dict()) == controls
    assert Controls.from_dict(None) == Controls()


def test_every_state_has_a_word_a_symbol_and_a_count():
    assert set(STATES) == set(COUNTED) == set(WORDS) == set(SYMBOLS)
    assert len(set(WORDS.values())) == len(set(SYMBOLS.values())) == 7
    assert STATES[0] == "fail"
    assert STATES[-1] == "pass"


@pytest.mark.parametrize(
    ("states", "overall"),
    [
        (["pass", "warn", "error", "fail", "inconclusive", "not_run"], "fail"),
        (["pass", "warn", "error", "inconclusive"], "error"),
        (["pass", "warn", "inconclusive", "not_run"], "warn"),
        (["pass", "inconclusive", "not_run"], "inconclusive"),
        (["pass", "not_run", "not_applicable"], "pass"),
        (["not_run", "not_applicable"], "not_run"),
        (["not_run"], "not_run"),
        (["not_applicable"], "not_applicable"),
        ([], "not_run"),
    ],
)
def test_overall_state(states, overall):
    assert overall_state(states) == overall
    assert overall_state(reversed(states)) == overall
    assert count_states(states)["planned"] == len(states)
