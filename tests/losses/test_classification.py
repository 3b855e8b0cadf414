"""The classification and divergence losses against other people's code, plain arithmetic and their cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from sklearn import metrics
import torch
from torch import Tensor
from torch.distributions import Categorical, kl_divergence
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.subjects.draw import draw, variants

KINDS = [
    wald.BinaryCrossEntropy,
    wald.CostSensitiveCrossEntropy,
    wald.CrossEntropy,
    wald.Focal,
    wald.Hinge,
    wald.KLDivergence,
    wald.NextToken,
    wald.SquaredHinge,
]
CASES = [loss for kind in KINDS for loss in variants(kind)]
CASES += [
    wald.Focal(gamma=0.5, alpha=0.25, kind="multilabel"),
    wald.Focal(gamma=1.5, alpha=(0.2, 0.3, 0.5, 1.0), kind="multiclass"),
    wald.BinaryCrossEntropy(pos_weight=3.0, label_smoothing=0.2),
    wald.KLDivergence(direction="reverse", prediction_space="probabilities", target_space="logits"),
    wald.CrossEntropy(class_weight=(1.0, 2.0, 5.0, 0.5), label_smoothing=0.1, z_loss=0.01),
]
BINARY = [loss for loss in CASES if loss.card.threshold is not None and not loss.named_domains[0][1].axes]
MULTICLASS = [
    loss for loss in CASES if loss.named_domains[-1][1].integer and not isinstance(loss, wald.CostSensitiveCrossEntropy)
]
SCORES = (-torch.inf, -1e30, -1e4, -45.0, -1.0, 0.0, 0.5, 30.0, 1e4, 1e30, torch.inf)

Oracle = Callable[..., Tensor]


def leaf(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_()


def value_and_slope(loss: Oracle, prediction: Tensor, *rest: Tensor, **how: Any) -> tuple[Tensor, Tensor]:
    prediction = leaf(prediction)
    value = loss(prediction, *rest, **how)
    (slope,) = torch.autograd.grad(value.sum(), prediction)
    return value.detach(), slope


def same(a: Tensor, b: Tensor, relative: float = 1e-12) -> None:
    torch.testing.assert_close(a, b, rtol=relative, atol=1e-14, equal_nan=True, check_dtype=False)


def agree(ours: Oracle, theirs: Oracle, *inputs: Tensor, relative: float = 1e-12) -> None:
    for a, b in zip(value_and_slope(ours, *inputs), value_and_slope(theirs, *inputs), strict=True):
        same(a, b, relative)


def normal(rng: torch.Generator, *shape: int, scale: float = 3.0) -> Tensor:
    return scale * torch.randn(shape, generator=rng, dtype=torch.float64)


# Every loss of the file.


def plain(x: Tensor) -> Any:
    return x.tolist()


@pytest.mark.parametrize("loss", CASES, ids=repr)
def test_the_formula_on_the_card_is_the_definition(loss: wald.Loss, rng: torch.Generator) -> None:
    formula = loss.card.formula
    fields = {name: getattr(loss, name) for name in loss.to_dict() if name != "loss"}
    changed = {
        name for name, value in fields.items() if name in type(loss).__dataclass_fields__
        and value != type(loss).__dataclass_fields__[name].default
    }  # fmt: skip
    if changed - formula.names - {"shift", "kind", "direction", "prediction_space", "target_space"}:
        pytest.skip("the formula does not speak of these fields")
    inputs = draw(loss, 20, rng)
    values = loss.per_example(*inputs)
    names = [name for name, _ in loss.named_domains]
    for i, value in enumerate(values):
        by_hand = formula(**fields, **{name: plain(x[i]) for name, x in zip(names, inputs, strict=True)})
        assert value.item() == pytest.approx(by_hand, rel=1e-11, abs=1e-14)


KERNELS = [(found, loss) for found in wald.implementations() for loss in CASES if isinstance(loss, found.of)]


@pytest.mark.parametrize(("kernel", "loss"), KERNELS, ids=[repr(loss) for _, loss in KERNELS])
@pytest.mark.parametrize("soft", [False, True], ids=["ids", "soft"])
@pytest.mark.parametrize("layout", ["contiguous", "strided", "image"])
def test_a_kernel_is_the_definition(
    kernel: Any, loss: wald.Loss, soft: bool, layout: str, rng: torch.Generator
) -> None:
    for shape in ((7,), (2, 3), (2, 3, 5), (1,)):
        inputs = draw(loss, shape, rng, soft=soft)
        if layout == "strided":
            inputs = tuple(torch.stack([x, x], -1)[..., 0] for x in inputs)
        elif layout == "image" and len(shape) > 1:
            inputs = (inputs[0].movedim(-1, 1).contiguous().movedim(1, -1), *inputs[1:])
        if kernel.accepts(loss, *inputs):
            held_to_definition(kernel, loss, inputs)


def held_to_definition(kernel: Any, loss: wald.Loss, inputs: tuple[Tensor, ...]) -> None:
    # Where a label is near certain torch's binary slope is a difference of numbers near 1.
    def close(ours: Oracle, theirs: Oracle) -> None:
        for a, b in zip(value_and_slope(ours, *inputs), value_and_slope(theirs, *inputs), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-15)

    def mean(*given: Tensor) -> Tensor:
        values, share = loss.per_example(*given), loss.share(*given)
        return values.sum() / (values.numel() if share is None else share.sum())

    close(lambda *given: kernel.run(loss, *given), loss.per_example)
    if kernel.mean(loss, *inputs) is not None:
        close(lambda *given: kernel.mean(loss, *given), mean)


def test_kernels_are_taken_where_they_mean_the_same() -> None:
    logits, ids = torch.zeros(2, 3), torch.tensor([0, 2])
    hidden = torch.tensor([[0.0, 1.0, -torch.inf]] * 2)
    fast = "torch.nn.functional.cross_entropy"
    assert wald.which(wald.CrossEntropy(), logits, ids) == fast
    assert wald.which(wald.CrossEntropy(), hidden, ids) == fast
    assert wald.which(wald.CrossEntropy(label_smoothing=0.1), logits, ids) == fast
    assert "definition" in wald.which(wald.CrossEntropy(label_smoothing=0.1), hidden, ids)
    assert "definition" in wald.which(wald.CrossEntropy(), hidden, torch.eye(3)[ids])
    assert "definition" in wald.which(wald.CrossEntropy(class_mask=(True, True, False)), logits, ids)
    assert wald.which(wald.NextToken(shift=False), torch.zeros(2, 3, 4), torch.zeros(2, 3).long()) == fast
    assert wald.which(wald.NextToken(shift=True), torch.zeros(2, 3, 4), torch.zeros(2, 3).long()) == fast
    assert wald.which(wald.CrossEntropy(axis=1), torch.zeros(2, 3, 4), torch.zeros(2, 4).long()) == fast
    binary = wald.BinaryCrossEntropy()
    assert "with_logits" in wald.which(binary, torch.zeros(2), torch.ones(2))
    assert "definition" in wald.which(binary, torch.tensor([0.0, torch.inf]), torch.ones(2))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CE", wald.CrossEntropy),
        ("CrossEntropyLoss", wald.CrossEntropy),
        ("sparse_categorical_crossentropy", wald.CrossEntropy),
        ("softmax_cross_entropy_with_integer_labels", wald.CrossEntropy),
        ("multi:softprob", wald.CrossEntropy),
        ("NLLLoss", wald.NegativeLogLikelihood),
        ("BCEWithLogitsLoss", wald.BinaryCrossEntropy),
        ("BCEWithLogits", wald.BinaryCrossEntropy),
        ("binary:logistic", wald.BinaryCrossEntropy),
        ("log_loss", wald.BinaryCrossEntropy),
        ("Logloss", wald.BinaryCrossEntropy),
        ("logistic", wald.BinaryCrossEntropy),
        ("BinaryCrossentropy", wald.BinaryCrossEntropy),
        ("FocalLoss", wald.Focal),
        ("sigmoid_focal_loss", wald.Focal),
        ("CategoricalFocalCrossentropy", wald.Focal),
        ("binary:hinge", wald.Hinge),
        ("hinge_loss", wald.Hinge),
        ("squared_hinge", wald.SquaredHinge),
        ("KLDivLoss", wald.KLDivergence),
        ("kl_div", wald.KLDivergence),
        ("ForCausalLMLoss", wald.NextToken),
        ("cost-sensitive", wald.CostSensitiveCrossEntropy),
    ],
)
def test_losses_are_found_by_the_names_of_other_libraries(name: str, kind: type[wald.Loss]) -> None:
    assert wald.get(name) is kind


def test_every_card_is_read_without_a_loss() -> None:
    from wald.cards import shelf

    for kind in KINDS:
        entry = shelf.catalogue()[kind.__name__]
        assert entry.at_defaults().task in ("binary", "multiclass")
        assert entry.summary.endswith((".", ":", "less"))
        assert all(field.metadata["help"] for field in entry.fields.values())


def test_losses_print_short() -> None:
    assert repr(wald.CrossEntropy()) == "CrossEntropy()"
    assert repr(wald.BinaryCrossEntropy()) == "BinaryCrossEntropy()"
    assert repr(wald.BinaryCrossEntropy(pos_weight=9)) == "BinaryCrossEntropy(pos_weight=9.0)"
    assert repr(wald.Focal()) == repr(wald.Focal(gamma=2)) == "Focal(gamma=2.0)"
    assert repr(wald.NextToken(shift=True)) == "NextToken(shift=True)"


# What the minimisers are: the claims of the cards, by stationarity (which decides for convex losses) and by search.


def expected_slope(loss: wald.Loss, score: Tensor, chances: Tensor, targets: Tensor) -> Tensor:
    score = leaf(score)
    values = torch.stack([loss.per_example(score, y) for y in targets])
    (slope,) = torch.autograd.grad((chances * values).sum(), score)
    return slope


@pytest.mark.parametrize("loss", BINARY, ids=repr)
def test_binary_claims(loss: wald.Loss) -> None:
    card = loss.card
    z = torch.linspace(-12, 12, 24001, dtype=torch.float64)
    yes, no = loss.per_example(z, torch.ones_like(z)), loss.per_example(z, torch.zeros_like(z))
    chances = torch.arange(1, 100, dtype=torch.float64) / 100
    best = torch.stack([z[(p * yes + (1 - p) * no).argmin()] for p in chances])
    away = (chances - card.threshold).abs() > 1e-6
    assert ((best > 0) == (chances > card.threshold))[away & (best.abs() > 1e-3)].all()
    assert card.calibrated == ((card.threshold - 0.5) == 0)
    slopes = torch.stack(
        [
            expected_slope(loss, p.logit(), torch.stack([p, 1 - p]), torch.eye(2, dtype=torch.float64)[0])
            for p in chances
        ]
    )
    assert card.proper == bool((slopes.abs() < 1e-9).all())
    assert card.invertible == (len(best[5:-5].unique()) > 80)
    curvature = yes[2:] - 2 * yes[1:-1] + yes[:-2]
    assert card.convex == bool((curvature > -1e-12).all())
    assert card.symmetric == bool((yes + no).std() < 1e-9)


@pytest.mark.parametrize("loss", MULTICLASS, ids=repr)
def test_multiclass_claims(loss: wald.Loss, rng: torch.Generator) -> None:
    card = loss.card
    ids = torch.arange(4)
    proper = calibrated = True
    for _ in range(10):
        chances = torch.rand(4, generator=rng, dtype=torch.float64).softmax(-1)
        proper &= bool(expected_slope(loss, chances.log(), chances, ids).abs().max() < 1e-9)
        calibrated &= bool(best_score(loss, chances, ids).argmax() == chances.argmax())
    assert card.proper == proper
    assert card.calibrated == calibrated
    assert (card.elicits == "distribution") == proper
    assert card.invertible


def best_score(loss: wald.Loss, chances: Tensor, targets: Tensor) -> Tensor:
    score = torch.zeros(len(chances), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([score], lr=1, max_iter=200, tolerance_grad=1e-11, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        search.zero_grad()
        risk = sum(p * loss.per_example(score, y) for p, y in zip(chances, targets, strict=True))
        risk.backward()
        return risk

    search.step(step)
    return score.detach()


# Cross-entropy.

WEIGHTS = (1.0, 2.0, 5.0, 0.5, 0.25)
SETTINGS = list(product([None, WEIGHTS], [0.0, 0.1], [False, True]))


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize(("weight", "smoothing", "ignoring"), SETTINGS)
@pytest.mark.parametrize("axis", [-1, 1])
def test_cross_entropy_of_ids_is_that_of_torch(
    weight: tuple[float, ...] | None, smoothing: float, ignoring: bool, axis: int, reduction: Any, rng: torch.Generator
) -> None:
    logits, ids = normal(rng, 6, 5, 3, 2), torch.randint(5, (6, 3, 2), generator=rng)
    if ignoring:
        ids[::2] = 3
    ignore = 3 if ignoring else -100
    loss = wald.CrossEntropy(class_weight=weight, label_smoothing=smoothing, ignore_index=ignore, axis=axis)
    tensor = None if weight is None else torch.tensor(weight, dtype=torch.float64)

    def theirs(x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(x, y, tensor, ignore_index=ignore, label_smoothing=smoothing, reduction=reduction)

    def ours(x: Tensor, y: Tensor) -> Tensor:
        return loss(x if axis == 1 else x.movedim(1, -1), y, reduction=reduction)

    agree(ours, theirs, logits, ids)
    if not ignoring and reduction == "none":
        agree(lambda x, y: loss.per_example(x if axis == 1 else x.movedim(1, -1), y), theirs, logits, ids)


@pytest.mark.parametrize("weight", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_probabilities_is_that_of_torch(
    weight: tuple[float, ...] | None, smoothing: float, rng: torch.Generator
) -> None:
    logits, soft = normal(rng, 6, 5, 3), normal(rng, 6, 5, 3).softmax(1)
    loss = wald.CrossEntropy(class_weight=weight, label_smoothing=smoothing, axis=1)
    tensor = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    for reduction in ("none", "sum"):
        agree(
            lambda x, t, r=reduction: loss(x, t, reduction=r),
            lambda x, t, r=reduction: F.cross_entropy(x, t, tensor, label_smoothing=smoothing, reduction=r),
            logits,
            soft,
        )
    by_rows = F.cross_entropy(logits, soft, tensor, label_smoothing=smoothing)
    same(loss(logits, soft, normalizer="rows"), by_rows)
    each = loss(logits, soft, reduction="none")
    shares = soft.movedim(1, -1) @ (torch.ones(5).double() if tensor is None else tensor)
    same(loss(logits, soft), each.sum() / shares.sum())


@pytest.mark.parametrize(("weight", "smoothing", "ignoring"), SETTINGS)
def test_one_hot_is_ids(weight: Any, smoothing: float, ignoring: bool, rng: torch.Generator) -> None:
    logits, ids = normal(rng, 6, 5), torch.randint(5, (6,), generator=rng)
    loss = wald.CrossEntropy(class_weight=weight, label_smoothing=smoothing)
    mask = ids != 3 if ignoring else None
    hot = F.one_hot(ids, 5).double()
    for reduction in ("none", "sum", "mean"):
        agree(
            lambda x, r=reduction: loss(x, hot, mask=mask, reduction=r),
            lambda x, r=reduction: loss(x, ids, mask=mask, reduction=r),
            logits,
        )


def explicit(
    scores: list[float], target: list[float], allowed: list[bool], weight: list[float], smoothing: float
) -> tuple[float, list[float]]:
    """The loss and its gradient as a sum over classes, in plain numbers."""
    kept = [k for k in range(3) if allowed[k]]
    total = math.fsum(math.exp(scores[k]) for k in kept)
    p = [math.exp(scores[k]) / total if allowed[k] else 0.0 for k in range(3)]
    a = [weight[k] * ((1 - smoothing) * target[k] + smoothing / len(kept) * allowed[k]) for k in range(3)]
    return -math.fsum(a[k] * math.log(p[k]) for k in kept if a[k]), [p[k] * math.fsum(a) - a[k] for k in range(3)]


SOFT_TARGETS = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0], [0.25, 0.0, 0.75], [0.2, 0.3, 0.5]]
ALLOWED = [list(each) for each in product([True, False], repeat=3) if any(each)]


@pytest.mark.parametrize("by", ["class_mask", "minus infinity"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weight", [[1.0, 1.0, 1.0], [1.0, 2.0, 5.0], [0.0, 1.0, 3.0]])
def test_every_small_case_is_the_explicit_sum(by: str, smoothing: float, weight: list[float]) -> None:
    scores = [0.7, -1.1, 0.4]
    for allowed in ALLOWED:
        masked = by == "class_mask"
        loss = wald.CrossEntropy(class_weight=weight, label_smoothing=smoothing, class_mask=allowed if masked else None)
        given = scores if masked else [s if a else -math.inf for s, a in zip(scores, allowed, strict=True)]
        logits = torch.tensor([given], dtype=torch.float64)
        for target in SOFT_TARGETS:
            if any(t and not a for t, a in zip(target, allowed, strict=True)):
                continue
            value, slope = explicit(scores, target, allowed, weight, smoothing)
            forms = [torch.tensor([target], dtype=torch.float64)]
            forms += [torch.tensor([target.index(1.0)])] if 1.0 in target else []
            for form in forms:
                ours, gradient = value_and_slope(loss, logits, form, reduction="sum")
                assert ours.item() == pytest.approx(value, rel=1e-13, abs=1e-15)
                assert gradient[0].tolist() == pytest.approx(slope, rel=1e-12, abs=1e-15)
                assert all(g == 0 for g, a in zip(gradient[0].tolist(), allowed, strict=True) if not a)


def test_probability_on_a_class_that_cannot_occur_costs_infinitely() -> None:
    logits = torch.tensor([[0.0, 1.0, -torch.inf]])
    for target in (torch.tensor([2]), torch.tensor([[0.5, 0.0, 0.5]])):
        assert wald.CrossEntropy()(logits, target).isinf()
        assert wald.CrossEntropy(class_mask=(True, True, False))(torch.zeros(1, 3), target).isinf()
        assert wald.CrossEntropy().tally(logits, target).nonfinite == 1


def test_a_soft_target_that_is_learned_gets_its_gradient_beside_a_hidden_class() -> None:
    logits, target = torch.tensor([[0.3, 1.0, -torch.inf]]), leaf(torch.tensor([[0.25, 0.75, 0.0]]))
    wald.CrossEntropy()(logits, target).backward()
    same(target.grad, torch.tensor([[*(-torch.tensor([0.3, 1.0]).log_softmax(-1)).tolist(), 0.0]]), 1e-6)


def test_the_log_partition_is_penalised(rng: torch.Generator) -> None:
    logits, ids = normal(rng, 7, 5), torch.randint(5, (7,), generator=rng)
    agree(
        wald.CrossEntropy(z_loss=0.1).per_example,
        lambda x, y: F.cross_entropy(x, y, reduction="none") + 0.1 * x.logsumexp(-1) ** 2,
        logits,
        ids,
    )


def test_class_weights_come_in_every_form() -> None:
    wanted = wald.CrossEntropy(class_weight=(1.0, 2.0, 5.0))
    for given in ([1, 2, 5], torch.tensor([1.0, 2.0, 5.0]), np.array([1, 2, 5]), {1: 2, 0: 1, 2: 5}):
        assert wald.CrossEntropy(class_weight=given) == wanted
    with pytest.raises(ValueError, match=r"class_weight must be >= 0, got -1"):
        wald.CrossEntropy(class_weight=[1, -1])
    with pytest.raises(ValueError, match=r"for 2 classes and class_mask for 3"):
        wald.CrossEntropy(class_weight=[1, 1], class_mask=[True, True, False])
    with pytest.raises(ValueError, match=r"leaves out every class"):
        wald.CrossEntropy(class_mask=torch.zeros(3).bool())
    with pytest.raises(wald.ShapeError, match=r"\(2, 4\) holds the classes, and there are 3"):
        wanted(torch.zeros(2, 4), torch.tensor([0, 1]))


def test_weights_that_are_all_zero_leave_nothing_to_average() -> None:
    loss = wald.CrossEntropy(class_weight=(0.0, 1.0))
    logits = leaf(torch.tensor([[0.3, 0.1], [-torch.inf, 2.0]]))
    value = loss(logits, torch.tensor([0, 0]))
    value.backward()
    assert value == 0
    assert (logits.grad == 0).all()
    assert loss(logits.detach(), torch.tensor([0, 0]), empty="nan").isnan()
    assert not loss.card.invertible


def test_classes_on_an_axis_are_told_in_the_shapes_that_the_caller_knows() -> None:
    images = torch.randn(2, 3, 4, 5)
    for loss in (
        wald.CrossEntropy(axis=1),
        wald.Focal(kind="multiclass", axis=1),
        wald.CostSensitiveCrossEntropy(costs=1 - np.eye(3), axis=1),
    ):
        assert loss(images, torch.zeros(2, 4, 5).long(), reduction="none").shape == (2, 4, 5)
        assert loss(images, images.softmax(1), mask=torch.rand(2, 4, 5) < 0.5).isfinite()
        with pytest.raises(wald.ShapeError, match=r"prediction \(2, 3, 4, 5\).*axis 1.*ids \(2, 4, 5\).*\(2, 4\)"):
            loss(images, torch.zeros(2, 4).long())
        with pytest.raises(wald.ShapeError, match=r"one-hot\. Use target\.argmax\(1\) or target\.float\(\)"):
            loss(images, torch.eye(3, dtype=torch.int64)[:, :1].expand(2, 3, 20).reshape(2, 3, 4, 5))
        with pytest.raises(wald.ShapeError, match=r"has no axis 1"):
            loss(torch.zeros(3), torch.tensor(0))
        with pytest.raises(wald.DtypeError, match="list"):
            loss(images, [0, 1])  # pyright: ignore[reportArgumentType]
    labels = wald.Focal(kind="multilabel", axis=1)
    assert labels(images, torch.ones(2, 3, 4, 5).int(), reduction="none").shape == (2, 4, 5)
    with pytest.raises(wald.ShapeError, match=r"axis 1, so target is labels \(2, 3, 4, 5\); got int64 \(2, 4, 5\)"):
        labels(images, torch.zeros(2, 4, 5).long())


def test_derivatives_are_those_of_the_plain_layout(rng: torch.Generator) -> None:
    images, ids = normal(rng, 2, 3, 3), torch.randint(3, (2, 3), generator=rng)
    plain_layout = wald.gradient_and_hessian(wald.CrossEntropy(), images.movedim(1, -1), ids)
    for a, b in zip(wald.gradient_and_hessian(wald.CrossEntropy(axis=1), images, ids), plain_layout, strict=True):
        same(a, b)
    p = images.movedim(1, -1).softmax(-1)
    same(plain_layout[0], p - F.one_hot(ids, 3))
    same(plain_layout[1], p * (1 - p))
    shifted = wald.gradient_and_hessian(wald.NextToken(shift=True), images, ids)
    assert shifted[0].shape == shifted[1].shape == (2, 2, 3)


def logit_batches(rng: torch.Generator) -> Iterator[Tensor]:
    kinds = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
    makers: list[Callable[[tuple[int, ...]], Tensor]] = [
        lambda shape: torch.randn(shape, generator=rng),
        lambda shape: torch.rand(shape, generator=rng),
        lambda shape: torch.randn(shape, generator=rng).relu(),
        lambda shape: torch.rand(shape, generator=rng) / shape[-1] * 2,
    ]
    for trial in range(10_000):
        rows, classes = (1, 2, 3, 8, 33)[trial % 5], (2, 3, 4, 7, 10, 100)[trial // 5 % 6]
        shape = (rows, classes) if trial % 3 else (rows, 2, classes)
        yield makers[trial // 30 % 4](shape).to(kinds[trial // 7 % 4])


def test_random_logits_are_never_taken_for_probabilities(rng: torch.Generator) -> None:
    loss = wald.CrossEntropy()
    for logits in logit_batches(rng):
        loss(logits, torch.zeros(logits.shape[:-1], dtype=torch.int64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_probabilities_are_always_refused(dtype: torch.dtype, rng: torch.Generator) -> None:
    losses = [wald.CrossEntropy(), wald.NextToken(shift=False), wald.Focal(kind="multiclass")]
    half = dtype in (torch.bfloat16, torch.float16)
    for trial in range(300):
        rows, classes = 8 * half + 1 + trial % 70, (3, 4, 10, 100, 1000)[trial % 5]
        scores = (0.1, 1.0, 30.0)[trial % 3] * torch.randn(rows, classes, generator=rng)
        probabilities = scores.to(dtype).softmax(-1)
        with pytest.raises(wald.DomainError, match=rf"{math.log(math.e + classes - 1) - 1:.3f} for {classes} classes"):
            losses[trial % 3](probabilities, torch.zeros(rows, dtype=torch.int64))


# Binary cross-entropy.


@pytest.mark.parametrize("weight", [1.0, 9.0, 0.2, (1.0, 3.0, 0.5, 9.0)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_binary_cross_entropy_is_that_of_torch(weight: Any, smoothing: float, rng: torch.Generator) -> None:
    z, y = normal(rng, 6, 4), torch.rand(6, 4, generator=rng, dtype=torch.float64)
    y = torch.where(y < 0.6, (y < 0.3).double(), y)
    loss = wald.BinaryCrossEntropy(pos_weight=weight, label_smoothing=smoothing)
    tensor = torch.tensor(weight, dtype=torch.float64)
    for reduction in ("none", "sum", "mean"):
        agree(
            lambda x, t, r=reduction: loss(x, t, reduction=r),
            lambda x, t, r=reduction: F.binary_cross_entropy_with_logits(
                x, t * (1 - smoothing) + smoothing / 2, pos_weight=tensor, reduction=r
            ),
            z,
            y,
        )
    same(loss.per_example(z, y), loss(z, y, reduction="none"))


def test_binary_cross_entropy_is_the_log_loss_of_scikit_learn(rng: torch.Generator) -> None:
    z, weight = normal(rng, 50), torch.rand(50, generator=rng, dtype=torch.float64)
    y = torch.rand(50, generator=rng) < z.sigmoid()
    wanted = metrics.log_loss(y.numpy(), z.sigmoid().numpy(), sample_weight=weight.numpy())
    for target in (y, y.int(), y.double(), y.to(torch.uint8)):
        assert wald.BinaryCrossEntropy()(z, target, weight=weight).item() == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("loss", [wald.BinaryCrossEntropy(), wald.BinaryCrossEntropy(pos_weight=2.0)], ids=repr)
def test_binary_cross_entropy_to_the_ends_of_the_line(loss: wald.BinaryCrossEntropy, dtype: torch.dtype) -> None:
    rounding = torch.finfo(dtype).eps
    for score, y in product(SCORES, (0.0, 1.0)):
        margin, weight = (score if y else -score), (loss.pos_weight if y else 1.0)
        with mp.workdps(40):
            cost, slope = weight * mp.log1p(mp.exp(-margin)), -weight / (1 + mp.exp(margin))
        given = torch.tensor([score], dtype=dtype), torch.tensor([y], dtype=dtype)
        for call, absolute in ((loss.per_example, 1e-45), (loss, 4 * rounding)):
            value, gradient = value_and_slope(call, *given)
            assert value.item() == pytest.approx(float(cost), rel=4 * rounding, abs=absolute)
            assert gradient.item() == pytest.approx(float(slope if y else -slope), rel=4 * rounding, abs=absolute)


def test_a_positive_weight_comes_in_every_form() -> None:
    for given in (9, 9.0, torch.tensor(9.0), torch.tensor([9.0]), np.float64(9), [9.0]):
        assert wald.BinaryCrossEntropy(pos_weight=given) == wald.BinaryCrossEntropy(pos_weight=9.0)
    for given in ([1, 2], torch.tensor([1.0, 2.0]), {0: 1, 1: 2}):
        assert wald.BinaryCrossEntropy(pos_weight=given).pos_weight == (1.0, 2.0)
    with pytest.raises(ValueError, match=r"pos_weight must be > 0"):
        wald.BinaryCrossEntropy(pos_weight=0)
    two = wald.BinaryCrossEntropy(pos_weight=[1, 2])
    for shape in ((3,), (3, 1), (2, 3), ()):
        with pytest.raises(wald.ShapeError, match=r"2 numbers, one for each label"):
            two(torch.zeros(shape), torch.zeros(shape))
    assert wald.BinaryCrossEntropy(pos_weight=9.0).card.threshold == 0.1


# Focal.


def focal(z: mp.mpf, y: float, gamma: float, alpha: float | None) -> mp.mpf:
    p = 1 / (1 + mp.exp(-z))
    yes, no = (1, 1) if alpha is None else (alpha, 1 - alpha)
    return -yes * y * (1 - p) ** gamma * mp.log(p) - no * (1 - y) * p**gamma * mp.log1p(-p)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("alpha", [None, 0.25, 0.5, 1.0])
def test_binary_focal_in_plain_numbers(gamma: float, alpha: float | None) -> None:
    loss = wald.Focal(gamma=gamma, alpha=alpha)
    with mp.workdps(60):
        for score, y in product((-40.0, -7.0, -0.3, 0.0, 0.9, 12.0, 40.0), (0.0, 1.0, 0.3)):
            value, slope = value_and_slope(
                loss.per_example, torch.tensor(score, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
            )
            wanted = focal(mp.mpf(score), y, gamma, alpha)
            assert value.item() == pytest.approx(float(wanted), rel=1e-13, abs=1e-300)
            wanted = mp.diff(lambda s, y=y: focal(s, y, gamma, alpha), mp.mpf(score))
            assert slope.item() == pytest.approx(float(wanted), rel=1e-11, abs=1e-300)


def torchvision_focal(z: Tensor, y: Tensor, alpha: float, gamma: float) -> Tensor:
    p = z.sigmoid()
    p_true = p * y + (1 - p) * (1 - y)
    cost = F.binary_cross_entropy_with_logits(z, y, reduction="none") * (1 - p_true) ** gamma
    return (alpha * y + (1 - alpha) * (1 - y)) * cost if alpha >= 0 else cost


def test_focal_with_alpha_is_that_of_torchvision_on_labels(rng: torch.Generator) -> None:
    z, y = normal(rng, 40), torch.randint(2, (40,), generator=rng).double()
    agree(wald.Focal(alpha=0.25).per_example, lambda a, b: torchvision_focal(a, b, 0.25, 2.0), z, y, relative=1e-11)
    agree(wald.Focal().per_example, lambda a, b: torchvision_focal(a, b, -1, 2.0), z, y, relative=1e-11)
    assert wald.Focal().alpha is None
    assert "QUARTER" in (wald.Focal.__doc__ or "")


def test_focal_over_labels_is_the_mean_of_binary_focals(rng: torch.Generator) -> None:
    z, y = normal(rng, 6, 4, 3), torch.rand(6, 4, 3, generator=rng, dtype=torch.float64)
    for alpha in (None, 0.25):
        one = wald.Focal(alpha=alpha).per_example(z, y)
        same(wald.Focal(alpha=alpha, kind="multilabel").per_example(z, y), one.mean(-1))
        same(wald.Focal(alpha=alpha, kind="multilabel", axis=1)(z, y, reduction="none"), one.mean(1))
    each = torch.stack([wald.Focal(alpha=a).per_example(z[..., k], y[..., k]) for k, a in enumerate((0.1, 0.5, 1.0))])
    same(wald.Focal(alpha=(0.1, 0.5, 1.0), kind="multilabel").per_example(z, y), each.mean(0))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("alpha", [None, (0.2, 0.3, 0.5, 1.0)])
def test_multiclass_focal_in_plain_torch(gamma: float, alpha: Any, rng: torch.Generator) -> None:
    logits, ids = normal(rng, 30, 4), torch.randint(4, (30,), generator=rng)
    soft = normal(rng, 30, 4).softmax(-1)
    soft[:3] = torch.eye(4, dtype=torch.float64)[:3]
    weight = torch.ones(4).double() if alpha is None else torch.tensor(alpha, dtype=torch.float64)
    loss = wald.Focal(gamma=gamma, alpha=alpha, kind="multiclass")

    def over_classes(x: Tensor) -> Tensor:
        return -weight * (1 - x.softmax(-1)) ** gamma * x.log_softmax(-1)

    agree(loss.per_example, lambda x, y: over_classes(x).gather(-1, y[:, None])[:, 0], logits, ids, relative=1e-11)
    agree(loss.per_example, lambda x, t: (t * over_classes(x)).sum(-1), logits, soft, relative=1e-11)
    agree(lambda x: loss.per_example(x, F.one_hot(ids, 4).double()), lambda x: loss.per_example(x, ids), logits)
    same(loss(logits, ids), loss(logits, ids, reduction="none").mean())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.5, 1.0, 1.5, 2.0])
def test_saturated_focal_has_finite_gradients(gamma: float, dtype: torch.dtype) -> None:
    for score, y in product(SCORES, (0.0, 1.0)):
        z = torch.tensor([score], dtype=dtype)
        value, slope = value_and_slope(
            wald.Focal(gamma=gamma, alpha=0.25).per_example, z, torch.tensor([y], dtype=dtype)
        )
        right = (score > 0) == bool(y)
        assert slope.isfinite().all()
        assert value.isinf().item() == (math.isinf(score) and not right)
        if abs(score) > 100 and right:
            assert value == slope == 0
        if abs(score) > 100 and not right:
            assert slope.item() == pytest.approx(-0.25 if y else 0.75)
    many = wald.Focal(gamma=gamma, kind="multiclass")
    for row in ([1e4, 0.0, -1e4], [0.0, 50.0, -torch.inf], [0.0, -torch.inf, -torch.inf], [0.0, 0.0, 0.0]):
        logits = torch.tensor([row], dtype=dtype)
        sure = logits.argmax(-1)
        for target in (sure, F.one_hot(sure, 3).to(dtype), (row.index(0.0) + 0 * sure)):
            value, slope = value_and_slope(many.per_example, logits, target)
            assert value.isfinite().all()
            assert slope.isfinite().all()
            assert (slope[logits == -torch.inf] == 0).all()
            assert value == 0 or row.count(-torch.inf) < 2


def test_focal_keeps_its_digits_where_the_model_is_sure() -> None:
    # 1 - p of p = 1 - 1e-20 is 0 in double precision, and 1e-20 through the other classes.
    logits = torch.tensor([0.0, math.log(1e-20), math.log(1e-20)], dtype=torch.float64)
    for target in (torch.tensor(0), torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)):
        value, slope = value_and_slope(wald.Focal(gamma=0.5, kind="multiclass").per_example, logits, target)
        assert value.item() == pytest.approx(2e-20**1.5, rel=1e-12)
        assert slope[0].item() == pytest.approx(-1.5 * 2e-20**1.5, rel=1e-12)


def test_focal_refuses_an_alpha_that_cannot_be_meant() -> None:
    with pytest.raises(ValueError, match=r"would only rescale.*one alpha for each class"):
        wald.Focal(alpha=0.25, kind="multiclass")
    with pytest.raises(ValueError, match=r"alpha=0\.75"):
        wald.Focal(alpha=(0.25, 0.75))
    with pytest.raises(ValueError, match=r"alpha must be <= 1, got 2.*pos_weight"):
        wald.Focal(alpha=2.0)
    with pytest.raises(ValueError, match=r"alpha must be >= 0"):
        wald.Focal(alpha=-1)
    with pytest.raises(ValueError, match=r"no axis"):
        wald.Focal(axis=1)
    with pytest.raises(ValueError, match=r"must be one of 'binary', 'multilabel', 'multiclass'"):
        wald.Focal(kind="softmax")
    assert wald.Focal(alpha=torch.tensor(0.25)) == wald.Focal(alpha=0.25)


# Hinge.


def test_hinge_is_that_of_scikit_learn(rng: torch.Generator) -> None:
    scores, y = normal(rng, 60), torch.randint(2, (60,), generator=rng)
    weight = torch.rand(60, generator=rng, dtype=torch.float64)
    wanted = metrics.hinge_loss(y.numpy(), scores.numpy(), sample_weight=weight.numpy())
    assert wald.Hinge()(scores, y, weight=weight).item() == pytest.approx(wanted, rel=1e-12)
    square = (0.7 - scores * (2 * y - 1)).clamp(min=0) ** 2
    same(wald.SquaredHinge(margin=0.7).per_example(scores, y.double()), square)


@pytest.mark.parametrize("loss", [wald.Hinge(margin=0.7), wald.SquaredHinge(margin=0.7)], ids=repr)
def test_a_soft_target_mixes_the_labels(loss: wald.Loss, rng: torch.Generator) -> None:
    scores, t = normal(rng, 50), torch.rand(50, generator=rng, dtype=torch.float64)
    mixed = t * loss.per_example(scores, torch.ones_like(t)) + (1 - t) * loss.per_example(scores, torch.zeros_like(t))
    same(loss.per_example(scores, t), mixed)
    for score, y in product((-torch.inf, torch.inf), (0.0, 1.0)):
        value, slope = value_and_slope(loss.per_example, torch.tensor(score), torch.tensor(y))
        right = (score > 0) == bool(y)
        assert value.isinf().item() != right
        assert not right or slope == 0


def test_the_probability_is_read_from_the_best_squared_hinge() -> None:
    for p in (0.1, 0.5, 0.8):
        at = torch.tensor(2 * p - 1, dtype=torch.float64)
        chances = torch.tensor([p, 1 - p], dtype=torch.float64)
        labels = torch.tensor([1.0, 0.0], dtype=torch.float64)
        assert expected_slope(wald.SquaredHinge(), at, chances, labels).abs() < 1e-12


# Cost-sensitive cross-entropy.


def test_the_likeliest_class_is_the_cheapest_decision(rng: torch.Generator) -> None:
    ids = torch.arange(3)
    differed = 0
    for _ in range(200):
        costs = 10 * torch.rand(3, 3, generator=rng, dtype=torch.float64) * (1 - torch.eye(3))
        loss = wald.CostSensitiveCrossEntropy(costs=costs)
        chances = torch.randn(3, generator=rng, dtype=torch.float64).softmax(-1)
        expected = chances @ costs
        saved = chances @ (costs.amax(1, keepdim=True) - costs)
        # The loss is convex, so where the slope of the expected loss is 0 it is least.
        score = saved.log()
        assert expected_slope(loss, score, chances, ids).abs().max() < 1e-12
        assert score.argmax() == expected.argmin()
        differed += int(expected.argmin() != chances.argmax())
    assert differed > 20


def test_a_search_finds_the_cheapest_decision_too(rng: torch.Generator) -> None:
    loss = wald.CostSensitiveCrossEntropy(costs=[[0, 1, 4], [1, 0, 1], [9, 2, 0]])
    for _ in range(5):
        chances = torch.randn(3, generator=rng, dtype=torch.float64).softmax(-1)
        found = best_score(loss, chances, torch.arange(3))
        assert found.argmax() == (chances @ torch.tensor(loss.costs, dtype=torch.float64)).argmin()


def test_equal_costs_are_cross_entropy(rng: torch.Generator) -> None:
    logits, ids = normal(rng, 9, 4), torch.randint(4, (9,), generator=rng)
    loss = wald.CostSensitiveCrossEntropy(costs=3 - 3 * torch.eye(4))
    agree(loss, lambda x, y: 3 * F.cross_entropy(x, y), logits, ids)
    soft = normal(rng, 9, 4).softmax(-1)
    agree(loss, lambda x, y: 3 * F.cross_entropy(x, y), logits, soft)
    assert loss.card.proper
    assert not wald.CostSensitiveCrossEntropy(costs=[[0, 1, 4], [1, 0, 1], [9, 2, 0]]).card.calibrated
    ids[::2] = -100
    same(loss(logits, ids), 3 * F.cross_entropy(logits, ids))


def test_a_decision_that_saves_nothing_may_be_impossible() -> None:
    loss = wald.CostSensitiveCrossEntropy(costs=[[0, 1, 2], [1, 0, 2], [1, 1, 0]])
    logits = torch.tensor([[0.0, 1.0, -torch.inf]])
    value, slope = value_and_slope(loss.per_example, logits, torch.tensor([0]))
    assert value.isfinite()
    assert slope.isfinite().all()
    same(loss(logits, torch.tensor([[1.0, 0.0, 0.0]])), value[0])
    assert loss(logits, torch.tensor([[0.5, 0.0, 0.5]])).isinf()


def test_a_soft_target_mixes_the_rows_of_the_costs(rng: torch.Generator) -> None:
    loss = wald.CostSensitiveCrossEntropy(costs=[[0, 1, 4], [1, 0, 1], [9, 2, 0]])
    logits, soft = normal(rng, 3), normal(rng, 3).softmax(-1)
    same(loss(logits, soft), soft @ loss.per_example(logits.expand(3, 3), torch.arange(3)))


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        ([[0, 1], [1, 0], [1, 1]], r"3 rows.*as many columns.*has 2"),
        ([[0, -1], [1, 0]], r"costs\[0\]\[1\] must be finite and not negative, got -1"),
        ([[0, float("inf")], [1, 0]], r"got inf"),
        ([[0]], r"at least two classes"),
        ([[1, 1], [2, 2]], r"costs the same"),
    ],
)
def test_costs_are_a_square_of_costs(costs: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wald.CostSensitiveCrossEntropy(costs=costs)


def test_costs_come_in_every_form() -> None:
    wanted = wald.CostSensitiveCrossEntropy(costs=((0.0, 1.0), (5.0, 0.0)))
    for given in ([[0, 1], [5, 0]], torch.tensor([[0, 1], [5, 0]]), np.array([[0, 1], [5, 0]])):
        assert wald.CostSensitiveCrossEntropy(costs=given) == wanted
    assert wald.from_dict(wanted.to_dict()) == wanted
    with pytest.raises(TypeError, match="costs"):
        wald.CostSensitiveCrossEntropy()  # pyright: ignore[reportCallIssue]
    with pytest.raises(wald.ShapeError, match=r"there are 2"):
        wanted(torch.zeros(4, 3), torch.zeros(4).long())


# Kullback-Leibler.

SPACES = ("logits", "log_probabilities", "probabilities")
INTO: dict[str, Callable[[Tensor], Tensor]] = {
    "logits": lambda x: x,
    "log_probabilities": lambda x: x.log_softmax(-1),
    "probabilities": lambda x: x.softmax(-1),
}


@pytest.mark.parametrize(("ours", "theirs"), list(product(SPACES, SPACES)))
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_divergence_is_that_of_distributions(ours: str, theirs: str, direction: str, rng: torch.Generator) -> None:
    a, b = normal(rng, 8, 5), normal(rng, 8, 5)
    loss = wald.KLDivergence(direction=direction, prediction_space=ours, target_space=theirs)

    def oracle(x: Tensor, y: Tensor) -> Tensor:
        pair = Categorical(logits=x), Categorical(logits=y)
        return kl_divergence(*(reversed(pair) if direction == "forward" else pair))

    agree(lambda x, y: loss(INTO[ours](x), INTO[theirs](y), reduction="none"), oracle, a, b, relative=1e-10)
    assert (loss(INTO[ours](a), INTO[theirs](a), reduction="none").abs() < 1e-14).all()


def test_the_mean_is_the_batchmean_of_torch(rng: torch.Generator) -> None:
    logits, target = normal(rng, 8, 5), normal(rng, 8, 5).softmax(-1)
    agree(
        wald.KLDivergence(),
        lambda x, t: F.kl_div(x.log_softmax(-1), t, reduction="batchmean"),
        logits,
        target,
    )
    slope = value_and_slope(wald.CrossEntropy(), logits, target)[1]
    same(value_and_slope(wald.KLDivergence(), logits, target)[1], slope)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize(("ours", "theirs"), [*product(SPACES, SPACES)])
def test_nothing_times_its_logarithm_is_nothing(ours: str, theirs: str, direction: str) -> None:
    loss = wald.KLDivergence(direction=direction, prediction_space=ours, target_space=theirs)
    # Log-probabilities of -2000, and ones of -inf, are probabilities of 0.
    for nothing in (-2000.0, -torch.inf):
        scores = torch.tensor([[0.0, 1.0, nothing]])
        prediction, target = leaf(INTO[ours](scores)), leaf(INTO[theirs](scores.flip(-1)[:, [1, 2, 0]]))
        loss(prediction, target).backward()
        for x in (prediction, target):
            assert x.grad is not None
            assert x.grad.isfinite().all()
    forward = wald.KLDivergence(direction=direction, prediction_space="probabilities")
    half, sure = torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]])
    pair = (half, sure) if direction == "forward" else (sure, half)
    assert forward(*pair).item() == pytest.approx(math.log(2))
    assert forward(*reversed(pair)).isinf()


def test_a_divergence_is_never_negative_by_accident(rng: torch.Generator) -> None:
    scores = torch.randn(6, 4, generator=rng)
    p, q = scores.softmax(-1), scores.flip(0).softmax(-1)
    log = wald.KLDivergence(prediction_space="log_probabilities")
    with pytest.raises(wald.DomainError, match=r"after exp.*prediction\.log\(\) on probabilities"):
        log(q, p)
    with pytest.raises(wald.DomainError, match=r"prediction\.log_softmax\(-1\) on logits"):
        log(scores, p)
    with pytest.raises(wald.DomainError, match=r"rows of target.*target\.softmax\(-1\) on logits"):
        log(q.log(), scores)
    with pytest.raises(wald.DomainError, match=r"target\.exp\(\) on log-probabilities"):
        log(q.log(), p.log())
    with pytest.raises(wald.DomainError, match=r"look like probabilities"):
        wald.KLDivergence()(q, p)
    assert log(q.log(), p) > 0


# The next token.


def test_shifting_is_done_once(rng: torch.Generator) -> None:
    logits, text = normal(rng, 3, 6, 5), torch.randint(5, (3, 6), generator=rng)
    text[0, 3:] = -100
    first, last = logits[:, :-1].flatten(0, 1), text[:, 1:].flatten()
    for smoothing, reduction in product((0.0, 0.1), ("sum", "mean")):
        options = {"label_smoothing": smoothing}

        def oracle(x: Tensor, r: str = reduction, s: float = smoothing) -> Tensor:
            return F.cross_entropy(x[:, :-1].flatten(0, 1), last, reduction=r, label_smoothing=s)

        agree(lambda x, o=options, r=reduction: wald.NextToken(shift=True, **o)(x, text, reduction=r), oracle, logits)
        agree(
            lambda x, o=options, r=reduction: wald.NextToken(shift=False, **o)(x[:, :-1], text[:, 1:], reduction=r),
            oracle,
            logits,
        )
    each = wald.NextToken(shift=True)(logits, text, reduction="none")
    assert each.shape == (3, 5)
    same(each.flatten(), F.cross_entropy(first, last, reduction="none"))
    kept = text.clamp(min=0)
    same(
        wald.NextToken(shift=True).per_example(logits, kept),
        wald.NextToken(shift=False).per_example(logits[:, :-1], kept[:, 1:]),
    )
    assert wald.NextToken(shift=True)(logits, kept) != wald.NextToken(shift=False)(logits, kept)


def test_masks_and_weights_move_with_their_tokens(rng: torch.Generator) -> None:
    logits, text = normal(rng, 3, 6, 5), torch.randint(5, (3, 6), generator=rng)
    keep, weight = torch.rand(3, 6, generator=rng) < 0.6, torch.rand(3, 6, generator=rng, dtype=torch.float64)
    shifted, ready = wald.NextToken(shift=True), wald.NextToken(shift=False)
    marked = text.masked_fill(~keep, -100)
    same(shifted(logits, text, mask=keep), shifted(logits, marked))
    same(
        shifted(logits, text, mask=keep, weight=weight),
        ready(logits[:, :-1], text[:, 1:], mask=keep[:, 1:], weight=weight[:, 1:]),
    )
    assert shifted.tally(logits, marked).count == keep[:, 1:].sum()
    for name in ("mask", "weight"):
        with pytest.raises(wald.ShapeError, match=rf"{name} \(3, 5\) must have the shape of target, \(3, 6\)"):
            shifted(logits, text, **{name: keep[:, 1:]})
    with pytest.raises(wald.ShapeError, match=r"prediction \(3, 5, 5\), target \(3, 6\)"):
        shifted(logits[:, 1:], text)
    with pytest.raises(wald.DomainError, match=r"contains [5-9]"):
        shifted(logits, text + 5 * (torch.arange(6) == 2))


def test_one_token_alone_has_no_next_one() -> None:
    loss = wald.NextToken(shift=True)
    logits, text = leaf(torch.randn(4, 1, 5)), torch.zeros(4, 1).long()
    value = loss(logits, text)
    value.backward()
    assert value == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()
    assert loss(logits, text, reduction="none").shape == (4, 0)
    assert loss.tally(logits, text).count == 0
    with pytest.raises(wald.EmptyBatchError):
        loss(logits, text, empty="raise")
    with pytest.raises(wald.ShapeError, match="time axis"):
        loss(torch.zeros(5), torch.tensor(1))


def test_whether_to_shift_must_be_said() -> None:
    with pytest.raises(TypeError, match="shift"):
        wald.NextToken()  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match=r"True or False, got 1"):
        wald.NextToken(shift=1)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("shards", [2, 3, 6])
def test_tokens_of_micro_batches_add_up(shards: int, rng: torch.Generator) -> None:
    logits, text = normal(rng, 6, 7, 5), torch.randint(5, (6, 7), generator=rng)
    for row in range(6):
        text[row, row + 1 :] = -100
    loss = wald.NextToken(shift=True)
    parts = [loss.tally(a, b) for a, b in zip(logits.chunk(shards), text.chunk(shards), strict=True)]
    same(sum(parts).mean, loss(logits, text))
