"""`wald choose`: what it reads, prints, writes and exits with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wald.cli import main
from wald.findings import Report

ROWS = 160


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    found = pd.DataFrame(rng.normal(size=(ROWS, 2)), columns=["a", "b"])
    found["amount"] = rng.random(ROWS) * 10
    found["shop"] = np.where(np.arange(ROWS) % 2, "food", "fuel")
    found["day"] = rng.permutation(ROWS)
    found["bad"] = (found["a"] + rng.normal(size=ROWS) > 0.3).astype(int)
    return found


@pytest.fixture
def data(frame: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "loans.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(autouse=True)
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a loss is like has tests of its own."""
    monkeypatch.setattr(
        "wald.choices.choosing.check", lambda loss: Report(kind="check", subject=str(loss), findings=())
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `choose` was asked, in place of an answer."""
    seen: dict[str, Any] = {}

    def instead(x: Any, y: Any, **more: Any) -> Any:
        seen.update(more, x=x, y=y)
        raise KeyboardInterrupt

    monkeypatch.setattr("wald.choices.choose", instead)
    return seen


def choose(data: Path, *more: str, target: str = "bad") -> int:
    out = ["--out", str(data.parent / "out")]
    return main(["choose", str(data), "--target", target, "--folds", "2", *out, *more])


QUICK = ("--metric", "log_loss", "--only", "--features", "a,b")


def test_it_prints_the_answer_and_the_code_and_writes_the_page(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = choose(data, *QUICK)
    out = capsys.readouterr().out
    assert code == 0
    assert out.startswith("choose · bad in loans.csv")
    assert "which loss: Cross-entropy" in out
    assert "To use it, with the columns in X, bad in y, and the rows to predict in new:\n  import wald" in out
    assert len(out.split("To use it")[0].splitlines()) <= 45
    written = {one.name for one in (data.parent / "out").iterdir()}
    assert {"loans.html", "loans.json", "loans.xml", "finished"} <= written
    assert Report.from_dict(json.loads((data.parent / "out" / "loans.json").read_text())).kind == "choose"


def test_json_stands_alone_on_stdout(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert choose(data, *QUICK, "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["kind"] == "choose"
    assert "loans.html" in told.err


@pytest.mark.slow
def test_what_was_finished_is_not_done_again_unless_fresh(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(data, *QUICK, "--json")
    first = json.loads(capsys.readouterr().out)
    kept = data.parent / "out" / "finished"
    times = {one: one.stat().st_mtime_ns for one in kept.iterdir()}
    monkeypatch.setattr("wald.choices.racing.store.worked", lambda *_: pytest.fail("it was done before"))
    choose(data, *QUICK, "--json")
    again = json.loads(capsys.readouterr().out)
    assert again["answers"] == first["answers"]
    assert {one: one.stat().st_mtime_ns for one in kept.iterdir()} == times
    with pytest.raises(pytest.fail.Exception):
        choose(data, *QUICK, "--fresh")


@pytest.mark.parametrize("suffix", [".tsv", ".parquet"])
def test_other_tables_are_read_alike(frame: pd.DataFrame, asked: dict[str, Any], tmp_path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"loans{suffix}"
    frame.to_csv(path, sep="\t", index=False) if suffix == ".tsv" else frame.to_parquet(path)
    choose(path)
    assert list(asked["x"].columns) == ["a", "b", "amount", "shop", "day"]
    assert asked["y"].tolist() == frame["bad"].tolist()


def test_columns_have_their_parts(data: Path, asked: dict[str, Any]) -> None:
    choose(
        data, "--costs", "fn=amount,fp=5", "--unit", "dollars", "--weight", "amount", "--group", "shop",
        "--cluster", "day", "--drop", "b", "--loss", "Focal(gamma=3)", "--loss", "brier", "--jobs", "2",
    )  # fmt: skip
    assert list(asked["x"].columns) == ["a", "shop"]
    assert asked["costs"].false_negative == "amount"
    assert asked["costs"].unit == "dollars"
    assert [type(one).__name__ for one in asked["losses"]] == ["Focal", "Brier"]
    assert list(asked["groups"]) == ["shop"]
    assert asked["clusters"].name == "day"
    assert asked["columns"]["amount"].name == "amount"
    assert asked["jobs"] == 2


def test_rows_are_put_in_the_order_of_time(data: Path, frame: pd.DataFrame, asked: dict[str, Any]) -> None:
    choose(data, "--time", "day")
    assert asked["ordered"] is True
    assert asked["y"].tolist() == frame.sort_values("day")["bad"].tolist()
    assert "day" not in asked["x"]


@pytest.mark.slow
def test_a_metric_of_ones_own_comes_from_a_file(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = data.parent / "own.py"
    own.write_text("def wrong(prediction, target):\n    return ((prediction > 0).double() - target).abs().mean()\n")
    code = choose(data, "--metric", f"{own}:wrong", "--lower-is-better", "--only", "--features", "a,b", "--json")
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert told["subject"] == "bad in loans.csv"
    assert "wrong" in json.dumps(told["figures"])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--group", "shap"), "shop"),
        (("--features", "a,bb"), "bb"),
        (("--costs", "fn=amout"), "amount"),
        (("--metric", "log_los"), "log_loss"),
        (("--loss", "focol"), "Focal"),
        (("--costs", "100"), "fn=100"),
        (("--folds", "1"), "at least 2"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_wrong_usage_exits_with_2_and_says_what_is_near(
    data: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], told: str
) -> None:
    assert choose(data, *more) == 2
    assert told in capsys.readouterr().err


def test_a_target_that_is_not_there_names_the_nearest(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert choose(data, target="bed") == 2
    assert "bad" in capsys.readouterr().err


def test_help_shows_the_fraud_question(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", "--help"]) == 0
    out = capsys.readouterr().out
    assert "wald choose fraud.csv --target fraud --costs fn=amount,fp=5 --unit dollars" in out
    assert "goes on where it stopped" in " ".join(out.split())
