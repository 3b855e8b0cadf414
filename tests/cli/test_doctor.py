"""`wald doctor`: what runs here and why, and what to do about what does not."""

import json
from pathlib import Path
import re
import tomllib
from types import SimpleNamespace

import pytest

import wald
from wald import cli
from wald.checks.subjects.draw import variants
from wald.cli import families as families_of, running
from wald.cli.extras import ADDS, extras
from wald.cli.families import Family, families, family_of
from wald.core.implementation import implementations
from wald.kernels import native
from wald.kernels.native import Status

from ..sampling import daily

ROOT = Path(__file__).parent.parent.parent


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert cli.main(["doctor", *arguments]) == code
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The native library is as a fresh build leaves it, whatever is going on in this checkout."""
    put(monkeypatch, Status(state="runs", path=Path("libwald.so"), level="avx2"))


def put(monkeypatch: pytest.MonkeyPatch, status: Status) -> None:
    monkeypatch.setattr(native, "status", lambda: status)


def test_it_tells_the_machine_the_implementations_and_the_extras(capsys: pytest.CaptureFixture[str]) -> None:
    told = said(capsys)
    assert f"wald {wald.__version__}" in told
    assert re.search(r"torch \d+\.\d+", told)
    assert re.search(r"\n  native +yes: compiled C\+\+ on the CPU, avx2 instructions", told)
    assert re.search(r"\n  definitions +yes: ", told)
    assert re.search(r"\n  report +(yes|no): ", told)
    assert max(map(len, told.splitlines())) <= 100


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, "--json"))
    assert (told["schema"], told["kind"], told["verdict"], told["loss"]) == (1, "doctor", "pass", None)
    assert {"definitions", "torch", "native", "triton"} <= {each["name"] for each in told["implementations"]}
    assert told["machine"]["threads"]["torch"] >= 1
    assert {each["name"] for each in told["extras"]} == set(ADDS)


@pytest.mark.parametrize(("state", "code"), [("off", 0), ("absent", 0), ("broken", 1)])
def test_a_library_that_does_not_run_comes_with_a_reason_and_what_to_do(
    state: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(monkeypatch, Status(state=state, path=Path("libwald.so"), reason="it is so", fix="do this"))  # type: ignore[arg-type]
    told = " ".join(said(capsys, code=code).split())
    assert "native no: it is so;" in told
    assert "To mend that, do this" in told
    assert json.loads(said(capsys, "--json", code=code))["verdict"] == ("fail" if code else "pass")


@pytest.mark.parametrize(
    ("there", "driver", "cuda", "triton", "reason"),
    [
        (False, False, None, False, "no NVIDIA driver"),
        (False, True, None, False, "built without CUDA"),
        (False, True, "12.8", True, "though there is a driver"),
        (True, True, "12.8", False, "Triton is not installed"),
        (True, True, "12.8", True, ""),
    ],
)
def test_triton_runs_or_there_is_a_reason(
    there: bool, driver: bool, cuda: str | None, triton: bool, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(families_of, "find_spec", lambda name: object() if triton else None)
    monkeypatch.setattr(Path, "exists", lambda path: driver)
    found = next(family for family in families() if family.name == "triton")
    assert found.runs == (not reason)
    assert reason in found.says
    assert (found.fix is not None) == (bool(reason) and driver)


def test_every_implementation_belongs_to_a_family() -> None:
    named = {family.name: family for family in families()}
    for found in implementations():
        assert found.of.__name__ in named[family_of(found)].losses, found.name


@pytest.mark.parametrize("loss", ["CrossEntropy", "Focal(gamma=3)", "InfoNCE", "Smoothed(CrossEntropy(), 0.1)"])
def test_it_says_which_implementation_runs_for_a_loss(loss: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, loss, "--json"))["loss"]
    assert {each["size"] for each in told["inputs"]} == {"small", "large"}
    for each in told["inputs"]:
        assert each["runs"]
        assert each["why"]
        assert all(each["passed_over"].values())
    written = said(capsys, loss)
    assert "A small input, on the CPU" in written
    assert "A large input, on the CPU" in written


@pytest.mark.parametrize(
    "loss", daily((loss for kind in (wald.Huber, wald.CrossEntropy, wald.Poisson) for loss in variants(kind)), 3, repr)
)
def test_what_it_says_is_what_runs(loss: wald.Loss) -> None:
    for each in running.running(repr(loss), families()).inputs:
        inputs = running._inputs(loss.plain, each.size, each.device)
        assert each.runs == wald.which(loss.plain, *inputs)


@pytest.mark.slow
def test_it_has_an_answer_for_every_loss() -> None:
    around = families()
    for kind in wald.catalogue():
        loss = next(iter(variants(kind)))
        for each in running.running(repr(loss), around).inputs:
            assert each.runs
            assert each.why


def test_an_implementation_that_was_passed_over_has_a_reason() -> None:
    def reason(family: Family, accepts: bool, size: str = "small") -> str:
        def run() -> None: ...

        run.__module__ = "wald.kernels.gpu" if family.name == "triton" else "wald.kernels.native"
        found = SimpleNamespace(name="", run=run, accepts=lambda *_: accepts)
        return running._reason(found, wald.Squared(), size, "cpu", {family.name: family})  # type: ignore[arg-type]

    assert reason(Family(name="native", runs=False, says="no compiler was found"), True) == "no compiler was found"
    assert reason(Family(name="triton", runs=True, says=""), True) == "it runs on a GPU"
    native = Family(name="native", runs=True, says="")
    assert reason(native, True) == "so small an input is faster without it"
    assert "fields" in reason(native, False)
    assert "fields" in reason(native, False, "large")


def test_a_loss_of_ones_own_runs_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "torch.nn.functional:mse_loss"]) == 2
    assert "runs as you wrote it" in capsys.readouterr().err
    assert cli.main(["doctor", "Hubr"]) == 2
    assert "Huber" in capsys.readouterr().err


def test_every_extra_for_users_is_known() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(ADDS) == set(project["optional-dependencies"]) - {"test", "dev"}


def test_an_extra_that_is_not_there_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs = ["scipy>=1.13; extra == 'audit'", "no-such-package[more]>=1; extra == 'report'", "torch>=2.10"]
    monkeypatch.setattr("wald.cli.extras.metadata.requires", lambda name: needs)
    assert {extra.name: extra.missing for extra in extras()} == {"report": ("no-such-package",), "audit": ()}
    assert "pip install 'wald[report]' adds no-such-package" in " ".join(said(capsys).split())
    monkeypatch.setattr("wald.cli.extras.metadata.requires", lambda name: None)
    assert "was not installed" in said(capsys)
