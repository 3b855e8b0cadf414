"""What other libraries ship under these names: one table a library, value and gradient; and where they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
import os
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from ..parity.case import Case, attribute, by_jax, by_numbers, of_port
from .agreeing import ids, law, near, scores

os.environ.setdefault("KERAS_BACKEND", "torch")

Call = Callable[[Any, Tensor, Tensor], Tensor]

#: What a case is about: scores of classes with ids, with probabilities, or single scores with labels.
INPUTS: dict[str, Callable[[], tuple[Tensor, Tensor]]] = {
    "ids": lambda: (scores().float(), ids()),
    "soft": lambda: (scores().float(), law().float()),
    "labels": lambda: (scores().float(), (scores(5) > 0).float()),
    "shares": lambda: (scores().float(), scores(5).sigmoid().float()),
    "log p": lambda: (scores().log_softmax(-1).float(), ids()),
    "p": lambda: (scores().softmax(-1).float(), ids()),
}


def _made(name: str, **fields: Any) -> Call:
    return lambda module, z, y: getattr(module, name)(**fields)(z, y)


def _keras(name: str, hot: bool = False, **fields: Any) -> Call:
    def call(module: Any, z: Tensor, y: Tensor) -> Tensor:
        return getattr(module, name)(reduction=None, **fields)(F.one_hot(y, 4).float() if hot else y, z)

    return call


def _keras_elements(module: Any, z: Tensor, y: Tensor) -> Tensor:
    loss = module.BinaryFocalCrossentropy(from_logits=True, reduction=None)
    return loss(y.reshape(-1, 1), z.reshape(-1, 1)).reshape(z.shape)


def _signed(module: Any, z: Tensor, y: Tensor) -> Tensor:
    return module.SoftMarginLoss(reduction="none")(z, 2 * y - 1)


#: The port, the module, how it is called, what it is called with, and how the values of ours are averaged there.
TABLE: list[tuple[str, str, Call, str, Callable[[Tensor], Tensor]]] = [
    ("torch.nn.CrossEntropyLoss", "torch.nn", _made("CrossEntropyLoss", reduction="none"), "ids", lambda v: v),
    ("torch.nn.CrossEntropyLoss", "torch.nn", _made("CrossEntropyLoss", reduction="none"), "soft", lambda v: v),
    (
        "torch.nn.functional.cross_entropy",
        "torch.nn.functional",
        lambda m, z, y: m.cross_entropy(z, y, reduction="none"),
        "ids",
        lambda v: v,
    ),
    ("torch.nn.NLLLoss", "torch.nn", _made("NLLLoss", reduction="none"), "log p", lambda v: v),
    (
        "torch.nn.functional.nll_loss",
        "torch.nn.functional",
        lambda m, z, y: m.nll_loss(z, y, reduction="none"),
        "log p",
        lambda v: v,
    ),
    ("torch.nn.BCEWithLogitsLoss", "torch.nn", _made("BCEWithLogitsLoss", reduction="none"), "shares", lambda v: v),
    ("torch.nn.SoftMarginLoss", "torch.nn", _signed, "labels", lambda v: v),
    (
        "torch.nn.MultiLabelSoftMarginLoss",
        "torch.nn",
        _made("MultiLabelSoftMarginLoss", reduction="none"),
        "labels",
        lambda v: v.mean(-1),
    ),
    ("timm.loss.SoftTargetCrossEntropy", "timm.loss", _made("SoftTargetCrossEntropy"), "soft", lambda v: v.mean()),
    (
        "timm.loss.LabelSmoothingCrossEntropy",
        "timm.loss",
        _made("LabelSmoothingCrossEntropy"),
        "ids",
        lambda v: v.mean(),
    ),
    ("timm.loss.PolyCrossEntropy", "timm.loss", _made("PolyCrossEntropy", reduction="none"), "ids", lambda v: v),
    ("timm.loss.PolyCrossEntropy", "timm.loss", _made("PolyCrossEntropy", reduction="none"), "soft", lambda v: v),
    (
        "timm.loss.PolyBinaryCrossEntropy",
        "timm.loss",
        _made("PolyBinaryCrossEntropy", reduction="none"),
        "shares",
        lambda v: v,
    ),
    (
        "timm.loss.AsymmetricLossMultiLabel",
        "timm.loss",
        _made("AsymmetricLossMultiLabel", reduction="none"),
        "labels",
        lambda v: v,
    ),
    (
        "keras.losses.CategoricalGeneralizedCrossEntropy",
        "keras.losses",
        lambda m, z, y: m.CategoricalGeneralizedCrossEntropy(reduction=None)(y, z.softmax(-1)),
        "ids",
        lambda v: v,
    ),
    (
        "keras.losses.CategoricalCrossentropy",
        "keras.losses",
        _keras("CategoricalCrossentropy", hot=True),
        "p",
        lambda v: v,
    ),
    (
        "keras.losses.SparseCategoricalCrossentropy",
        "keras.losses",
        _keras("SparseCategoricalCrossentropy"),
        "p",
        lambda v: v,
    ),
    ("keras.losses.BinaryFocalCrossentropy", "keras.losses", _keras_elements, "labels", lambda v: v),
    (
        "torchvision.ops.sigmoid_focal_loss",
        "torchvision.ops",
        lambda m, z, y: m.sigmoid_focal_loss(z, y),
        "labels",
        lambda v: v,
    ),
    (
        "kornia.losses.BinaryFocalLossWithLogits",
        "kornia.losses",
        lambda m, z, y: m.BinaryFocalLossWithLogits(alpha=None, reduction="none")(z, y),
        "labels",
        lambda v: v,
    ),
    (
        "kornia.losses.FocalLoss",
        "kornia.losses",
        lambda m, z, y: m.FocalLoss(alpha=None, reduction="none")(z[..., None], y[..., None]).sum((1, 2)),
        "ids",
        lambda v: v,
    ),
    ("monai.losses.FocalLoss", "monai.losses", _made("FocalLoss", reduction="none"), "labels", lambda v: v),
    (
        "segmentation_models_pytorch.losses.FocalLoss",
        "segmentation_models_pytorch.losses",
        _made("FocalLoss", mode="binary"),
        "labels",
        lambda v: v.mean(),
    ),
    (
        "segmentation_models_pytorch.losses.SoftBCEWithLogitsLoss",
        "segmentation_models_pytorch.losses",
        _made("SoftBCEWithLogitsLoss", reduction="none"),
        "labels",
        lambda v: v,
    ),
    ("entmax.Entmax15Loss", "entmax", _made("Entmax15Loss", reduction="none"), "ids", lambda v: v),
    ("entmax.EntmaxBisectLoss", "entmax", _made("EntmaxBisectLoss", reduction="none"), "ids", lambda v: v),
    ("entmax.SparsemaxLoss", "entmax", _made("SparsemaxLoss", reduction="none"), "ids", lambda v: v),
    ("entmax.SparsemaxBisectLoss", "entmax", _made("SparsemaxBisectLoss", reduction="none"), "ids", lambda v: v),
    ("pytorch_ood.loss.LogitNorm", "pytorch_ood.loss", _made("LogitNorm", reduction="none"), "ids", lambda v: v),
]


def _case(name: str, module: str, call: Call, inputs: str, averaged: Callable[[Tensor], Tensor]) -> Case:
    z, y = INPUTS[inputs]()

    def ours(loss: wald.Loss, p: Tensor) -> Tensor:
        return averaged(loss.per_example(p, y))

    if inputs != "p":
        return of_port(name, lambda z: call(import_module(module), z, y), z, how=ours, within=2e-5)
    # Keras brings what it is given to a sum of one, so that its slope is told along the simplex.
    return of_port(
        name,
        lambda z: call(import_module(module), z.softmax(-1), y),
        z.log(),
        how=lambda loss, z: ours(loss, z.softmax(-1)),
        within=2e-5,
    )


OPTAX: dict[str, tuple[str, str]] = {
    "optax.softmax_cross_entropy": ("softmax_cross_entropy", "soft"),
    "optax.safe_softmax_cross_entropy": ("safe_softmax_cross_entropy", "soft"),
    "optax.softmax_cross_entropy_with_integer_labels": ("softmax_cross_entropy_with_integer_labels", "ids"),
    "optax.sigmoid_binary_cross_entropy": ("sigmoid_binary_cross_entropy", "shares"),
    "optax.losses.sigmoid_focal_loss": ("sigmoid_focal_loss", "labels"),
    "optax.losses.poly_loss_cross_entropy": ("poly_loss_cross_entropy", "soft"),
    "optax.losses.multiclass_sparsemax_loss": ("multiclass_sparsemax_loss", "ids"),
}


def _optax(name: str, function: str, inputs: str) -> Case:
    z, y = INPUTS[inputs]()
    return of_port(name, by_jax(lambda z: attribute(f"optax.losses.{function}")(z, y.numpy())), z, y, within=2e-5)


CASES: list[Case] = [
    *(_case(*row) for row in TABLE),
    *(_optax(name, *row) for name, row in OPTAX.items()),
    of_port(
        "sklearn.metrics.log_loss",
        by_numbers(
            lambda z: attribute("sklearn.metrics.log_loss")(ids().numpy(), z.softmax(-1).numpy(), labels=range(4))
        ),
        scores(),
        how=lambda loss, z: loss(z.softmax(-1), ids()),
    ),
]


@pytest.mark.parametrize(
    ("port", "metric", "inputs"),
    [
        ("catboost.Logloss", "Logloss", "labels"),
        ("catboost.CrossEntropy", "CrossEntropy", "shares"),
        ("catboost.MultiClass", "MultiClass", "ids"),
    ],
)
def test_catboost_agrees(port: str, metric: str, inputs: str) -> None:
    utils = pytest.importorskip("catboost.utils", reason="catboost is not installed")
    z, y = INPUTS[inputs]()
    if inputs != "ids":
        z, y = z[:, 0], y[:, 0]
    z = z.double()
    (wanted,) = utils.eval_metric(y.double().numpy(), z.numpy(), metric)
    loss = wald.get(port)(like=port)
    assert loss(z, y if inputs == "ids" else y.double()).item() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("port", "objective", "metric"),
    [
        ("xgboost.binary:logistic", "binary:logistic", "logloss"),
        ("xgboost.binary:logitraw", "binary:logitraw", "logloss"),
        ("xgboost.reg:logistic", "reg:logistic", "logloss"),
        ("xgboost.multi:softprob", "multi:softprob", "mlogloss"),
        ("xgboost.multi:softmax", "multi:softmax", "mlogloss"),
    ],
)
def test_one_leaf_of_xgboost_is_one_step_of_newton(port: str, objective: str, metric: str) -> None:
    """A tree with one leaf moves by -Σ gradient / Σ curvature, in units of the learning rate."""
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    several = objective.startswith("multi")
    y = ids(rows=40) if several else (scores(5, rows=40)[:, 0] > 0.5).double()
    fields = {"objective": objective, "base_score": 0.5, "lambda": 0, "max_depth": 1, "eta": 1.0, "min_child_weight": 0}
    fields |= {"num_class": 4} if several else {}
    data = xgboost.DMatrix(np.zeros((40, 1)), label=y.numpy())
    moved = xgboost.train(fields, data, 1).predict(data, output_margin=True)
    start = torch.zeros(40, 4 if several else 1, dtype=torch.float64).squeeze(-1)
    if several or objective == "binary:logitraw":
        start = start + 0.5  # a base score is a margin there
    gradient, curvature = wald.gradient_and_hessian(wald.get(port)(like=port), start, y)
    # Of several classes XGBoost takes twice the diagonal of the Hessian, which bounds the whole.
    step = gradient.sum(0) / (curvature.sum(0) * (2 if several else 1))
    near(torch.from_numpy(moved).double()[0], start[0] - step, 1e-5)


@pytest.mark.parametrize("port", ["lightgbm.binary", "lightgbm.cross_entropy", "lightgbm.multiclass"])
def test_one_leaf_of_lightgbm_is_one_step_of_newton(port: str) -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    objective = port.partition(".")[2]
    several = objective == "multiclass"
    rng = np.random.default_rng(0)
    x = (np.arange(400) % 2).astype(float)[:, None]
    y = rng.integers(0, 4, 400) if several else (rng.random(400) < 0.2 + 0.5 * x[:, 0]).astype(float)
    fields = {"objective": objective, "boost_from_average": False, "learning_rate": 1.0, "num_leaves": 2, "verbose": -1}
    fields |= {"num_class": 4} if several else {}
    fields |= {"min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0, "lambda_l2": 0, "min_gain_to_split": 0}
    model = lightgbm.train(fields, lightgbm.Dataset(x, y), 1)
    moved = torch.from_numpy(np.asarray(model.predict(x, raw_score=True))).double()
    truth = torch.from_numpy(y)
    start = torch.zeros(400, 4 if several else 1, dtype=torch.float64).squeeze(-1)
    gradient, curvature = wald.gradient_and_hessian(wald.get(port)(like=port), start, truth)
    for side in (0, 1):
        rows = torch.from_numpy(x[:, 0] == side)
        # Of K classes LightGBM takes K / (K - 1) times the diagonal of the Hessian.
        step = gradient[rows].sum(0) / (curvature[rows].sum(0) * (4 / 3 if several else 1))
        near(moved[rows][0], -step, 1e-5)


# Where libraries of one name differ, or are wrong.


def test_class_weights_of_ids_and_of_probabilities_divide_alike() -> None:
    """torch divides ids by Σ w_y and probabilities by their number: one problem, two numbers. Ours is one."""
    z, y = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 0.5]]), torch.tensor([0, 1, 1])
    weight = torch.tensor([1.0, 5.0])
    by_ids = F.cross_entropy(z, y, weight=weight)
    by_shares = F.cross_entropy(z, F.one_hot(y, 2).float(), weight=weight)
    near(by_shares / by_ids, 11 / 3, 1e-6)
    loss = wald.CrossEntropy(class_weight=weight)
    near(loss(z, y), by_ids, 1e-6)
    near(loss(z, F.one_hot(y, 2).float()), by_ids, 1e-6)
    near(loss(z, F.one_hot(y, 2).float(), normalizer="rows"), by_shares, 1e-6)
    assert F.cross_entropy(z, torch.full((3,), -100)).isnan()
    assert loss(z, torch.full((3,), -100)) == 0


@pytest.mark.peers
def test_focal_losses_of_one_name() -> None:
    """Same scores, four conventions: how alpha counts, what the mean divides by, and which softmax it is."""
    kornia = pytest.importorskip("kornia.losses", reason="kornia is not installed")
    monai = pytest.importorskip("monai.losses", reason="monai is not installed")
    smp = pytest.importorskip("segmentation_models_pytorch.losses", reason="smp is not installed")
    z, y = INPUTS["ids"]()
    image, truth = z[..., None], y[..., None]
    plain = wald.Focal(kind="multiclass")
    near(monai.FocalLoss(use_softmax=True, to_onehot_y=True)(image, truth[:, None]), plain(z, y) / 4, 1e-5)
    near(kornia.FocalLoss(alpha=None, reduction="mean")(image, truth), plain(z, y) / 4, 1e-5)
    weighted = wald.Focal(kind="multiclass", alpha=(0.75, 0.25, 0.25, 0.25))
    near(kornia.FocalLoss(alpha=0.25, reduction="none")(image, truth).sum(), weighted(z, y, reduction="sum"), 1e-5)
    # Of each class against the rest, the mean over the classes too.
    against = wald.Focal()(z, F.one_hot(y, 4).float(), reduction="none")
    near(smp.FocalLoss(mode="multiclass")(image, truth), against.mean(), 1e-5)


@pytest.mark.peers
def test_keras_ignores_alpha_unless_asked() -> None:
    keras = pytest.importorskip("keras.losses", reason="keras is not installed")
    z, y = INPUTS["labels"]()
    off = keras.BinaryFocalCrossentropy(alpha=0.25, from_logits=True)(y, z)
    on = keras.BinaryFocalCrossentropy(alpha=0.25, apply_class_balancing=True, from_logits=True)(y, z)
    near(off, wald.Focal()(z, y), 1e-4)
    near(on, wald.Focal(alpha=0.25)(z, y), 1e-4)


def test_where_the_smoothed_mass_lies() -> None:
    """s/K on every class here, as in torch, Keras and timm; s/(K - 1) on the wrong ones is another strength of it."""
    z, y = scores(), ids()
    wrong_only = torch.full((31, 4), 0.1 / 3, dtype=torch.float64).scatter(1, y[:, None], 0.9)
    near(wald.CrossEntropy(label_smoothing=0.1)(z, y), F.cross_entropy(z, y, label_smoothing=0.1))
    near(wald.CrossEntropy(label_smoothing=0.1 * 4 / 3)(z, y), wald.CrossEntropy()(z, wrong_only))
    b, t = z[:, 0], (y > 1).double()
    # y (1 - s) + (1 - y) s, as in segmentation-models-pytorch, is twice as far.
    twice = F.binary_cross_entropy_with_logits(b, t * 0.9 + (1 - t) * 0.1)
    near(wald.BinaryCrossEntropy(label_smoothing=0.2)(b, t), twice)


@pytest.mark.peers
def test_smp_keeps_ignored_targets_in_its_mean_and_fails_by_default() -> None:
    smp = pytest.importorskip("segmentation_models_pytorch.losses", reason="smp is not installed")
    z, y = INPUTS["ids"]()
    with pytest.raises(TypeError):
        smp.SoftCrossEntropyLoss()(z, y)  # its default smooth_factor is None, which is multiplied
    y = y.clone()
    y[:11] = -100
    theirs = smp.SoftCrossEntropyLoss(smooth_factor=0.1)(z, y)
    ours = wald.CrossEntropy(label_smoothing=0.1)
    near(ours(z, y), F.cross_entropy(z, y, label_smoothing=0.1), 1e-6)
    near(theirs, ours(z, y) * 20 / 31, 1e-5)


@pytest.mark.peers
def test_entmax_does_not_honour_its_own_ignore_index() -> None:
    entmax = pytest.importorskip("entmax", reason="entmax is not installed")
    z, y = INPUTS["ids"]()
    y = y.clone()
    y[:5] = -100
    with pytest.raises((IndexError, RuntimeError)):
        entmax.Entmax15Loss()(z, y)
    near(wald.Entmax()(z, y), entmax.Entmax15Loss()(z[5:], y[5:]), 1e-5)


def test_the_symmetric_cross_entropy_of_catalyst_is_another() -> None:
    """Catalyst 22.4: no softmax, and the one-hot target clamped at 1e-4 in both terms.

    Its log 0 is ln 1e-4 = -9.2 where the paper has -4, and its cross-entropy also counts 1e-4 of every wrong class:
    -Σ max(t, 1e-4) log p. Given the probabilities that it expects, that is this value; ours is the paper's.
    """
    z, y = scores(), ids()
    p, t = z.softmax(-1).clamp(1e-7, 1), F.one_hot(y, 4).double().clamp(1e-4, 1)
    theirs = (-(t * p.log()).sum(-1) - (p * t.log()).sum(-1)).mean()
    stretched = wald.SymmetricCrossEntropy(alpha=1, beta=1, log_zero=np.log(1e-4).item())(z, y)
    leaked = -1e-4 * (z.log_softmax(-1).sum(-1) - z.log_softmax(-1).gather(-1, y[:, None])[:, 0]).mean()
    near(theirs, stretched + leaked, 1e-6)
    paper = -z.log_softmax(-1).gather(-1, y[:, None])[:, 0] + 4 * (1 - z.softmax(-1).gather(-1, y[:, None])[:, 0])
    near(wald.SymmetricCrossEntropy(alpha=1, beta=1)(z, y), paper.mean())
    assert (theirs - paper.mean()).abs() > 0.5


@pytest.mark.peers
def test_the_matthews_loss_of_smp_and_monai_nears_ours_as_their_constants_vanish() -> None:
    smp = pytest.importorskip("segmentation_models_pytorch.losses", reason="smp is not installed")
    monai = pytest.importorskip("monai.losses", reason="monai is not installed")
    z, y = (x.flatten().double() for x in INPUTS["labels"]())
    near(smp.MCCLoss(eps=1e-9)(z.sigmoid()[None], y[None]), wald.MatthewsCorrelation()(z, y), 1e-7)
    near(
        monai.MCCLoss(sigmoid=True, smooth_dr=1e-9)(z[None, None], y[None, None]),
        wald.MatthewsCorrelation()(z, y),
        1e-7,
    )
