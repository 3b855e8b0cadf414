"""A loss of a loss is a loss: it is called, masked, weighted, compiled and stored like one, and claims what holds."""

from __future__ import annotations

import copy
import json
import math
import pickle

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap
import torch.nn.functional as F  # noqa: N812

import wald
from wald.cards import Card, ClassId, Formula, Logits, Positive, Probabilities, Real
from wald.checks.subjects.draw import draw


class Picked(wald.Supervised):
    """A loss that takes ids only: how far the class is below the best."""

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassId},
        formula="max(prediction) - prediction[target]",
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return prediction.logsumexp(-1) - prediction.gather(-1, target.unsqueeze(-1)).squeeze(-1)


class Centred(wald.Supervised):
    """A coupled loss: the squared error around the mean error of the rows that are kept."""

    card = Card(
        task="other", inputs={"prediction": Real, "target": Real}, formula="(r - mean(r))**2", coupling="coupled"
    )

    def per_example(self, prediction: Tensor, target: Tensor, *, keep: Tensor | None = None) -> Tensor:
        error = prediction - target
        keep = torch.ones_like(error, dtype=torch.bool) if keep is None else keep
        return (error - torch.where(keep, error, torch.zeros_like(error)).sum() / keep.sum().clamp(min=1)).square()


class Surprise(wald.Supervised):
    """A loss of a distribution against a distribution."""

    card = Card(task="multiclass", inputs={"prediction": Probabilities, "target": Probabilities}, formula="-log")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return -(target * prediction.log()).sum(-1)


class Inverse(wald.Supervised):
    """A loss with an open end: prediction must stay positive."""

    card = Card(task="regression", inputs={"prediction": Positive, "target": Real}, formula=Formula("1 / prediction"))

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return 1 / prediction + 0 * target


INNER = [
    wald.Squared(),
    wald.Huber(delta=0.3),
    wald.GaussianNLL(),
    wald.Poisson(),
    wald.BinaryCrossEntropy(),
    wald.BinaryCrossEntropy(pos_weight=3.0),
    wald.Hinge(),
    wald.Focal(gamma=2.0),
    wald.CrossEntropy(),
    wald.CrossEntropy(class_weight=(1.0, 2.0, 5.0, 0.5)),
    Picked(),
    Centred(),
]
LABELLED = [loss for loss in INNER if loss.card.task in ("binary", "multiclass")]
CASES: list[wald.Loss] = [
    *(wald.Truncated(inner, 0.4) for inner in INNER),
    *(wald.Tempered(inner, 2.0) for inner in INNER),
    *(wald.Clipped(inner, 1.5) for inner in INNER),
    *(wald.Smoothed(inner, 0.2) for inner in LABELLED),
    *(wald.Bounded(inner, 2.0) for inner in (wald.Squared(), wald.Hinge(), wald.CrossEntropy(), Picked(), Centred())),
    wald.Asymmetric(wald.Squared(), 3.0),
    wald.Asymmetric(wald.Truncated(wald.Absolute(), 1.0), 0.5),
    wald.Rounded(wald.Pinball(level=0.9), 0.3),
    wald.Truncated(wald.Smoothed(wald.CrossEntropy(), 0.1), 5.0),
    wald.Tempered(wald.Clipped(wald.Tempered(wald.Squared(), 0.5), 2.0), 3.0),
    wald.Smoothed(wald.Smoothed(wald.BinaryCrossEntropy(), 0.1), 0.3),
]
every = pytest.mark.parametrize("loss", CASES, ids=repr)


