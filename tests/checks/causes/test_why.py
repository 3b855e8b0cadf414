"""What `wald.why` makes of a batch: two causes, none, a past number, and how it says so."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from . import by_hand
from .bad_batches import normal, with_


def codes(report: wald.checks.Report) -> list[tuple[str, str]]:
    return [(one.code, one.state) for one in report.findings]


def test_the_first_line_of_the_issue() -> None:
    y = with_(normal(512), math.nan, 17, 40, 201)
    report = wald.why({"prediction": normal(512, seed=1), "target": y}, F.mse_loss)
    assert report.answers["symptom"] == "the loss is NaN: 3 of 512 values"
    first = report.findings[0]
    assert "3 of 512 values of target are NaN: rows 17, 40, 201" in first.says
    assert first.evidence["fix_tried"]["cured"] is True
    assert first.evidence["fix_tried"]["loss_after"] == pytest.approx(2, abs=0.4)
    assert "nan" in first.evidence["slice"]["target"]


def test_a_healthy_batch_is_told_its_numbers() -> None:
    report = wald.why({"logits": normal(64, 10), "labels": torch.arange(64) % 10}, wald.CrossEntropy())
    assert codes(report) == [("W900", "pass")]
    assert report.exit_code() == 0
    assert report.card["chance level"] == pytest.approx(math.log(10), abs=0.01)
    assert 0 < report.card["top row"] < 0.2
    for word in ("loss", "gradient norm", "the largest row", "a constant prediction costs"):
        assert word in report.findings[0].says


def test_two_causes_that_only_together_explain() -> None:
    batch = {"prediction": with_(normal(16), math.nan, 2), "target": with_(normal(16, seed=1), math.inf, 5)}
    report = wald.why(batch, F.mse_loss)
    assert codes(report) == [("W902", "fail"), ("W901", "fail")] or codes(report) == [
        ("W901", "fail"),
        ("W902", "fail"),
    ]
    assert all("all of these causes away together" in one.says for one in report.findings)
    assert all(one.evidence["fix_tried"]["cured"] for one in report.findings)


def test_what_is_there_and_does_not_cure_is_ranked_lower() -> None:
    def broken_whatever(x: Tensor, y: Tensor) -> Tensor:
        return (x - y).square().mean() * math.nan

    batch = {"x": with_(normal(16), math.nan, 2), "y": normal(16, seed=1)}
    report = wald.why(batch, broken_whatever)
    assert codes(report) == [("W999", "fail"), ("W901", "warn")]
    assert "breaks without it too" in report.findings[1].says


def test_what_nobody_knows_is_shown_on_its_smallest_part() -> None:
    def odd(x: Tensor, y: Tensor) -> Tensor:
        return torch.where((x > 1.2345) & (x < 1.2346), torch.nan, (x - y).abs()).mean()

    report = wald.why({"x": with_(normal(300), 1.23455, 123), "y": normal(300, seed=1)}, odd)
    first = report.findings[0]
    assert first.evidence["rows"] == [123]
    assert first.state == "fail"


def test_a_loss_that_raises_for_a_reason_of_its_own_is_an_error() -> None:
    def refuses(x: Tensor, y: Tensor) -> Tensor:
        raise RuntimeError("no such luck")

    report = wald.why({"x": normal(4), "y": normal(4)}, refuses)
    assert codes(report) == [("W999", "error")]
    assert report.exit_code() == 3
    assert "no such luck" in report.answers["symptom"]


def test_hidden_rows_may_hold_anything() -> None:
    mask = torch.arange(16) % 2 == 0
    batch = {"prediction": torch.where(mask, normal(16), torch.nan), "target": normal(16), "mask": mask}
    assert codes(wald.why(batch, wald.Squared())) == [("W900", "pass")]


def test_a_recorded_nan_that_is_not_here() -> None:
    batch = {"prediction": normal(16), "target": normal(16, seed=1), "loss": torch.tensor(math.nan)}
    report = wald.why(batch, F.mse_loss)
    assert codes(report) == [("W900", "pass"), ("W971", "inconclusive")]
    assert report.exit_code() == 0
    large = {"prediction": normal(16) + 400, "target": normal(16, seed=1), "loss": torch.tensor(math.inf)}
    report = wald.why(large, by_hand.squared_error)
    assert "In float16 it breaks here too" in report.findings[-1].says
    batch = {"prediction": normal(16), "target": normal(16, seed=1), "grad": with_(torch.ones(16), math.nan, 3)}
    assert "1 of 16 values of the gradient that was saved" in wald.why(batch, F.mse_loss).findings[-1].says
    batch = {"prediction": normal(16), "target": normal(16, seed=1), "loss": 12.5}
    assert "here it is" in wald.why(batch, F.mse_loss).findings[-1].says
    batch["loss"] = F.mse_loss(batch["prediction"], batch["target"])
    assert codes(wald.why(batch, F.mse_loss)) == [("W900", "pass")]


@pytest.mark.parametrize(
    ("loss", "batch", "name"),
    [
        (F.cross_entropy, {"logits": torch.zeros(8, 5), "labels": torch.arange(8) % 5}, "ln 5"),
        (F.binary_cross_entropy_with_logits, {"logits": torch.zeros(8), "labels": torch.arange(8.0) % 2}, "ln 2"),
        (wald.Triplet(margin=0.2), dict.fromkeys(("anchor", "positive", "negative"), torch.ones(8, 3)), "the margin"),
        (wald.InfoNCE(), dict.fromkeys(("query", "key"), torch.ones(8, 3)), "ln 8, the number of rows"),
        (F.cross_entropy, {"p": torch.eye(10), "labels": torch.arange(10)}, "1.461"),
        (wald.BradleyTerry(), dict.fromkeys(("chosen", "rejected"), normal(8)), "ln 2"),
    ],
)
def test_plateaus_have_names(loss: object, batch: dict[str, Tensor], name: str) -> None:
    report = wald.why(batch, loss)
    assert report.exit_code() == 1
    assert name in report.findings[0].says + report.answers["symptom"]


def test_nothing_of_the_caller_is_changed() -> None:
    def rude(x: Tensor, y: Tensor) -> Tensor:
        y.zero_()
        torch.manual_seed(3)
        return (x - y).square().mean()

    batch = {"x": normal(8), "y": normal(8, seed=1)}
    before = {name: x.clone() for name, x in batch.items()}
    state = torch.random.get_rng_state()
    wald.why(batch, rude)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(batch[name], x) for name, x in before.items())
    assert not batch["x"].requires_grad


def test_the_report_is_a_report() -> None:
    y = with_(normal(40), math.nan, 7)
    report = wald.why({"pred": normal(40, seed=1), "y": y, "images": torch.zeros(40, 3)}, F.mse_loss)
    assert json.loads(report.json())["kind"] == "why"
    assert "not used by the loss: images" in report.notes
    assert "row 7" in str(report)
    assert report.html().startswith("<!doctype html>") or "<html" in report.html()
    with pytest.raises(AssertionError):
        report.raise_if_failed()


def test_a_long_row_is_cut_down() -> None:
    batch = {"prediction": normal(2, 500), "target": normal(2, 500, seed=1)}
    batch["target"][1, 321] = math.nan
    part = wald.why(batch, F.mse_loss).findings[0].evidence["slice"]
    assert part["target"].count(",") == 0
    logits, ids = normal(4, 5000), torch.tensor([1, 2, 3, 4])
    logits[2, 77] = math.nan
    part = wald.why({"logits": logits, "labels": ids}, F.cross_entropy).findings[0].evidence["slice"]
    assert part["logits"].count(",") < 10


def test_what_is_too_long_to_read_is_reproduced_from_the_batch() -> None:
    batch = {"prediction": normal(4, 400).softmax(-1), "target": torch.arange(4)}
    first = wald.why(batch, F.cross_entropy).findings[0]
    assert first.code == "W941"
    assert "batch['prediction']" in first.evidence["reproduce"]


def test_heavy_tails_are_no_outliers_and_a_mark_is() -> None:
    rng = torch.Generator().manual_seed(4)
    for _ in range(100):
        target = torch.tan(math.pi * (torch.rand(64, generator=rng) - 0.5))
        batch = {"prediction": torch.randn(64, generator=rng), "target": target}
        assert codes(wald.why(batch, F.mse_loss)) == [("W900", "pass")]
    assert codes(wald.why({**batch, "target": with_(normal(64), -999.0, 5)}, F.mse_loss)) == [("W962", "fail")]


def test_a_batch_that_costs_nothing_is_done_and_not_stuck() -> None:
    report = wald.why({"prediction": torch.full((8,), 3.0) + normal(8).abs(), "target": torch.ones(8)}, wald.Hinge())
    assert codes(report) == [("W900", "pass")]
    assert "nothing is left to learn" in report.findings[0].says
