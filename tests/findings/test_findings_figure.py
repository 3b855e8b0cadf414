from __future__ import annotations

import json
from math import inf, nan
import sys
from xml.etree import ElementTree as ET

import pytest

from wald.findings import Figure
from wald.findings.tabulate import tabulate

KINDS = ("reliability", "scatter", "intervals", "lines", "bars", "heat")
POINTS = {"x": [0.1, 0.5, nan, 0.9], "y": [0.2, nan, 0.4, inf], "low": [0.1, 0.2, nan, 0.3], "high": [0.3, 0.5, 1, inf]}
DATA = {
    "reliability": POINTS | {"count": [5, 0, 3, 2]},
    "scatter": {"x": POINTS["x"], "y": POINTS["y"], "labels": ["a", "b", "c", "d"]},
    "intervals": {"x": POINTS["x"], "low": POINTS["low"], "high": POINTS["high"], "labels": ["a", "b", "c", "d"]},
    "lines": POINTS,
    "bars": {"labels": ["a", "b", "c", "d"], "y": POINTS["y"], "low": POINTS["low"], "high": POINTS["high"]},
    "heat": {"z": [[1, nan], [inf, -2]], "labels": ["a", "b"], "columns": ["first column", "d"]},
}


def figure(kind, series, **fields):
    return Figure(**({"kind": kind, "title": "A title", "x": "across", "y": "up", "series": series} | fields))


@pytest.fixture(scope="module")
def svg():
    pytest.importorskip("matplotlib")
    from wald.findings.draw import svg

    return svg


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_plain_data_and_comes_back(kind):
    one = figure(kind, [DATA[kind]], reference=nan)
    text = json.dumps(one.to_dict(), allow_nan=False)
    assert Figure.from_dict(json.loads(text)) == one
    assert one.reference is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("log", ["", "xy"])
def test_every_kind_is_drawn_whatever_the_data(svg, kind, log):
    empty = {name: [] for name in DATA[kind]}
    nothing = {name: [nan] if name != "z" else [[nan]] for name in DATA[kind]}
    several = [DATA[kind] | {"name": f"series {i}"} for i in range(3)]
    for series in ([DATA[kind]], several, [], [{}], [empty], [nothing]) if not log else (several, []):
        drawn = svg(figure(kind, series, log=log, diagonal=True, reference=0.5))
        root = ET.fromstring(drawn)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert ("no data" in drawn) == (series not in ([DATA[kind]], several))


def test_it_is_a_picture_for_a_page(svg):
    drawn = svg(figure("lines", [POINTS], title='5 < 6 & "so"', caption="It rises."))
    root = ET.fromstring(drawn)
    assert drawn.startswith("<svg ")
    assert root.get("role") == "img"
    assert root.get("aria-label") == '5 < 6 & "so". It rises'
    assert root.get("width") == "100%"
    assert root.get("height") is None
    assert len(root.get("viewBox").split()) == 4
    for absent in ("DejaVu", "<style", "<metadata", "<!DOCTYPE", "<?xml", "@font-face", "<image", "<!--"):
        assert absent not in drawn
    assert "across" in drawn
    assert "sans-serif" in drawn


def test_the_title_can_be_left_to_the_page(svg):
    one = figure("lines", [POINTS])
    assert ">A title<" in svg(one)
    assert ">A title<" not in svg(one, title=False)


def test_money_is_no_formula(svg):
    assert "$5 to $6" in svg(figure("lines", [POINTS], x="$5 to $6"))
    assert "mathdefault" not in svg(figure("lines", [{"x": [1, 1000], "y": [1, 10]}], log="xy"))


def test_guides_do_not_widen_the_view(svg):
    def said(**fields):
        drawn = svg(figure("scatter", [{"x": [0.1, 0.2], "y": [0.3, 0.4]}], **fields))
        return [element.text for element in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]

    assert "0.10" in said()
    assert said(diagonal=True) == said()


def test_the_same_figure_is_the_same_bytes_and_two_share_no_name(svg):
    one, other = figure("lines", [POINTS]), figure("lines", [POINTS], title="Another")
    assert svg(one) == svg(one)

    def ids(drawn):
        return {element.get("id") for element in ET.fromstring(drawn).iter()} - {None}

    assert ids(svg(one))
    assert not ids(svg(one)) & ids(svg(other))


def test_a_great_many_points_are_thinned_and_it_says_so(svg):
    drawn = svg(figure("scatter", [{"x": list(range(5000)), "y": list(range(5000))}]))
    assert "715 of 5000 points" in drawn
    assert len(drawn) < 300_000


def test_drawing_leaves_the_user_s_settings_alone(svg):
    import matplotlib as mpl

    # Not `dict(mpl.rcParams)`: reading the backend would choose one, and load pyplot for it.
    before = {name: mpl.rcParams[name] for name in mpl.rcParams if name != "backend"}
    svg(figure("lines", [POINTS]))
    assert {name: mpl.rcParams[name] for name in before} == before
    assert "matplotlib.pyplot" not in sys.modules


def test_without_matplotlib_it_says_how_to_get_it(svg, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'wald\[report\]'"):
        svg(figure("lines", []))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"kind": "pie"}, ValueError, "kind='pie'"),
        ({"log": "z"}, ValueError, "got 'z'"),
        ({"series": [{"x": [1], "y": [1, 2]}]}, ValueError, "one length"),
        ({"series": [{"x": [1], "y": [1], "low": [0]}]}, ValueError, r"lacks \['high'\]"),
        ({"series": [{"x": [1]}]}, ValueError, r"lacks \['y'\]"),
        ({"series": [{"x": ["a"], "y": [1]}]}, ValueError, "holds numbers"),
        ({"series": [{"values": [1]}]}, ValueError, r"got \['values'\]"),
        ({"series": [[1, 2]]}, TypeError, "mapping of columns"),
        ({"kind": "table", "series": [{"z": [[1, 2]], "columns": ["a"]}]}, ValueError, r"got 1, and rows of \[2\]"),
        (
            {"kind": "table", "series": [{"z": [[1]], "columns": ["a"], "labels": ["r", "s"]}]},
            ValueError,
            "got 2 for 1 rows",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_early(fields, error, message):
    with pytest.raises(error, match=message):
        Figure(**({"kind": "lines", "title": "t"} | fields))


def test_a_table_is_no_picture(svg):
    table = figure("table", [{"z": [[1, "late"]], "columns": ["cost", "reason"], "labels": ["row 7"]}])
    assert Figure.from_dict(json.loads(json.dumps(table.to_dict()))) == table
    with pytest.raises(ValueError, match="a table and no picture"):
        svg(table)


def test_a_picture_alone_has_colours_of_its_own_and_words_are_left_alone(svg):
    drawn = svg(figure("lines", [POINTS], x="fill #1a1a1a"))
    assert "var(--picture-ink, #1a1a1a)" in drawn
    assert ">fill #1a1a1a<" in drawn


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_has_its_numbers_in_a_table(kind):
    table = tabulate(figure(kind, [DATA[kind], DATA[kind]]))
    assert table.rows
    assert {len(row) for row in table.rows} == {len(table.heads)}
    assert tabulate(figure(kind, [])).rows == ()


def test_a_long_table_says_how_much_is_left_out():
    table = tabulate(figure("scatter", [{"x": list(range(500)), "y": list(range(500))}]))
    assert (table.heads, len(table.rows), table.left_out) == (("across", "up"), 40, 460)
