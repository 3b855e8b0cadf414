"""A loss may hang, exit, crash or eat the memory: it costs a row of the report, and the rest is there."""

from __future__ import annotations

import ctypes
import os
import time

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks import RULES, guard

from ..sampling import daily

pytestmark = pytest.mark.skipif(not guard.available(), reason="this system cannot fork")


def leaves(x: Tensor, y: Tensor) -> Tensor:
    raise SystemExit(3)


def vanishes(x: Tensor, y: Tensor) -> Tensor:
    os._exit(7)


def crashes(x: Tensor, y: Tensor) -> Tensor:
    ctypes.string_at(0)
    return x


def sleeps(x: Tensor, y: Tensor) -> Tensor:
    time.sleep(30)
    return F.mse_loss(x, y)


def spins(x: Tensor, y: Tensor) -> Tensor:
    while True:
        pass


def greedy(x: Tensor, y: Tensor) -> Tensor:
    return torch.zeros(25_000_000_000) + F.mse_loss(x, y)


def raises(x: Tensor, y: Tensor) -> Tensor:
    raise KeyError("boo")


def speaks(x: Tensor, y: Tensor) -> str:
    return "half"


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (leaves, "exit(3)"),
        (vanishes, "ended the process with exit code 7"),
        (crashes, "SIGSEGV"),
        (sleeps, "gave no answer"),
        (spins, "gave no answer"),
        (greedy, "allocate"),
        (raises, "boo"),
        (speaks, "str"),
    ],
)
def test_what_breaks_at_once_is_an_error_and_the_rest_is_not_run(
    loss: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "SILENCE", 1.0)
    report = wald.check(loss)
    (error,) = [one for one in report.findings if one.state == "error"]
    assert error.code == "W400"
    assert said in error.says
    assert report.counts["not_run"] == len(RULES)
    assert report.exit_code() == 3


def on_nothing(what: str) -> object:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        if x.numel() == 0:
            {"hang": time.sleep, "vanish": os._exit, "crash": ctypes.string_at, "leave": exit}[what](
                0 if what == "crash" else 30
            )
        return F.mse_loss(x, y)

    return loss


@pytest.mark.parametrize("what", daily(["hang", "vanish", "crash", "leave"], 2))
def test_what_breaks_on_some_inputs_leaves_the_rest(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SILENCE", 3.0)
    report = wald.check(on_nothing(what))
    assert report.card["elicits"] == "mean"
    assert report.counts["error"] >= 1
    assert report.counts["pass"] >= 10


def test_the_caller_is_left_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    counted = []

    def loss(x: Tensor, y: Tensor) -> Tensor:
        counted.append(1)
        print("a loss that talks")
        os.environ["WALD_TEST_OF_THE_GUARD"] = "1"
        torch.set_default_dtype(torch.float64)
        return F.mse_loss(x, y)

    assert wald.check(loss).card["elicits"] == "mean"
    assert counted == []
    assert "WALD_TEST_OF_THE_GUARD" not in os.environ
    assert torch.get_default_dtype() is torch.float32
    assert capfd.readouterr().out == ""


def test_without_a_copy_of_the_process_it_is_measured_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "available", lambda: False)
    counted = []

    def loss(x: Tensor, y: Tensor) -> Tensor:
        counted.append(1)
        return F.mse_loss(x, y)

    assert wald.check(loss).card["elicits"] == "mean"
    assert counted
    assert wald.check(leaves).exit_code() == 3


def test_a_loss_of_wald_needs_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "guarded", lambda work: pytest.fail("it was copied"))
    assert wald.check("Huber(delta=1.0)").card["elicits"] == "m-functional"
    assert wald.check(wald.Squared()).card["elicits"] == "mean"
