from __future__ import annotations

from html import unescape
from html.parser import HTMLParser
import re
import sys

import pytest

from wald.findings import Figure, Finding, Report
from wald.findings.state import STATES, WORDS

VOID = {"meta", "link", "br", "line", "use", "path", "rect", "img", "hr"}
LOADS = {"src", "href", "xlink:href", "srcset", "data", "poster", "action", "formaction", "background"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed by its own end."""

    def __init__(self, text):
        super().__init__()
        self.open, self.loads, self.headings, self.ids, self.tags, self.text = [], [], [], [], [], ""
        self.tables = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.loads += [value for name, value in attrs if name in LOADS]
        self.ids += [value for name, value in attrs if name == "id"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += data


def every_state(**fields):
    findings = [
        Finding(code=f"W10{i}", state=state, question="gaming", says=f"This one is number {i}.", fix="Mend it.")
        for i, state in enumerate(STATES)
    ]
    return Report(**({"kind": "audit", "subject": "Huber()", "findings": findings} | fields))


@pytest.fixture
def page(typical):
    return Page(typical.html())


def test_the_page_loads_nothing(typical, page):
    assert page.loads
    assert all(value.startswith(("#", "data:")) for value in page.loads)
    assert not any(tag == "script" or name.startswith("on") for tag, attrs in page.tags for name in attrs)
    style = typical.html()
    assert "@import" not in style
    assert not re.search(r"url\((?!#)", style)
    assert "http:" not in style.replace("http://www.w3.org/", "")
    assert "https:" not in style


def test_the_test_above_can_fail():
    assert Page('<a href="https://x.org">x</a>').loads == ["https://x.org"]
    with pytest.raises(AssertionError):
        Page("<p><b>x</p></b>")


def test_a_browser_is_told_what_it_needs(page):
    tags = page.tags
    assert ("html", {"lang": "en"}) in tags
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in tags
    (icon,) = [attrs for tag, attrs in tags if tag == "link"]
    assert icon["rel"] == "icon"
    assert icon["href"].startswith("data:image/svg+xml;base64,")
    assert any("default-src 'none'" in (attrs.get("content") or "") for tag, attrs in tags if tag == "meta")


def test_headings_are_in_order_and_tables_have_headers(page):
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    headers = [attrs for tag, attrs in page.tags if tag == "th"]
    assert headers
    assert all(attrs.get("scope") in ("row", "col") for attrs in headers)
    assert len(page.ids) == len(set(page.ids))


def test_the_page_says_what_the_report_does(page):
    for told in (
        "Focal(gamma=2.0) on loans",
        "31 planned: 27 passed, 1 warning, 1 failed, 1 inconclusive, 1 not run",
        "1. Alignment",
        "5. Edge cases",
        "Nearly: 7.4 % of MAE is lost.",
        "0.07 MAE [0.06, 0.09]",
        "0.02 MAE",
        "0.01 MAE or more",
        "planted defect found, clean twin quiet",
        "loss(x, x, mask=x.isnan())",
        "Make masked rows safe",
        "the manual of torch.where",
        "Forecasts are too high.",
        "does not apply",
        "A quick look.",
    ):
        assert told in page.text, told


def test_every_state_is_a_word_and_not_only_a_colour():
    text = Page(every_state().html()).text
    for state in STATES:
        assert f" {WORDS[state]}" in text


def test_groups_are_open_where_there_is_something_to_do(typical):
    groups = re.findall(r'<details class="group"( open)?>\s*<summary><h3>([^<]*)', typical.html())
    assert [name for is_open, name in groups if is_open] == ["Edge cases", "Alignment"]
    assert len(groups) == 6


@pytest.mark.parametrize("kind", ["check", "audit", "why", "diff", "choose"])
def test_an_empty_report_is_a_page_too_and_no_pass(kind):
    page = Page(Report(kind=kind, subject="Huber()").html())
    assert "not run" in page.text
    assert "passed" not in page.text


def test_whatever_a_user_says_is_escaped():
    evil = "<script>alert(1)</script>\"'&"
    finding = Finding(
        code="W101",
        state="fail",
        question=evil,
        says=evil,
        fix=evil,
        unit=evil,
        effect=1.0,
        threshold=0.5,
        method=evil,
        source=evil,
        evidence={"reproduce": evil, evil: evil},
    )
    kinds = ("reliability", "scatter", "intervals", "lines", "bars", "heat")
    figures = [
        Figure(
            kind=kind,
            title=evil,
            caption=evil,
            x=evil,
            y=evil,
            note=evil,
            series=[
                {"name": evil, "x": [0.1, 0.2], "y": [1, 2], "z": [[1, 2]], "labels": [evil, "b"], "columns": [evil]}
                if kind != "heat"
                else {"name": evil, "z": [[1, 2]], "labels": [evil], "columns": [evil, "b"]}
            ],
        )
        for kind in kinds
    ]
    report = Report(
        kind="audit",
        subject=evil,
        findings=(finding,),
        figures=figures,
        card={evil: evil},
        answers={evil: evil, "gaming": evil},
        notes=(evil,),
        environment={evil: evil},
    )
    assert "<script" not in report.html().lower()
    page = Page(report.html())
    assert not any(tag == "script" for tag, _ in page.tags)
    assert page.text.count("<script>alert(1)</script>") >= 15


def test_a_notebook_gets_the_page_in_a_frame(typical):
    (frame,) = [attrs for tag, attrs in Page(typical._repr_html_()).tags if tag == "iframe"]
    assert frame["srcdoc"] == typical.html()
    assert "sandbox" in frame
    assert unescape(typical._repr_html_()).count("<!doctype html>") == 1


def test_without_matplotlib_the_page_says_how_to_get_the_pictures(typical, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = Page(typical.html())
    assert "pip install 'wald[report]'" in page.text
    assert "Forecasts are too high." in page.text


def test_the_page_is_the_same_bytes_every_time(typical):
    assert typical.html() == typical.html()


def contrast(one, other):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_text_can_be_read(typical):
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", typical.html()))
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for name in ("ink", "soft", "pass", "warn", "fail", "inconclusive", "error", "quiet"):
        assert contrast(colours[name], "#ffffff") >= 4.5, name
        assert contrast(colours[name], colours["ground"]) >= 4.5, name
