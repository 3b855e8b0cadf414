"""Losses of masks against the libraries that ship them, in value and gradient: one row for each port."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

import wald

from ..parity.case import Case, attribute, by_jax, of_port

pytestmark = pytest.mark.peers

N, C, H, W = 2, 3, 5, 7


def images(kind: str, seed: int) -> tuple[Tensor, Tensor]:
    """Scores (N, C, H, W) and class ids (N, H, W) in which every class is there; or one mask of both."""
    generator = torch.Generator().manual_seed(seed)
    if kind == "multiclass":
        ids = torch.randint(0, C, (N, H, W), generator=generator)
        ids[:, 0, :C] = torch.arange(C)
        return torch.randn(N, C, H, W, generator=generator, dtype=torch.float64), ids
    z = torch.randn(N, 1, H, W, generator=generator, dtype=torch.float64)
    return z, (torch.rand(N, 1, H, W, generator=generator) < 0.4).double()


def onehot(ids: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(ids, C).movedim(-1, 1).double()


def monai(name: str, **fields: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss of MONAI, on scores and class ids, or on one mask."""

    def call(z: Tensor, t: Tensor) -> Tensor:
        activation = {"sigmoid": True} if t.is_floating_point() else {"softmax": True}
        made = getattr(import_module("monai.losses"), name)(**activation, **fields)
        return made(z, t if t.is_floating_point() else onehot(t))

    return call


