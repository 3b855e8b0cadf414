"""Every known mistake is recognised, and named as no other; what is right is accused of none."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
import torch
from torch import Tensor

import wald
from wald.checks import TargetError
from wald.checks.likeness.canon import canonical
from wald.checks.likeness.claim import Claim, Match, claim_of
from wald.checks.likeness.claimed import Claimed
from wald.checks.likeness.fitting import starts
from wald.checks.likeness.traces import compared
from wald.checks.mistakes import MISTAKES, Mistake, mistakes_of
from wald.checks.rules import named
from wald.checks.subjects.discovery.names import parameters_of
from wald.checks.subjects.subject import undisturbed
from wald.findings import Finding

from ...catalogue import PROOFS, in_core
from ...sampling import daily
from .right import RIGHT
from .wrong import WRONG


def each() -> list[tuple[wald.Loss, Mistake]]:
    """Every mistake once, at the first fields at which it is one.

    What can be done to any loss is done to all. But what is done to a whole batch, where a loss has no mistakes of its
    own, is tried on the core alone: in a batch of one it is the same as what is done to each example, and as some
    field of many a loss.
    """
    found: dict[tuple[str, str], tuple[wald.Loss, Mistake]] = {}
    for kind in wald.catalogue():
        batches = kind.__name__ in MISTAKES or in_core(next(iter(starts(kind))))
        for loss in starts(kind):
            for mistake in mistakes_of(loss):
                if mistake.whole and not batches:
                    continue
                found.setdefault((kind.__name__, mistake.name), (loss, mistake))
    return list(found.values())


def written(loss: wald.Loss, mistake: Mistake) -> Any:
    """The mistake as a function that reduces its batch."""
    return lambda *inputs: mistake.values(loss, *inputs).mean()


def matched(call: Any, claim: Claim) -> Match:
    with undisturbed():
        names = tuple(one.name for one in parameters_of(call))
        return Claimed(calls=(call,), claim=claim, names=names).match


def finding(report: wald.Report, code: str) -> Finding:
    (found,) = [one for one in report.findings if one.code == code]
    return found


def test_there_are_many() -> None:
    assert sum(len({one.name for one in own}) for own in MISTAKES.values()) >= 90
    assert len(MISTAKES) >= 22


def test_every_one_has_a_sentence() -> None:
    for own in MISTAKES.values():
        for one in own:
            assert len(one.says) > 20
            assert one.says.endswith(".")
            assert "  " not in one.says


#: So many units with a gradient are too few to tell what a loss is.
FEW = 8

#: Mistakes that are also another way to call the loss, which is told in its place: labels -1 and 1, probabilities.
CONVENTIONS = {
    ("BinaryCrossEntropy", "labels of plus and minus one half used"),
    ("Hinge", "labels of zero and one"),
    ("SquaredHinge", "labels of zero and one"),
    ("CrossEntropy", "softmax missing"),
    ("CrossEntropy", "smoothing of the raw scores"),
    ("Dice", "sigmoid missing"),
}


@pytest.mark.parametrize(("loss", "mistake"), daily(each(), 25, lambda one: f"{one[0]}-{one[1].name}"))
def test_a_mistake_is_named(loss: wald.Loss, mistake: Mistake) -> None:
    found = matched(written(loss, mistake), Claim(kind=type(loss), loss=loss))
    if mistake.harmless or (type(loss).__name__, mistake.name) in CONVENTIONS:
        assert found.state in ("pass", "warn")
    elif mistake.name not in found.mistakes:
        # It is the loss itself, where that is symmetric, or a mistake with another name.
        assert the_same(loss, mistake, found), found.says
    else:
        assert found.state == "fail"
    for name in found.mistakes:
        others = [one for one in mistakes_of(found.loss or loss) if one.name == name]
        assert not others or any(alike(loss, mistake, found.loss or loss, one) for one in others)


def the_same(loss: wald.Loss, mistake: Mistake, found: Match) -> bool:
    whole = mistake.whole
    mine, own = canonical(loss, mistake, together=whole), canonical(loss, together=whole)
    if found.state == "pass":
        assert mine is not None
        assert own is not None
        return compared(mine, own).relation == "equal"
    if mine is None or not bool(mine.values.isfinite().all()):
        return True  # the root or the logarithm of what may be negative is no loss at all
    if int(mine.slopes.isfinite().all(1).sum()) < FEW:
        return True  # the root of what is 0 nearly everywhere has hardly a gradient to know it by
    if found.loss is not None and found.loss != loss:
        # Another field does the same, to each example or to the batch, and that is what is told.
        return any(alike(loss, mistake, found.loss, None, together=together) for together in (False, True))
    return any(alike(loss, mistake, loss, one) for one in mistakes_of(loss) if one.name in found.mistakes)


def alike(
    loss: wald.Loss, mistake: Mistake, other: wald.Loss, another: Mistake | None, *, together: bool | None = None
) -> bool:
    whole = mistake.whole or (another is not None and another.whole) if together is None else together
    mine, its = canonical(loss, mistake, together=whole), canonical(other, another, together=whole)
    return mine is not None and its is not None and compared(mine, its).relation in ("equal", "affine", "slopes")


@pytest.mark.parametrize("name", daily(WRONG, 20))
def test_what_is_written_wrong_is_named(name: str) -> None:
    claim, loss, mistake = WRONG[name]
    report = wald.check(loss, claims=claim)
    found = finding(report, "W701")
    assert found.state == "fail", found.says
    assert mistake in found.says
    assert found.fix
    assert found.controls.right
    assert_runs(found, loss)


def assert_runs(finding: Finding, loss: object) -> None:
    """Its two lines run, and print what differs."""
    code = finding.evidence["reproduce"]
    assert len(code.splitlines()) == 2
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {"loss": loss})
    assert printed.getvalue().strip()


@pytest.mark.parametrize("name", daily(RIGHT, 20))
def test_what_is_written_right_passes(name: str) -> None:
    claim, loss = RIGHT[name]
    found = finding(wald.check(loss, claims=claim), "W701")
    assert found.state == "pass", found.says


def test_there_are_many_that_are_right() -> None:
    assert len(RIGHT) >= 50


def test_fields_that_nobody_named_are_found() -> None:
    claim, loss = RIGHT["focal, unusual"]
    assert "Focal(gamma=2.6, alpha=0.37)" in matched(loss, claim_of(claim)).says
    claim, loss = RIGHT["smooth l1"]
    assert "3.333 times Huber(delta=0.3)" in matched(loss, claim_of(claim)).says


@pytest.mark.parametrize("loss", PROOFS)
def test_every_loss_of_the_catalogue_is_what_it_is(loss: wald.Loss) -> None:
    with undisturbed():
        found = matched(loss, Claim(kind=type(loss), loss=None))
    assert found.state == "pass", found.says


def test_what_is_nothing_of_the_kind_is_told_where() -> None:
    found = finding(wald.check(lambda x, y: (x - y).abs().sqrt().mean(), claims="mse"), "W701")
    assert found.state == "fail"
    assert "differs from Squared()" in found.says
    assert "At prediction" in found.says
    assert found.evidence["gives"] != pytest.approx(found.evidence["canonical"])


def test_a_clamp_is_told_by_where_it_agrees() -> None:
    found = matched(lambda x, y: (x.clamp(max=2.5) - y).square().mean(), claim_of("mse"))
    assert "They agree wherever the prediction is at most" in found.says


def test_a_convention_is_told_and_how_to_call_it() -> None:
    def soft_margin(z: Tensor, t: Tensor) -> Tensor:
        return torch.nn.functional.softplus(-z * t).mean()

    found = finding(wald.check(soft_margin, claims="bce"), "W701")
    assert found.state == "warn"
    assert "loss(prediction, 2 * target - 1)" in found.says
    found = finding(wald.check(torch.nn.functional.binary_cross_entropy, claims="bce"), "W701")
    assert found.state == "pass"
    assert "loss(torch.sigmoid(prediction), target)" in found.says


def test_a_prediction_that_is_called_logits_and_taken_for_probabilities_fails() -> None:
    def loss(logits: Tensor, target: Tensor) -> Tensor:
        return torch.nn.functional.binary_cross_entropy(logits, target)

    found = finding(wald.check(loss, claims="bce"), "W701")
    assert found.state == "fail"
    assert "takes a probability" in found.says


def test_a_field_that_acts_otherwise_than_it_says() -> None:
    def loss(x: Tensor, y: Tensor, tau: float = 0.9) -> Tensor:
        e = y - x
        return torch.maximum(0.7 * e, -0.3 * e).mean()

    found = finding(wald.check(loss, claims="pinball"), "W701")
    assert found.state == "warn"
    assert "level acts as 0.7 where it says 0.9" in found.says


def test_a_sum_and_a_mean_over_the_wrong_axis() -> None:
    found = matched(torch.nn.MSELoss(reduction="sum"), claim_of("mse"))
    assert (found.state, found.mistakes) == ("warn", ("sum for mean",))

    def wrong_axis(z: Tensor, y: Tensor) -> Tensor:
        return -(torch.nn.functional.one_hot(y, z.shape[1]) * z.log_softmax(1)).mean(0)

    assert "mean over the wrong axis" in matched(wrong_axis, claim_of("CrossEntropy")).mistakes


def test_what_is_no_loss_is_no_claim() -> None:
    with pytest.raises(TargetError, match="Focal"):
        wald.check(torch.nn.functional.mse_loss, claims="Focall")


def test_its_own_controls() -> None:
    with undisturbed():
        from wald.checks.rules.rule import _controls

        assert _controls(named.RULE).right
