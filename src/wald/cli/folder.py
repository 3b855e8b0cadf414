"""A report as files in a folder: the page, and the same for programs."""

from __future__ import annotations

from pathlib import Path
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..findings import Report


def write_report(report: Report, folder: Path, name: str) -> Path:
    """Write the page, the JSON and the JUnit XML, and a way in that is called index.html.

    Returns:
        Where the page is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "report"
    page = folder / f"{stem}.html"
    page.write_text(report.html(), encoding="utf-8")
    (folder / f"{stem}.json").write_text(report.json() + "\n", encoding="utf-8")
    (folder / f"{stem}.xml").write_text(report.junit(), encoding="utf-8")
    if stem != "index":
        (folder / "index.html").write_text(
            f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={stem}.html">'
            f'<title>{stem}</title><a href="{stem}.html">{stem}.html</a>\n',
            encoding="utf-8",
        )
    return page