def leaf(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_()


def same(a: Tensor | None, b: Tensor | None, relative: float = 1e-12) -> None:
    torch.testing.assert_close(a, b, rtol=relative, atol=relative)


def slope_of(loss: wald.Loss, prediction: Tensor, *rest: Tensor) -> Tensor:
    prediction = leaf(prediction)
    loss(prediction, *rest, reduction="sum").backward()
    assert prediction.grad is not None
    return prediction.grad


# A wrapper is a loss.


@every
def test_it_is_a_value(loss: wald.Loss) -> None:
    for twin in (
        pickle.loads(pickle.dumps(loss)),
        copy.deepcopy(loss),
        wald.from_dict(json.loads(json.dumps(loss.to_dict()))),
        loss.replace(),
    ):
        assert twin == loss
        assert hash(twin) == hash(loss)
        assert (twin.id, repr(twin)) == (loss.id, repr(loss))
    assert loss != loss.inner


def test_expressions_nest() -> None:
    loss = wald.Truncated(wald.Smoothed(wald.CrossEntropy(), 0.1), 5.0)
    assert repr(loss) == "Truncated(inner=Smoothed(inner=CrossEntropy(), amount=0.1), cap=5.0)"
    assert wald.parse(repr(loss)) == loss
    assert wald.parse("Truncated(Smoothed(CrossEntropy, 0.1), cap=5)") == loss
    assert len({case.id for case in CASES}) == len(CASES)


@every
def test_what_is_masked_reaches_neither_value_nor_gradient(loss: wald.Loss, rng: torch.Generator) -> None:
    keep = torch.arange(6) % 2 == 0
    prediction, target = draw(loss, 6, rng)
    dirty, broken = prediction.clone(), target.clone()
    dirty[~keep] = torch.nan
    broken[~keep] = torch.nan if target.is_floating_point() else -100
    first = leaf(dirty)
    value = loss(first, broken, mask=keep)
    same(value, loss(prediction[keep], target[keep]))
    value.backward()
    assert first.grad is not None
    assert (first.grad[~keep] == 0).all()
    assert first.grad.isfinite().all()


@every
def test_weights_and_denominators_are_those_of_the_inner_loss(loss: wald.Loss, rng: torch.Generator) -> None:
    prediction, target = draw(loss, 6, rng)
    weight = torch.rand(6, generator=rng, dtype=torch.float64)
    same(loss.tally(prediction, target, weight=weight).count, loss.inner.tally(prediction, target, weight=weight).count)
    whole = loss(prediction, target, weight=weight)
    if loss.card.coupling == "separable":
        parts = [loss.tally(prediction[i : i + 3], target[i : i + 3], weight=weight[i : i + 3]) for i in (0, 3)]
        same(sum(parts).mean, whole)
    assert loss.card.coupling == loss.inner.card.coupling
    assert loss.card.denominator == loss.inner.card.denominator
    assert loss.card.task == loss.inner.card.task
    assert loss.named_domains == loss.inner.named_domains


@every
def test_functional_transforms_agree(loss: wald.Loss, rng: torch.Generator) -> None:
    prediction, target = draw(loss, 6, rng)
    slope = slope_of(loss, prediction, target)
    same(grad(lambda x: loss(x, target, reduction="sum"))(prediction), slope)
    pairs = torch.stack([prediction, prediction.flip(0)]), torch.stack([target, target.flip(0)])
    same(vmap(loss.per_example)(*pairs)[0], loss(prediction, target, reduction="none"))


CAPTURED = [
    wald.Truncated(Centred(), 0.4),
    wald.Tempered(wald.CrossEntropy(axis=1), 2.0),
    wald.Clipped(wald.BinaryCrossEntropy(), 1.5),
    wald.Smoothed(Picked(), 0.2),
    wald.Smoothed(wald.CrossEntropy(class_weight=(1.0, 2.0, 5.0, 0.5)), 0.2),
    wald.Truncated(wald.Smoothed(wald.CrossEntropy(), 0.1), 5.0),
    wald.Bounded(wald.CrossEntropy(axis=1), 2.0),
    wald.Rounded(wald.Asymmetric(wald.Absolute(), 3.0), 0.2),
]


@pytest.mark.parametrize("loss", CAPTURED, ids=repr)
@pytest.mark.slow
def test_the_compiler_captures_it_whole(loss: wald.Loss, rng: torch.Generator) -> None:
    prediction, target = draw(loss, 6, rng)
    slope, keep = slope_of(loss, prediction, target), torch.ones(6, dtype=torch.bool)
    torch.compiler.reset()
    compiled = torch.compile(lambda x: loss(x, target, mask=keep), fullgraph=True, backend="aot_eager")
    first = leaf(prediction)
    value = compiled(first)
    value.backward()
    same(value, loss(prediction, target))
    same(first.grad, slope / loss.tally(prediction, target).count, 1e-10)


@every
def test_second_derivatives(loss: wald.Loss, rng: torch.Generator) -> None:
    prediction, target = draw(loss, 3, rng)
    call = lambda x: loss(x, target, reduction="none")  # noqa: E731
    assert torch.autograd.gradcheck(call, (leaf(prediction),), atol=1e-5, rtol=1e-3)
    assert torch.autograd.gradgradcheck(call, (leaf(prediction),), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("loss", [case for case in CASES if isinstance(case.card.formula, Formula)], ids=repr)
def test_the_formula_on_the_card_is_the_definition(loss: wald.Loss, rng: torch.Generator) -> None:
    formula = loss.card.formula
    prediction, target = draw(loss, 20, rng)
    fields = {name: getattr(loss, name) for name in loss.to_dict() if name not in ("loss", "inner")}
    for row, value in enumerate(loss.per_example(prediction, target).tolist()):
        said = formula(**fields, prediction=prediction[row].tolist(), target=target[row].tolist())
        assert said == pytest.approx(value, rel=1e-12)


def test_formulas_that_nobody_evaluates_still_say_what_is_done() -> None:
    assert wald.Truncated(Centred(), 2.0).card.formula == "min([(r - mean(r))**2], cap)"
    assert "prediction / temperature in place of prediction" in wald.Tempered(Centred(), 2.0).card.formula
    assert "mean over all classes" in wald.Smoothed(Picked()).card.formula


@pytest.mark.parametrize("kind", [wald.Truncated, wald.Tempered, wald.Smoothed])
def test_other_layouts_pass_through(kind: type, rng: torch.Generator) -> None:
    picture = torch.randn(2, 4, 3, 3, generator=rng, dtype=torch.float64)
    ids = torch.randint(0, 4, (2, 3, 3), generator=rng)
    ids[0, 0] = -100
    loss = kind(kind(wald.CrossEntropy(axis=1), 0.7), 0.5)
    plain = kind(kind(wald.CrossEntropy(), 0.7), 0.5)
    wanted = plain(picture.movedim(1, -1), ids, reduction="none")
    for _ in range(2):
        same(loss(picture, ids, reduction="none"), wanted)
    same(loss(picture, ids), plain(picture.movedim(1, -1), ids))
    with pytest.raises(wald.ShapeError, match=r"Use CrossEntropy\(axis=1\)"):
        plain(picture, ids)


def test_a_coupled_loss_knows_which_rows_are_left_out(rng: torch.Generator) -> None:
    prediction, target = draw(Centred(), 6, rng)
    keep = torch.tensor([True, False, True, True, False, True])
    for loss in (wald.Truncated(Centred(), 0.5), wald.Tempered(Centred(), 3.0), wald.Clipped(Centred(), 1.0)):
        values = loss(prediction, target, mask=keep, reduction="none")
        same(values[keep], loss(prediction[keep], target[keep], reduction="none"))


def test_only_a_loss_of_prediction_and_target_can_be_wrapped() -> None:
    for kind in (wald.Truncated, wald.Tempered, wald.Smoothed, lambda inner: wald.Clipped(inner, 1.0)):
        with pytest.raises(TypeError, match=r"CrossEntropy is a class; write CrossEntropy\(\)"):
            kind(wald.CrossEntropy)
        with pytest.raises(TypeError, match=r"a loss of prediction and target is wanted, got 0\.1"):
            kind(0.1)
        with pytest.raises(TypeError, match=r"a loss of prediction and target is wanted, got DPO"):
            kind(wald.DPO())


# Smoothed.


@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 5.0, 0.5)])
def test_smoothed_cross_entropy_is_that_of_torch(weights: tuple[float, ...] | None, rng: torch.Generator) -> None:
    prediction, target = draw(wald.CrossEntropy(), 30, rng)
    target[::7] = -100
    weight = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    loss = wald.Smoothed(wald.CrossEntropy(class_weight=weights), 0.2)
    for reduction in ("mean", "none"):
        ours, theirs = leaf(prediction), leaf(prediction)
        value = loss(ours, target, reduction=reduction)
        wanted = F.cross_entropy(theirs, target, weight, label_smoothing=0.2, reduction=reduction)
        same(value, wanted)
        value.sum().backward()
        wanted.sum().backward()
        same(ours.grad, theirs.grad)
    same(loss(prediction, target), wald.CrossEntropy(class_weight=weights, label_smoothing=0.2)(prediction, target))


