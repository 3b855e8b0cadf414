"""Every port on a card of an embedding loss, against the library itself: value and gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
import warnings

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from ..parity.case import Case, of_port

Given = Sequence[Tensor]
#: A loss of ours at the port's fields and the inputs, to a number.
Ours = Callable[[Any, Given], Tensor]
#: The inputs, to the library's number.
Theirs = Callable[[Given], Tensor]


def batch(rng: torch.Generator) -> Given:
    """Three labels with four of each."""
    return torch.randn(12, 5, generator=rng, dtype=torch.float64), torch.arange(3).repeat_interleave(4)


def square_batch(rng: torch.Generator) -> Given:
    """As many labels as there are of each."""
    return torch.randn(9, 5, generator=rng, dtype=torch.float64), torch.arange(3).repeat_interleave(3)


def twins(rng: torch.Generator) -> Given:
    return torch.randn(14, 4, generator=rng, dtype=torch.float64), torch.arange(7).repeat(2)


def views(rng: torch.Generator) -> Given:
    return torch.randn(2, 9, 4, generator=rng, dtype=torch.float64).unbind()


def triplets(rng: torch.Generator) -> Given:
    return torch.randn(3, 9, 4, generator=rng, dtype=torch.float64).unbind()


def judged(rng: torch.Generator) -> Given:
    return *views(rng), torch.tensor([1, 0, 1, 0, 0, 1, 1, 0, 1])


def graded(rng: torch.Generator) -> Given:
    return *views(rng), torch.tensor([0.1, 0.9, 0.5, 0.5, 0.2, 0.0, 1.0, 0.7, 0.3], dtype=torch.float64)


def proxied(rng: torch.Generator) -> Given:
    """Embeddings, the proxies of four classes and ids."""
    return (
        torch.randn(10, 5, generator=rng, dtype=torch.float64),
        torch.randn(4, 5, generator=rng, dtype=torch.float64),
        torch.randint(4, (10,), generator=rng),
    )


def as_it_is(loss: Any, given: Given) -> Tensor:
    return loss(*given)


def added_up(loss: Any, given: Given) -> Tensor:
    return loss(*given, reduction="sum")


def by_cosines(loss: Any, given: Given) -> Tensor:
    embedding, proxies, target = given
    return loss(F.normalize(embedding) @ F.normalize(proxies).T, target)


def by_two_centres(loss: Any, given: Given) -> Tensor:
    embedding, proxies, target = given
    return loss((F.normalize(embedding) @ F.normalize(proxies).T).unflatten(1, (2, 2)), target % 2)


def pml(name: str, **fields: Any) -> Theirs:
    def run(given: Given) -> Tensor:
        losses = pytest.importorskip("pytorch_metric_learning.losses", reason="compares with it")
        return getattr(losses, name)(**fields)(*given)

    return run


def pml_of_views(name: str, **fields: Any) -> Theirs:
    def run(given: Given) -> Tensor:
        return pml(name, **fields)((torch.cat(list(given)), torch.arange(len(given[0])).repeat(2)))

    return run


def pml_with(name: str, table: str, *, turned: bool = False, **fields: Any) -> Theirs:
    """A loss that holds its proxies in an attribute, in columns if turned."""

    def run(given: Given) -> Tensor:
        losses = pytest.importorskip("pytorch_metric_learning.losses", reason="compares with it")
        embedding, proxies, target = given
        loss = getattr(losses, name)(num_classes=4, embedding_size=5, **fields)
        getattr(loss, table).data = proxies.T.clone() if turned else proxies.clone()
        return loss(embedding, target)

    return run


def pml_soft_triple(given: Given) -> Tensor:
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="compares with it")
    embedding, proxies, target = given
    loss = losses.SoftTripleLoss(num_classes=2, embedding_size=5, centers_per_class=2)
    loss.fc.data = proxies.T.clone()
    return loss(embedding, target % 2)


def sentences(name: str, **fields: Any) -> Theirs:
    def run(given: Given) -> Tensor:
        losses = _sentence_losses()
        found = getattr(losses, name)(torch.nn.Identity(), **fields)
        *vectors, last = given
        if last.ndim == 1:
            return found.compute_loss_from_embeddings(vectors, last)
        return found.compute_loss_from_embeddings([*vectors, last], None)

    return run


def _sentence_losses() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("sentence_transformers.losses", reason="compares with it")


def lightly(name: str, **fields: Any) -> Theirs:
    def run(given: Given) -> Tensor:
        losses = pytest.importorskip("lightly.loss", reason="compares with it")
        return getattr(losses, name)(**fields)(*given)

    return run


def monai(given: Given) -> Tensor:
    return pytest.importorskip("monai.losses", reason="compares with it").ContrastiveLoss(temperature=0.5)(*given)


def keras(given: Given) -> Tensor:
    losses = _keras().losses
    return losses.Circle()(given[1], F.normalize(given[0])).double()


def _keras() -> Any:
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    return pytest.importorskip("keras", reason="compares with it")


PML, SENT = "pytorch_metric_learning.losses", "sentence_transformers.losses"

#: The port, its inputs, ours and theirs.
TABLE: list[tuple[str, type[wald.Loss], Callable[[torch.Generator], Given], Ours, Theirs]] = [
    (
        f"{PML}.AngularLoss",
        wald.Angular,
        batch,
        as_it_is,
        lambda given: pml("AngularLoss")((F.normalize(given[0]), given[1])),
    ),
    (f"{PML}.ArcFaceLoss", wald.ArcFace, proxied, by_cosines, pml_with("ArcFaceLoss", "W", turned=True)),
    (f"{PML}.CircleLoss", wald.Circle, batch, as_it_is, pml("CircleLoss")),
    (f"{PML}.CosFaceLoss", wald.ProxySoftmax, proxied, by_cosines, pml_with("CosFaceLoss", "W", turned=True)),
    (f"{PML}.FastAPLoss", wald.FastAP, batch, as_it_is, pml("FastAPLoss")),
    (
        f"{PML}.GeneralizedLiftedStructureLoss",
        wald.LiftedStructure,
        batch,
        as_it_is,
        pml("GeneralizedLiftedStructureLoss"),
    ),
    (f"{PML}.HistogramLoss", wald.SimilarityHistogram, batch, as_it_is, pml("HistogramLoss")),
    (f"{PML}.IntraPairVarianceLoss", wald.IntraPairVariance, batch, as_it_is, pml("IntraPairVarianceLoss")),
    (f"{PML}.LiftedStructureLoss", wald.LiftedStructure, batch, as_it_is, pml("LiftedStructureLoss")),
    (
        f"{PML}.MarginLoss",
        wald.DistanceMargin,
        batch,
        lambda loss, given: loss(*given, torch.full((12,), 1.2, dtype=torch.float64)),
        pml("MarginLoss"),
    ),
    (f"{PML}.MultiSimilarityLoss", wald.MultiSimilarity, batch, as_it_is, pml("MultiSimilarityLoss")),
    (f"{PML}.NCALoss", wald.NCA, batch, as_it_is, pml("NCALoss")),
    (f"{PML}.NPairsLoss", wald.InfoNCE, views, as_it_is, pml_of_views("NPairsLoss")),
    (
        f"{PML}.NormalizedSoftmaxLoss",
        wald.ProxySoftmax,
        proxied,
        by_cosines,
        pml_with("NormalizedSoftmaxLoss", "W", turned=True),
    ),
    (f"{PML}.NTXentLoss", wald.NTXent, views, as_it_is, pml_of_views("NTXentLoss")),
    (f"{PML}.PNPLoss", wald.PNP, batch, as_it_is, pml("PNPLoss")),
    (f"{PML}.ProxyAnchorLoss", wald.ProxyAnchor, proxied, by_cosines, pml_with("ProxyAnchorLoss", "proxies")),
    (f"{PML}.ProxyNCALoss", wald.ProxySoftmax, proxied, by_cosines, pml_with("ProxyNCALoss", "proxies")),
    (f"{PML}.SmoothAPLoss", wald.SmoothAP, square_batch, as_it_is, pml("SmoothAPLoss")),
    (f"{PML}.SoftTripleLoss", wald.SoftTriple, proxied, by_two_centres, pml_soft_triple),
    (f"{PML}.SupConLoss", wald.SupCon, batch, as_it_is, pml("SupConLoss")),
    (f"{PML}.TripletMarginLoss", wald.BatchTriplet, batch, as_it_is, pml("TripletMarginLoss")),
    (f"{PML}.TupletMarginLoss", wald.TupletMargin, batch, as_it_is, pml("TupletMarginLoss")),
    (f"{SENT}.AnglELoss", wald.CoSENT, graded, as_it_is, sentences("AnglELoss")),
    (f"{SENT}.BatchAllTripletLoss", wald.BatchTriplet, batch, as_it_is, sentences("BatchAllTripletLoss")),
    (f"{SENT}.BatchHardTripletLoss", wald.BatchTriplet, batch, as_it_is, sentences("BatchHardTripletLoss")),
    (
        f"{SENT}.BatchHardSoftMarginTripletLoss",
        wald.BatchTriplet,
        batch,
        as_it_is,
        sentences("BatchHardSoftMarginTripletLoss"),
    ),
    (f"{SENT}.CoSENTLoss", wald.CoSENT, graded, as_it_is, sentences("CoSENTLoss")),
    (f"{SENT}.ContrastiveLoss", wald.ContrastivePair, judged, as_it_is, sentences("ContrastiveLoss")),
    (f"{SENT}.MultipleNegativesRankingLoss", wald.InfoNCE, views, as_it_is, sentences("MultipleNegativesRankingLoss")),
    (
        f"{SENT}.MultipleNegativesSymmetricRankingLoss",
        wald.InfoNCE,
        views,
        as_it_is,
        sentences("MultipleNegativesSymmetricRankingLoss"),
    ),
    (f"{SENT}.OnlineContrastiveLoss", wald.OnlineContrastive, judged, added_up, sentences("OnlineContrastiveLoss")),
    (f"{SENT}.TripletLoss", wald.Triplet, triplets, as_it_is, sentences("TripletLoss")),
    ("lightly.loss.DCLLoss", wald.DecoupledContrastive, views, as_it_is, lightly("DCLLoss")),
    ("lightly.loss.DCLWLoss", wald.DecoupledContrastive, views, as_it_is, lightly("DCLWLoss")),
    ("lightly.loss.NTXentLoss", wald.NTXent, views, as_it_is, lightly("NTXentLoss")),
    ("monai.losses.ContrastiveLoss", wald.NTXent, views, as_it_is, monai),
    ("keras.losses.Circle", wald.Circle, batch, as_it_is, keras),
]


def _case(
    port: str, kind: type[wald.Loss], inputs: Callable[[torch.Generator], Given], ours: Ours, theirs: Theirs
) -> Case:
    first, *rest = inputs(torch.Generator().manual_seed(20261121))
    # Some of them compute in single precision, or add an epsilon here and there.
    return of_port(
        port,
        lambda x: theirs((x, *rest)),
        first,
        how=lambda loss, x: ours(loss, (x, *rest)),
        within=2e-5 if port.startswith("pytorch_metric_learning") else 1e-4,
    )


CASES: list[Case] = [_case(*row) for row in TABLE]


# Where libraries disagree, or one is wrong.


@pytest.mark.peers
@pytest.mark.parametrize(("labels", "each", "wrong"), [(8, 4, 0.324), (2, 6, 0.571)])
def test_smooth_ap_of_perfect_embeddings_is_0_where_another_groups_rows_wrongly(
    labels: int, each: int, wrong: float
) -> None:
    """Perfectly separated classes have an average precision of 1.

    pytorch-metric-learning 2.9 cuts the batch into blocks of (labels) rows where it means blocks of (each) rows.
    """
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="compares with it")
    label = torch.arange(labels).repeat_interleave(each)
    embedding = F.one_hot(label, labels).double()
    assert losses.SmoothAPLoss()(embedding, label).item() == pytest.approx(wrong, abs=0.01)
    assert wald.SmoothAP(itself=True)(embedding, label).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.peers
def test_a_repeated_row_is_safe_in_tuplet_margin() -> None:
    """A cosine that rounding has brought above 1 has no arc cosine: NaN there, a number here."""
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="compares with it")
    row = torch.tensor([0.8, 0.7, 0.3])
    embedding, label = torch.stack([row, row, row.flip(0)]), torch.tensor([0, 0, 1])
    found = embedding.clone().requires_grad_()
    value = wald.TupletMargin()(found, label)
    value.backward()
    assert value.isfinite()
    assert found.grad is not None
    assert found.grad.isfinite().all()
    theirs = embedding.clone().requires_grad_()
    losses.TupletMarginLoss()(theirs, label).backward()
    assert theirs.grad is not None
    assert not theirs.grad.isfinite().all()


@pytest.mark.peers
def test_the_circle_of_keras_has_other_slopes_than_that_of_the_paper(rng: torch.Generator) -> None:
    """One value and two gradients: the weights are part of the slope in Keras, and constants in the paper."""
    embedding, label = batch(rng)
    slopes: list[Tensor] = []
    for theirs in (keras, pml("CircleLoss")):
        x = embedding.clone().requires_grad_()
        slopes.append(torch.autograd.grad(theirs((x, label)), x)[0])
    keras_like, fixed = (wald.Circle(like=name) for name in ("keras", "pml"))
    torch.testing.assert_close(keras_like(embedding, label), fixed(embedding, label))
    assert (slopes[0] - slopes[1]).abs().max() > 0.1


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_sphere_face_of_embeddings_of_length_1(rng: torch.Generator) -> None:
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="compares with it")
    embedding, proxies, target = proxied(rng)
    embedding = F.normalize(embedding)
    theirs = losses.SphereFaceLoss(num_classes=4, embedding_size=5)
    theirs.W.data = proxies.T.clone()
    found = by_cosines(wald.SphereFace(scale=1.0), (embedding, proxies, target))
    torch.testing.assert_close(found, theirs(embedding, target), rtol=1e-6, atol=1e-6)


@pytest.mark.peers
def test_clip_is_info_nce_both_ways(rng: torch.Generator) -> None:
    clip = pytest.importorskip("transformers.models.clip.modeling_clip", reason="compares with it")
    image, text = (F.normalize(x) for x in views(rng))
    theirs = clip.image_text_contrastive_loss(text @ image.T / 0.07)
    torch.testing.assert_close(wald.InfoNCE(like="open_clip")(image, text), theirs)


@pytest.mark.peers
def test_the_pair_loss_under_three_conventions() -> None:
    """One set of distances and labels, and what three libraries say (1 is together, but in catalyst apart)."""
    distances, same = torch.tensor([0.2, 0.9, 1.4, 0.3]).double(), torch.tensor([1, 0, 0, 1])
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="compares with it")
    zero, far = torch.zeros(4, 1, dtype=torch.float64), distances.unsqueeze(-1)
    assert wald.ContrastivePair()(zero, far, same).item() == pytest.approx(0.035)  # tensorflow-addons
    assert 0.5 * wald.ContrastivePair()(zero, far, 1 - same).item() == pytest.approx(0.4875)  # catalyst
    # pytorch-metric-learning: not squared, each sign by itself, over its pairs that cost something.
    hinge = wald.HingeEmbedding()(distances, same, reduction="none")
    by_sign = sum(hinge[(same == k) & (hinge > 0)].mean() for k in (0, 1))
    rows, ids = torch.cat([zero, far]), torch.arange(4)
    together, apart = ids[same == 1], ids[same == 0]
    indices = (together, together + 4, apart, apart + 4)
    measure = pytest.importorskip("pytorch_metric_learning.distances").LpDistance(normalize_embeddings=False)
    theirs = losses.ContrastiveLoss(distance=measure)(rows, torch.zeros(8), indices_tuple=indices)
    assert by_sign.item() == pytest.approx(theirs.item()) == pytest.approx(0.35)


@pytest.mark.peers
def test_moco_with_the_queue_of_lightly(rng: torch.Generator) -> None:
    losses = pytest.importorskip("lightly.loss", reason="compares with it")
    query, key = (F.normalize(x) for x in views(rng))
    theirs = losses.NTXentLoss(temperature=0.1, memory_bank_size=(32, 4)).double()
    theirs(query, key)
    queue = theirs.memory_bank.bank.clone().double()
    scores = (query * key).sum(-1), query @ queue.T
    torch.testing.assert_close(wald.MoCo(temperature=0.1)(*scores), theirs(query, key), rtol=1e-6, atol=1e-6)


@pytest.mark.peers
def test_the_triplet_of_optax(rng: torch.Generator) -> None:
    optax, jnp = (pytest.importorskip(name, reason="compares with it") for name in ("optax", "jax.numpy"))
    given = triplets(rng)
    theirs = optax.losses.triplet_margin_loss(*(jnp.asarray(x.numpy()) for x in given))
    torch.testing.assert_close(
        wald.Triplet()(*given, reduction="none").float(), torch.tensor(theirs.tolist()), rtol=1e-5, atol=1e-5
    )
