"""`wald bench`: which cases are meant, what is written, what a missed bar and Ctrl-C come to."""

import json
from pathlib import Path

import pytest
import torch

from wald import cli, timing
from wald.timing import Bar, Case, Sides
from wald.timing.case import step, step_without_gradient

SIZES = {"full": {}, "quick": {}, "tiny": {}}


def sides() -> Sides:
    x = torch.ones(8, requires_grad=True)
    square = step(lambda: (x * x).mean(), x)
    return Sides(
        ours=square,
        floor=step_without_gradient(lambda: None),
        rivals={"torch": square, "other": "not installed; pip install other"},
    )


def case(name: str, *losses: str, bar: Bar | None = None) -> Case:
    return Case(
        name=name, losses=losses, sizes=SIZES, prepare=sides, bars=() if bar is None else (bar,), row=2, rounds=5
    )


EASY = Bar("time", 1e9, "torch")
IMPOSSIBLE = Bar("time", 1e-9, "torch")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch):
    """Puts these cases in the place of the real ones."""

    def put(*known: Case) -> None:
        monkeypatch.setattr("wald.timing.cases.cases", lambda: known)

    put(case("small: Squared", "Squared", bar=EASY), case("focal, large", "Focal"), case("Focal of classes", "Focal"))
    return put


def names(told: str) -> list[str]:
    return [each["name"] for each in json.loads(told)["cases"]]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["focal"], ["focal, large", "Focal of classes"]),
        (["SQUARED"], ["small: Squared"]),
        (["of classes"], ["Focal of classes"]),
        (["large", "small"], ["small: Squared", "focal, large"]),
        ([], ["small: Squared", "focal, large", "Focal of classes"]),
    ],
)
def test_a_name_is_a_loss_or_words_of_a_case(
    known, words: list[str], meant: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", "--list", "--json", *words]) == 0
    assert names(capsys.readouterr().out) == meant


@pytest.mark.parametrize(
    ("wrong", "right"), [("Focl", "'Focal'"), ("sqared", "'Squared'"), ("zzzz", "`wald bench --list`")]
)
def test_a_wrong_name_is_answered_with_the_nearest(
    known, wrong: str, right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", wrong]) == 2
    assert right in capsys.readouterr().err


def test_the_table_says_everything_plainly(known, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "squared", "--full", "--rounds", "2"]) == 0
    told = capsys.readouterr().out
    assert "small: Squared" in told
    assert all(side in told for side in ("wald", "floor", "torch"))
    assert "other: not installed; pip install other" in told
    assert "time ≤ 1e+09 × torch: met" in told
    assert told.rstrip().endswith("1 case; all 1 bars met.")


def test_a_missed_bar_is_said_and_fails(known, capsys: pytest.CaptureFixture[str]) -> None:
    known(case("hopeless", bar=IMPOSSIBLE))
    assert cli.main(["bench", "--full", "--rounds", "2"]) == 1
    told = capsys.readouterr().out
    assert "NOT met" in told
    assert "0 of 1 bars met, 1 not" in told


def test_at_a_smaller_size_no_bar_is_missed(known, capsys: pytest.CaptureFixture[str]) -> None:
    known(case("hopeless", bar=IMPOSSIBLE))
    assert cli.main(["bench", "--rounds", "2"]) == 0
    assert "promised at full size" in capsys.readouterr().out


def test_json_has_machine_versions_and_every_ratio(known, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--json", "--rounds", "2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["kind"], told["size"], told["threads"]) == (1, "bench", "quick", 1)
    assert told["machine"]["versions"]["torch"] == torch.__version__
    assert told["machine"]["processor"]
    assert told["date"].endswith("+00:00")
    side = told["cases"][0]["sides"]["torch"]
    assert side["ms"] > 0
    assert side["ratio_to_floor"] > 1
    assert side["ratio_to_wald"] > 0


def test_out_has_the_figures_and_a_picture(known, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert cli.main(["bench", "squared", "--rounds", "2", "--out", str(tmp_path)]) == 0
    assert names((tmp_path / "bench.json").read_text("utf-8")) == ["small: Squared"]
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert "bench.png" in capsys.readouterr().out


def test_ctrl_c_keeps_what_is_done(
    known, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = timing.measured

    def measured(case: Case, *rest: object):
        if "large" in case.name:
            raise KeyboardInterrupt
        return real(case, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr("wald.timing.measured", measured)
    assert cli.main(["bench", "--rounds", "2", "--out", str(tmp_path)]) == 130
    assert "Stopped early; 1 case measured" in capsys.readouterr().out
    found = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert (found["complete"], len(found["cases"])) == (False, 1)


@pytest.mark.parametrize("words", [["--rounds", "0"], ["--threads", "two"], ["--quick", "--full"]])
def test_wrong_usage(known, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", *words]) == 2
    assert "usage: wald bench" in capsys.readouterr().err


@pytest.mark.parametrize("wanted", ["Welsch", "welsch", "Welsch(scale=2.0)", "leclerc"])
def test_a_loss_that_no_case_is_about_gets_one_of_its_own(
    known, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", "--list", "--json", wanted]) == 0
    (name,) = names(capsys.readouterr().out)
    assert name.startswith("Welsch(scale=2.0)" if "(" in wanted else "Welsch(scale=")
    assert name.endswith(", typical inputs")


def test_such_a_case_is_measured_and_promises_nothing(known, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "Turnover", "--rounds", "2", "--no-memory"]) == 0
    told = capsys.readouterr().out
    assert "here with batch" in told
    assert all(side in told for side in ("wald", "floor", "torch.compile"))
    assert told.rstrip().endswith("1 case; nothing is promised for it.")


def test_a_field_that_is_wrong_is_told(known, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "Welsch(width=2)"]) == 2
    assert "Welsch has no field width" in capsys.readouterr().err
