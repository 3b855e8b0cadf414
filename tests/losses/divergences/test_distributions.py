"""Divergences between distributions: other people's values, identities, limits and edges."""

from __future__ import annotations

from collections.abc import Callable
import math

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial import distance
import torch
from torch import Tensor

import wald

from ..parity.case import Case, attribute, by_jax, by_numbers, of_port

PLAIN = {"prediction_space": "probabilities", "target_space": "probabilities"}


def pair(seed: int = 0, rows: int = 7, classes: int = 5) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    p, t = torch.randn(2, rows, classes, generator=rng, dtype=torch.float64).softmax(-1).unbind()
    return p, t


def slope(loss: Callable[..., Tensor], p: Tensor, t: Tensor) -> Tensor:
    p = p.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(p, t).sum(), p)[0]


Definition = Callable[[Tensor, Tensor], Tensor]

DEFINITIONS: list[tuple[wald.Loss, Definition]] = [
    (wald.TotalVariationDistance(**PLAIN), lambda p, t: torch.linalg.vector_norm(p - t, 1, dim=-1) / 2),
    (wald.Hellinger(**PLAIN), lambda p, t: 1 - (p * t).sqrt().sum(-1)),
    (wald.Hellinger(squared=False, **PLAIN), lambda p, t: (1 - (p * t).sqrt().sum(-1)).sqrt()),
    (wald.ChiSquared(**PLAIN), lambda p, t: (t * t / p).sum(-1) - 1),
    (wald.ChiSquared(kind="reverse", **PLAIN), lambda p, t: (p * p / t).sum(-1) - 1),
    (wald.ChiSquared(kind="symmetric", **PLAIN), lambda p, t: 2 - 4 * (p * t / (p + t)).sum(-1)),
    (wald.RenyiDivergence(order=0.3, **PLAIN), lambda p, t: (t**0.3 * p**0.7).sum(-1).log() / -0.7),
    (wald.RenyiDivergence(order=3.0, **PLAIN), lambda p, t: (t**3 * p**-2).sum(-1).log() / 2),
    (wald.AlphaDivergence(alpha=-1.0, **PLAIN), lambda p, t: ((p * p / t).sum(-1) - 1) / 2),
    (wald.AlphaDivergence(alpha=0.2, **PLAIN), lambda p, t: (1 - (t**0.2 * p**0.8).sum(-1)) / 0.16),
    (wald.EarthMover(**PLAIN), lambda p, t: (p.cumsum(-1) - t.cumsum(-1)).abs().sum(-1)),
    (wald.EarthMover(order=2, **PLAIN), lambda p, t: (p.cumsum(-1) - t.cumsum(-1)).square().mean(-1).sqrt()),
]


@pytest.mark.parametrize(("loss", "definition"), DEFINITIONS, ids=[repr(loss) for loss, _ in DEFINITIONS])
def test_it_is_what_the_textbook_says(loss: wald.Loss, definition: Definition) -> None:
    """Value, and gradient by way of logits, where both sides stay on the simplex."""
    for seed in (0, 1):
        p, t = pair(seed)
        torch.testing.assert_close(loss.per_example(p, t), definition(p, t), rtol=1e-9, atol=1e-12)
        own = slope(lambda z, t: loss.replace(prediction_space="logits").per_example(z, t), p.log(), t)
        theirs = slope(lambda z, t: definition(z.softmax(-1), t), p.log(), t)
        torch.testing.assert_close(own, theirs, rtol=1e-8, atol=1e-10)


def test_scipy_agrees() -> None:
    p, t = pair()
    near = torch.testing.assert_close
    counts = [stats.power_divergence(100 * b, 100 * a)[0] / 100 for a, b in zip(p.numpy(), t.numpy(), strict=True)]
    near(wald.ChiSquared(**PLAIN).per_example(p, t), torch.tensor(counts))
    forward, reverse = (torch.tensor(special.rel_entr(a.numpy(), b.numpy()).sum(-1)) for a, b in ((t, p), (p, t)))
    near(wald.Jeffreys(**PLAIN).per_example(p, t), forward + reverse)
    for alpha, wanted in ((1.0, forward), (0.0, reverse)):
        near(wald.AlphaDivergence(alpha=alpha, **PLAIN).per_example(p, t), wanted)
    places = np.arange(5)
    moved = [stats.wasserstein_distance(places, places, a, b) for a, b in zip(p.numpy(), t.numpy(), strict=True)]
    near(wald.EarthMover(**PLAIN).per_example(p, t), torch.tensor(moved))


