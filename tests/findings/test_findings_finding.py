from __future__ import annotations

import json
from math import inf, nan
import pickle

import pytest

from wald.findings import Controls, Finding

GOOD = {"code": "W101", "state": "fail", "question": "edge cases", "says": "It breaks."}


class Array:
    """What numpy and torch have in common, without either."""

    def __init__(self, values):
        self.values = values

    def tolist(self):
        return self.values

    def __float__(self):
        return float(self.values)


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_the_dictionary_has_the_fields_of_the_contract_in_their_order():
    finding = Finding(**GOOD, effect=0.07, unit="MAE", interval=(0.06, 0.09), threshold=0.02, detectable=0.01)
    assert " ".join(finding.to_dict()) == (
        "code state question says fix effect unit interval threshold detectable controls evidence seconds method source"
    )
    assert finding.to_dict()["interval"] == [0.06, 0.09]
    assert finding.to_dict()["controls"] == {"positive": None, "negative": None}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"effect": nan, "interval": (nan, nan), "threshold": inf, "detectable": -inf, "seconds": nan},
        {"effect": inf, "interval": (inf, inf), "threshold": 1.0},
        {"effect": Array(0.5), "interval": [Array(0.25), 1], "threshold": 0},
        {"evidence": {"a": nan, "b": [inf, {"c": (1, -inf)}], 3: {"x", "y"}, "t": Array([1.0, nan])}},
        {"evidence": {"path": __import__("pathlib").Path("a"), "type": Array, "flag": True, "none": None}},
        {"controls": Controls(positive=True, negative=True)},
    ],
)
def test_json_is_strict_and_comes_back(values):
    finding = Finding(**(GOOD | {"state": "inconclusive"} | values))
    text = json.dumps(finding.to_dict(), allow_nan=False)
    again = Finding.from_dict(strict(text))
    assert again.to_dict() == finding.to_dict()
    assert json.dumps(again.to_dict(), allow_nan=False) == text


def test_nan_is_nothing_measured_and_infinity_is_kept_until_json():
    assert Finding(**GOOD, effect=nan).effect is None
    assert Finding(**GOOD, effect=inf).effect == inf
    assert Finding(**GOOD, effect=inf).to_dict()["effect"] is None
    assert Finding(**GOOD, interval=(None, 0.5)).interval == (-inf, 0.5)


def test_numpy_scalars_become_plain_numbers():
    numpy = pytest.importorskip("numpy")
    finding = Finding(
        **GOOD,
        effect=numpy.float32(0.5),
        interval=numpy.array([0.25, 1.0]),
        controls=Controls(positive=numpy.bool_(True), negative=numpy.bool_(True)),
        evidence={"rows": numpy.arange(3), "worst": numpy.float64(nan), "n": numpy.int64(3)},
    )
    assert type(finding.effect) is float
    assert finding.interval == (0.25, 1.0)
    assert finding.controls.right
    assert finding.to_dict()["evidence"] == {"rows": [0, 1, 2], "worst": None, "n": 3}
    assert type(finding.to_dict()["evidence"]["n"]) is int


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"state": "passed"}, "got state='passed'"),
        ({"code": "w101"}, "such as 'W101'; got 'w101'"),
        ({"code": "W1"}, "such as 'W101'"),
        ({"code": "W101 "}, "such as 'W101'"),
        ({"says": " "}, "needs a 'says'"),
        ({"question": ""}, "needs a 'question'"),
        ({"effect": "large"}, "effect is a number or None"),
        ({"interval": 0.5}, "an interval is"),
        ({"interval": (1, 2, 3)}, "an interval is"),
        ({"interval": (2, 1)}, "an interval is"),
        ({"interval": (0.1, 0.3), "threshold": 0.2}, "'inconclusive' and never 'fail'"),
        ({"interval": (0.1, 0.3), "threshold": 0.2, "state": "pass"}, "'inconclusive' and never 'pass'"),
        ({"controls": Controls(positive=False)}, "'inconclusive' and no 'fail'"),
    ],
)
def test_what_contradicts_the_contract_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Finding(**(GOOD | values))


@pytest.mark.parametrize("state", ["inconclusive", "warn"])
def test_what_may_straddle_does(state):
    assert Finding(**(GOOD | {"state": state}), interval=(0.1, 0.3), threshold=0.2).interval == (0.1, 0.3)


def test_a_finding_is_a_value():
    one, same = (Finding(**GOOD, evidence={"rows": [1]}) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    assert one != Finding(**GOOD, evidence={"rows": [2]})
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(AttributeError):
        one.state = "pass"
    with pytest.raises(TypeError):
        Finding("W101", "pass", "edge cases", "It breaks.")


def test_evidence_is_copied_so_that_nobody_changes_it_later():
    rows = [1]
    finding = Finding(**GOOD, evidence={"rows": rows})
    rows.append(2)
    finding.to_dict()["evidence"]["rows"].append(3)
    assert finding.evidence == {"rows": [1]}


def test_unknown_keys_of_a_later_version_are_passed_over():
    assert Finding.from_dict(Finding(**GOOD).to_dict() | {"colour": "blue"}) == Finding(**GOOD)
