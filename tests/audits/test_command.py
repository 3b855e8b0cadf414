"""`wald audit`: what it writes, and how it answers a mistake."""

import json
from pathlib import Path
import pickle

import pytest

from wald.audits import running
from wald.cli import main

CASE = """
import torch, wald
from wald.audits import metrics

def case(loss=None):
    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    y = (torch.rand(400, generator=torch.Generator().manual_seed(1)) < torch.sigmoid(x[:, 0])).float()
    return wald.Case(name="my case", model=lambda rows: rows[:, 0], loss=loss or wald.BinaryCrossEntropy(), test=(x, y),
                     metric=metrics.brier())
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(CASE)
    return str(path)


def test_a_file_is_audited_and_written(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["audit", mine, "--quick", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "1. " in told
    assert "alignment" in told
    assert f"The page is {out / 'my-case.html'}" in told
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "my-case.html", "my-case.json", "my-case.xml"]
    assert json.loads((out / "my-case.json").read_text())["kind"] == "audit"


@pytest.mark.slow
def test_json_alone_goes_to_the_output(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["audit", mine, "--quick", "--json", "--strict", "--seed", "3", "--out", str(tmp_path)])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["seed"]) == (3, 3)


@pytest.mark.slow
def test_another_loss(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["audit", mine, "--quick", "--loss", "BinaryCrossEntropy(pos_weight=30)", "--out", str(tmp_path)])
    assert "pos_weight=30.0" in capsys.readouterr().out
    # The predictions are what they were, and so right by the metric; it is the loss that fails.
    assert code == 1


def test_interrupted_is_not_passed(
    mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "_one", stopped)
    assert main(["audit", mine, "--quick", "--out", str(tmp_path)]) == 3
    assert "interrupted" in capsys.readouterr().out
    assert (tmp_path / "my-case.html").exists()


def test_the_built_in_cases_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--list"]) == 0
    told = capsys.readouterr().out
    assert "loans" in told
    assert "mortgages" in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "which case?"),
        (["nope"], "no built-in case (loans, mortgages"),
        (["nope.py"], "there is no file 'nope.py'"),
        (["data.csv", "--target", "y"], "--prediction or --model, --loss, --metric are missing"),
        (["data.csv", "--target", "y", "--prediction", "p", "--loss", "mse", "--metric", "r2"], "there is no file"),
        (
            ["data.csv", "--target", "y", "--prediction", "p", "--model", "m.pkl", "--loss", "mse", "--metric", "r2"],
            "give one of the two",
        ),
        (["data.xlsx", "--target", "y"], "--target: for a table, and 'data.xlsx' is none"),
        (["loans", "--group", "sex"], "--group: for a table, and 'loans' is none"),
        (["loans", "--loss", "Nope()"], "no loss is known as 'Nope'"),
        (["loans", "--fast"], "one argument too many"),
        (["loans", "--quick", "--deep"], "not allowed with"),
    ],
)
def test_mistakes_are_answered(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("x = 1", "defines no function case()"),
        ("def case(): return 3", "case() returned int, and a wald.Case is wanted"),
        ("def case():\n    import torch, wald\n    return wald.Case()", "missing"),
    ],
)
def test_files_that_are_no_case_are_refused(
    written: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.py"
    path.write_text(written)
    assert main(["audit", str(path), "--out", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err


def test_a_case_that_takes_no_loss_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fixed.py"
    path.write_text(CASE.replace("def case(loss=None)", "def case()").replace("loss or ", ""))
    assert main(["audit", str(path), "--loss", "Focal()", "--out", str(tmp_path)]) == 2
    assert "takes no loss=" in capsys.readouterr().err


SCORED = """y,p,region,weight
""" + "\n".join(
    f"{'yes' if (i * 7919) % 100 < 10 * (i % 10) else 'no'},{0.05 + 0.09 * (i % 10):.2f},{'ns'[i % 2]},{1 + i % 3}"
    for i in range(600)
)


def test_a_table_is_audited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    path = tmp_path / "scored.csv"
    path.write_text(SCORED)
    asked = ["--target", "y", "--prediction", "p", "--loss", "log_loss", "--metric", "roc_auc", "--group", "region"]
    code = main(["audit", str(path), *asked, "--weight", "weight", "--quick", "--json", "--out", str(tmp_path / "out")])
    told = json.loads(capsys.readouterr().out)
    assert code in (0, 1)
    assert told["subject"] == "scored: BinaryCrossEntropy(), judged by AUC"
    assert told["counts"]["error"] == 0
    assert (tmp_path / "out" / "scored.html").exists()
    assert main(["audit", str(path), *asked, "--plan"]) == 0
    assert "calibration" in capsys.readouterr().out
    assert main(["audit", str(path), *asked[2:], "--target", "yes"]) == 2
    assert "no column 'yes'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_pickle_is_named_as_what_runs_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "\n".join(f"{i % 7},{int(i % 7 + i % 3 > 4)}" for i in range(300)))
    with (tmp_path / "m.pkl").open("wb") as file:
        pickle.dump(linear_model.LogisticRegression().fit([[0], [6]], [0, 1]), file)
    asked = ["--target", "y", "--model", str(tmp_path / "m.pkl"), "--loss", "log_loss", "--metric", "f1", "--quick"]
    assert main(["audit", str(path), *asked, "--out", str(tmp_path)]) in (0, 1)
    assert "runs the code that is in it" in capsys.readouterr().err


@pytest.mark.slow
def test_two_reports_are_compared(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", mine, "--quick", "--out", str(tmp_path)]) == 0
    report = str(tmp_path / "my-case.json")
    assert main(["audit", "--compare", report, report, "--out", str(tmp_path)]) == 0
    assert "No change" in capsys.readouterr().out
    assert main(["audit", mine, "--compare", report, report]) == 2
    assert "takes two reports, and no case" in capsys.readouterr().err