def test_the_families_lead_to_their_limits() -> None:
    p, t = pair()
    near = torch.testing.assert_close
    forward = wald.KLDivergence(**PLAIN).per_example(p, t)
    near(wald.RenyiDivergence(order=1 + 1e-7, **PLAIN).per_example(p, t), forward, rtol=1e-5, atol=1e-6)
    near(wald.AlphaDivergence(alpha=1 - 1e-9, **PLAIN).per_example(p, t), forward, rtol=1e-7, atol=1e-9)
    near(4 * wald.Hellinger(**PLAIN).per_example(p, t), wald.AlphaDivergence(**PLAIN).per_example(p, t))
    near(wald.ChiSquared(**PLAIN).per_example(p, t) / 2, wald.AlphaDivergence(alpha=2.0, **PLAIN).per_example(p, t))
    # Near each other all of them are the same quarter of χ², in their units.
    close = torch.log_softmax(t.log() + 1e-4 * p, -1).exp()
    near(
        4 * wald.Hellinger(**PLAIN).per_example(close, t),
        wald.ChiSquared(**PLAIN).per_example(close, t) / 2,
        rtol=1e-3,
        atol=0,
    )
    half = 1 - (-wald.RenyiDivergence(**PLAIN).per_example(p, t) / 2).exp()
    near(half, wald.Hellinger(**PLAIN).per_example(p, t))
    # Skew symmetry of Rényi's.
    a, b = (wald.RenyiDivergence(order=k, **PLAIN).per_example for k in (0.3, 0.7))
    near(0.3 * b(t, p), 0.7 * a(p, t))


@pytest.mark.parametrize("loss", [wald.Hellinger(), wald.AlphaDivergence(), wald.TotalVariationDistance()], ids=repr)
def test_impossible_classes_leave_a_finite_slope(loss: wald.Loss) -> None:
    z = torch.tensor([[0.0, -torch.inf, 1e4], [-1e4, 3.0, 2.0]], dtype=torch.float64)
    t = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    assert loss.per_example(z, t).isfinite().all()
    assert slope(loss.per_example, z, t).isfinite().all()


def test_it_is_infinite_where_nothing_is_shared() -> None:
    one, other = torch.eye(2, dtype=torch.float64)
    for loss in (wald.RenyiDivergence(**PLAIN), wald.ChiSquared(**PLAIN), wald.Jeffreys(**PLAIN)):
        assert loss.per_example(one, other) == math.inf
    assert wald.Hellinger(**PLAIN).per_example(one, other) == 1
    assert wald.ChiSquared(kind="symmetric", **PLAIN).per_example(one, other) == 2


def test_order_one_is_another_loss() -> None:
    with pytest.raises(ValueError, match=r"Use KLDivergence\(\)"):
        wald.RenyiDivergence(order=1.0)


def test_torch_divides_by_the_classes_too() -> None:
    """reduction="mean" is a third of the divergence of three classes; the textbook's is "batchmean", and ours."""
    p, t = pair(rows=2, classes=3)
    ours = wald.KLDivergence(like="torch.nn.KLDivLoss")(p.log(), t)
    torch.testing.assert_close(ours, torch.nn.KLDivLoss(reduction="batchmean")(p.log(), t))
    with pytest.warns(UserWarning, match="batchmean"):
        torch.testing.assert_close(ours / 3, torch.nn.functional.kl_div(p.log(), t, reduction="mean"))
    want = slope(torch.nn.KLDivLoss(reduction="batchmean"), p.log(), t)
    torch.testing.assert_close(slope(wald.KLDivergence(like="torch.nn.functional.kl_div"), p.log(), t), want)


def test_torch_has_nan_where_both_sides_hold_a_class_impossible() -> None:
    """0 (log 0 - log 0) is 0 in the limit; torch multiplies 0 by an infinity."""
    p = torch.tensor([[1.0, 0.0]])
    assert torch.nn.KLDivLoss(reduction="batchmean")(p.log(), p).isnan()
    assert wald.KLDivergence(like="torch.nn.KLDivLoss")(p.log(), p) == 0


def several(seed: int = 0) -> Tensor:
    return 2 * torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("weights", [None, (0.2, 0.3, 0.5)])
def test_several_predictions_are_held_against_their_mean(weights: tuple[float, ...] | None) -> None:
    loss = wald.GeneralisedJensenShannon(weights=weights)

    def entropies(z: Tensor, _: Tensor) -> Tensor:
        share = torch.tensor(weights or (1 / 3,) * 3, dtype=torch.float64)
        mixture = torch.distributions.Categorical((share[:, None] * z.softmax(-1)).sum(-2))
        return mixture.entropy() - (share * torch.distributions.Categorical(logits=z).entropy()).sum(-1)

    z = several()
    torch.testing.assert_close(loss.per_example(z), entropies(z, z))
    torch.testing.assert_close(slope(lambda z, _: loss.per_example(z), z, z), slope(entropies, z, z))


def test_two_predictions_are_jensen_shannon() -> None:
    p, t = (x.log() for x in pair())
    for beta in (0.5, 0.2):
        two = wald.GeneralisedJensenShannon(weights=(1 - beta, beta)).per_example(torch.stack([p, t], -2))
        torch.testing.assert_close(two, wald.JensenShannon(beta=beta, target_space="logits").per_example(p, t))


