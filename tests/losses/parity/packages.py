"""Packages that are compared in one place or two: language models, series, generative models, and names on cards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from .. import trl
from .case import Case, attribute, by_jax, by_numbers, mean, of_port, total

F64 = torch.float64
RNG = torch.Generator().manual_seed(20261123)


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=RNG, dtype=F64)


def of(
    loss: wald.Loss, name: str, theirs: Callable[[Tensor], Any], at: Tensor, *rest: Any, within: float = 1e-6
) -> Case:
    """A name that is on no card, as the package gives it in another place or form."""
    return Case(
        loss=type(loss).__name__,
        name=name,
        ours=lambda x: loss(x, *rest),
        theirs=theirs,
        at=at,
        within=within,
    )


Z, K = drawn(13, 4), torch.randint(0, 4, (13,), generator=RNG)
A, B = drawn(2, 11, 6)


# Language models.


def _liger_preference() -> list[Case]:
    """The arithmetic of a pair behind its fused heads; the first argument stands for the batch, which it halves."""
    chosen, rejected, was_chosen, was_rejected = -10 * drawn(4, 9).abs()
    whole = torch.zeros(18)
    name = "liger_kernel.chunked_loss.dpo_loss.LigerFusedLinearDPOFunction"

    def theirs(chosen: Tensor) -> Tensor:
        function = attribute(name).preference_loss_fn
        return function(chosen, rejected, whole, was_chosen, was_rejected, beta=0.1)[0]

    port = "liger_kernel.chunked_loss.LigerFusedLinearDPOLoss"
    return [of_port(port, theirs, chosen, rejected, was_chosen, was_rejected, how=mean)]


def _liger_distillation() -> list[Case]:
    base = "liger_kernel.chunked_loss.jsd_loss.LigerFusedLinearJSDFunction"
    teacher = drawn(13, 4)

    def theirs(z: Tensor) -> Tensor:
        return attribute(base).distillation_loss_fn(z, teacher, beta=0.5).sum() / 13

    return [of(wald.JensenShannon(target_space="logits"), base, theirs, Z, teacher)]


# Sequences and time series.


def _keras_ctc() -> Case:
    """It takes label 0 for padding and for the blank."""
    z, target = drawn(3, 8, 5), torch.tensor([[1, 2, 3], [4, 4, 0], [2, 0, 0]])
    frames, length = torch.full((3,), 8), (target > 0).sum(-1)

    def theirs(z: Tensor) -> Tensor:
        return attribute("keras.losses.CTC")(reduction=None)(target, z)

    return of_port(
        "keras.losses.CTC",
        theirs,
        z.float(),
        target,
        frames,
        length,
        how=lambda loss, *x: loss(*x, reduction="none"),
        within=1e-5,
    )


def _optax_ctc() -> Case:
    z, target = drawn(3, 8, 5), torch.tensor([[1, 2, 3], [4, 4, 1], [2, 3, 1]])
    frames, length = torch.tensor([8, 6, 7]), torch.tensor([3, 2, 1])
    gone = [(torch.arange(n) >= known[:, None]).float().numpy() for n, known in ((8, frames), (3, length))]

    def theirs(z: Any) -> Any:
        return attribute("optax.losses.ctc_loss")(z, gone[0], target.numpy(), gone[1])

    return of_port(
        "optax.losses.ctc_loss",
        by_jax(theirs),
        z,
        target,
        frames,
        length,
        how=lambda loss, *x: loss(*x, reduction="none"),
        within=1e-4,
    )


def _optax_triplet() -> Case:
    near, far = drawn(11, 6), drawn(11, 6)
    theirs = by_jax(lambda a: attribute("optax.losses.triplet_margin_loss")(a, near.numpy(), far.numpy()))
    return of_port("optax.losses.triplet_margin_loss", theirs, A, near, far, within=1e-5)


def _tslearn() -> Case:
    x, y = drawn(3, 7), drawn(3, 6)
    name = "tslearn.metrics.SoftDTWLossPyTorch"
    return of_port(name, lambda x: attribute(name)(gamma=1.0)(x[..., None], y[..., None]), x, y, within=1e-5)


# Generative models and domains.


def _torchgan() -> list[Case]:
    real, fake = drawn(2, 9)
    found: list[Case] = []
    for kind in ("LeastSquares", "Minimax", "Wasserstein"):
        found += [
            of_port(
                f"torchgan.losses.{kind}DiscriminatorLoss",
                lambda x, kind=kind: attribute(f"torchgan.losses.{kind}DiscriminatorLoss")()(x, fake),
                real,
                fake,
                how=mean,
                within=1e-5,
            ),
            of_port(
                f"torchgan.losses.{kind}GeneratorLoss",
                lambda x, kind=kind: attribute(f"torchgan.losses.{kind}GeneratorLoss")()(x),
                fake,
                how=mean,
                within=1e-5,
            ),
        ]
    return found


def _coral() -> Case:
    x, y = drawn(9, 4), drawn(7, 4)
    return of_port(
        "pytorch_adapt.layers.CORALLoss", lambda x: attribute("pytorch_adapt.layers.CORALLoss")()(x, y), x, y, how=mean
    )


# Fairness, rows that matter and terms.


def _info_nce() -> Case:
    name = "info_nce.InfoNCE"
    return of_port(name, lambda q: attribute(name)()(q, B), A, B, how=mean)


def _focal_cosine() -> Case:
    name = "pytorch_optimizer.FocalCosineLoss"
    return of_port(name, lambda z: attribute(name)()(z, K), Z, K, how=mean)


def _open_clip() -> Case:
    """It takes vectors of length 1."""
    scale, there = 1 / 0.07, F.normalize(B)

    def theirs(x: Tensor) -> Tensor:
        return attribute("open_clip.loss.ClipLoss")()(F.normalize(x), there, scale)

    return of_port("open_clip.ClipLoss", theirs, A, B, how=mean)


def _lifelines() -> Case:
    """What it maximises, at the slope that it found for one feature."""
    x = drawn(18)
    x = (x - x.mean()) / x.std()  # as it does itself
    time = (8 * torch.rand(18, generator=RNG, dtype=F64)).round() + 1
    event = (torch.rand(18, generator=RNG) < 0.7).long()

    def likelihood(slope: Tensor) -> float:
        fitter = attribute("lifelines.CoxPHFitter")
        frame = attribute("pandas.DataFrame")({"x": x.numpy(), "t": time.numpy(), "e": event.numpy()})
        # One step of nothing from a start leaves the start, and tells its likelihood.
        return -fitter().fit(frame, "t", "e", initial_point=slope.numpy(), fit_options={"max_steps": 0}).log_likelihood_

    return of_port(
        "lifelines.CoxPHFitter",
        by_numbers(likelihood),
        torch.zeros(1, dtype=F64),
        how=lambda loss, slope: loss(slope * x, time, event, reduction="sum"),
    )


def _forecasting() -> list[Case]:
    """Its metrics have the loss of each point."""
    p, y = drawn(9, 3).abs() + 0.3, drawn(9, 3).abs() + 0.5
    levels = drawn(9, 3, 7)
    base = "pytorch_forecasting.metrics"
    plain = [
        of_port(f"{base}.{name}", lambda p, name=name: attribute(f"{base}.{name}")().loss(p, y), p, y)
        for name in ("MAE", "MAPE", "SMAPE")
    ]
    return [
        *plain,
        of_port(
            f"{base}.QuantileLoss",
            lambda q: attribute(f"{base}.QuantileLoss")().loss(q, y).sum(-1),
            levels,
            y,
            how=lambda loss, *x: 7 * loss.per_example(*x),
        ),
    ]


def _operators() -> list[Case]:
    """Of one function on a grid, whose edges it takes as periodic or not."""
    x, y = drawn(3, 16), drawn(3, 16)
    name = "neuralop.losses.LpLoss"
    return [of_port(name, lambda x: attribute(name)(d=1, p=2)(x[:, None], y[:, None]), x, y, how=total)]


def _pykeen() -> Case:
    name = "pykeen.losses.MarginRankingLoss"
    chosen, rejected = drawn(2, 9)
    return of_port(
        name, lambda c: attribute(name)(margin=1.0)(pos_scores=c, neg_scores=rejected), chosen, rejected, how=mean
    )


def _detections() -> list[Case]:
    """Ultralytics takes a place between bins, and scores with qualities."""
    z, place = drawn(12, 8), 6.5 * torch.rand(12, generator=RNG, dtype=F64)
    base = "ultralytics.utils.loss"
    return [
        of_port(
            f"{base}.DFLoss", lambda z: attribute(f"{base}.DFLoss")(8)(z, place[:, None])[:, 0], z, place, within=1e-5
        ),
    ]


# Names that are on cards and nowhere above.


def _labels(name: str, factor: float = 1.0, *, signed: bool = False, **fields: Any) -> Case:
    """Of Keras, which takes logits or scores where told so; and the mean over what it was given."""
    z, t = drawn(13, 1).float(), torch.randint(0, 2, (13, 1), generator=RNG).float()

    def theirs(z: Tensor) -> Tensor:
        return attribute(name)(reduction=None, **fields)(2 * t - 1 if signed else t, z)

    return of_port(name, theirs, z, t, how=lambda loss, *x: factor * loss.per_example(*x)[:, 0], within=1e-5)


def _focal_of_keras() -> Case:
    """Its alpha of 0.25 is a factor, the same for every class."""
    name = "keras.losses.CategoricalFocalCrossentropy"
    hot = F.one_hot(K, 4).float()
    return of_port(
        name,
        lambda z: 4 * attribute(name)(from_logits=True, reduction=None)(hot, z),
        Z.float(),
        K,
        within=1e-5,
    )


def _optax_hinge() -> Case:
    sign = torch.where(K > 1, 1.0, -1.0)
    theirs = by_jax(lambda z: attribute("optax.losses.hinge_loss")(z, sign.numpy()))
    return of_port("optax.losses.hinge_loss", theirs, Z[:, 0].contiguous(), (sign > 0).double(), within=1e-6)


def _optax_ntxent() -> Case:
    both = lambda x: attribute("jax.numpy.concatenate")([x, B.numpy()])  # noqa: E731
    twins = np.tile(np.arange(11), 2)
    theirs = by_jax(lambda x: attribute("optax.losses.ntxent")(both(x), twins))
    return of_port("optax.losses.ntxent", theirs, A, B, how=mean, within=1e-4)


def _sgd(name: str, kind: str, margin: float) -> Case:
    z, sign = Z[:, 0].contiguous(), torch.where(K > 1, 1.0, -1.0)

    def theirs(z: Tensor) -> tuple[list[float], list[float]]:
        loss = attribute(f"sklearn.linear_model._sgd_fast.{kind}")(margin)
        pairs = list(zip(z.tolist(), sign.tolist(), strict=True))
        return [loss.py_loss(a, b) for a, b in pairs], [loss.py_dloss(a, b) for a, b in pairs]

    return of_port(name, theirs, z, (sign > 0).double())


def _torch_named() -> list[Case]:
    t = torch.rand(13, 4, generator=RNG, dtype=F64)
    logits, triplet = "torch.nn.functional.binary_cross_entropy_with_logits", "torch.nn.TripletMarginWithDistanceLoss"
    near, far = drawn(11, 6), drawn(11, 6)
    return [
        of_port(logits, lambda z: attribute(logits)(z, t, reduction="none"), Z, t),
        of_port(
            triplet,
            lambda a: attribute(triplet)(distance_function=lambda a, b: (a - b).norm(dim=-1), reduction="none")(
                a, near, far
            ),
            A,
            near,
            far,
        ),
    ]


def _sphere() -> Case:
    """Embeddings of length 1, by which it multiplies."""
    name = "pytorch_metric_learning.losses.SphereFaceLoss"
    proxies = drawn(4, 6)

    def theirs(x: Tensor) -> Tensor:
        made = attribute(name)(num_classes=4, embedding_size=6)
        made.W.data = proxies.T.clone()
        return made(F.normalize(x), K[:11])

    def ours(loss: wald.Loss, x: Tensor) -> Tensor:
        return loss(F.normalize(x) @ F.normalize(proxies).T, K[:11])

    return of_port(name, theirs, A, how=ours, within=1e-5)


def _matthews() -> list[Case]:
    """Both add a constant to what they divide by, which is nothing beside many pixels."""
    z, t = drawn(400), (torch.rand(400, generator=RNG) < 0.4).double()
    smp, monai = "segmentation_models_pytorch.losses.MCCLoss", "monai.losses.MCCLoss"
    return [
        of_port(smp, lambda z: attribute(smp)()(z.sigmoid()[None], t[None]), z, t, how=mean, within=1e-4),
        of_port(
            monai, lambda z: attribute(monai)(sigmoid=True)(z[None, None], t[None, None]), z, t, how=mean, within=1e-4
        ),
    ]


def _trl() -> list[Case]:
    """The steps of its trainers, of tokens that are all said."""
    logps, reference = -drawn(6, 5).abs(), -3 * torch.rand(6, generator=RNG, dtype=F64)
    old, advantage = logps + 0.3 * drawn(6, 5), drawn(6)
    said = (torch.arange(5) < torch.tensor([5, 3, 2, 4, 1, 5])[:, None]).long()
    length = said.sum(1)

    def answers(loss: wald.Loss, x: Tensor, by: Tensor | float = 1.0) -> Tensor:
        summed = (x * said).sum(1) / by
        return loss(*summed.chunk(2), *(reference / by).chunk(2))

    means = {
        "grpo": {"weight": said / said.sum(1, keepdim=True)},
        "bnpo": {},
        "dapo": {"normalizer": float(said.sum())},
        "dr_grpo": {"normalizer": 7.0 * len(said)},
        "luspo": {"normalizer": float(len(said))},
    }
    rejected = drawn(9)
    return [
        of_port("trl.dpo.sigmoid", lambda x: trl.dpo(x * said, reference, said), logps, how=answers),
        of_port(
            "trl.dpo.sigmoid_norm",
            lambda x: trl.dpo(x * said, reference, said, "sigmoid_norm"),
            logps,
            how=lambda loss, x: answers(loss, x, length),
        ),
        *(
            of_port(
                f"trl.grpo.{kind}",
                lambda x, kind=kind: trl.grpo(x, advantage, old, said, kind, longest=7),
                logps,
                how=lambda loss, x, told=told: loss(x, advantage[:, None].expand(6, 5), old, mask=said > 0, **told),
            )
            for kind, told in means.items()
        ),
        of_port("trl.RewardTrainer", lambda x: trl.reward(x, rejected), drawn(9), rejected, how=mean),
    ]


def _fvcore() -> list[Case]:
    corner, size = (
        30 * torch.rand(2, 9, 2, generator=RNG, dtype=F64),
        1 + 20 * torch.rand(2, 9, 2, generator=RNG, dtype=F64),
    )
    a, b = torch.cat([corner, corner + size], -1)
    boxes, line = "fvcore.nn.giou_loss", "fvcore.nn.smooth_l1_loss"
    return [
        of_port(boxes, lambda a: attribute(f"{boxes}.giou_loss")(a, b), a, b, within=1e-5),
        of_port(line, lambda x: attribute(f"{line}.smooth_l1_loss")(x, B, beta=1.0), A, B),
    ]


CASES: list[Case] = [
    _pykeen(),  # before another that has optimisers of the same names
    *_liger_preference(),
    *_liger_distillation(),
    _keras_ctc(),
    _optax_ctc(),
    _optax_triplet(),
    _tslearn(),
    *_torchgan(),
    _coral(),
    _info_nce(),
    _focal_cosine(),
    _open_clip(),
    _lifelines(),
    *_forecasting(),
    *_operators(),
    *_detections(),
    _labels("keras.losses.Hinge"),
    _labels("keras.losses.SquaredHinge"),
    _labels("keras.losses.BinaryCrossentropy", from_logits=True),
    _focal_of_keras(),
    _optax_hinge(),
    _optax_ntxent(),
    _sgd("sklearn.hinge", "Hinge", 1.0),
    _sgd("sklearn.squared_hinge", "SquaredHinge", 1.0),
    *_torch_named(),
    _sphere(),
    *_matthews(),
    *_trl(),
    *_fvcore(),
]
