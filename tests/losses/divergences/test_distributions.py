"""Divergences between distributions: other people's values, identities, limits and edges."""

from __future__ import annotations

from collections.abc import Callable
import math

import numpy as np
import pytest
from scipy import special, stats
import torch
from torch import Tensor

import wald

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
    for loss in (wald.RenyiDivergence(**PLAIN), wald.Jeffreys(**PLAIN)):
        assert loss.per_example(one, other) == math.inf
    assert wald.Hellinger(**PLAIN).per_example(one, other) == 1


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


@pytest.mark.peers
def test_keras_divergence() -> None:
    keras = pytest.importorskip("keras", reason="compares with it")
    p, t = (x.float() for x in pair())
    theirs = keras.losses.KLDivergence()(t.numpy(), p.numpy())
    assert float(wald.KLDivergence(like="keras")(p, t)) == pytest.approx(float(theirs), rel=1e-5)


@pytest.mark.peers
@pytest.mark.parametrize("name", ["kl_divergence", "kl_divergence_with_log_targets"])
def test_optax_divergence(name: str) -> None:
    losses = pytest.importorskip("optax", reason="compares with it").losses
    import jax

    p, t = pair()
    given = (p.log(), t.log() if name.endswith("targets") else t)
    function = getattr(losses, name)
    a, b = (jax.numpy.asarray(x.numpy()) for x in given)
    ours = wald.KLDivergence(like=f"optax.losses.{name}").per_example
    np.testing.assert_allclose(ours(*given).numpy(), np.asarray(function(a, b)), rtol=2e-5, atol=1e-6)
    theirs = jax.grad(lambda x: function(x, b).sum())(a)
    np.testing.assert_allclose(slope(ours, *given).numpy(), np.asarray(theirs), rtol=2e-5, atol=1e-6)
