"""What torch's own losses do with unusual inputs: the words and the numbers, for the version that is installed."""

from __future__ import annotations

from functools import cache
from math import inf, isnan

import pytest
import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.edges import Edges, Row
from wald.checks.measured import Measured
from wald.checks.subjects.discover import Unknown, subject_of
from wald.checks.subjects.subject import undisturbed
from wald.checks.subjects.target import resolve
from wald.findings import Finding


@cache
def edges_of(loss: object) -> Edges:
    with undisturbed():
        subject = subject_of(resolve(loss))
        assert not isinstance(subject, Unknown)
        edges = Measured(subject).edges
        assert edges.rows
    return edges


def cell(loss: object, name: str) -> Row:
    (row,) = [row for row in edges_of(loss).rows if row.cell == name]
    return row


@cache
def findings_of(loss: object) -> tuple[Finding, ...]:
    return wald.check(loss).findings


def finding(loss: object, code: str) -> Finding:
    (found,) = [one for one in findings_of(loss) if one.code == code]
    return found


def root(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x, y).sqrt()


def saturated(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy(torch.sigmoid(z), t)


SMOOTHED = nn.CrossEntropyLoss(label_smoothing=0.1)
LOGITS = F.binary_cross_entropy_with_logits

# Torch 2.13 on the CPU. Where another version has mended one, its row says so here and its finding goes.
KNOWN: list[tuple[object, str, str, str]] = [
    (F.cross_entropy, "an empty batch", "nan", "zero"),
    (F.nll_loss, "an empty batch", "nan", "zero"),
    (LOGITS, "an empty batch", "nan", "zero"),
    (F.mse_loss, "an empty batch", "nan", "zero"),
    (F.l1_loss, "an empty batch", "nan", "zero"),
    (F.huber_loss, "an empty batch", "nan", "zero"),
    (F.poisson_nll_loss, "an empty batch", "nan", "zero"),
    (F.multi_margin_loss, "an empty batch", "undefined memory", "zero"),
    (F.cross_entropy, "a batch in which every target is ignored (-100)", "nan", "zero"),
    (F.cross_entropy, "a row of NaN in the prediction", "nan", "nan"),
    (F.cross_entropy, "an ignored row that holds NaN", "nan gradient", "nan"),
    (F.multi_margin_loss, "a row of NaN in the prediction", "silently wrong", "zero"),
    (F.multi_margin_loss, "one NaN in a row of the prediction", "silently wrong", "zero"),
    (F.l1_loss, "a NaN in the prediction", "nan", "zero"),
    (F.cross_entropy, "a row of predictions of inf", "nan", "nan"),
    (F.cross_entropy, "a row of predictions of -inf", "nan", "nan"),
    (F.multi_margin_loss, "a row of predictions of inf", "silently wrong", "zero"),
    (F.multi_margin_loss, "a row of predictions of -inf", "silently wrong", "zero"),
    (F.cross_entropy, "a score of -inf of the class that is the target", "inf", "finite"),
    (F.cross_entropy, "a score of -inf of a class that is not the target", "value", "finite"),
    (SMOOTHED, "a score of -inf of a class that is not the target", "inf", "finite"),
    (LOGITS, "a prediction of inf for a target of 1", "nan", "zero"),
    (LOGITS, "a prediction of inf for a target of 0", "inf", "finite"),
    (LOGITS, "a prediction of -inf for a target of 0", "nan", "finite"),
    (LOGITS, "a target of 255", "silently wrong", "finite"),
    (LOGITS, "a target of -1", "silently wrong", "finite"),
    (F.cross_entropy, "a target of 4", "clear error", "none"),
    (F.cross_entropy, "a target of -1", "clear error", "none"),
    (F.cross_entropy, "a target of 1.5", "clear error", "none"),
    (F.cross_entropy, "targets of uint8", "value", "finite"),
    (F.cross_entropy, "targets of int32", "clear error", "none"),
    (F.cross_entropy, "one-hot targets of integers", "clear error", "none"),
    (F.cross_entropy, "probabilities in place of logits", "silently wrong", "finite"),
    (F.huber_loss, "targets of int64", "clear error", "none"),
    (F.mse_loss, "targets of int64", "value", "finite"),
    (LOGITS, "targets of int64", "clear error", "none"),
    (root, "predictions that hit their targets", "nan gradient", "nan"),
    (saturated, "predictions that are wrong and sure", "zero gradient", "zero"),
    (F.mse_loss, "a prediction of shape (6, 1) against (6,)", "silently wrong", "finite"),
    (F.poisson_nll_loss, "a prediction of shape (6, 1) against (6,)", "silently wrong", "finite"),
    (F.hinge_embedding_loss, "a target of shape (6, 1) against (6,)", "silently wrong", "finite"),
    (F.hinge_embedding_loss, "a NaN in the target", "silently wrong", "finite"),
    (LOGITS, "a prediction of shape (6, 1) against (6,)", "clear error", "none"),
    (F.binary_cross_entropy, "a prediction of shape (6, 1) against (6,)", "clear error", "none"),
    (F.soft_margin_loss, "a target of shape (6, 1) against (6,)", "clear error", "none"),
    (F.soft_margin_loss, "in float32, large predictions", "inf", "nan"),
    (F.soft_margin_loss, "in float16, large predictions", "inf", "nan"),
    (F.mse_loss, "weights that are all 0", "nan", "nan"),
]


@pytest.mark.parametrize(("loss", "name", "outcome", "gradient"), KNOWN)
def test_known_cells(loss: object, name: str, outcome: str, gradient: str) -> None:
    row = cell(loss, name)
    assert (row.outcome, row.gradient) == (outcome, gradient)


def test_values() -> None:
    nothing = cell(F.cross_entropy, "an empty batch").value
    assert nothing is not None
    assert isnan(nothing)
    assert cell(SMOOTHED, "a score of -inf of a class that is not the target").value == inf
    assert cell(saturated, "predictions that are wrong and sure").value == 100
    negative = cell(LOGITS, "a target of 255").value
    assert negative is not None
    assert negative < -50
    assert cell(root, "predictions that hit their targets").value == 0
    soft = {row.cell: row.magnitude for row in edges_of(F.soft_margin_loss).of("W101")}
    assert soft["in float32, large predictions"] == pytest.approx(88.73, abs=0.05)
    assert soft["in float16, large predictions"] == pytest.approx(11.09, abs=0.05)
    assert soft["in float64, large predictions"] == pytest.approx(709.8, abs=0.1)


def test_which_broadcasts_warn() -> None:
    name = "a prediction of shape (6, 1) against (6,)"
    assert all(cell(loss, name).warned for loss in (F.mse_loss, F.l1_loss, F.huber_loss, F.smooth_l1_loss))
    assert not cell(F.poisson_nll_loss, name).warned
    assert "without a word" in finding(F.poisson_nll_loss, "W401").says
    assert "with no more than a warning" in finding(F.mse_loss, "W401").says
    assert "without a word" in finding(F.gaussian_nll_loss, "W401").says


def test_the_defects_of_multi_margin_loss_are_named() -> None:
    memory, swallowed = finding(F.multi_margin_loss, "W106"), finding(F.multi_margin_loss, "W105")
    assert (memory.state, swallowed.state) == ("fail", "fail")
    assert "memory that nobody wrote" in memory.says
    assert "as if nothing were wrong" in swallowed.says
    assert memory.evidence["cells"] == {"an empty batch": "undefined memory"}


def test_the_overflow_of_soft_margin_loss_is_named_for_every_dtype() -> None:
    found = finding(F.soft_margin_loss, "W101")
    assert found.state == "fail"
    for words in ("in float32", "88.73", "its gradient NaN", "11.09 in float16", "709.8 in float64"):
        assert words in found.says