def test_views_that_nearly_agree_keep_their_digits() -> None:
    """Of the order of 1e-9, where a difference of entropies has noise of 1e-7 in single precision."""
    z = 1e-4 * several().float()
    loss = wald.GeneralisedJensenShannon()
    torch.testing.assert_close(loss(z).double(), loss(z.double()), rtol=1e-2, atol=0)
    far = torch.tensor([[[1e4, 0.0, -torch.inf], [-1e4, 0.0, -torch.inf]]], requires_grad=True)
    value = loss(far)
    torch.testing.assert_close(value.detach(), torch.tensor(math.log(2)))
    assert torch.autograd.grad(value, far)[0].isfinite().all()


def test_weights_are_shares_of_the_views() -> None:
    with pytest.raises(ValueError, match=r"add to 1\.5"):
        wald.GeneralisedJensenShannon(weights=(1.0, 0.5))
    with pytest.raises(wald.ShapeError, match="for 2 views"):
        wald.GeneralisedJensenShannon(weights=(0.5, 0.5))(several())


@pytest.mark.peers
def test_timm_adds_it_to_a_cross_entropy() -> None:
    """AugMix as timm has it: the views one after another along the batch, and labels for the clean ones."""
    timm = pytest.importorskip("timm.loss", reason="timm is compared with where it is installed")
    z, y = several().float(), torch.tensor([0, 1, 2, 3, 0, 1])
    theirs = timm.JsdCrossEntropy(num_splits=3, alpha=12, smoothing=0.0)

    def ours(z: Tensor, y: Tensor) -> Tensor:
        return wald.CrossEntropy()(z[:, 0], y) + 12 * wald.GeneralisedJensenShannon()(z)

    rows = lambda z, y: theirs(z.transpose(0, 1).reshape(-1, 4), y.repeat(3))  # noqa: E731
    torch.testing.assert_close(ours(z, y), rows(z, y))
    torch.testing.assert_close(slope(ours, z, y), slope(rows, z, y))


def _optax(name: str) -> Case:
    p, t = pair()
    second = (t.log() if name.endswith("targets") else t).numpy()
    full = f"optax.losses.{name}"
    return of_port(full, by_jax(lambda x: attribute(full)(x, second)), p.log(), torch.tensor(second), within=2e-5)


def _keras() -> Case:
    """Of probabilities, both of which it keeps above 1e-7; its slope is told along the simplex."""
    p, t = (x.float() for x in pair())
    return of_port(
        "keras.losses.KLDivergence",
        lambda z: attribute("keras.losses.KLDivergence")()(t, z.softmax(-1)),
        p.log(),
        how=lambda loss, z: loss(z.softmax(-1), t),
        within=1e-5,
    )


def _of_ours(loss: wald.Loss, name: str, theirs: Callable[..., object], p: Tensor, t: Tensor) -> Case:
    return Case(
        loss=type(loss).__name__,
        name=name,
        fields={key: value for key, value in loss.to_dict().items() if key in ("alpha", "order")},
        ours=lambda z: loss.per_example(z.softmax(-1), t),
        theirs=by_numbers(lambda z: theirs(z.softmax(-1).numpy(), t.numpy())),
        at=p.log(),
    )


def _scipy() -> list[Case]:
    p, t = pair()
    places = np.arange(5)
    relative = "scipy.special.rel_entr"
    return [
        _of_ours(wald.KLDivergence(**PLAIN), relative, lambda p, t: special.rel_entr(t, p).sum(-1), p, t),
        _of_ours(
            wald.Jeffreys(**PLAIN),
            relative,
            lambda p, t: special.rel_entr(t, p).sum(-1) + special.rel_entr(p, t).sum(-1),
            p,
            t,
        ),
        _of_ours(wald.AlphaDivergence(alpha=1.0, **PLAIN), relative, lambda p, t: special.rel_entr(t, p).sum(-1), p, t),
        _of_ours(
            wald.JensenShannon(prediction_space="probabilities"),
            "scipy.spatial.distance.jensenshannon",
            lambda p, t: distance.jensenshannon(p, t, axis=-1) ** 2,
            p,
            t,
        ),
        _of_ours(
            wald.EarthMover(**PLAIN),
            "scipy.stats.wasserstein_distance",
            lambda p, t: [stats.wasserstein_distance(places, places, a, b) for a, b in zip(p, t, strict=True)],
            p,
            t,
        ),
    ]


def _kornia(name: str) -> Case:
    """Heatmaps (N, keypoints, height, width) that add up to 1."""
    p, t = pair(3, rows=6, classes=12)
    maps = t.reshape(2, 3, 3, 4)
    return of_port(
        f"kornia.losses.{name}",
        lambda p: attribute(f"kornia.losses.{name}")(p.reshape(maps.shape), maps, reduction="none").flatten(),
        p,
        t,
    )


CASES: list[Case] = [
    *(_kornia(name) for name in ("js_div_loss_2d", "kl_div_loss_2d")),
    _keras(),
    *(_optax(name) for name in ("kl_divergence", "kl_divergence_with_log_targets")),
    *_scipy(),
]
