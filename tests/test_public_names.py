"""What `wald.` offers: every name is meant, documented, and says one thing only."""

import inspect
import operator
from pathlib import Path
import re

import pytest

import wald
from wald import _api
from wald.cards import shelf

PUBLIC = sorted(name for name in dir(_api) if not name.startswith("_"))
OBJECTS = {name: getattr(wald, name) for name in PUBLIC}
DEFINED = {name: x for name, x in OBJECTS.items() if inspect.isclass(x) or inspect.isroutine(x)}
HOUSE = Path(wald.__file__).parent
ROOMS = {path.parent.name for path in HOUSE.glob("*/__init__.py")}


def test_what_the_design_names_is_there() -> None:
    named = (
        "Loss Supervised Contrastive Preference Generative Tally CVaR WorstGroup TrimmedMean get search parse from_dict"
    )
    assert set(named.split()) <= set(PUBLIC)
    assert set(shelf.catalogue()) <= set(PUBLIC)


def test_dir_tells_every_name_and_no_other() -> None:
    told = {name for name in dir(wald) if not name.startswith("_")}
    # A room that is loaded is an attribute of its package, whether or not anybody wants it there.
    assert told - ROOMS == set(PUBLIC) - ROOMS


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_is_our_own(name: str) -> None:
    thing = OBJECTS[name]
    assert not inspect.ismodule(thing)
    if name in DEFINED:
        assert thing.__module__.split(".")[0] == "wald", f"wald.{name} belongs to {thing.__module__}"


@pytest.mark.parametrize("name", DEFINED)
def test_every_name_is_documented(name: str) -> None:
    doc = inspect.getdoc(DEFINED[name]) or ""
    # A dataclass without a docstring gets its signature for one.
    assert doc, f"wald.{name} says nothing of itself"
    assert not doc.startswith(f"{name}("), f"wald.{name} says nothing of itself"
    assert doc.partition("\n")[0].rstrip().endswith((".", ":", "?")), f"wald.{name}: {doc.partition(chr(10))[0]!r}"


@pytest.mark.parametrize("name", DEFINED)
def test_public_methods_are_documented(name: str) -> None:
    for method, found in vars(DEFINED[name]).items() if inspect.isclass(DEFINED[name]) else ():
        # What `per_example` computes is what its class says of itself.
        if inspect.isfunction(found) and not method.startswith("_") and method != "per_example":
            assert inspect.getdoc(getattr(DEFINED[name], method)), f"wald.{name}.{method} says nothing of itself"


def test_no_name_is_also_a_room() -> None:
    # `import wald.checks` would put the room in the place of the function.
    assert ROOMS.isdisjoint(PUBLIC)
    assert {path.stem for path in HOUSE.glob("*.py")}.isdisjoint(PUBLIC)


def test_no_name_turns_into_a_module_when_a_room_is_loaded() -> None:
    for room in sorted(ROOMS & {"cards", "core", "losses", "wrappers", "objectives", "findings", "checks", "audits"}):
        __import__(f"wald.{room}")
    assert {name for name in PUBLIC if inspect.ismodule(getattr(wald, name))} == set()


def test_classes_are_nouns_and_functions_are_verbs() -> None:
    for name, thing in DEFINED.items():
        if inspect.isclass(thing):
            assert re.fullmatch(r"[A-Z]\w*", name), f"{name} is a class"
            # What is left of the z-loss without it is a letter.
            assert not name.endswith("Loss") or name in ("Loss", "ZLoss"), f"{name}: the suffix Loss says nothing"
        else:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name), f"{name} is a function"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match="Huber"):
        operator.attrgetter("Hubber")(wald)
    assert not hasattr(wald, "torch")
    assert not hasattr(wald, "Tensor")
    with pytest.raises(AttributeError, match="__wrapped__"):
        operator.attrgetter("__wrapped__")(wald)
