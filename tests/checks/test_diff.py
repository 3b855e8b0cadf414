"""`wald.diff`: pairs of which it is known how they relate, some of them hard to see."""

from __future__ import annotations

import contextlib
import io
import math
from typing import Any

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks import TargetError

from ..sampling import daily
from . import known


def bce(z: Tensor, t: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t)


def log_sum_exp(z: Tensor, y: Tensor) -> Tensor:
    return (z.logsumexp(1) - z.gather(1, y[:, None])[:, 0]).mean()


def similarity(q: Tensor, k: Tensor) -> Tensor:
    scores = F.normalize(q, dim=1) @ F.normalize(k, dim=1).T / 0.2
    return F.cross_entropy(scores, torch.arange(len(q)))


def preference(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> Tensor:
    return -F.logsigmoid(0.1 * ((chosen - rejected) - (ref_chosen - ref_rejected))).mean()


EQUAL, SCALED, SAME, DIFFERENT = "equal", "equal up to scale and shift", "same direction", "different"

PAIRS: dict[str, tuple[Any, Any, str, float | None]] = {
    "itself": (F.mse_loss, F.mse_loss, EQUAL, 1),
    "by hand": (F.mse_loss, lambda x, y: (x * x - 2 * x * y + y * y).mean(), EQUAL, 1),
    "log-sum-exp": (log_sum_exp, F.cross_entropy, EQUAL, 1),
    "likelihood of log-softmax": (lambda z, y: F.nll_loss(z.log_softmax(1), y), F.cross_entropy, EQUAL, 1),
    "softplus": (bce, lambda z, t: (F.softplus(z) - t * z).mean(), EQUAL, 1),
    "signs": (F.soft_margin_loss, F.binary_cross_entropy_with_logits, EQUAL, 1),
    "probabilities": (F.binary_cross_entropy, F.binary_cross_entropy_with_logits, EQUAL, 1),
    "log-probabilities": (F.nll_loss, F.cross_entropy, EQUAL, 1),
    "pinball": (known.pinball(0.9), lambda x, y: (0.9 * F.relu(y - x) + 0.1 * F.relu(x - y)).mean(), EQUAL, 1),
    "InfoNCE": ("InfoNCE(temperature=0.2)", similarity, EQUAL, 1),
    "DPO": ("DPO(beta=0.1)", preference, EQUAL, 1),
    "focal": ("Focal(gamma=2, alpha=0.25)", known.focal(2.0, 0.25), EQUAL, 1),
    "log-cosh": ("LogCosh", lambda x, y: (x - y).cosh().log().mean(), EQUAL, 1),
    "poisson": (F.poisson_nll_loss, "Poisson", EQUAL, 1),
    "half": (F.mse_loss, "Expectile(level=0.5)", SCALED, 0.5),
    "smooth l1": ("Huber(delta=2)", torch.nn.SmoothL1Loss(beta=2.0), SCALED, 0.5),
    "median": (F.l1_loss, known.pinball(0.5), SCALED, 0.5),
    "bits": (F.cross_entropy, lambda z, y: F.cross_entropy(z, y) / math.log(2), SCALED, 1 / math.log(2)),
    "shift": ("PseudoHuber", lambda x, y: ((x - y) ** 2 + 1).sqrt().mean(), SCALED, 1),
    "likelihood": ("GaussianNLL", "GaussianNLL(full=True)", SCALED, 1),
    "sum": (F.mse_loss, torch.nn.MSELoss(reduction="sum"), SCALED, 1),
    "divergence": ("KLDivergence", lambda z, t: -(t * z.log_softmax(-1)).sum(-1).mean(), SAME, 1),
    "root": (F.mse_loss, lambda x, y: F.mse_loss(x, y).sqrt(), SAME, None),
    "median and mean": (F.mse_loss, F.l1_loss, DIFFERENT, None),
    "levels": ("Pinball(level=0.9)", "Pinball(level=0.1)", DIFFERENT, None),
    "deltas": ("Huber(delta=1.0)", "Huber(delta=2.0)", DIFFERENT, None),
    "smoothed": (F.cross_entropy, torch.nn.CrossEntropyLoss(label_smoothing=0.1), DIFFERENT, None),
    "focal and not": (known.focal(2.0), F.binary_cross_entropy_with_logits, DIFFERENT, None),
    "sign": (F.mse_loss, lambda x, y: -F.mse_loss(x, y), DIFFERENT, None),
    "other kinds": (F.mse_loss, F.cross_entropy, DIFFERENT, None),
    "directions": ("KLDivergence", "KLDivergence(direction='reverse')", DIFFERENT, None),
    "detached": (
        known.focal(2.0),
        lambda z, t: (
            (1 - known.right(z, t)).square().detach() * F.binary_cross_entropy_with_logits(z, t, reduction="none")
        ).mean(),
        DIFFERENT,
        None,
    ),
}
_STATES = {EQUAL: ("pass", 0), SCALED: ("warn", 0), SAME: ("warn", 0), DIFFERENT: ("fail", 1)}


@pytest.mark.parametrize("name", daily(PAIRS, 3))
def test_pairs(name: str) -> None:
    a, b, relation, scale = PAIRS[name]
    report = wald.diff(a, b)
    assert report.kind == "diff"
    assert report.card["relation"] == relation
    state, code = _STATES[relation]
    assert (report.verdict, report.exit_code()) == (state, code)
    if scale is not None:
        assert report.card["scale"] == pytest.approx(scale, rel=1e-3)
    first = report.findings[0]
    assert first.code == "W711"
    if "reproduce" in first.evidence:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(first.evidence["reproduce"], {"loss_first": a, "loss_second": b})
        assert printed.getvalue().count("tensor") >= 2


def test_where_they_differ_most_is_told_with_both_values() -> None:
    found = wald.diff(F.mse_loss, F.l1_loss).findings[0]
    x, y = found.evidence["inputs"]["prediction"][0], found.evidence["inputs"]["target"][0]
    assert found.evidence["first"]["value"] == pytest.approx((x - y) ** 2)
    assert found.evidence["second"]["value"] == pytest.approx(abs(x - y))
    assert "the values are" in found.says
    assert "the gradients" in found.says


def test_a_reduction_is_told_apart_from_the_loss() -> None:
    report = wald.diff(F.mse_loss, torch.nn.MSELoss(reduction="sum"))
    assert [one.code for one in report.findings] == ["W711", "W712"]
    assert "gives the mean and MSELoss() the sum" in report.findings[1].says
    assert report.card["reductions"] == ["mean", "sum"]
    none = wald.diff(F.mse_loss, torch.nn.MSELoss(reduction="none"))
    assert (none.card["relation"], none.exit_code()) == (EQUAL, 0)


def test_equal_and_parting_far_out_is_a_note() -> None:
    report = wald.diff(lambda z, t: (torch.log1p(z.exp()) - t * z).mean(), bce)
    assert report.card["relation"] == EQUAL
    assert any("equal on typical inputs" in note and "inf" in note for note in report.notes)
    assert not wald.diff(bce, "BinaryCrossEntropy").notes


def test_another_convention_is_a_note() -> None:
    (note, *_) = wald.diff(F.soft_margin_loss, bce).notes
    assert "labels -1 and 1" in note
    assert "2 * target - 1" in note


def test_it_says_what_each_takes_where_they_have_nothing_in_common() -> None:
    says = wald.diff(F.mse_loss, F.cross_entropy).findings[0].says
    assert "a real number" in says
    assert "a class id" in says


def test_what_cannot_be_called_is_an_error() -> None:
    def refuses(x: Tensor, y: Tensor) -> Tensor:
        raise RuntimeError("not today")

    report = wald.diff(refuses, F.mse_loss)
    assert (report.verdict, report.exit_code()) == ("error", 3)
    assert "not today" in report.findings[0].says


def test_what_is_no_loss_raises() -> None:
    with pytest.raises(TargetError):
        wald.diff("Hubr", F.mse_loss)
    with pytest.raises(ValueError, match="task"):
        wald.diff(F.mse_loss, F.l1_loss, task="regresion")


def test_it_survives_a_report_and_back() -> None:
    report = wald.diff(F.mse_loss, F.l1_loss)
    assert wald.Report.from_dict(report.to_dict()) == report if hasattr(wald, "Report") else report.json()
