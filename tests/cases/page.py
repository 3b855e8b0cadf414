"""Write docs/audit-cases.md: `python -m tests.cases.page`."""

from __future__ import annotations

from pathlib import Path

from . import attacks, data, forecasts, games, losses, training
from .twin import ALL, Twin, accused, missed, slandered

TWINS: tuple[Twin, ...] = (
    *losses.TWINS,
    *forecasts.TWINS,
    *data.TWINS,
    *training.TWINS,
    *attacks.TWINS,
    *games.TWINS,
)

PAGE = Path(__file__).parents[2] / "docs" / "audit-cases.md"

_HEAD = """# Cases of which the truth is known

Each row is a case made in a known way (`tests/cases`): what must be found in it, what must not, and what was. `make
audit-honesty` writes this page, and tests hold it to the run. Codes are those of findings; a beginning such as `W2`
stands for all codes that begin so, and "all" for every finding of the report.

| case | how it is made | must fire | must stay quiet | fired | right |
|---|---|---|---|---|---|
"""


def row(twin: Twin) -> str:
    """One line of the table, measured."""
    report = twin.look()
    fired = ", ".join(sorted({one.code for one in accused(report)})) or "nothing"
    wrong = [f"missed {code}" for code in missed(twin, report)]
    wrong += [f"false {code}" for code in slandered(twin, report)]
    if twin.says is not None and not twin.says(report):
        wrong.append("a fact is wrong")
    quiet = ", ".join(twin.quiet) if twin.quiet != ALL else "all"
    must = ", ".join(twin.fires) or ("a fact that is tested" if twin.says is not None and not twin.quiet else "nothing")
    recipe = twin.recipe.replace("|", "\\|")
    return f"| {twin.name} | {recipe} | {must} | {quiet or '-'} | {fired} | {'; '.join(wrong) or 'yes'} |"


def page() -> str:
    """The whole page."""
    return _HEAD + "\n".join(row(twin) for twin in TWINS) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
