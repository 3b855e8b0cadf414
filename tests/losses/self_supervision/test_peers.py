"""Every port on a card of a self-supervised loss, against the library itself: value and gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import math
from typing import Any

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.losses.self_supervision.swav import sinkhorn

from ..parity.case import Case, of_port

Given = Sequence[Tensor]
Number = Callable[[Given], Tensor]


def views(rng: torch.Generator) -> Given:
    return torch.randn(2, 12, 5, generator=rng, dtype=torch.float64).unbind()


def one(rng: torch.Generator) -> Given:
    return (torch.randn(12, 5, generator=rng, dtype=torch.float64),)


def prototyped(rng: torch.Generator) -> Given:
    """Two views, and six prototypes."""
    return *views(rng), torch.randn(6, 5, generator=rng, dtype=torch.float64)


def cosines(x: Tensor, prototypes: Tensor) -> Tensor:
    return F.normalize(x) @ F.normalize(prototypes).T


def lightly(name: str, **fields: Any) -> Any:
    return getattr(pytest.importorskip("lightly.loss", reason="compares with it"), name)(**fields)


def plain(port: str, kind: type[wald.Loss]) -> tuple[Number, Number]:
    """Ours at the port's fields and the class of that name, called alike."""
    module, _, name = port.rpartition(".")

    def theirs(given: Given) -> Tensor:
        return getattr(pytest.importorskip(module, reason="compares with it"), name)()(*given)

    return lambda given: kind(like=port)(*given), theirs


def dino() -> tuple[Number, Number]:
    """Both views of the teacher, each against the other of the student."""
    centre = torch.tensor([0.3, -0.2, 0.1, 0.0, 0.4], dtype=torch.float64)

    def ours(given: Given) -> Tensor:
        first, second = given
        loss = wald.DINO(like="lightly")
        return 0.5 * (loss(first, second, centre.expand_as(second)) + loss(second, first, centre.expand_as(first)))

    def theirs(given: Given) -> Tensor:
        loss = lightly("DINOLoss", output_dim=5)
        loss.center.data = centre.reshape(1, 1, 5)
        return loss([x.detach() for x in given], list(given))

    return ours, theirs


def ibot() -> tuple[Number, Number]:
    """Three images of four patches, of which some are masked; every image has the same say."""
    mask = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 1], [0, 1, 1, 0]], dtype=torch.bool)

    def ours(given: Given) -> Tensor:
        student, target = (x.unflatten(0, (3, 4)) for x in given)
        each = mask / mask.sum(-1, keepdim=True)
        return wald.DINO(like="lightly")(student, target, torch.zeros_like(target), weight=each, normalizer=3.0)

    def theirs(given: Given) -> Tensor:
        loss = lightly("IBOTPatchLoss", output_dim=5)
        student, target = (x.unflatten(0, (3, 4))[mask] for x in given)
        return loss(target.detach(), student, mask.reshape(3, 2, 2))

    return ours, theirs


def swav() -> tuple[Number, Number]:
    def ours(given: Given) -> Tensor:
        a, b = (cosines(x, given[2]) for x in given[:2])
        loss = wald.SwAV(like="lightly")
        return 0.5 * (loss(a, sinkhorn(b)) + loss(b, sinkhorn(a)))

    def theirs(given: Given) -> Tensor:
        return lightly("SwaVLoss")([cosines(x, given[2]) for x in given[:2]], [])

    return ours, theirs


def msn() -> tuple[Number, Number]:
    def ours(given: Given) -> Tensor:
        anchor, target = (cosines(x, given[2]) for x in given[:2])
        return wald.MSN(like="lightly")(anchor, sinkhorn((target / (0.1 * 0.25)).log_softmax(-1), epsilon=1.0))

    def theirs(given: Given) -> Tensor:
        return lightly("MSNLoss")(*given)

    return ours, theirs


