"""Tables and batches larger than memory: one pass measures all rows, and a fair sample is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import wald
from wald.audits import Case, CaseError, metrics, table_case
from wald.audits.reading.labels import numbered
from wald.audits.tables import Reservoir, codec_of

from .samples import Column, labels, source

pandas = pytest.importorskip("pandas", reason="pandas is not installed")

ROWS = 5_000
X = torch.randn(ROWS, 2, generator=source(0))
Y = labels(X[:, 0], 1)


def batches(size: int = 700, **more: Tensor) -> list[tuple[Tensor, Tensor]]:
    return list(zip(X.split(size), Y.split(size), strict=True))


def scored() -> Any:
    """A table of forecasts, with everything that a column can be."""
    made = np.random.default_rng(0)
    return pandas.DataFrame(
        {
            "p": torch.sigmoid(X[:, 0]).double().numpy(),
            "paid": np.where(Y.numpy() > 0, "yes", "no"),
            "y": Y.int().numpy(),
            "region": made.choice(["north", "south"], ROWS),
            "weight": made.integers(0, 3, ROWS),
            "customer": made.integers(0, 900, ROWS),
            "day": pandas.date_range("2024-01-01", periods=ROWS, freq="h").strftime("%Y-%m-%d %H:%M")[::-1],
            "a": X[:, 0].numpy(),
            "b": X[:, 1].numpy(),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables")
    scored().to_csv(path / "scored.csv", index=False)
    return path


def test_the_sample_is_the_same_however_rows_are_cut() -> None:
    values = torch.arange(10_000)
    samples = []
    for size in (10_000, 999, 7):
        kept = Reservoir(most=500, seed=3)
        for part in values.split(size):
            kept.add(part)
        assert torch.equal(kept.columns()[0], kept.rows())
        samples.append(kept.rows())
    assert torch.equal(samples[0], samples[1])
    assert torch.equal(samples[0], samples[2])
    assert len(samples[0]) == 500


def test_every_row_is_as_likely_as_another() -> None:
    seen = torch.zeros(200)
    for seed in range(600):
        kept = Reservoir(most=50, seed=seed)
        for part in torch.arange(200).split(64):
            kept.add(part)
        seen[kept.rows()] += 1
    # Each is kept a quarter of the time: 150 of 600, give or take 4 standard errors of 10.6.
    assert (seen - 150).abs().max() < 43


def test_the_last_rows_in_time() -> None:
    kept = Reservoir(most=3, last=True)
    for part in torch.arange(10).split(4):
        kept.add(part)
    assert kept.rows().tolist() == [7, 8, 9]
    times = Reservoir(most=2, last=True)
    times.add(torch.arange(4), order=torch.tensor([5.0, 1.0, 9.0, 2.0]))
    assert times.columns()[0].tolist() == [0, 2]


def test_large_rows_are_kept_in_smaller_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wald.audits.tables.reservoir._BYTES", 4_000)
    kept = Reservoir()
    kept.add(torch.zeros(100, 100))
    assert len(kept.rows()) == 10


@pytest.mark.parametrize(
    "stream",
    [batches(), DataLoader(TensorDataset(X, Y), batch_size=512), TensorDataset(X, Y)],
    ids=["list", "loader", "data set"],
)
def test_batches_are_measured_in_full(stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wald.audits.tables.reservoir.ROWS", 1_000)
    monkeypatch.setattr("wald.audits.reading.streaming.Reservoir", lambda **more: Reservoir(most=1_000, **more))
    before = torch.get_rng_state()
    groups = {"side": ["left" if one else "right" for one in (X[:, 1] < 0).tolist()]}
    case = Case(model=Column(), loss="log_loss", metric="roc_auc", test=stream, groups=groups)
    assert torch.equal(before, torch.get_rng_state())
    whole = Case(model=Column(), loss="log_loss", metric="roc_auc", test=(X, Y), groups=groups)
    assert case.totals is not None
    assert case.totals.rows == ROWS
    score = X[:, 0]
    assert case.totals.loss == pytest.approx(float(wald.BinaryCrossEntropy()(score, Y)), rel=1e-5)
    assert case.totals.metric == pytest.approx(whole.metric.value(score, Y))
    assert len(case.test[1]) == 1_000
    left = X[:, 1] < 0
    rows, mean = case.totals.groups["side"]["left"]
    assert rows == int(left.sum())
    assert mean == pytest.approx(float(wald.BinaryCrossEntropy()(score[left], Y[left])), rel=1e-5)
    # What belongs to a row went with it.
    assert [one == "left" for one in case.groups["side"]] == (case.test[0][:, 1] < 0).tolist()


def test_the_report_says_of_how_many_rows_and_what_all_of_them_say() -> None:
    case = Case(model=Column(), loss="log_loss", metric="accuracy", test=batches())
    report = wald.audit(case, level="quick", only=["calibration"])
    right = float(((X[:, 0] >= 0) == (Y > 0.5)).double().mean())
    assert any("4,000 of 5,000 test rows, drawn at random; over all rows: loss 0.5" in note for note in report.notes)
    assert any(f"accuracy {right:.3g}" in note for note in report.notes)


def test_recorded_predictions_are_measured_in_full_too() -> None:
    weight = (torch.arange(ROWS) % 10).double()
    case = Case(prediction=X[:, 0], target=Y, loss="log_loss", metric="accuracy", weight=weight)
    report = wald.audit(case, level="quick", only=["calibration"])
    assert any("4,000 of 4,500 test rows" in note for note in report.notes)
    right = ((X[:, 0] >= 0) == (Y > 0.5)).double()
    mean = float((right * weight).sum() / weight.sum())
    assert any(f"accuracy {mean:.3g}" in note for note in report.notes)


def test_rows_that_are_not_finite_are_left_out_and_counted() -> None:
    holed = X.clone()
    holed[:7] = torch.nan
    case = Case(
        model=Column(), loss="log_loss", metric="accuracy", test=list(zip(holed.split(900), Y.split(900), strict=True))
    )
    assert case.totals is not None
    assert (case.totals.rows, case.totals.nonfinite) == (ROWS - 7, 7)
    assert case.test[0].isfinite().all()


def test_a_weight_of_two_is_two_rows_in_totals() -> None:
    weight = (torch.arange(ROWS) % 3).double()
    copies = torch.arange(ROWS).repeat_interleave(weight.long())
    twice = Case(model=Column(), loss="log_loss", metric="accuracy", test=[(X[copies], Y[copies])]).totals
    once = Case(model=Column(), loss="log_loss", metric="accuracy", test=batches(), weight=weight).totals
    assert once is not None
    assert twice is not None
    assert (once.loss, once.metric) == pytest.approx((twice.loss, twice.metric))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"test": iter(batches())}, "used up by one look"),
        ({"test": DataLoader(TensorDataset(X), batch_size=50)}, "each batch is a pair .*; got a list of 1"),
        ({"test": [(X, Y[:5])]}, "5000 rows of inputs and 5 targets"),
        ({"test": batches(), "weight": torch.ones(3)}, "weight has 3 values for 700 test rows or more"),
        ({"test": batches(), "prediction": Y}, "batches and prediction= in one piece"),
        ({"test": TensorDataset(X[:0], Y[:0])}, "no rows"),
    ],
)
def test_streams_that_do_not_fit_are_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(CaseError, match=says):
        Case(**({"model": Column(), "loss": "log_loss", "metric": "accuracy"} | wrong))


def test_a_table_of_forecasts(folder: Path) -> None:
    frame = scored()
    case = table_case(
        folder / "scored.csv", target="paid", prediction=["p"], loss="log_loss", metric="roc_auc", groups=["region"],
        weight="weight", cluster="customer",
    )  # fmt: skip
    assert case.totals is not None
    heavy = frame[frame.weight > 0]
    loss = -np.where(heavy.y == 1, np.log(heavy.p), np.log1p(-heavy.p))
    assert case.totals.loss == pytest.approx(np.average(loss, weights=heavy.weight))
    assert case.totals.rows == len(heavy)
    assert case.classes == ("no", "yes")
    assert case.features == ("region", "y", "a", "b") or "region" in case.features
    assert "read as probabilities" in case.notes[0]
    assert len(set(case.clusters or ())) > 500
    report = wald.audit(case, level="quick", only=["calibration", "groups"])
    assert report.counts["error"] == 0


def test_rows_are_put_in_the_order_of_their_times(folder: Path) -> None:
    case = table_case(folder / "scored.csv", target="y", prediction=["p"], loss="log_loss", metric="brier", time="day")
    assert case.ordered
    # The table runs backwards.
    assert torch.equal(case.test[1], Y.flip(0).to(case.test[1].dtype))


def test_columns_for_several_classes(tmp_path: Path) -> None:
    logits = torch.randn(300, 3, generator=source(2))
    frame = pandas.DataFrame(logits.softmax(-1).double().numpy(), columns=["p_cat", "p_ant", "p_dog"])
    frame["animal"] = np.array(["cat", "ant", "dog"])[
        torch.multinomial(logits.softmax(-1), 1, generator=source(3))[:, 0]
    ]
    frame.to_csv(tmp_path / "zoo.csv", index=False)
    case = table_case(tmp_path / "zoo.csv", target="animal", prediction=["p_cat", "p_ant", "p_dog"], loss="log_loss",
                      metric="accuracy")  # fmt: skip
    assert case.loss == wald.CrossEntropy()
    assert case.classes == ("cat", "ant", "dog")
    assert case.prediction is not None
    assert torch.allclose(case.prediction.softmax(-1), logits.softmax(-1).double(), atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"target": "payd"}, "no column 'payd'. The nearest are paid"),
        ({"groups": ["continent"]}, "no column 'continent'"),
        ({"prediction": ["region"]}, "'region' holds predictions, which are numbers"),
        ({"weight": "a"}, "'a' holds weights, and .* are negative"),
        ({"time": "region"}, "'region' holds times"),
        ({"prediction": []}, "either the columns of predictions or the model"),
        ({"path": "nowhere.csv"}, "there is no file"),
        ({"path": __file__}, "tables are read from"),
    ],
)
def test_tables_that_do_not_fit_are_refused(wrong: dict[str, Any], says: str, folder: Path) -> None:
    given: dict[str, Any] = {
        "path": folder / "scored.csv",
        "target": "paid",
        "prediction": ["p"],
        "loss": "log_loss",
        "metric": "roc_auc",
    }
    with pytest.raises(CaseError, match=says):
        table_case(**(given | wrong))


@pytest.mark.parametrize(("text", "says"), [("", "is empty"), ("y,p\n", "columns and no rows")])
def test_empty_tables_are_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(text)
    with pytest.raises(CaseError, match=says):
        table_case(path, target="y", prediction=["p"], loss="log_loss", metric="roc_auc")


def test_parquet_is_csv(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    scored().to_parquet(tmp_path / "scored.parquet")
    options: dict[str, Any] = {"target": "y", "prediction": ["p"], "loss": "log_loss", "metric": "roc_auc"}
    one, other = (table_case(path, **options) for path in (folder / "scored.csv", tmp_path / "scored.parquet"))
    assert one.totals is not None
    assert other.totals is not None
    assert one.totals.metric == pytest.approx(other.totals.metric)
    assert torch.equal(one.test[1], other.test[1])


def test_a_model_in_a_file(folder: Path, tmp_path: Path) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    frame = scored()
    model = linear_model.LogisticRegression().fit(frame[["b", "a"]], frame.paid)
    joblib.dump(model, tmp_path / "model.joblib")
    case = table_case(folder / "scored.csv", target="paid", model=tmp_path / "model.joblib", loss="log_loss",
                      metric="roc_auc", train=folder / "scored.csv", shifted=[folder / "scored.csv"])  # fmt: skip
    assert case.features == ("b", "a")
    assert case.totals is not None
    metric = pytest.importorskip("sklearn.metrics")
    area = metric.roc_auc_score(frame.paid, model.decision_function(frame[["b", "a"]]))
    assert case.totals.metric == pytest.approx(area)
    assert case.train is not None
    assert list(case.shifted) == ["scored"]


def test_a_model_in_python(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\n\ndef net():\n    model = torch.nn.Linear(2, 1)\n"
        "    return torch.nn.Sequential(model, torch.nn.Flatten(0))\n"
    )
    case = table_case(folder / "scored.csv", target="y", model=f"{tmp_path / 'net.py'}:net", features=["a", "b"],
                      loss="log_loss", metric="roc_auc")  # fmt: skip
    assert isinstance(case.model, nn.Module)
    assert case.totals is not None
    with pytest.raises(CaseError, match="has no 'nets'; there are"):
        table_case(folder / "scored.csv", target="y", model=f"{tmp_path / 'net.py'}:nets", loss="mse", metric="mae")


@pytest.mark.parametrize(
    ("name", "says"),
    [("w.pt", "parameters of a model and not"), ("m.h5", "no model is read from .h5"), ("x.pkl", "cannot be read")],
)
def test_files_that_hold_no_model(name: str, says: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_text("nothing")
    with pytest.raises(CaseError, match=says):
        table_case(folder / "scored.csv", target="y", model=tmp_path / name, loss="log_loss", metric="auc")


def test_a_codec_gives_back_every_kind_of_column() -> None:
    frame = pandas.DataFrame(
        {
            "word": ["b", None, "a"],
            "whole": pandas.array([1, None, 3], dtype="Int64"),
            "flag": pandas.array([True, None, False], dtype="boolean"),
            "number": np.array([0.5, np.nan, -1.5], dtype="float32"),
            "time": pandas.to_datetime(["2024-01-01", None, "2024-02-01"]),
            "kind": pandas.Categorical(["y", None, "x"], categories=["x", "y", "z"], ordered=True),
        }
    )
    codec = codec_of([frame])
    numbers = codec.encode(frame)
    assert numbers.shape == (3, 12)
    assert numbers.isfinite().all()
    pandas.testing.assert_frame_equal(codec.decode(numbers), frame)


def test_a_column_that_was_never_seen_so_is_refused() -> None:
    codec = codec_of([pandas.DataFrame({"city": ["A", "B"]})])
    with pytest.raises(CaseError, match="'city' holds C, which none"):
        codec.encode(pandas.DataFrame({"city": ["C"]}))
    with pytest.raises(CaseError, match="columns of a table are town, and the model's are city"):
        codec.encode(pandas.DataFrame({"town": ["A"]}))
    with pytest.raises(CaseError, match="1 infinite values"):
        codec_of([pandas.DataFrame({"x": [np.inf, 1.0]})])


def test_names_of_classes() -> None:
    assert numbered("targets", np.array(["b", "a", "b"]), ("a", "b")).tolist() == [1, 0, 1]
    with pytest.raises(CaseError, match="1 gaps"):
        numbered("targets", np.array(["a", None], dtype=object), ("a",))
    case = Case(prediction=torch.tensor([0.5, -1.0]), target=["sick", "well"], loss="log_loss", metric="auc",
                classes=("well", "sick"))  # fmt: skip
    assert case.test[1].tolist() == [1.0, 0.0]


def test_predictions_in_the_other_form() -> None:
    chance = torch.tensor([0.2, 0.9, 0.6])
    target = torch.tensor([0.0, 1.0, 1.0])
    case = Case(
        prediction=chance, prediction_is="probabilities", target=target, loss="log_loss", metric=metrics.brier()
    )
    assert case.prediction is not None
    assert torch.allclose(torch.sigmoid(case.prediction), chance)
    assert case.metric.value(case.prediction, target) == pytest.approx(float((chance - target).square().mean()))
    plain = Case(prediction=chance, target=target, loss=nn.BCELoss(), metric=metrics.brier())
    assert plain.prediction is not None
    assert plain.metric.value(plain.prediction, target) == pytest.approx(float((chance - target).square().mean()))
