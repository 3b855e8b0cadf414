"""A reader's browser opens the page, follows its links, and has nothing to complain of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import wald
from wald.findings import Figure, Report

from .chromium import Browser, found

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(found() is None, reason="needs Chromium (apt-get install chromium)"),
]

EVERYTHING = [
    Figure(
        kind="reliability",
        title="Forecasts",
        question="calibration",
        series=[{"name": "m", "x": [0.1, 0.9], "y": [0.2, 0.8], "count": [5, 4]}],
    ),
    Figure(
        kind="lines", title="Curves", question="robustness", series=[{"name": str(i), "y": [i, 2, 3]} for i in range(8)]
    ),
    Figure(kind="heat", title="Landscape", question="robustness", series=[{"z": [[1, 2], [3, 4]]}]),
    Figure(kind="bars", title="Bars", question="gaming", series=[{"labels": ["a", "b"], "y": [1, 2]}]),
    Figure(
        kind="table",
        title="The worst rows",
        caption="The rows that cost most.",
        question="edge cases",
        series=[{"columns": [f"column number {i}" for i in range(9)], "z": [[3.25] * 9] * 5}],
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as one:
        yield one


@pytest.fixture
def page(typical: Report, tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    report = replace(typical, figures=(*typical.figures, *EVERYTHING), further={"gaming": ["Nor does noise."]})
    path.write_text(report.html(), encoding="utf-8")
    return path


def test_it_asks_for_nothing_and_complains_of_nothing(browser: Browser, page: Path) -> None:
    browser.look()
    browser.open(page)
    assert browser.requests() == []
    assert browser.complaints() == []
    assert browser.value("document.title") == "Audit of Focal(gamma=2.0) on loans: failed"
    assert browser.value("document.compatMode") == "CSS1Compat"


def test_the_test_above_can_fail(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text('<!doctype html><img src="missing.png"><script>console.error("no")</script>')
    browser.open(path)
    assert browser.requests() == [(tmp_path / "missing.png").as_uri()]
    assert any("no" in one for one in browser.complaints())


def test_every_link_shows_what_it_leads_to(browser: Browser, page: Path) -> None:
    browser.look()
    browser.open(page)
    links = browser.value("[...document.links].map(link => link.getAttribute('href'))")
    assert len(links) >= 12
    for place, link in enumerate(links):
        assert link.startswith("#")
        # Also where it is folded away: a browser opens what a link leads into.
        shown = f"""new Promise(done => {{
            document.documentElement.style.scrollBehavior = "auto";
            document.links[{place}].click();
            requestAnimationFrame(() => requestAnimationFrame(() => {{
                const box = document.querySelector("{link}").getBoundingClientRect();
                done(box.height > 0 && box.top < innerHeight && box.bottom > 0);
            }}));
        }})"""
        assert browser.value(shown), link
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_hangs_over_the_edge(browser: Browser, page: Path, width: int) -> None:
    browser.look(width=width)
    browser.open(page)
    browser.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_are_those_that_the_reader_prefers(browser: Browser, page: Path, scheme: str) -> None:
    browser.look(scheme=scheme)
    browser.open(page)
    lights = browser.value(
        """["body", "figure svg text"].map(one => {
            const style = getComputedStyle(document.querySelector(one));
            const colour = one === "body" ? style.backgroundColor : style.fill;
            return colour.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
        })"""
    )
    ground, ink = lights
    assert (ground > 0.9, ink < 0.2) == ((True, True) if scheme == "light" else (False, False))
    assert abs(ground - ink) > 0.7


def test_it_can_be_read_with_the_keyboard_alone(browser: Browser, page: Path) -> None:
    browser.look()
    browser.open(page)
    stops = []
    for _ in range(12):
        browser.key("Tab", 9)
        stops.append(browser.value("document.activeElement.outerHTML.slice(0, 60)"))
        outline = browser.value("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", stops[-1]
    assert stops[0].startswith('<a class="skip"')
    assert len(set(stops)) == len(stops)


def test_paper_is_light_and_has_what_is_folded_on_the_screen(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.look(scheme="dark", media="print")
    browser.open(page)
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.value("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    # A question in which all passed is folded on the screen.
    assert browser.value("document.querySelector('#evidence-gaming').getBoundingClientRect().height") > 20
    assert browser.value("document.querySelector('#controls table').getBoundingClientRect().height") > 20
    browser.paper(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_real_audit_is_as_quiet(browser: Browser, tmp_path: Path) -> None:
    from ..audits.samples import binary

    path = tmp_path / "audit.html"
    path.write_text(wald.audit(binary(400, factor=2.0), level="quick").html(), encoding="utf-8")
    for width in (390, 1280):
        browser.look(width=width)
        browser.open(path)
        assert browser.requests() == browser.complaints() == []
        assert browser.value("document.documentElement.scrollWidth") <= width
