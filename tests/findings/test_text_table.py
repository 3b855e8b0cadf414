"""A table as lines of text: what fits, what is cut, and what is said of what is left out."""

from __future__ import annotations

from wald.findings import Figure
from wald.findings.text_table import table_lines


def table(names: list[str], heads: list[str], rows: list[list[object]]) -> Figure:
    series = [{"labels": names, "columns": heads, "z": rows}]
    return Figure(kind="table", title="Race", y="name", series=series)


def test_names_stand_to_the_left_and_numbers_to_the_right() -> None:
    lines = table_lines(table(["a", "long name"], ["cost", "n"], [[1, 20], [300, 4]]), 40)
    assert lines == ["name       cost   n", "a             1  20", "long name   300   4"]


def test_no_line_is_wider_than_asked_and_what_finds_no_room_is_named() -> None:
    lines = table_lines(table(["a" * 10, "b"], ["one", "two", "three"], [["x" * 9] * 3] * 2), 36)
    assert max(map(len, lines)) <= 36
    assert lines[-1] == "(not shown here: three)"


def test_a_name_is_cut_only_where_it_is_very_long() -> None:
    long, short = "word " * 20, "weighted cross-entropy, prior corrected"
    lines = table_lines(table([long, short], ["one", "two"], [["1", "2" * 40]] * 2), 60)
    assert lines[1].startswith("word word")
    assert "…" in lines[1]
    assert short in lines[2]
    assert "two" in lines[-1]


def test_a_wide_line_shows_names_in_full() -> None:
    long = "word " * 12 + "end"
    assert long in table_lines(table([long], ["one"], [["1"]]), 100)[1]


def test_no_more_than_forty_rows_are_told_and_the_others_are_counted() -> None:
    lines = table_lines(table([str(one) for one in range(50)], ["n"], [[one] for one in range(50)]), 60)
    assert lines[-1] == "(and 10 more)"
    assert len(lines) == 42