def test_ids_one_hot_and_probabilities_smooth_alike(rng: torch.Generator) -> None:
    prediction, target = draw(wald.CrossEntropy(), 9, rng)
    loss, hot = wald.Smoothed(wald.CrossEntropy(), 0.3), F.one_hot(target, 4).double()
    same(loss(prediction, hot), loss(prediction, target))
    soft = torch.rand(9, 4, generator=rng, dtype=torch.float64).softmax(-1)
    wanted = F.cross_entropy(prediction, soft, label_smoothing=0.3)
    same(loss(prediction, soft), wanted)
    same(wald.Smoothed(Surprise(), 0.3)(prediction.softmax(-1), soft), wanted)


def test_a_loss_of_ids_is_averaged_over_redrawn_labels(rng: torch.Generator) -> None:
    prediction, target = draw(Picked(), 9, rng)
    same(wald.Smoothed(Picked(), 0.3)(prediction, target), F.cross_entropy(prediction, target, label_smoothing=0.3))
    possible = prediction.clone()
    possible[:, 3] = -torch.inf
    ids = target % 3
    value = wald.Smoothed(Picked(), 0.3)(possible, ids)
    same(value, F.cross_entropy(prediction[:, :3], ids, label_smoothing=0.3))


@pytest.mark.parametrize("inner", [wald.CrossEntropy(), Picked()], ids=repr)
def test_classes_out_of_the_game_get_no_share(inner: wald.Loss) -> None:
    prediction = torch.tensor([[1.0, 0.0, -torch.inf]], dtype=torch.float64)
    loss, target = wald.Smoothed(inner, 0.1), torch.tensor([0])
    same(loss(prediction, target), F.cross_entropy(prediction[:, :2], target, label_smoothing=0.1))
    slope = slope_of(loss, prediction, target)
    assert slope.isfinite().all()
    assert slope[0, 2] == 0


