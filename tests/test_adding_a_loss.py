"""Adding a loss touches one file and one export line, and everything else follows."""

import json
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

import wald

LOSS = '''
"""Quartic: the fourth power of the error."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised


class Quartic(Supervised):
    """The fourth power of the error: one large error outweighs everything.

    >>> import torch, wald
    >>> wald.Quartic()(torch.tensor([2.0]), torch.zeros(1))
    tensor(16.)
    """

    scale: float = param(default=1.0, above=0, typical=(0.5,), help="what the value is multiplied by")

    card = Card(
        task="regression",
        inputs={"prediction": Real, "target": Real},
        formula=Formula("scale * (prediction - target)**4"),
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="polynomial",
        when="An error twice as large hurts sixteen times as much.",
        aliases=("L4Loss", "fourth power"),
        tags=("fourth powers",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.scale * (prediction - target) ** 4
'''

EXPORT = "from .regression.quartic import Quartic as Quartic\n"

USE = """
import json, pickle
import torch, wald
from wald.cards import shelf
from wald.checks.subjects.draw import draw, variants

loss, rng = wald.Quartic(scale=0.5), torch.Generator().manual_seed(0)
facts = {
    "file": wald.__file__,
    "value": loss(torch.tensor([2.0]), torch.zeros(1)).item(),
    "get": wald.get("L4Loss").__name__,
    "search": [kind.__name__ for kind in wald.search("fourth powers")],
    "parse": repr(wald.parse("Quartic(scale=0.5)")),
    "dict": repr(wald.from_dict(json.loads(json.dumps(loss.to_dict())))),
    "pickle": pickle.loads(pickle.dumps(loss)) == loss,
    "catalogue": wald.Quartic in wald.catalogue(),
    "elsewhere": [repr(case) for case in variants(wald.Quartic)],
    "drawn": [list(x.shape) for x in draw(loss, 5, rng)],
    "derivatives": [x.item() for x in wald.gradient_and_hessian(loss, torch.tensor([2.0]), torch.zeros(1))],
    "tally": wald.Quartic().tally(torch.tensor([1.0, 2.0]), torch.zeros(2)).mean.item(),
    "dir": "Quartic" in dir(wald),
}
print(json.dumps(facts))
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the library with one more loss in it."""
    root = tmp_path_factory.mktemp("house")
    shutil.copytree(Path(wald.__file__).parent, root / "wald", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "wald" / "losses" / "regression" / "quartic.py").write_text(LOSS, "utf-8")
    with (root / "wald" / "losses" / "__init__.py").open("a", encoding="utf-8") as exports:
        exports.write(EXPORT)
    return root


def run(house: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(house)},
        cwd=house,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def test_the_library_knows_it(house: Path) -> None:
    assert json.loads(run(house, "-c", USE)) == {
        "file": str(house / "wald" / "__init__.py"),
        "value": 8.0,
        "get": "Quartic",
        "search": ["Quartic"],
        "parse": "Quartic(scale=0.5)",
        "dict": "Quartic(scale=0.5)",
        "pickle": True,
        "catalogue": True,
        "elsewhere": ["Quartic(scale=1.0)", "Quartic(scale=0.5)"],
        "drawn": [[5], [5]],
        "derivatives": [16.0, 24.0],
        "tally": 8.5,
        "dir": True,
    }


def test_the_command_knows_it(house: Path) -> None:
    assert "  Quartic " in run(house, "-m", "wald", "list")
    assert "  Quartic " in run(house, "-m", "wald", "list", "fourth", "power")
    page = run(house, "-m", "wald", "show", "l4loss")
    assert page.startswith("Quartic(scale=1.0)")
    assert "Picture  the loss of one example" in page


@pytest.mark.slow
def test_the_checker_holds_its_card_against_measurement(house: Path, tmp_path: Path) -> None:
    report = json.loads(run(house, "-m", "wald", "check", "Quartic(scale=0.5)", "--json"))
    assert report["subject"] == "Quartic(scale=0.5)"
    assert report["verdict"] == "pass"
    assert report["card"]["convex"] == "yes"
    # The same loss with a wrong claim is found out.
    wrong = shutil.copytree(house, tmp_path / "wrong")
    (wrong / "wald" / "losses" / "regression" / "quartic.py").write_text(
        LOSS.replace("convex=True", "convex=False"), "utf-8"
    )
    assert "convex" in run(wrong, "-m", "wald", "check", "Quartic", code=1)
