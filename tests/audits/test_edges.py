"""Unusual inputs: what torch and homemade losses are known to do with them is found, what is sound passes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import wald
from wald.audits.probes.edges import EDGES, KINDS

from ..sampling import daily
from .samples import ask, binary, found, skewed, three_classes


def states(case: wald.Case) -> dict[str, str]:
    return {code: finding.state for code, finding in found(ask(EDGES, case)).items()}


SOUND = [
    binary(),
    binary(loss=wald.Focal()),
    binary(loss=wald.BinaryCrossEntropy(pos_weight=18.0)),
    skewed(),
    skewed(loss=wald.Huber()),
    skewed(loss=wald.Pinball(level=0.9)),
    three_classes(),
]


@pytest.mark.parametrize("case", daily(SOUND, 3, lambda case: str(case.loss)))
def test_our_own_losses_are_sound(case: wald.Case) -> None:
    told = found(ask(EDGES, case))
    assert {one.state for one in told.values()} <= {"pass", "not_applicable", "not_run"}
    assert not any(one.controls.wrong for one in told.values())


@pytest.mark.parametrize("case", daily([SOUND[0], SOUND[3], SOUND[6]], 3, ["binary", "regression", "classes"]))
def test_each_cell_has_both_controls(case: wald.Case) -> None:
    for finding in found(ask(EDGES, case)).values():
        if finding.state == "pass":
            assert finding.controls.right, finding.code


def masked_late(p: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    values = (p - y).square()
    return values.mean() if weight is None else (values * weight).sum() / weight.sum()


def clamped(p: Tensor, y: Tensor) -> Tensor:
    chance = torch.sigmoid(p).clamp(1e-7, 1 - 1e-7)
    return -(y * chance.log() + (1 - y) * (1 - chance).log()).mean()


def naive(p: Tensor, y: Tensor) -> Tensor:
    chance = torch.sigmoid(p)
    return -(y * chance.log() + (1 - y) * (1 - chance).log()).mean()


def root(p: Tensor, y: Tensor) -> Tensor:
    return (p - y).square().mean().sqrt()


def unbiased(p: Tensor, y: Tensor) -> Tensor:
    return (p - y).square().sum() / (len(p) - 1)


def writes(p: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        y.mul_(1.01)
    return (p - y).square().mean()


@pytest.mark.parametrize(
    ("loss", "make", "code", "state"),
    daily(
        [
            # What torch 2.13 is known to do; see the issues pytorch#70348 and #50224 for the empty mean.
            (nn.MultiMarginLoss(), three_classes, "E501", "fail"),
            (functional.cross_entropy, three_classes, "E506", "warn"),
            (functional.cross_entropy, three_classes, "E501", "pass"),
            (functional.cross_entropy, three_classes, "E509", "pass"),
            (functional.binary_cross_entropy_with_logits, binary, "E508", "pass"),
            (functional.binary_cross_entropy_with_logits, binary, "E509", "warn"),
            (functional.mse_loss, skewed, "E508", "warn"),
            (nn.PoissonNLLLoss(), skewed, "E508", "fail"),
            (nn.PoissonNLLLoss(), skewed, "E504", "warn"),
            # What people write.
            (lambda p, y: torch.nanmean((p - y) ** 2), skewed, "E501", "fail"),
            (lambda p, y: torch.nanmean((p - y) ** 2), skewed, "E502", "fail"),
            (lambda p, y: ((p - y) ** 2).mean(), skewed, "E508", "fail"),
            (naive, binary, "E504", "fail"),
            (naive, binary, "E516", "fail"),
            (clamped, binary, "E505", "warn"),
            (root, skewed, "E516", "fail"),
            (unbiased, skewed, "E507", "fail"),
            (writes, skewed, "E512", "fail"),
            (masked_late, skewed, "E514", "warn"),
        ],
        3,
    ),
)
def test_known_faults_are_found(loss: object, make: Callable[..., wald.Case], code: str, state: str) -> None:
    assert states(make(loss=loss))[code] == state


def test_every_failure_can_be_reproduced() -> None:
    def squares(p: Tensor, y: Tensor) -> Tensor:
        return torch.nanmean((p - y) ** 2)

    told = found(ask(EDGES, skewed(loss=squares)))["E501"]
    code = told.evidence["reproduce"].replace("loss = squares", "")
    seen: list[float] = []
    exec(code, {"print": lambda value: seen.append(float(value)), "loss": squares})
    assert f"{seen[0]:.4g}" in told.says


def test_errors_are_clear_or_not() -> None:
    def silent(p: Tensor, y: Tensor) -> Tensor:
        assert bool(p.isfinite().all())
        return (p - y).square().mean()

    def spoken(p: Tensor, y: Tensor) -> Tensor:
        if not bool(p.isfinite().all()):
            raise ValueError("the prediction is not finite")
        return (p - y).square().mean()

    assert states(skewed(loss=silent))["E501"] == "warn"
    assert states(skewed(loss=spoken))["E501"] == "pass"


def test_compiling_is_for_the_deep_level() -> None:
    assert states(binary())["E518"] == "not_run"


def test_codes_are_one_each() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_a_real_batch_in_half_precision() -> None:
    def narrow(p: Tensor, y: Tensor) -> Tensor:
        return ((p - y) * 100).square().sum() / len(p)

    told = found(ask(EDGES, skewed(loss=narrow)))["E522"]
    assert told.state == "fail"
    assert "float16" in told.says
    assert found(ask(EDGES, skewed()))["E522"].state == "pass"


def test_weights_of_a_real_batch_are_copies() -> None:
    def by_rows(p: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
        values = (p - y).square()
        return values.mean() if weight is None else (values * weight).mean()

    assert states(skewed(loss=by_rows))["E523"] == "warn"
    assert states(skewed())["E523"] == "pass"
    assert states(skewed(loss=functional.mse_loss))["E523"] in ("pass", "not_applicable")


def test_a_missing_class_and_a_memory_are_found() -> None:
    def balanced(p: Tensor, y: Tensor) -> Tensor:
        values = functional.binary_cross_entropy_with_logits(p, y, reduction="none")
        return (values[y == 0].mean() + values[y == 1].mean()) / 2

    assert states(binary(loss=balanced))["E519"] == "fail"

    class Running:
        scale = 1.0

        def __call__(self, p: Tensor, y: Tensor) -> Tensor:
            value = (p - y).square().mean()
            self.scale = 0.9 * self.scale + 0.1 * len(p)
            return value * self.scale

    assert states(skewed(loss=Running()))["E521"] in ("warn", "fail", "inconclusive")
