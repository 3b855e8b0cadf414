from __future__ import annotations

from math import inf, log, nan

import pytest

from wald.findings.sketch import sketch

X = [-4 + i / 25 for i in range(201)]


def drawn(text):
    """The picture alone: what stands right of the axis."""
    return [line.split("┤")[-1].split("│")[-1] for line in text.splitlines() if "┤" in line or "│" in line]


def test_it_draws_with_ends_zero_and_legend():
    text = sketch(X, {"square": [v * v for v in X], "gradient": [2 * v for v in X]})
    lines = text.splitlines()
    assert len(lines) == 16 + 3
    assert len(drawn(text)) == 16
    assert max(map(len, drawn(text))) <= 64
    assert lines[0].lstrip().startswith("16 ┤")
    assert lines[15].lstrip().startswith("-8 ┤")
    assert any(line.lstrip().startswith("0 ┤") for line in lines)
    assert lines[-2].split() == ["-4", "0", "4"]
    assert "square" in lines[-1]
    assert "gradient" in lines[-1]


def test_the_shape_is_that_of_the_curve():
    rows = drawn(sketch(X, {"falls": [-v for v in X]}, width=40, height=8))
    columns = [next(i for i, char in enumerate(row) if char != " ") for row in rows]
    assert columns == sorted(columns)
    assert columns[0] == 0
    assert len(rows[-1]) == 40


def test_a_constant_lies_in_the_middle():
    rows = drawn(sketch([0, 1, 2], {"c": [3, 3, 3]}, width=20, height=5))
    assert [bool(row.strip()) for row in rows] == [False, False, True, False, False]
    assert len(rows[2]) == 20
    assert drawn(sketch([0, 1], {"zero": [0, 0]}, height=3))[1].strip()


def test_what_is_not_finite_is_a_gap():
    rows = drawn(sketch(X, {"log": [log(v) if v > 0 else -inf for v in X]}, width=40))
    assert all(not row[:19].strip() for row in rows)
    broken = drawn(sketch([0, 1, 2, 3, 4], {"c": [1, 1, nan, 1, 1]}, width=40, height=3))[1]
    assert broken[0] != " "
    assert broken.split(" ")[-1]
    assert not broken[15:25].strip()


@pytest.mark.parametrize(
    ("x", "curves"), [([], {}), ([], {"a": []}), ([1.0], {"a": [nan]}), ([nan, inf], {"a": [1.0, 2.0]})]
)
def test_nothing_to_draw_is_an_empty_frame(x, curves):
    assert not "".join(drawn(sketch(x, curves))).strip()


def test_one_point_is_seen():
    assert "".join(drawn(sketch([1.0], {"a": [2.0]}))).strip()


def test_curves_are_told_apart_without_colour():
    pictures = {sketch(X, {"a": X} if i == 0 else {"": [nan] * 201, "b": X} if i == 1 else {}) for i in range(3)}
    assert len(pictures) == 3
    legend = sketch(X, dict.fromkeys("abcde", X)).splitlines()[-1]
    samples = [legend.split(name)[0][-7:-1] for name in "abcde"]
    assert len(set(samples)) == 5


def test_names_that_do_not_fit_go_on_the_next_line():
    text = sketch(X, {"a long name for a loss " * 2: X, "another long name " * 2: X}, width=50)
    assert len(text.splitlines()) == 16 + 4


def test_nothing_is_left_at_the_ends_of_lines():
    assert all(line == line.rstrip() for line in sketch(X, {"a": X}).splitlines())


def test_wrong_use_is_refused():
    with pytest.raises(ValueError, match="2 values for 3 places"):
        sketch([1, 2, 3], {"a": [1, 2]})
    with pytest.raises(ValueError, match="width of 8"):
        sketch([1], {"a": [1]}, width=4)