def test_binary_labels_move_towards_one_half(rng: torch.Generator) -> None:
    for inner in (wald.BinaryCrossEntropy(), wald.Hinge(), wald.Focal(kind="multilabel")):
        prediction, target = draw(inner, 20, rng)
        same(wald.Smoothed(inner, 0.2)(prediction, target), inner(prediction, 0.8 * target + 0.1))


def test_no_smoothing_is_none(rng: torch.Generator) -> None:
    for inner in LABELLED:
        prediction, target = draw(inner, 9, rng)
        loss = wald.Smoothed(inner, 0.0)
        same(loss(prediction, target), inner(prediction, target))
        for claim in ("elicits", "proper", "calibrated", "threshold", "convex", "symmetric"):
            assert getattr(loss.card, claim) == getattr(inner.card, claim)


@pytest.mark.parametrize("inner", [wald.Squared(), wald.Poisson(), wald.GaussianNLL(), Centred()], ids=repr)
def test_only_labels_are_smoothed(inner: wald.Loss) -> None:
    with pytest.raises(TypeError, match=rf"Smoothed: inner: the target of {type(inner).__name__} is .* only labels"):
        wald.Smoothed(inner, 0.1)


@pytest.mark.parametrize("inner", [wald.BinaryCrossEntropy(), wald.Hinge(), wald.Focal()], ids=repr)
def test_the_claims_of_smoothed_binary_losses(inner: wald.Loss) -> None:
    """Minimise the risk on a grid of scores, for each probability of a yes."""
    loss, scores = wald.Smoothed(inner, 0.2), torch.linspace(-8, 8, 3201, dtype=torch.float64)
    yes, no = torch.ones_like(scores), torch.zeros_like(scores)
    best = []
    for p in (0.02, 0.45, 0.55, 0.9):
        risk = p * loss.per_example(scores, yes) + (1 - p) * loss.per_example(scores, no)
        best.append(scores[risk.argmin()].item())
    assert [score > 0 for score in best] == [False, False, True, True]
    assert loss.card.threshold == 0.5
    if inner.card.proper:
        assert (loss.card.proper, loss.card.calibrated, loss.card.invertible) == (False, True, True)
        assert best == pytest.approx([math.log(p / (1 - p)) for p in (0.116, 0.46, 0.54, 0.82)], abs=0.006)
    else:
        assert (loss.card.proper, loss.card.calibrated, loss.card.invertible) == (None, None, None)
    assert loss.card.elicits is None


# Truncated.


def test_past_the_cap_nothing_pulls(rng: torch.Generator) -> None:
    for inner in (wald.Squared(), wald.Huber(), wald.BinaryCrossEntropy(), wald.CrossEntropy()):
        prediction, target = draw(inner, 200, rng)
        loss = wald.Truncated(inner, 0.6)
        each = inner(prediction, target, reduction="none")
        same(loss(prediction, target, reduction="none"), each.clamp(max=0.6))
        past = each > 0.6
        assert 0 < past.sum() < 200
        slope = slope_of(loss, prediction, target)
        assert (slope[past] == 0).all()
        same(slope[~past], slope_of(inner, prediction, target)[~past])


def test_what_overflows_is_truncated_in_value_and_gradient() -> None:
    loss, far = wald.Truncated(wald.Poisson(), 5.0), torch.tensor([1000.0, 0.5])
    target = torch.ones(2)
    assert wald.Poisson()(far, target).isinf()
    same(loss(far, target, reduction="none")[0], torch.tensor(5.0))
    slope = slope_of(loss, far, target)
    assert slope[0] == 0
    same(slope[1:], slope_of(wald.Poisson(), far[1:], target[1:]))
    nan = torch.tensor([torch.nan])
    assert loss(nan, target[:1]).isnan()  # a NaN is never hidden


