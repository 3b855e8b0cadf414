"""The battery accuses what is planted, leaves alone what is innocent, and shows what it says."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import io
import time
from typing import Any, get_args

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks import CODES
from wald.checks.edges import MEANS, OUTCOMES, Edges, Outcome
from wald.checks.edges.clear import is_clear
from wald.checks.edges.table import BATTERY
from wald.checks.measured import Measured
from wald.checks.subjects.discover import Unknown, subject_of
from wald.checks.subjects.subject import undisturbed
from wald.checks.subjects.target import resolve
from wald.findings import Finding

from .. import known
from ..asking import asked

Loss = Callable[..., Tensor]


def measured(loss: object) -> Measured:
    subject = subject_of(resolve(loss))
    assert not isinstance(subject, Unknown)
    return Measured(subject)


def edges_of(loss: object) -> Edges:
    """The battery, with every cell tried: what torch warns of on the way is not ours."""
    with undisturbed():
        edges = measured(loss).edges
        assert edges.rows
    return edges


def squared(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().mean()


def ignores_nan(x: Tensor, y: Tensor) -> Tensor:
    return torch.nanmean((x - y).square())


def cleans_target(x: Tensor, y: Tensor) -> Tensor:
    return (x - y.nan_to_num()).square().mean()


def cleans_infinity(x: Tensor, y: Tensor) -> Tensor:
    return (x.nan_to_num(nan=float("nan"), posinf=3.0, neginf=-3.0) - y).square().mean()


def unbiased(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().sum() / (len(x) - 1)


def strided(x: Tensor, y: Tensor) -> Tensor:
    return squared(x.as_strided(x.shape, tuple(1 for _ in x.shape)), y)


def minds_graph(x: Tensor, y: Tensor) -> Tensor:
    return squared(x, y) * (1.0 if torch.is_grad_enabled() else 2.0)


def minds_target(x: Tensor, y: Tensor) -> Tensor:
    return squared(x, y) + float(y.requires_grad)


class Remembers:
    """Compares with the size of the batch before, which shows only after a batch of another size."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        scale = 1.0 if self.last in (0, len(x)) else 2.0
        self.last = len(x)
        return squared(x, y) * scale


def reads(x: Tensor, y: Tensor) -> Tensor:
    found = squared(x, y)
    return found if found.item() < 1e6 else found * 0


def mute(x: Tensor, y: Tensor) -> Tensor:
    assert x.shape == y.shape
    return squared(x, y)


def labels_as_bytes(z: Tensor, t: Tensor) -> Tensor:
    return F.relu(1 - z * (2 * t - 1)).mean()


def masks_late(z: Tensor, ids: Tensor) -> Tensor:
    every = z.log_softmax(-1)
    return -(every * F.one_hot(ids, z.shape[-1])).sum(-1).mean()


def gathers(z: Tensor, ids: Tensor) -> Tensor:
    return -z.log_softmax(-1).gather(-1, ids.reshape(len(ids), -1)).mean()


def half_written(x: Tensor, y: Tensor) -> Tensor:
    out = torch.empty(3, dtype=x.dtype)
    out[0] = squared(x, y)
    return out.sum() * 1e-3 + squared(x, y)


def weighted(x: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    error = (x - y).square()
    return error.mean() if weight is None else (error * weight.nan_to_num()).sum() / weight.nan_to_num().sum()


def flat_root(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().mean().sqrt()


PLANTED: list[tuple[Loss, str, str, str]] = [
    (ignores_nan, "W105", "fail", "silently wrong"),
    (ignores_nan, "W110", "warn", "silently wrong"),
    (cleans_target, "W110", "fail", "silently wrong"),
    (cleans_infinity, "W111", "fail", "silently wrong"),
    (masks_late, "W112", "warn", "nan"),
    (unbiased, "W113", "warn", "inf"),
    (lambda x, y: (x - y).square().sum() / (y - y.mean()).square().sum(), "W114", "warn", "inf"),
    (weighted, "W116", "fail", "silently wrong"),
    (F.binary_cross_entropy_with_logits, "W120", "warn", "silently wrong"),
    (labels_as_bytes, "W121", "warn", "silently wrong"),
    (gathers, "W122", "warn", "silently wrong"),
    (strided, "W123", "fail", "silently wrong"),
    (minds_graph, "W124", "fail", "silently wrong"),
    (minds_target, "W124", "fail", "silently wrong"),
    (reads, "W127", "warn", "clear error"),
    (mute, "W128", "warn", "unclear error"),
    (flat_root, "W104", "fail", "nan gradient"),
    (squared, "W401", "warn", "silently wrong"),
]


@pytest.mark.parametrize(("loss", "code", "state", "outcome"), PLANTED)
def test_what_is_planted_is_found_and_shown(loss: Loss, code: str, state: str, outcome: str) -> None:
    (found,) = asked(loss, code)
    assert found.state == state
    assert found.controls.right
    assert found.fix
    if code != "W128":
        assert outcome in found.evidence["cells"].values()
        assert_runs(found, loss)
    else:
        with pytest.raises(AssertionError):
            assert_runs(found, loss)


def test_what_remembers_the_batch_before_is_found_among_all_rules() -> None:
    loss = Remembers()
    (found,) = [one for one in wald.check(loss).findings if one.code == "W125"]
    assert found.state == "fail"
    assert found.controls.right
    assert "state or random generator changed" in found.evidence["cells"].values()
    assert_runs(found, loss)


def assert_runs(finding: Finding, loss: object) -> None:
    code = finding.evidence["reproduce"]
    assert len(code.splitlines()) == 2
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *args, **kwargs: None)
        exec(code, {"loss": loss})
    assert printed.getvalue().strip()


def test_what_changes_in_place_or_inside_is_named() -> None:
    def clamps(x: Tensor, y: Tensor) -> Tensor:
        x.data.clamp_(-5, 5)
        return squared(x, y)

    class Counting(torch.nn.Module):
        step = 0

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            self.step += 1
            return squared(x, y)

    assert measured(clamps).manners.touched == ("prediction",)
    assert measured(Counting()).manners.touched == ("its own state (step)",)
    assert measured(torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))).manners.touched == ()
    for loss, state in ((clamps, "fail"), (Counting(), "warn")):
        (found,) = [one for one in wald.check(loss).findings if one.code == "W404"]
        assert found.state == state
        assert_runs(found, loss)


