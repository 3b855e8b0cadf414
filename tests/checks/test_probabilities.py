"""What losses of labels and of classes make of probabilities, against what theorems say."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from wald.checks.binary import Margins
from wald.checks.discover import subject_of
from wald.checks.measured import Measured
from wald.checks.multiclass import Scores
from wald.checks.subject import Subject
from wald.checks.target import resolve

from . import known

WORDS = ("calibrated", "proper", "invertible", "symmetric")


def measured(loss: object, **hints: str) -> Measured:
    subject = subject_of(resolve(loss), **hints)
    assert isinstance(subject, Subject)
    return Measured(subject)


@pytest.mark.parametrize("name", known.LABELS)
def test_labels(name: str) -> None:
    loss, words, threshold = known.LABELS[name]
    found = measured(loss).probabilities
    assert isinstance(found, Margins)
    assert " ".join(getattr(found, word).word for word in WORDS) == words
    assert found.threshold == (None if threshold is None else pytest.approx(threshold, abs=1e-3))


@pytest.mark.parametrize("name", known.CLASSES)
def test_classes(name: str) -> None:
    loss, words = known.CLASSES[name]
    found = measured(loss).probabilities
    assert isinstance(found, Scores)
    assert " ".join(getattr(found, word).word for word in WORDS) == words


def test_a_no_comes_with_where_it_fails() -> None:
    found = measured(known.weighted).probabilities
    assert isinstance(found, Margins)
    shown = found.proper.facts
    odds = shown["probability"] / (1 - shown["probability"])
    assert shown["best"] == pytest.approx(math.log(3 * odds), abs=1e-3)


def test_the_link_is_tabulated() -> None:
    found = measured(known.LABELS["exponential"][0]).probabilities
    assert isinstance(found, Margins)
    for row in found.link:
        eta = row["probability"]
        assert row["best"] == pytest.approx(0.5 * math.log(eta / (1 - eta)), abs=1e-4)


def test_what_is_elicited() -> None:
    names = {
        name: measured(known.LABELS[name][0]).statistic.name for name in ("logistic", "hinge", "focal", "sign error")
    }
    assert names == {"logistic": "probability", "hinge": "mode", "focal": "unresolved", "sign error": "none"}
    assert measured(F.cross_entropy).statistic.name == "distribution"


def test_a_squared_error_of_probabilities_is_proper() -> None:
    card = measured(F.mse_loss, task="binary", domain="probability").card()
    assert (card["proper"], card["threshold"], card["elicits"]) == ("yes", 0.5, "probability")


def test_kinks_are_unresolved_and_not_no() -> None:
    def crammer_singer(z: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        own = z.gather(1, ids.unsqueeze(1))
        rivals = z.scatter(1, ids.unsqueeze(1), -torch.inf).amax(1, keepdim=True)
        return F.relu(1 + rivals - own).mean()

    found = measured(crammer_singer).probabilities
    assert isinstance(found, Scores)
    assert found.proper.word == "unresolved"
