"""torch, SciPy and scikit-learn, which every development environment has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, distributions, nn
import torch.nn.functional as F  # noqa: N812

import wald

from .case import Case, attribute, by_numbers, each, mean, of_port

F64 = torch.float64
RNG = torch.Generator().manual_seed(20261122)


def drawn(*shape: int) -> Tensor:
    return 2 * torch.randn(shape, generator=RNG, dtype=F64)


def positive(*shape: int) -> Tensor:
    return 0.2 + 3 * torch.rand(shape, generator=RNG, dtype=F64)


def ids(rows: int, classes: int) -> Tensor:
    return torch.randint(0, classes, (rows,), generator=RNG)


P, Y = drawn(37), drawn(37)
Z, K = drawn(31, 4), ids(31, 4)
LABELS = torch.randint(0, 2, (31, 4), generator=RNG).double()
A, B, C = drawn(3, 19, 5)
SIGN = 2.0 * torch.randint(0, 2, (19,), generator=RNG).double() - 1
TOGETHER = (SIGN + 1) / 2
COUNTS = torch.randint(0, 6, (37,), generator=RNG).double()

EACH = {"reduction": "none"}


def torch_ids(target: Tensor) -> Tensor:
    """The ids of the true labels, padded with -1."""
    order = target.sort(dim=-1, descending=True, stable=True)
    return order.indices.masked_fill(order.values == 0, -1)


def ranked(loss: wald.Loss, x: Tensor) -> Tensor:
    """torch says by a sign which of two comes first."""
    other = Y[:19]
    return loss.per_example(torch.where(SIGN > 0, x, other), torch.where(SIGN > 0, other, x))


#: The name behind `torch.nn.`, what it computes of the first input, the inputs of ours, and ours where it is called
#: otherwise than by its inputs.
Row = tuple[str, Callable[[Tensor], Tensor], tuple[Tensor, ...], Callable[..., Tensor]]
ROWS: list[Row] = [
    ("MSELoss", lambda p: nn.MSELoss(**EACH)(p, Y), (P, Y), each),
    ("L1Loss", lambda p: nn.L1Loss(**EACH)(p, Y), (P, Y), each),
    ("HuberLoss", lambda p: nn.HuberLoss(**EACH)(p, Y), (P, Y), each),
    ("SmoothL1Loss", lambda p: nn.SmoothL1Loss(**EACH)(p, Y), (P, Y), each),
    ("PoissonNLLLoss", lambda p: nn.PoissonNLLLoss(eps=0.0, **EACH)(p, COUNTS), (P, COUNTS), each),
    (
        "GaussianNLLLoss",
        lambda x: nn.GaussianNLLLoss(**EACH)(x[:, 0], Y, x[:, 1]),
        (torch.stack([P, positive(37)], -1), Y),
        each,
    ),
    ("KLDivLoss", lambda z: nn.KLDivLoss(**EACH)(z, B.softmax(-1)).sum(-1), (A.log_softmax(-1), B.softmax(-1)), each),
    (
        "functional.kl_div",
        lambda z: F.kl_div(z, B.softmax(-1), reduction="batchmean"),
        (A.log_softmax(-1), B.softmax(-1)),
        mean,
    ),
    ("MultiMarginLoss", lambda z: nn.MultiMarginLoss(**EACH)(z, K), (Z, K), each),
    ("functional.multi_margin_loss", lambda z: F.multi_margin_loss(z, K), (Z, K), mean),
    ("MultiLabelMarginLoss", lambda z: nn.MultiLabelMarginLoss(**EACH)(z, torch_ids(LABELS)), (Z, LABELS), each),
    ("functional.multilabel_margin_loss", lambda z: F.multilabel_margin_loss(z, torch_ids(LABELS)), (Z, LABELS), mean),
    ("HingeEmbeddingLoss", lambda d: nn.HingeEmbeddingLoss(**EACH)(d, SIGN), (positive(19), TOGETHER), each),
    ("functional.hinge_embedding_loss", lambda d: F.hinge_embedding_loss(d, SIGN), (positive(19), TOGETHER), mean),
    ("CosineEmbeddingLoss", lambda a: nn.CosineEmbeddingLoss(**EACH)(a, B, SIGN), (A, B, TOGETHER), each),
    ("functional.cosine_embedding_loss", lambda a: F.cosine_embedding_loss(a, B, SIGN), (A, B, TOGETHER), mean),
    ("TripletMarginLoss", lambda a: nn.TripletMarginLoss(eps=0.0, **EACH)(a, B, C), (A, B, C), each),
    ("functional.triplet_margin_loss", lambda a: F.triplet_margin_loss(a, B, C, eps=0.0), (A, B, C), mean),
    ("MarginRankingLoss", lambda x: nn.MarginRankingLoss(**EACH)(x, Y[:19], SIGN), (P[:19],), ranked),
    ("functional.margin_ranking_loss", lambda x: F.margin_ranking_loss(x, Y[:19], SIGN, **EACH), (P[:19],), ranked),
]


def _ctc(name: str) -> Case:
    z, target = drawn(4, 9, 5), torch.randint(1, 5, (4, 3), generator=RNG)
    frames, length = torch.tensor([9, 7, 8, 9]), torch.tensor([3, 2, 3, 1])

    def theirs(z: Tensor) -> Tensor:
        table = z.log_softmax(-1).transpose(0, 1)
        if name.endswith("CTCLoss"):
            return nn.CTCLoss()(table, target, frames, length)
        return F.ctc_loss(table, target, frames, length)

    return of_port(name, theirs, z, target, frames, length, how=mean)


def surprise(law: Callable[..., distributions.Distribution], *fields: str) -> Callable[[Tensor, Tensor], Tensor]:
    """-log p of a target by a law whose numbers are the last axis of the prediction."""
    return lambda x, y: -law(*x.unbind(-1)).log_prob(y)


LAWS: list[tuple[str, Callable[[Tensor, Tensor], Tensor], int]] = [
    ("Laplace", surprise(distributions.Laplace), 2),
    ("StudentT", surprise(lambda m, s, v: distributions.StudentT(v, m, s)), 3),
    ("LogNormal", surprise(distributions.LogNormal), 2),
    ("Gamma", surprise(distributions.Gamma), 2),
    ("Weibull", surprise(distributions.Weibull), 2),
    ("Beta", surprise(distributions.Beta), 2),
    ("GeneralizedPareto", surprise(lambda s, k: distributions.GeneralizedPareto(0 * s, s, k)), 2),
    (
        "NegativeBinomial",
        surprise(lambda m, a: distributions.NegativeBinomial(1 / a, logits=(m * a).log(), validate_args=False)),
        2,
    ),
]


def _law(name: str, theirs: Callable[[Tensor, Tensor], Tensor], size: int) -> Case:
    x = positive(37, size)
    y = {"Beta": lambda: positive(37) / 4, "NegativeBinomial": lambda: COUNTS}.get(name, lambda: positive(37))()
    if name == "GeneralizedPareto":  # it compares its shape with a zero of single precision
        return of_port(f"torch.distributions.{name}", lambda x: theirs(x, y.float()), x.float(), y.float())
    return of_port(f"torch.distributions.{name}", lambda x: theirs(x, y), x, y)


def _vectors() -> Case:
    m, y = drawn(11, 3), drawn(11, 3)
    factor = torch.linalg.cholesky(torch.eye(3, dtype=F64) + (w := drawn(11, 3, 3)) @ w.mT)
    law = distributions.MultivariateNormal
    return of_port(
        "torch.distributions.MultivariateNormal",
        lambda m: -law(m, scale_tril=factor).log_prob(y),
        m,
        factor,
        y,
    )


def _latent() -> Case:
    """The divergence of a Gaussian from the standard one."""
    m, v = drawn(7, 5), drawn(7, 5)

    def theirs(m: Tensor) -> Tensor:
        own, prior = distributions.Normal(m, (0.5 * v).exp()), distributions.Normal(torch.zeros_like(m), 1.0)
        return distributions.kl_divergence(own, prior).sum(-1)

    return Case(
        loss="GaussianKL",
        name="torch.distributions.kl_divergence",
        ours=lambda m: wald.GaussianKL().per_example(m, v),
        theirs=theirs,
        at=m,
    )


def _torch(name: str, loss: wald.Loss, theirs: Callable[[Tensor], Tensor], at: Tensor, *rest: Tensor) -> Case:
    return Case(
        loss=type(loss).__name__,
        name=f"torch.{name}",
        ours=lambda x: loss.per_example(x, *rest),
        theirs=theirs,
        at=at,
    )


FURTHER: list[Case] = [
    _latent(),
    _torch(
        "distributions.Categorical.entropy",
        wald.EntropyBonus(),
        lambda z: -distributions.Categorical(logits=z).entropy(),
        Z,
    ),
    _torch("logsumexp", wald.ZLoss(), lambda z: z.logsumexp(-1).square(), Z),
    _torch("nn.functional.cosine_similarity", wald.CosineDistance(), lambda a: 1 - F.cosine_similarity(a, B), A, B),
]


# scikit-learn keeps what a model of it minimises in sklearn._loss: its values lack what no prediction changes, so
# slopes are compared, and values less those of another prediction.


def _half(loss: wald.Loss, name: str, target: Tensor, *, factor: float = 1.0, at: Tensor = P, **fields: Any) -> Case:
    full = f"sklearn._loss.loss.{name}"
    other = at.roll(1)

    def theirs(x: Tensor) -> tuple[Any, Any]:
        made, y = attribute(full)(**fields), target.numpy()
        given = x.detach().numpy()
        return factor * (made.loss(y, given) - made.loss(y, other.numpy())), factor * made.gradient(y, given)

    return Case(
        loss=type(loss).__name__,
        name=full,
        fields=fields,
        ours=lambda x: loss.per_example(x, target) - loss.per_example(other, target),
        theirs=theirs,
        at=at,
    )


def _port_half(port: str, name: str, target: Tensor, at: Tensor = P, **fields: Any) -> Case:
    """The loss that a model of that name minimises."""

    def theirs(x: Tensor) -> tuple[None, Any]:
        made = attribute(f"sklearn._loss.loss.{name}")(**fields)
        return None, made.gradient(target.numpy(), x.detach().numpy())

    return of_port(port, theirs, at, target)


POSITIVE = positive(37)

HALVES: list[Case] = [
    _half(wald.Squared(), "HalfSquaredError", Y, factor=2.0),
    _half(wald.Absolute(), "AbsoluteError", Y),
    _half(wald.Pinball(level=0.8), "PinballLoss", Y, quantile=0.8),
    _half(wald.Huber(delta=0.7), "HuberLoss", Y, delta=0.7),
    _half(wald.Poisson(), "HalfPoissonLoss", COUNTS),
    _half(wald.Gamma(), "HalfGammaLoss", POSITIVE),
    *(_half(wald.Tweedie(power=power), "HalfTweedieLoss", POSITIVE, power=power) for power in (1.1, 1.5, 2.0, 3.0)),
    _half(wald.Tweedie(power=1.7, log_input=False), "HalfTweedieLossIdentity", POSITIVE, at=positive(37), power=1.7),
    _half(wald.BinaryCrossEntropy(), "HalfBinomialLoss", LABELS[:, 0].contiguous(), at=P[:31]),
    _port_half("sklearn.linear_model.HuberRegressor", "HuberLoss", Y, delta=1.35),
    _port_half("sklearn.linear_model.QuantileRegressor", "PinballLoss", Y, quantile=0.5),
]


def _brier() -> Case:
    y = LABELS[:, 0]
    return Case(
        loss="Brier",
        name="sklearn.metrics.brier_score_loss",
        ours=lambda z: wald.Brier()(z, y),
        theirs=by_numbers(lambda z: attribute("sklearn.metrics.brier_score_loss")(y.numpy(), z.sigmoid().numpy())),
        at=P[:31],
    )


def _scipy_law(loss: wald.Loss, name: str, law: Callable[..., Any], x: Tensor, y: Tensor) -> Case:
    return Case(
        loss=type(loss).__name__,
        name=f"scipy.stats.{name}",
        ours=lambda x: loss.per_example(x, y),
        theirs=by_numbers(lambda x: -law(y.numpy(), *x.numpy().T)),
        at=x,
    )


def _scipy() -> list[Case]:
    stats = attribute("scipy.stats")
    identity = {"link": "identity"}
    return [
        _scipy_law(
            wald.LogisticNLL(**identity), "logistic", lambda y, m, s: stats.logistic.logpdf(y, m, s), positive(37, 2), Y
        ),
        _scipy_law(
            wald.GeneralisedParetoNLL(**identity),
            "genpareto",
            lambda y, s, k: stats.genpareto.logpdf(y, k, scale=s),
            positive(37, 2),
            POSITIVE,
        ),
        _scipy_law(
            wald.WeibullNLL(**identity),
            "weibull_min",
            lambda y, s, k: stats.weibull_min.logpdf(y, k, scale=s),
            positive(37, 2),
            POSITIVE,
        ),
    ]


CASES: list[Case] = [
    *(of_port(f"torch.nn.{name}", theirs, *inputs, how=how) for name, theirs, inputs, how in ROWS),
    *map(_ctc, ("torch.nn.CTCLoss", "torch.nn.functional.ctc_loss")),
    *(_law(*row) for row in LAWS),
    _vectors(),
    *FURTHER,
    *HALVES,
    _brier(),
    *_scipy(),
]
