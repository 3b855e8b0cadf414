"""What a target may be, and what is said of what is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import wald
from wald.checks import TargetError, resolve

MINE = """
import torch

class Huge:
    def __call__(self, prediction, target):
        return 1000 * (prediction - target).abs().mean()

class Needy:
    def __init__(self, beta):
        self.beta = beta

    def __call__(self, prediction, target):
        return self.beta * (prediction - target).abs().mean()

def plain(prediction, target):
    return (prediction - target).abs().mean()

number = 3.0
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_a_loss_is_itself() -> None:
    loss = wald.Huber(delta=2.0)
    found = resolve(loss)
    assert found.loss is loss
    assert found.name == "Huber(delta=2.0)"
    assert resolve(found) is found


@pytest.mark.parametrize("expression", ["Huber(delta=2)", "huber(delta=2.0)", "HuberLoss(delta=2)", " Huber(delta=2) "])
def test_an_expression_of_the_catalogue(expression: str) -> None:
    assert resolve(expression).loss == wald.Huber(delta=2.0)


def test_a_name_that_another_library_gives() -> None:
    assert resolve("reg:squarederror").loss == wald.Squared()


def test_a_class_is_called() -> None:
    assert isinstance(resolve(torch.nn.MSELoss).loss, torch.nn.MSELoss)
    assert resolve(wald.Squared).loss == wald.Squared()
    assert isinstance(resolve("torch.nn:MSELoss").loss, torch.nn.MSELoss)


def test_a_file_or_a_module_and_a_name(mine: Path) -> None:
    one, two = torch.tensor([2.0]), torch.tensor([0.0])
    assert resolve(f"{mine}:plain").loss(one, two) == 2
    assert resolve(f"{mine}:Huge").loss(one, two) == 2000
    assert resolve("torch.nn.functional:l1_loss").loss is torch.nn.functional.l1_loss


@pytest.mark.parametrize(
    "target",
    [
        wald.Huber(),
        wald.Huber,
        torch.nn.functional.mse_loss,
        torch.nn.MSELoss,
        "torch.nn:MSELoss",
        "Huber(delta=3)",
        "Truncated(Huber(), 2.0)",
    ],
)
def test_a_recipe_makes_the_loss_again(target: object) -> None:
    found = resolve(target)
    made: dict[str, object] = {}
    exec(found.recipe, made)
    assert repr(made["loss"]) == repr(found.loss)


@pytest.mark.parametrize("name", ["plain", "Huge"])
def test_a_recipe_finds_the_file_from_anywhere(
    mine: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mine.parent)
    recipe = resolve(f"mine.py:{name}").recipe
    monkeypatch.chdir(tmp_path.parent)
    made: dict[str, object] = {}
    exec(recipe, made)
    assert callable(made["loss"])


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("Focl(gamma=2)", "Focal"),
        ("Huber(dlta=2)", "dlta"),
        ("Huber(delta=-1)", "delta must be > 0"),
        ("Huber(", "is not an expression"),
        ("nowhere.py:loss", "there is no file 'nowhere.py'"),
        ("no.such.module:loss", "no module 'no.such.module'"),
        ("torch.nn.functional:mse_los", "mse_loss"),
        ("torch.nn:Linear", "Linear(in_features=..., out_features=...)"),
        ("torch:pi", "torch:pi is a float"),
        (3, "3 is a int"),
    ],
)
def test_what_is_no_loss_gets_one_clear_error(target: object, told: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(target)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_call_of_what_a_file_defines(mine: Path) -> None:
    assert resolve(f"{mine}:Needy(beta=2.5)").loss.beta == 2.5  # type: ignore[attr-defined]
    assert resolve("torch.nn:HuberLoss(delta=3.0)").loss.delta == 3.0  # type: ignore[attr-defined]
    made: dict[str, object] = {}
    exec(resolve("torch.nn:HuberLoss(delta=3.0)").recipe, made)
    assert made["loss"].delta == 3.0  # type: ignore[attr-defined]
    with pytest.raises(TargetError, match="plain numbers, words and lists"):
        resolve(f"{mine}:Needy(beta=open('x'))")


def test_only_who_asks_for_a_pair_is_refused_others() -> None:
    loss = torch.nn.functional.triplet_margin_loss
    assert resolve(loss).loss is loss
    with pytest.raises(TargetError, match="anchor, positive, negative"):
        resolve(loss, pairs=True)


def test_a_wrong_name_in_a_file_is_answered_with_the_nearest(mine: Path) -> None:
    with pytest.raises(TargetError, match=r"has no 'plan'\. The nearest is plain"):
        resolve(f"{mine}:plan")
    with pytest.raises(TargetError, match=r"without arguments.*Needy\(beta=\.\.\.\)"):
        resolve(f"{mine}:Needy")


def test_a_file_that_breaks_says_how(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("import no_such_module_at_all")
    with pytest.raises(TargetError, match="cannot be imported: ModuleNotFoundError"):
        resolve(f"{path}:loss")


def test_a_file_alone_is_asked_for_the_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def one(prediction, target): ...\ndef two(prediction, target): ...\n")
    with pytest.raises(TargetError, match=r"mine\.py:one or .*mine\.py:two"):
        resolve(str(path))
