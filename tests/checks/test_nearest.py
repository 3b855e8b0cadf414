"""What a loss is known as, where nobody said what it is; and that no sound loss is taken for a mistaken one."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.likeness.nearest import Nearest, nearest
from wald.checks.measured import Measured
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject, undisturbed
from wald.checks.subjects.target import resolve

from ..sampling import daily
from . import known
from .asking import asked
from .mistakes.right import RIGHT


def found(loss: object) -> Nearest:
    with undisturbed():
        subject = subject_of(resolve(loss))
        assert isinstance(subject, Subject)
        return Measured(subject).nearest


def focal(factor: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    def loss(z: Tensor, t: Tensor) -> Tensor:
        p = known.right(z, t)
        return -(factor(1 - p, t) * p.log()).mean()

    return loss


KNOWN: dict[str, tuple[Any, str, float, float]] = {
    "mse": (F.mse_loss, "Squared()", 1, 0),
    "half": (lambda x, y: 0.5 * (x - y).square().mean(), "Expectile(level=0.5)", 1, 0),
    "doubled huber": (lambda x, y: 2 * F.huber_loss(x, y), "Huber(delta=1.0)", 2, 0),
    "smooth l1": (torch.nn.SmoothL1Loss(beta=0.25), "SmoothL1(beta=0.25)", 1, 0),
    "charbonnier": (lambda x, y: ((x - y) ** 2 + 0.25).sqrt().mean(), "PseudoHuber(delta=0.5)", 2, 0.5),
    "pinball": (known.pinball(0.83), "Pinball(level=0.83)", 1, 0),
    "newsvendor": (known.STATISTICS["newsvendor 3:1"][0], "Pinball(level=0.75)", 4, 0),
    "logistic": (F.binary_cross_entropy_with_logits, "BinaryCrossEntropy()", 1, 0),
    "of probabilities": (F.binary_cross_entropy, "BinaryCrossEntropy()", 1, 0),
    "of signs": (F.soft_margin_loss, "BinaryCrossEntropy()", 1, 0),
    "focal": (known.focal(1.3, 0.3), "Focal(gamma=1.3, alpha=0.3)", 1, 0),
    "hinge": (known.LABELS["hinge"][0], "Hinge()", 1, 0),
    "classes": (F.cross_entropy, "CrossEntropy()", 1, 0),
    "log-probabilities": (F.nll_loss, "CrossEntropy()", 1, 0),
    "weighted": (known.class_weights, "CrossEntropy(class_weight=(1.0, 2.0, 3.0, 4.0))", 1, 0),
    "of a loss": ("Smoothed(BinaryCrossEntropy(), 0.1)", "BinaryCrossEntropy(label_smoothing=0.1)", 1, 0),
    "itself": ("DPO(beta=0.3)", "DPO(beta=0.3, label_smoothing=0.0)", 1, 0),
}


@pytest.mark.parametrize("name", KNOWN)
def test_it_is_known_as(name: str) -> None:
    loss, expected, scale, shift = KNOWN[name]
    nearby = found(loss)
    assert nearby.known is not None
    assert str(nearby.known.loss) == expected
    assert nearby.known.scale == pytest.approx(scale, rel=1e-3)
    assert nearby.known.shift == pytest.approx(shift, abs=1e-3)
    assert nearby.mistake is None


@pytest.mark.parametrize("name", ["root mean squared error", "1 - R2"])
def test_what_is_in_no_catalogue_is_known_as_nothing(name: str) -> None:
    assert found(known.STATISTICS[name][0]) == Nearest()


def test_the_card_says_so() -> None:
    card = wald.check(KNOWN["doubled huber"][0]).card
    assert card["known_as"] == {"loss": "Huber(delta=1.0)", "scale": 2.0, "shift": 0.0}
    assert wald.check(known.STATISTICS["1 - R2"][0]).card["known_as"] is None


MISTAKEN: dict[str, tuple[Any, str]] = {
    "alpha on both": (focal(lambda q, t: 0.25 * q**2), "alpha on both classes"),
    "gamma multiplied": (focal(lambda q, t: 2 * q), "gamma multiplied"),
    "easy first": (focal(lambda q, t: (1 - q) ** 2), "p for one minus p"),
    "detached": (focal(lambda q, t: (q**2).detach()), "modulating factor detached"),
    "sigmoid twice": (known.LABELS["sigmoid twice"][0], "sigmoid applied twice"),
    "softmax twice": (known.CLASSES["softmax twice"][0], "softmax applied twice"),
    "huber, jump": (
        lambda x, y: torch.where((x - y).abs() < 1, 0.5 * (x - y) ** 2, (x - y).abs()).mean(),
        "offset missing",
    ),
}


@pytest.mark.parametrize("name", MISTAKEN)
def test_a_mistake_is_told_and_no_failure(name: str) -> None:
    loss, mistake = MISTAKEN[name]
    (one,) = asked(loss, "W702")
    assert one.state == "warn"
    assert mistake in one.says
    assert one.controls.right


SOUND = {
    **{name: loss for name, (loss, _) in known.STATISTICS.items() if name not in ("sign error", "no absolute value")},
    **{name: loss for name, (loss, *_) in known.LABELS.items() if name not in ("sigmoid twice", "sign error")},
    **{name: loss for name, (loss, _) in known.CLASSES.items() if name != "softmax twice"},
    **known.HEALTHY,
    **{f"right: {name}": loss for name, (_, loss) in RIGHT.items()},
}


@pytest.mark.parametrize("name", daily(SOUND, 10))
def test_what_is_sound_is_taken_for_no_mistake(name: str) -> None:
    with undisturbed():
        subject = subject_of(resolve(SOUND[name]))
        if isinstance(subject, Subject):
            assert Measured(subject).nearest.mistake is None


def test_it_is_quick() -> None:
    subject = subject_of(resolve(lambda x, y: (x - y).square().log1p().mean()))
    assert isinstance(subject, Subject)
    nearest(subject)
    start = perf_counter()
    nearest(subject)
    # 0.15 s on an idle core; the suite may keep every core busy.
    assert perf_counter() - start < 1.5
