"""The front door is light: `import wald` and what needs no tensors load none."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "scipy", "pandas", "sklearn", "matplotlib", "rich", "jinja2", "xgboost", "transformers")

REPORT = f"""
import json, sys
print()
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def loaded(program: str) -> list[str]:
    """Which heavy packages a fresh interpreter has loaded once it has run `program`."""
    done = subprocess.run(
        [sys.executable, "-c", program + REPORT], capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout.splitlines()[-1])


def command(*arguments: str) -> str:
    return f"from wald.cli import main; assert main({list(arguments)!r}) == 0"


@pytest.mark.parametrize(
    "program",
    [
        "import wald; assert wald.__version__",
        command("--help"),
        command("--version"),
        command("list"),
        command("list", "robust", "--json"),
        command("show", "Huber(delta=2)"),
        command("show", "HuberLoss", "--json"),
        command("list", "--help"),
        command("show", "--help"),
        command("check", "--help"),
        command("why", "--help"),
        command("audit", "--help"),
        command("bench", "--help"),
        command("doctor", "--help"),
    ],
)
def test_nothing_heavy_is_loaded(program: str) -> None:
    assert loaded(program) == []


def seconds(*arguments: str) -> float:
    """What a fresh interpreter costs: processor time, so that a busy machine does not decide."""

    def spent() -> float:
        used = os.times()
        return used.children_user + used.children_system

    before = spent()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return spent() - before


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell what a child has used")
@pytest.mark.parametrize("arguments", [["-c", "import wald"], ["-m", "wald", "list"], ["-m", "wald", "show", "Huber"]])
def test_the_door_opens_in_under_four_tenths_of_a_second(arguments: list[str]) -> None:
    # The first may have to fetch its files from the disk.
    assert any(seconds(*arguments) < 0.4 for _ in range(5))


def test_using_wald_pulls_in_torch_and_little_else() -> None:
    found = loaded("import wald; wald.Huber; wald.Tally")
    assert "torch" in found  # so that the test of what loads nothing can fail
    assert set(found) <= {"torch", "numpy"}


@pytest.mark.slow
def test_boosting_needs_no_scikit_learn() -> None:
    assert "sklearn" not in loaded("import wald.adapters.boosting")


@pytest.mark.slow
def test_importing_changes_nothing_for_anybody() -> None:
    program = """
import random, sys, warnings, torch
before = (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), torch.initial_seed(),
          random.getstate(), list(warnings.filters), sys.getrecursionlimit())
import wald
wald.Huber
after = (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), torch.initial_seed(),
         random.getstate(), list(warnings.filters), sys.getrecursionlimit())
assert before == after, (before, after)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_the_types_are_shipped() -> None:
    import wald

    assert (Path(wald.__file__).parent / "py.typed").exists()