def keras(name: str, **fields: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """Keras pools the batch unless `axis` names the axes of an example."""
    return lambda z, t: getattr(import_module("keras").losses, name)(t, z.sigmoid(), axis=(1, 2, 3), **fields).mean()


def kornia(name: str, **fields: Any) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda z, t: getattr(import_module("kornia.losses"), name)(z, t, **fields)


def optax(name: str) -> Callable[[Tensor, Tensor], Any]:
    """Optax wants classes last."""

    def call(z: Tensor, t: Tensor) -> Any:
        y = (onehot(t) if not t.is_floating_point() else t).movedim(1, -1).numpy()
        theirs, last = attribute(f"optax.losses.{name}"), attribute("jax.numpy.moveaxis")
        return by_jax(lambda x: theirs(last(x, 1, -1), y).mean())(z)

    return call


def unified(z: Tensor, t: Tensor) -> Tensor:
    made = import_module("monai.losses").AsymmetricUnifiedFocalLoss()
    return made(z.sigmoid(), t)


def wasserstein(z: Tensor, t: Tensor) -> Tensor:
    matrix = torch.tensor(FAR, dtype=torch.float64)
    return import_module("monai.losses").GeneralizedWassersteinDiceLoss(dist_matrix=matrix)(z, t)


def cross(z: Tensor, t: Tensor) -> Tensor:
    made = import_module("monai.losses").DiceCELoss(to_onehot_y=True, softmax=True)
    return made(z, t.unsqueeze(1))


FAR = ((0.0, 1.0, 1.0), (1.0, 0.0, 0.5), (1.0, 0.5, 0.0))

#: The port, fields of ours beside its own, the kind of masks, and the loss of the library.
PORTS: list[tuple[str, str, dict[str, Any], str, Callable[[Tensor, Tensor], Tensor]]] = [
    ("Dice", "monai.losses.DiceLoss", {}, "binary", monai("DiceLoss")),
    ("Dice", "monai.losses.DiceLoss", {"kind": "multiclass"}, "multiclass", monai("DiceLoss")),
    ("Dice", "monai.losses.DiceLoss", {"squared": True}, "binary", monai("DiceLoss", squared_pred=True)),
    (
        "Dice",
        "monai.losses.DiceLoss",
        {"kind": "multiclass", "background": False},
        "multiclass",
        monai("DiceLoss", include_background=False),
    ),
    ("Dice", "keras.losses.Dice", {}, "binary", keras("dice")),
    ("Dice", "optax.losses.binary_dice_loss", {}, "binary", optax("binary_dice_loss")),
    ("Dice", "optax.losses.dice_loss", {}, "multiclass", optax("dice_loss")),
    ("Dice", "kornia.losses.dice_loss", {}, "multiclass", kornia("dice_loss", average="macro")),
    (
        "Tversky",
        "monai.losses.TverskyLoss",
        {"alpha": 0.3, "beta": 0.7},
        "binary",
        monai("TverskyLoss", alpha=0.3, beta=0.7),
    ),
    ("Tversky", "keras.losses.Tversky", {}, "binary", keras("tversky")),
    (
        "Tversky",
        "kornia.losses.tversky_loss",
        {"alpha": 0.3, "beta": 0.7},
        "multiclass",
        kornia("tversky_loss", alpha=0.3, beta=0.7),
    ),
    ("GeneralisedDice", "monai.losses.GeneralizedDiceLoss", {}, "multiclass", monai("GeneralizedDiceLoss")),
    (
        "GeneralisedWassersteinDice",
        "monai.losses.GeneralizedWassersteinDiceLoss",
        {"distances": FAR},
        "multiclass",
        wasserstein,
    ),
    ("DiceCrossEntropy", "monai.losses.DiceCELoss", {"kind": "multiclass"}, "multiclass", cross),
    ("UnifiedFocal", "monai.losses.AsymmetricUnifiedFocalLoss", {}, "binary", unified),
    (
        "LovaszHinge",
        "kornia.losses.lovasz_hinge_loss",
        {},
        "binary",
        lambda z, t: kornia("lovasz_hinge_loss")(z, t.long().squeeze(1)),
    ),
    ("LovaszSoftmax", "kornia.losses.lovasz_softmax_loss", {}, "multiclass", kornia("lovasz_softmax_loss")),
]


def _case(
    name: str, port: str, fields: dict[str, Any], kind: str, theirs: Callable[[Tensor, Tensor], Tensor], seed: int
) -> Case:
    z, t = images(kind, seed)
    plain = name.startswith("Lovasz")

    def ours(loss: wald.Loss, z: Tensor) -> Tensor:
        if plain:
            return loss(z.flatten(1), t.flatten(1)) if kind == "binary" else loss(z.flatten(2).mT, t.flatten(1))
        return loss(z, t)

    axis = {} if plain else {"axis": 1}
    return of_port(port, lambda z: theirs(z, t), z, how=ours, within=1e-5, **fields, **axis)


CASES: list[Case] = [_case(*row, seed) for row in PORTS for seed in (0, 1)]


def test_a_jaccard_of_monai_is_smoothed_after_doubling() -> None:
    pytest.importorskip("monai", reason="compares with MONAI")
    z, t = images("binary", 0)
    found = wald.Jaccard(smooth=0.5, axis=1)(z, t)
    torch.testing.assert_close(found, monai("DiceLoss", jaccard=True, smooth_nr=1.0, smooth_dr=1.0)(z, t))


def test_the_borders_of_monai() -> None:
    pytest.importorskip("monai", reason="compares with MONAI")
    losses = import_module("monai.losses")
    z, t = images("binary", 0)
    z, t = z.float(), t.float()
    found = wald.Boundary(axis=1)(z, wald.Boundary.distances(t))
    torch.testing.assert_close(found, losses.BoundaryLoss(sigmoid=True)(z, t))
    own, true = wald.Hausdorff.distances((z > 0).float()), wald.Hausdorff.distances(t)
    for log, kind in ((False, losses.HausdorffDTLoss), (True, losses.LogHausdorffDTLoss)):
        wanted = torch.stack(
            [kind(sigmoid=True, include_background=True)(z[i : i + 1], t[i : i + 1]) for i in range(N)]
        )
        torch.testing.assert_close(wald.Hausdorff(axis=1, log=log)(z, t, own, true, reduction="none"), wanted)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_centreline_of_monai(dims: int) -> None:
    pytest.importorskip("monai", reason="compares with MONAI")
    generator = torch.Generator().manual_seed(0)
    shape = (2, 1, *([9, 8, 7][:dims]))
    z = torch.randn(shape, generator=generator, dtype=torch.float64)
    t = (torch.rand(shape, generator=generator) < 0.5).double()
    ours, other = z.clone().requires_grad_(), z.clone().requires_grad_()
    value = wald.CentrelineDice(dims=dims)(ours, t)
    wanted = import_module("monai.losses").SoftclDiceLoss(sigmoid=True, smooth=1e-12)(other, t)
    torch.testing.assert_close(value, wanted)
    value.backward()
    wanted.backward()
    torch.testing.assert_close(ours.grad, other.grad)


@pytest.mark.parametrize("name", ["DiceLoss", "JaccardLoss", "TverskyLoss"])
def test_smp_pools_the_batch_so_it_agrees_on_one_image(name: str) -> None:
    smp = pytest.importorskip("segmentation_models_pytorch", reason="compares with segmentation-models-pytorch")
    z, t = images("multiclass", 0)
    ours: dict[str, wald.Loss] = {
        "DiceLoss": wald.Dice(smooth=0, kind="multiclass", absent="zero", axis=1),
        "JaccardLoss": wald.Jaccard(smooth=0, kind="multiclass", absent="zero", axis=1),
        "TverskyLoss": wald.Tversky(smooth=0, alpha=0.3, beta=0.7, kind="multiclass", absent="zero", axis=1),
    }
    fields = {"alpha": 0.3, "beta": 0.7} if name == "TverskyLoss" else {}
    theirs = getattr(smp.losses, name)(mode="multiclass", smooth=0.0, **fields)
    torch.testing.assert_close(ours[name](z[:1], t[:1]), theirs(z[:1], t[:1]))
    # Of two images the pooled ratio is another number, and handing them over as one example gives it.
    pooled = theirs(z, t)
    assert not torch.allclose(ours[name](z, t), pooled)
    one = ours[name](z.movedim(1, 0).reshape(1, C, -1), t.reshape(1, -1))
    torch.testing.assert_close(one, pooled)


def test_six_libraries_and_one_dice() -> None:
    """Coverage §6.4: the same scores and labels under one name, by the field at which each is ours."""
    pytest.importorskip("monai", reason="compares with MONAI")
    pytest.importorskip("kornia", reason="compares with Kornia")
    z, t = images("multiclass", 3)
    spread = {
        "monai": monai("DiceLoss")(z, t).item(),
        "kornia": kornia("dice_loss")(z, t).item(),
        "squared": monai("DiceLoss", squared_pred=True)(z, t).item(),
    }
    assert len({round(value, 3) for value in spread.values()}) > 1
    dice = wald.Dice(kind="multiclass", axis=1)
    assert dice.replace(smooth=1e-5)(z, t).item() == pytest.approx(spread["monai"])
    assert dice.replace(smooth=1e-5, squared=True)(z, t).item() == pytest.approx(spread["squared"])
    # Kornia's "micro" pools the classes of an image: all one-hot pixels are one mask.
    share = z.softmax(1)
    pooled = 1 - 2 * (share * onehot(t)).sum((1, 2, 3)) / (share + onehot(t)).sum((1, 2, 3))
    assert pooled.mean().item() == pytest.approx(spread["kornia"])


def test_alpha_of_keras_is_beta_of_everyone_else() -> None:
    """Coverage §6.5 and §7: Keras documents alpha for false positives, and its code gives it the misses.

    In keras.losses.tversky `inputs` is the truth and `targets` the prediction, so what it calls `fp` is
    Σ (1 - p) t, and that is FN. On one missed pixel alpha decides there, and beta here.
    """
    pytest.importorskip("keras", reason="shows what Keras computes")
    missed, truth = torch.tensor([[[[1.0], [0.0]]]]), torch.tensor([[[[1.0], [1.0]]]])
    theirs = import_module("keras").losses.tversky(truth, missed, alpha=0.7, beta=0.3, axis=(1, 2, 3))
    assert theirs.item() == pytest.approx(1 - 1 / 1.7)
    z = 80 * missed - 40
    ours = wald.Tversky(like="keras", alpha=0.7, beta=0.3, axis=1)
    assert ours(z, truth).item() == pytest.approx(1 - 1 / 1.3)
    assert ours.replace(alpha=0.3, beta=0.7)(z, truth).item() == pytest.approx(theirs.item())
    monai_says = import_module("monai.losses").TverskyLoss if _there("monai") else None
    if monai_says is not None:
        assert monai_says(alpha=0.7, beta=0.3)(missed, truth).item() == pytest.approx(1 - 1 / 1.3, rel=1e-4)


def _there(library: str) -> bool:
    try:
        import_module(library)
    except ImportError:
        return False
    return True
