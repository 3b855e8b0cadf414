"""The plan of the house, held: a room imports from its own floor or below, never from above."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"

FLOORS = {
    "cards": 0,
    "core": 1,
    "losses": 2,
    "miners": 2,
    "wrappers": 2,
    "objectives": 2,
    "findings": 2,
    "checks": 3,
    "audits": 3,
    "choices": 3,
    "adapters": 3,
    "distributed": 3,
    "kernels": 3,
    "timing": 3,
    "cli": 4,
    "testing": 4,
}

#: Rooms that answer before torch or numpy could be loaded.
PLAIN = ("cards", "findings")


def imported(source: str, module: str, *, package: bool = False) -> Iterator[str]:
    """Every module that `source` imports, in full, wherever in the file the import stands."""
    here = module.split(".") if package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            target = ".".join([*base, *([node.module] if node.module else [])])
            # `from .. import cards` names a module, `from ..core import Loss` a thing in one: both are below target.
            yield from (f"{target}.{name.name}" for name in node.names)


def upward(source: str, module: str, *, package: bool = False) -> list[str]:
    """The imports of `source` that reach a floor above its own."""
    floor = FLOORS[module.split(".")[1]]
    rooms = [(name, name.split(".")[1]) for name in imported(source, module, package=package) if "wald." in name]
    return [name for name, room in rooms if FLOORS.get(room, -1) > floor or room == "_api"]


def modules(*rooms: str) -> Iterator[tuple[str, Path]]:
    for room in rooms:
        for path in sorted((SOURCE / "wald" / room).rglob("*.py")):
            parts = path.relative_to(SOURCE).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_every_room_has_a_floor() -> None:
    rooms = {path.parent.name for path in (SOURCE / "wald").glob("*/__init__.py")}
    assert rooms <= FLOORS.keys()


@pytest.mark.parametrize("room", FLOORS)
def test_a_room_imports_nothing_from_above(room: str) -> None:
    found = {
        module: up
        for module, path in modules(room)
        if (up := upward(path.read_text("utf-8"), module, package=path.name == "__init__.py"))
    }
    assert found == {}


@pytest.mark.parametrize("room", PLAIN)
def test_plain_rooms_import_no_tensors(room: str) -> None:
    for module, path in modules(room):
        names = imported(path.read_text("utf-8"), module, package=path.name == "__init__.py")
        assert {name.split(".")[0] for name in names}.isdisjoint({"torch", "numpy", "scipy"}), module


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("from ..checks import check", False),
        ("from .. import checks", False),
        ("import wald.checks.subjects.draw", False),
        ("from wald.checks import check as measure", False),
        ("from wald import checks", False),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..cli import main", False),
        ("def late():\n    from ..audits.case import Case", False),
        ("from ...checks import check", True),
        ("from ...objectives import Objective\nfrom ...audits import Case", True),
        ("from wald._api import Huber", False),
    ],
)
def test_the_test_above_can_fail(source: str, package: bool) -> None:
    # A package counts the dots of its imports from one level further in than a module beside it.
    module = "wald.losses.regression" if package else "wald.losses.huber"
    assert upward(source, module, package=package) != []


@pytest.mark.parametrize("source", ["from ...core import Supervised", "from .huber import Huber", "import torch"])
def test_what_stands_below_or_beside_may_be_imported(source: str) -> None:
    assert upward(source, "wald.losses.regression.pinball") == []