def test_a_step_in_half_precision_is_an_overflow() -> None:
    def narrow(x: Tensor, y: Tensor) -> Tensor:
        return (x.half() - y.half()).square().to(x.dtype).mean()

    assert next(row.grade for row in edges_of(narrow).of("W101")) == "fail"
    for loss in (lambda x, y: ((x - y).exp() - (x - y)).mean(), lambda x, y: (x - y).pow(8).mean()):
        assert not [row.says for row in edges_of(loss).of("W101") if row.grade == "fail"]


def test_memory_that_nobody_wrote_is_told_from_chance_and_from_state() -> None:
    class Counts:
        calls = 0

        def __call__(self, x: Tensor, y: Tensor) -> Tensor:
            self.calls += 1
            return squared(x, y) * self.calls

    def draws(x: Tensor, y: Tensor) -> Tensor:
        return squared(F.dropout(x), y)

    assert measured(half_written).manners.cause == "memory"
    assert measured(Counts()).manners.cause == "state"
    assert measured(draws).manners.cause == "random"
    assert measured(squared).manners.cause == ""
    states = {one.code: one.state for one in wald.check(half_written).findings}
    assert states["W405"] == "fail"


INNOCENT: dict[str, object] = {
    "einsum": lambda x, y: torch.einsum("i,i->", x - y, x - y) / max(len(x), 1),
    "numpy-like": lambda x, y: torch.mean(torch.power(x - y, 2)) if hasattr(torch, "power") else squared(x, y),
    "sum over n": lambda x, y: ((x - y) ** 2).sum() / x.shape[0],
    "Huber by where": lambda x, y: torch.where((x - y).abs() < 1, 0.5 * (x - y) ** 2, (x - y).abs() - 0.5).mean(),
    "pinball": known.pinball(0.9),
    "logistic by softplus": lambda z, t: (F.softplus(z) - t * z).mean(),
    "gathered": lambda z, ids: -z.log_softmax(-1).gather(-1, ids[:, None]).mean(),
    "one-hot": lambda z, ids: (z.logsumexp(-1) - (z * F.one_hot(ids, z.shape[-1])).sum(-1)).mean(),
    "hinge of two columns": lambda z, t: F.relu(1 - z * t).mean(),
    "rows kept": lambda x, y: (x - y).square(),
}


@pytest.mark.parametrize("name", INNOCENT)
def test_innocent_losses_in_other_styles_fail_no_cell(name: str) -> None:
    assert not [row.says for row in edges_of(INNOCENT[name]).rows if row.grade == "fail"]


def test_every_row_has_a_rule_that_tells_it() -> None:
    assert {row.code for row in edges_of(squared).rows} | BATTERY.keys() <= CODES.keys()


def test_the_words_are_the_ones_of_the_contract() -> None:
    assert set(get_args(Outcome)) == set(OUTCOMES) == set(MEANS)
    assert all(sentence.endswith(".") for sentence in MEANS.values())


def test_the_table_and_its_picture_hold_every_cell() -> None:
    edges = edges_of(F.mse_loss)
    (found,) = [one for one in wald.check(F.mse_loss).findings if one.code == "W130"]
    assert set(found.evidence["cells"]) == {row.cell for row in edges.rows}
    assert sum(found.evidence["outcomes"].values()) == len(edges.rows)
    assert f"of {len(edges.rows)} unusual inputs" in found.says
    (series,) = edges.figure().series
    assert series["labels"] == [row.cell for row in edges.rows]
    assert all(sum(value is not None for value in row) == 1 for row in series["z"])


@pytest.mark.parametrize(
    ("error", "clear"),
    [
        (ValueError("Target size (4, 1) must be the same as input size (4,)"), True),
        (RuntimeError("result type Float can't be cast to the desired output type Long"), True),
        (IndexError("Target 4 is out of bounds."), True),
        (AssertionError(), False),
        (AssertionError("target out of range"), False),
        (ValueError("no"), False),
        (AttributeError("'NoneType' object has no attribute 'shape'"), False),
        (ZeroDivisionError("division by zero"), False),
        (KeyError(3), False),
    ],
)
def test_a_clear_error_is_about_an_argument_and_says_so(error: Exception, clear: bool) -> None:
    assert is_clear(error) is clear


def test_nothing_of_the_callers_is_touched() -> None:
    given: list[Any] = []

    def keeps(x: Tensor, y: Tensor) -> Tensor:
        given.append((x, y))
        x.data.mul_(2)
        return squared(x / 2, y)

    edges = measured(keeps).edges
    before = [x.clone() for x in edges.bench.inputs]
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert edges.rows
    assert all(torch.equal(x, y) for x, y in zip(before, edges.bench.inputs, strict=True))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("loss", [F.mse_loss, F.cross_entropy, F.binary_cross_entropy_with_logits, wald.InfoNCE()])
def test_it_takes_a_moment(loss: object) -> None:
    with undisturbed():
        edges = measured(loss).edges
        start = time.perf_counter()
        assert edges.rows
    # A tenth of this on an idle core, once torch has loaded what it needs; the suite may keep every core busy.
    assert time.perf_counter() - start < 2