TABLE: list[tuple[str, Callable[[torch.Generator], Given], tuple[Number, Number]]] = [
    ("lightly.loss.BarlowTwinsLoss", views, plain("lightly.loss.BarlowTwinsLoss", wald.BarlowTwins)),
    ("lightly.loss.DINOLoss", views, dino()),
    (
        "lightly.loss.hypersphere_loss.HypersphereLoss",
        views,
        plain("lightly.loss.hypersphere_loss.HypersphereLoss", wald.AlignmentUniformity),
    ),
    ("lightly.loss.IBOTPatchLoss", views, ibot()),
    ("lightly.loss.KoLeoLoss", one, plain("lightly.loss.KoLeoLoss", wald.KoLeo)),
    ("lightly.loss.MSNLoss", prototyped, msn()),
    (
        "lightly.loss.NegativeCosineSimilarity",
        views,
        plain("lightly.loss.NegativeCosineSimilarity", wald.SimSiam),
    ),
    ("lightly.loss.SwaVLoss", prototyped, swav()),
    ("lightly.loss.VICRegLoss", views, plain("lightly.loss.VICRegLoss", wald.VICReg)),
    (
        "pytorch_metric_learning.losses.VICRegLoss",
        views,
        (
            lambda given: wald.VICReg(like="pml")(*given),
            lambda given: pytest.importorskip("pytorch_metric_learning.losses").VICRegLoss()(
                given[0], ref_emb=given[1]
            ),
        ),
    ),
]


def _case(port: str, inputs: Callable[[torch.Generator], Given], sides: tuple[Number, Number]) -> Case:
    first, *rest = inputs(torch.Generator().manual_seed(20261121))
    return of_port(port, lambda x: sides[1]((x, *rest)), first, how=lambda _, x: sides[0]((x, *rest)), within=1e-4)


CASES: list[Case] = [_case(*row) for row in TABLE]


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_consistency_of_lightly_has_its_value_and_no_gradient(rng: torch.Generator) -> None:
    """lightly 1.6 wraps the result in a new tensor: training with it changes nothing."""
    regularizers = pytest.importorskip("lightly.loss.regularizer", reason="compares with it")
    query, key = (x.requires_grad_() for x in views(rng))
    theirs = regularizers.CO2Regularizer(alpha=1.0, t_consistency=0.05)(query, key)
    assert not theirs.requires_grad
    a, b = F.normalize(query), F.normalize(key)
    others = ~torch.eye(12, dtype=torch.bool)
    # Its candidates are the pair's own score and those with the other side's other examples.
    scores = [
        torch.cat([(x * y).sum(-1, keepdim=True), (x @ y.T)[others].reshape(12, 11)], 1) for x, y in ((a, b), (b, a))
    ]
    value = wald.CO2(like="lightly")(*scores)
    assert value.item() == pytest.approx(theirs.item(), rel=1e-6)
    assert torch.autograd.grad(value, query)[0].abs().max() > 1e-3


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_masked_patches_are_those_of_a_masked_autoencoder() -> None:
    transformers = pytest.importorskip("transformers", reason="compares with it")
    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    decoder = {f"decoder_{name}": value for name, value in small.items()}
    config = transformers.ViTMAEConfig(**small, **decoder, image_size=16, patch_size=4, norm_pix_loss=True)
    torch.manual_seed(0)
    model = transformers.ViTMAEForPreTraining(config).eval()
    pixels = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        theirs = model(pixels)
    ours = wald.MaskedReconstruction()(theirs.logits, model.patchify(pixels), mask=theirs.mask.bool())
    torch.testing.assert_close(ours, theirs.loss, rtol=1e-5, atol=1e-6)


@pytest.mark.peers
def test_twins_that_are_equal_cost_nothing_where_another_divides_otherwise() -> None:
    """A deviation over N - 1 with a mean over N makes the correlation of a feature with itself (N - 1) / N."""
    monai = pytest.importorskip("monai.losses", reason="compares with it")
    x = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    assert wald.BarlowTwins(eps=0.0)(x, x).item() == 0
    assert monai.BarlowTwinsLoss()(x, x).item() == pytest.approx(2 * (1 - 3 / 4) ** 2, rel=1e-4)


@pytest.mark.peers
def test_codes_are_those_of_lightly_and_do_not_overflow(rng: torch.Generator) -> None:
    theirs = pytest.importorskip("lightly.loss.swav_loss", reason="compares with it").sinkhorn
    scores = torch.rand(12, 5, generator=rng)
    torch.testing.assert_close(sinkhorn(scores), theirs(scores), rtol=1e-5, atol=1e-6)
    assert not theirs(scores + 20, epsilon=0.05).isfinite().all()
    torch.testing.assert_close(sinkhorn(scores + 20), sinkhorn(scores), rtol=1e-3, atol=1e-4)
    assert math.isclose(sinkhorn(scores, iterations=100).sum(0).mean().item(), 12 / 5, rel_tol=1e-5)
