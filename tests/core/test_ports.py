"""What other libraries call a loss: found by it, made like it, and at fields that exist."""

from collections import Counter
from itertools import chain

import pytest
import torch

import wald
from wald.cards import Card, Formula, Real, shelf
from wald.cards.formula import VOCABULARY
from wald.cards.ports import library, preset

ENTRIES = list(shelf.catalogue().values())
PORTS = [(entry.name, port, fields) for entry in ENTRIES for port, fields in entry.card.ports.items()]


@pytest.mark.parametrize(("name", "port", "fields"), PORTS, ids=[port for _, port, _ in PORTS])
def test_a_port_finds_its_loss_and_makes_it(name: str, port: str, fields: dict[str, object]) -> None:
    kind = wald.get(port)
    assert kind.__name__ == name
    made = wald.parse(f"{name}(like={port!r})") if _needs_nothing(kind, fields) else None
    for field, value in fields.items():
        assert field in kind.__dataclass_fields__
        if made is not None:
            assert getattr(made, field) == getattr(kind(**fields), field), (field, value)


def _needs_nothing(kind: type[wald.Loss], fields: dict[str, object]) -> bool:
    entry = shelf.find(kind.__name__)
    return all(field.default is not shelf.cards.REQUIRED or name in fields for name, field in entry.fields.items())


def test_no_two_losses_claim_one_port() -> None:
    counted = Counter(port for port, _ in {(port.lower(), name) for name, port, _ in PORTS})
    assert [port for port, times in counted.items() if times > 1] == []


def test_a_full_name_has_a_library_in_front() -> None:
    assert [port for _, port, _ in PORTS if "." not in port or not library(port).isidentifier()] == []


def test_a_library_by_its_long_name_and_by_its_short_one() -> None:
    assert wald.Huber(like="scikit-learn") == wald.Huber(like="sklearn") == wald.Huber(delta=1.35)
    assert wald.Huber(like="sklearn.linear_model.HuberRegressor") == wald.Huber(delta=1.35)


def test_a_field_that_is_given_is_kept() -> None:
    assert wald.Huber(like="lightgbm", delta=1.0) == wald.Huber(delta=1.0)
    assert wald.Huber(like=None) == wald.Huber()


def test_a_library_that_does_not_ship_it_is_told_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"like='lightly' is not known. It is known there: 'torch', 'keras'"):
        wald.Huber(like="lightly")


def test_two_of_one_library_that_differ_must_be_told_apart() -> None:
    ports = {"box.one": {"delta": 1.0}, "box.two": {"delta": 2.0}, "box.three": {"delta": 1.0}}
    with pytest.raises(ValueError, match=r"box has several .* like='box.one' or like='box.two'"):
        preset("Huber", ports, "box")
    assert preset("Huber", ports, "box.two") == {"delta": 2.0}


def test_a_loss_of_ones_own_has_ports_too() -> None:
    class Scaled(wald.Supervised):
        by: float = 1.0
        card = Card(
            task="regression",
            inputs={"prediction": Real, "target": Real},
            formula="by * abs(prediction - target)",
            ports={"mine.scaled_loss": {"by": 3.0}},
        )

        def per_example(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return self.by * (prediction - target).abs()

    assert Scaled(like="mine").by == 3.0
    assert Scaled(like="mine").replace(by=4.0).by == 4.0


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_values_to_know_can_be_worked_out(entry: shelf.Entry) -> None:
    loss = wald.get(entry.name)(**entry.defaults)
    told = [Formula(value) for value in entry.at_defaults().points.values() if isinstance(value, str)]
    sizes = {name: 8 for formula in told for name in formula.names - entry.fields.keys() - VOCABULARY.keys()}
    found = loss.reference_points(**sizes)
    assert all(value == value for value in found.values()), found
    assert found.get("floor", -torch.inf) <= found.get("perfect", torch.inf)


def test_a_size_that_is_missing_is_named() -> None:
    with pytest.raises(TypeError, match=r"chance is log\(classes\), and classes is not known here"):
        wald.CrossEntropy().reference_points()


def test_chance_is_what_equal_scores_cost() -> None:
    loss = wald.CrossEntropy()
    found = loss(torch.zeros(3, 7), torch.tensor([0, 3, 6])).item()
    assert found == pytest.approx(loss.reference_points(classes=7)["chance"])


def test_spellings_of_the_catalogue_do_not_collide() -> None:
    """Two losses that answer to one name would make what `wald.get` gives depend on the order of the catalogue."""
    spelt = chain.from_iterable(({*map(shelf._plain, [entry.name, *entry.card.aliases])}) for entry in ENTRIES)
    assert [name for name, times in Counter(spelt).items() if times > 1] == []
