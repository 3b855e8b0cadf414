"""Ways to be least that are no solution, and the health of gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.cards import BinaryTarget, Vector
from wald.checks.measured import Measured
from wald.checks.rules.rule import binary, regression
from wald.checks.shape.health import Health, measure_health
from wald.checks.subjects.subject import Subject

from .test_cheats import entropy
from .test_shape import measured


def embeddings(call: object, *names: str) -> Measured:
    domains = tuple((name, BinaryTarget if name == "same" else Vector) for name in names)
    return Measured(Subject(name="loss", recipe="", call=call, task="other", domains=domains))  # pyright: ignore[reportArgumentType]


def near_only(anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    return (anchor - positive).square().sum(-1).mean()


def wrong_sign(anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    return F.relu((anchor - positive).norm(dim=-1) + (anchor - negative).norm(dim=-1)).mean()


def together(anchor: Tensor, other: Tensor, same: Tensor) -> Tensor:
    return (same * (anchor - other).square().sum(-1)).mean()


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (near_only, ("anchor", "positive", "negative")),
        (wrong_sign, ("anchor", "positive", "negative")),
        (together, ("anchor", "other", "same")),
    ],
)
def test_a_collapse_is_found(call: object, names: tuple[str, ...]) -> None:
    found = embeddings(call, *names).degenerate
    assert found.ways == ("collapse",)
    collapsed, moved = (call(*inputs).item() for inputs in found.inputs)  # pyright: ignore[reportCallIssue]
    assert collapsed <= moved + 1e-9


@pytest.mark.parametrize("loss", [wald.Triplet(), wald.ContrastivePair(), wald.InfoNCE(), wald.Triplet(squared=True)])
def test_what_pushes_apart_does_not_collapse(loss: wald.Loss) -> None:
    assert measured(loss).degenerate.ways == ()


@pytest.mark.parametrize("loss", [wald.FlowMatching(), wald.GaussianKL(), wald.SlicedScoreMatching(), wald.ListNet()])
def test_what_is_no_embedding_has_no_collapse(loss: wald.Loss) -> None:
    # Data, noise, means and relevances are as long as the prediction, and are not moved towards it.
    assert measured(loss).degenerate.inputs == ()
    assert measured(loss).degenerate.plateau is None


def test_the_plateau_of_a_collapse_is_known() -> None:
    assert measured(wald.Triplet(margin=0.2)).degenerate.plateau == pytest.approx(0.2)
    assert measured(wald.Triplet(margin="soft")).degenerate.plateau == pytest.approx(0.6931, abs=1e-4)


def test_other_ways() -> None:
    assert measured(wald.GaussianNLL()).degenerate.ways == ("zero spread",)
    assert measured(F.binary_cross_entropy_with_logits).degenerate.ways == ("endless confidence",)
    assert measured(wald.Hinge()).degenerate.ways == ()
    assert "constant" in Measured(binary(entropy)).degenerate.ways


def ends(loss: object) -> dict[str, tuple[float | None, float | None]]:
    subject = loss if isinstance(loss, Subject) else measured(loss).subject
    found = measure_health(subject)
    assert isinstance(found, Health)
    return {strip.name: (strip.dies, strip.overflows) for strip in found.strips}


def test_a_sigmoid_before_a_log_dies_where_it_saturates() -> None:
    found = ends(binary(lambda z, t: F.binary_cross_entropy(torch.sigmoid(z), t)))
    places = {"float64": 36.7, "float32": 16.6, "float16": 8.3, "bfloat16": 6.2}
    for name, place in places.items():
        first = min(end for end in found[name] if end is not None)
        assert first == pytest.approx(place, rel=0.01), name


def test_what_died_stays_dead() -> None:
    found = measure_health(binary(lambda z, t: F.binary_cross_entropy(torch.sigmoid(z), t)))
    assert found is not None
    single = next(strip for strip in found.strips if strip.name == "float32")
    # Beyond 37 double precision has died as well, and is no truth to compare with.
    assert bool((single.states[0][found.magnitudes > 50] == 1).all())


def test_a_logarithm_of_one_plus_an_exponential_overflows() -> None:
    found = ends(F.soft_margin_loss)
    places = {"float64": 709.8, "float32": 88.7, "float16": 11.1, "bfloat16": 88.7}
    assert {name: found[name][1] for name in places} == pytest.approx(places, rel=0.01)


@pytest.mark.parametrize("loss", [F.binary_cross_entropy_with_logits, F.huber_loss, F.l1_loss, wald.Hinge()])
def test_stable_forms_are_healthy(loss: object) -> None:
    assert set(ends(loss).values()) == {(None, None)}


def test_a_kink_is_no_death() -> None:
    assert ends(regression(lambda x, y: F.relu((x - y).abs() - 0.5).mean()))["float64"] == (None, None)


def test_a_wrong_sign_is_found() -> None:
    found = measure_health(regression(lambda x, y: (x + 1e4 - 1e4 - y).square().mean()))
    assert found is not None
    wrong = {strip.name: strip.wrong_slopes for strip in found.strips if strip.wrong}
    assert "float16" in wrong
    assert "float64" not in wrong
    slope, true = wrong["float16"]
    assert slope * true < 0


def test_several_outputs_have_no_map() -> None:
    assert measured(F.cross_entropy).health is None


def test_a_dtype_that_is_refused_is_told() -> None:
    def wide(x: Tensor, y: Tensor) -> Tensor:
        if x.dtype is torch.float16:
            raise RuntimeError("not for float16")
        return F.mse_loss(x, y)

    found = measure_health(regression(wide))
    assert found is not None
    assert {strip.name: strip.refused for strip in found.strips}["float16"] == "not for float16"


def test_pictures() -> None:
    loss, gradient, health = measured(F.binary_cross_entropy_with_logits).figures()
    assert (loss.kind, gradient.kind, health.kind) == ("lines", "lines", "heat")
    assert [one["name"] for one in loss.series] == ["label 0", "label 1"]
    assert len(health.series[0]["z"]) == 8
    assert measured(F.cross_entropy).figures() == ()


def test_pictures_are_drawn() -> None:
    draw = pytest.importorskip("wald.findings.draw")
    pytest.importorskip("matplotlib")
    for figure in measured(lambda x, y: torch.cosh(x - y).mean()).figures():
        assert "<svg" in draw.svg(figure)


def test_a_loss_that_is_random_has_no_pictures() -> None:
    def random(x: Tensor, y: Tensor) -> Tensor:
        return ((x - y) * torch.rand(len(x))).square().mean()

    assert Measured(replace(regression(random), together=False)).figures() == ()
