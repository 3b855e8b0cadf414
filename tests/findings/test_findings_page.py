from __future__ import annotations

from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
import re
import sys

import pytest

from wald.findings import Controls, Figure, Finding, Report
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


def test_every_link_leads_to_a_place_in_the_page(page):
    places = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert len(places) >= 10
    assert {place.removeprefix("#") for place in places} <= set(page.ids)


def test_the_page_has_landmarks_and_says_what_its_links_are(page):
    tags = [tag for tag, _ in page.tags]
    for landmark in ("header", "nav", "main"):
        assert tags.count(landmark) == 1
    assert page.tags[[tag for tag, _ in page.tags].index("a")][1] == {"class": "skip", "href": "#content"}
    named = {attrs.get("aria-labelledby") for tag, attrs in page.tags if tag == "section"}
    assert named <= set(page.ids)
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert pictures
    assert all(attrs.get("aria-label") or attrs.get("aria-hidden") for attrs in pictures)


def test_what_was_not_checked_is_a_table_with_the_reason_and_the_way(typical):
    unrun = Finding(
        code="A103",
        state="not_run",
        question="alignment",
        says="training again: the case gives no refit",
        fix="give Case(refit=...)",
    )
    later = Finding(code="T801", state="not_run", question="training", says="other seeds: left for --deep")
    text = Page(replace(typical, findings=(*typical.findings, unrun, later)).html()).text
    for told in ("What was not checked", "training again", "the case gives no refit", "give Case(refit=...)"):
        assert told in text
    assert "run with --deep" in text
    assert "What was not checked" not in Page(Report(kind="audit", subject="s").html()).text


def test_what_an_audit_looks_at_besides_has_cards_of_its_own(typical, page):
    assert page.text.index("5. Edge cases") < page.text.rindex("Warning signs") < page.text.index("Do the probab")
    assert "3 checks passed; none failed." in page.text
    assert "Warning signs" not in Page(replace(typical, kind="check").html()).text


def test_sentences_that_found_no_room_are_folded(typical):
    html = replace(typical, further={"gaming": ["Nothing else.", "Or so."]}).html()
    assert "2 more" in html
    assert "<li>Or so.</li>" in html


def test_the_controls_are_counted_and_listed(typical, page):
    assert "Planted faults: 30 found, 0 missed. Innocent twins: 30 quiet, 0 raised an alarm." in page.text
    wrong = Finding(
        code="W700",
        state="inconclusive",
        question="groups",
        says="So.",
        controls=Controls(positive=False, negative=True),
    )
    text = " ".join(Page(replace(typical, findings=(*typical.findings, wrong)).html()).text.split())
    assert "30 found, 1 missed" in text
    assert "W700 groups missed quiet" in text


def test_pictures_stand_with_their_question_and_have_their_numbers(typical):
    one = replace(typical.figures[0], question="calibration")
    html = replace(typical, figures=(one,)).html()
    assert '<h2 id="pictures-title">' not in html
    group = html[html.index('id="evidence-calibration"') :]
    assert "Forecasts are too high." in group
    assert "The numbers" in group
    assert "<td>0.9</td><td>–</td>" in group


def test_a_table_of_rows_is_a_table():
    table = Figure(
        kind="table",
        title="The worst rows",
        caption="The rows that cost most.",
        series=[{"columns": ["row", "cost", "reason"], "z": [[17, 3.5, "late <b>"], [4, None, ""]]}],
        question="gaming",
    )
    finding = Finding(code="G301", state="pass", question="gaming", says="So.")
    page = Page(Report(kind="audit", subject="s", findings=(finding,), figures=(table,)).html())
    for told in ("The rows that cost most.", "reason", "17", "3.5", "late <b>"):
        assert told in page.text
    assert not any(attrs.get("role") == "img" for _, attrs in page.tags)


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
    kinds = ("reliability", "scatter", "intervals", "lines", "bars", "heat", "table")
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
                if kind not in ("heat", "table")
                else {
                    "name": evil,
                    "z": [[1, evil if kind == "table" else 2]],
                    "labels": [evil],
                    "columns": [evil, "b"],
                }
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
        further={evil: [evil]},
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_and_pens_can_be_told_from_paper(typical, theme):
    light, dark = typical.html().split("prefers-color-scheme: dark", 1)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light if theme == "light" else dark.split("</style>")[0]))
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for name in ("ink", "soft", "pass", "warn", "fail", "inconclusive", "error", "quiet", "accent"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
        assert contrast(colours[name], colours["ground"]) >= 4.5, name
    for name in ("failed", "broke"):
        assert contrast(colours[name], "#ffffff") >= 4.5, name
    assert contrast(colours["ink"], colours["advice"]) >= 4.5
    assert contrast(colours["ink"], colours["inset"]) >= 4.5
    for name in ("picture-ink", "picture-faint"):
        assert contrast(colours[name], colours["picture-paper"]) >= 4.5, name
    for pen in range(1, 8):
        assert contrast(colours[f"picture-{pen}"], colours["picture-paper"]) >= 3, pen


def test_pictures_take_the_colours_of_the_page(typical):
    drawn = re.findall(r"(?:fill|stroke): (#[0-9a-f]{6}|var\(--picture-[\w]+)", typical.html())
    assert "var(--picture-ink" in drawn
    assert "var(--picture-1" in drawn
    assert not {one for one in drawn if one.startswith("#")}
