"""Finding a loss by what people call it costs little: a catalogue is read once, and not for names that no loss has."""

import ast

import pytest

import wald
from wald.cards import shelf


def test_a_catalogue_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = shelf.find("torch.nn.HuberLoss")
    assert wald.get("huber") is wald.Huber

    def read(*_: object, **__: object) -> None:
        raise AssertionError("a file is read again")

    with monkeypatch.context() as patch:  # pytest itself reads files when it tells of a failure
        patch.setattr(ast, "parse", read)
        patch.setattr("pathlib.Path.read_text", read)
        assert shelf.find("torch.nn.HuberLoss") is first
        assert wald.get("huber") is wald.Huber


def test_the_names_that_tools_ask_every_module_for_do_not_reach_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_: str) -> None:
        raise AssertionError("the catalogue is asked")

    monkeypatch.setattr(shelf, "find", find)
    for name in ("_mock_name", "_pytestfixturefunction", "__wrapped__"):
        with pytest.raises(AttributeError, match=name):
            getattr(wald, name)
