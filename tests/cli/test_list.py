"""`wald list`: everything there is, in lines that fit."""

import json

import pytest

from wald.cards import shelf
from wald.cli import main
from wald.cli.wrappers import outlines


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["list", *arguments]) == 0
    return capsys.readouterr().out


def names(told: str) -> list[str]:
    return [line.split()[0] for line in told.splitlines() if line.startswith("  ")]


def test_every_loss_is_listed_once_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    told = listed(capsys)
    assert sorted(names(told)) == sorted([*shelf.catalogue(), *outlines()])
    assert told.splitlines()[-1].startswith(f"{len(shelf.catalogue())} losses and {len(outlines())} wrappers.")
    assert "Squared for small errors, absolute for large ones" in told


def test_losses_stand_under_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    lines = listed(capsys).splitlines()
    headings = [line for line in lines[:-1] if line and not line.startswith(" ")]
    told = [*shelf.areas().values(), "Wrappers: a loss of a loss"]
    assert [heading for heading, whole in zip(headings, told, strict=True) if heading.strip(" …") not in whole] == []
    huber = next(number for number, line in enumerate(lines) if line.startswith("  Huber "))
    assert [line for line in lines[:huber] if line and not line.startswith(" ")][-1].startswith("Regression:")


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_lines_fit(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, listed(capsys).splitlines()[:-1])) <= min(width, 100)


def test_a_file_gets_lines_of_100_columns_and_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    told = listed(capsys)
    assert max(map(len, told.splitlines())) <= 100
    assert "\033" not in told


def test_words_narrow_the_list_to_what_speaks_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    found = names(listed(capsys, "robust", "regression"))
    assert "Huber" in found
    assert "Squared" not in found
    assert found == [entry.name for entry in shelf.search("robust regression")]


def test_a_name_of_another_library_finds_its_loss_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert names(listed(capsys, "HuberLoss"))[0] == "Huber"


def test_one_area_is_listed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    told = names(listed(capsys, "--area", "Self-Supervision"))
    assert told == [entry.name for entry in shelf.catalogue().values() if entry.area == "self_supervision"]
    assert names(listed(capsys, "margin", "--area", "embeddings"))[0] in shelf.catalogue()
    assert main(["list", "--area", "segments"]) != 0
    assert "there is no area 'segments'. The areas are audio, " in capsys.readouterr().err


def test_nothing_found_says_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Try fewer words" in listed(capsys, "zorglub")


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    everything = json.loads(listed(capsys, "--json"))
    assert everything["kind"] == "list"
    assert everything["count"] == len(everything["losses"]) == len(shelf.catalogue())
    huber = next(loss for loss in everything["losses"] if loss["name"] == "Huber")
    assert huber["task"] == "regression"
    assert huber["convex"] == "yes"
    assert "HuberLoss" in huber["aliases"]
    assert {wrapper["name"] for wrapper in everything["wrappers"]} == set(outlines())
    nothing = json.loads(listed(capsys, "--json", "zorglub"))
    assert (nothing["count"], nothing["losses"], nothing["wrappers"]) == (0, [], [])


def test_wrappers_are_those_of_the_library() -> None:
    import wald
    from wald import wrappers

    public = {name for name, thing in vars(wrappers).items() if isinstance(thing, type) and name[0] != "_"}
    assert set(outlines()) == public
    assert all(hasattr(wald, name) and summary for name, summary in outlines().items())