# Tempered.


def test_a_temperature_divides_scores_and_slopes(rng: torch.Generator) -> None:
    for inner in INNER:
        prediction, target = draw(inner, 9, rng)
        loss = wald.Tempered(inner, 4.0)
        same(loss(prediction, target), inner(prediction / 4, target))
        same(slope_of(loss, prediction, target), slope_of(inner, prediction / 4, target) / 4)


@pytest.mark.parametrize("inner", [Surprise(), wald.SquaredLog()], ids=repr)
def test_what_is_no_score_is_not_tempered(inner: wald.Loss) -> None:
    with pytest.raises(TypeError, match=r"Tempered: inner: .* divided by a temperature"):
        wald.Tempered(inner, 2.0)


def test_a_positive_prediction_stays_one_when_it_is_divided() -> None:
    assert wald.Tempered(Inverse(), 2.0)(torch.tensor([4.0]), torch.zeros(1)).item() == 0.5


def test_the_claims_of_tempered_losses() -> None:
    sharp = wald.Tempered(wald.BinaryCrossEntropy(), 2.0)
    scores = torch.linspace(-8, 8, 3201, dtype=torch.float64)
    yes, no = torch.ones_like(scores), torch.zeros_like(scores)
    risk = 0.8 * sharp.per_example(scores, yes) + 0.2 * sharp.per_example(scores, no)
    assert scores[risk.argmin()].item() == pytest.approx(2 * math.log(4), abs=0.005)
    card = sharp.card
    assert (card.elicits, card.proper, card.calibrated, card.invertible) == (None, None, True, True)
    assert (card.threshold, card.convex, card.smooth, card.slope) == (0.5, True, 3, "bounded")
    assert wald.Tempered(wald.BinaryCrossEntropy(), 1.0).card.proper is True
    hinge = wald.Tempered(wald.Hinge(), 2.0).card
    assert (hinge.proper, hinge.calibrated, hinge.invertible) == (None, True, False)


# Clipped.


def test_outside_the_bound_nothing_pulls(rng: torch.Generator) -> None:
    for inner in INNER:
        prediction, target = draw(inner, 50, rng)
        loss = wald.Clipped(inner, 1.0)
        same(loss(prediction, target), inner(prediction.clamp(-1, 1), target))
        slope = slope_of(loss, prediction, target)
        outside = prediction.abs() > 1
        assert (slope[outside] == 0).all()
        assert (slope[~outside] != 0).any()


def test_clipped_probabilities_would_be_none() -> None:
    with pytest.raises(TypeError, match=r"clip the logits"):
        wald.Clipped(Surprise(), 1.0)
    with pytest.raises(TypeError, match="bound"):
        wald.Clipped(wald.Squared())
    with pytest.raises(ValueError, match="bound must be > 0"):
        wald.Clipped(wald.Squared(), 0.0)


# Claims that all make.


CONVEX = [case for case in CASES if case.card.convex is not None and case.card.coupling == "separable"]


@pytest.mark.parametrize("loss", CONVEX, ids=repr)
def test_convexity_is_as_claimed(loss: wald.Loss, rng: torch.Generator) -> None:
    first, target = draw(loss, 3000, rng)
    first, second = 2 * first, 6 * draw(loss, 3000, rng)[0]
    ends = (loss(first, target, reduction="none") + loss(second, target, reduction="none")) / 2
    bulge = (loss((first + second) / 2, target, reduction="none") - ends).max()
    assert (bulge <= 1e-12) == loss.card.convex


def test_a_card_is_read_from_the_inner_loss_and_from_nowhere_else() -> None:
    assert wald.Truncated(wald.Squared(), 2.0).card.perfect_is_minimal is True
    assert wald.Truncated(wald.Squared(), 2.0).card.elicits is None
    assert wald.Truncated(Inverse(), 2.0).card.convex is None
    assert wald.Clipped(wald.GaussianNLL(), 2.0).card.bounded_below is None
    assert wald.GaussianNLL().card.bounded_below is False
    assert set(wald.Smoothed(wald.CrossEntropy()).card.to_dict()) == set(wald.CrossEntropy().card.to_dict())
    assert json.dumps(wald.Truncated(wald.Tempered(wald.Huber(), 2.0)).card.to_dict())
