"""Losses for labels that are partly wrong: against formulas in plain torch, their identities and their ends."""

from __future__ import annotations

from collections.abc import Callable
import math

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from .agreeing import agree, ids, law, near, scores

NOISE = ((0.7, 0.1, 0.1, 0.1), (0.0, 1.0, 0.0, 0.0), (0.2, 0.0, 0.8, 0.0), (0.05, 0.05, 0.1, 0.8))
MATRIX = torch.tensor(NOISE, dtype=torch.float64)


def of_p(cost: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """An oracle from what the probability of the true class costs."""
    return lambda z, y: cost(z.softmax(-1).gather(-1, y[:, None])[:, 0])


def of_all(cost: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """An oracle from the log-probabilities of all classes and the one-hot target."""
    return lambda z, y: cost(z.log_softmax(-1), F.one_hot(y, z.shape[-1]).to(z.dtype))


ORACLES: list[tuple[wald.Loss, Callable[[Tensor, Tensor], Tensor]]] = [
    (wald.Poly(epsilon=2.0), of_p(lambda p: -p.log() + 2 * (1 - p))),
    (wald.Poly(epsilon=-1.0), of_p(lambda p: -p.log() - (1 - p))),
    (wald.GeneralisedCrossEntropy(q=0.7), of_p(lambda p: (1 - p**0.7) / 0.7)),
    (wald.GeneralisedCrossEntropy(q=1.0), of_p(lambda p: 1 - p)),
    (wald.TaylorCrossEntropy(order=2), of_p(lambda p: (1 - p) + (1 - p) ** 2 / 2)),
    (wald.TaylorCrossEntropy(order=5), of_p(lambda p: sum((1 - p) ** k / k for k in range(1, 6)))),
    (
        wald.SymmetricCrossEntropy(alpha=0.3, beta=0.7, log_zero=-6.0),
        of_all(lambda s, t: -0.3 * (t * s).sum(-1) - 0.7 * (s.exp() * (1 - t) * -6.0).sum(-1)),
    ),
    (wald.NormalisedCrossEntropy(), of_all(lambda s, t: (t * s).sum(-1) / s.sum(-1))),
    (
        wald.NormalisedCrossEntropy(gamma=2.0),
        of_all(lambda s, t: ((1 - s.exp()) ** 2 * t * s).sum(-1) / ((1 - s.exp()) ** 2 * s).sum(-1)),
    ),
    (
        wald.ActivePassive(alpha=2.0, beta=0.5),
        of_all(lambda s, t: 2 * (t * s).sum(-1) / s.sum(-1) + 0.5 * 4 * (1 - (t * s.exp()).sum(-1))),
    ),
    (
        wald.ActivePassive(log_zero=-2.0),
        of_all(lambda s, t: (t * s).sum(-1) / s.sum(-1) + (t - s.exp()).abs().sum(-1)),
    ),
    (
        wald.Bootstrapping(beta=0.9),
        of_all(lambda s, t: -((0.9 * t + 0.1 * s.exp()) * s).sum(-1)),
    ),
    (
        wald.Bootstrapping(beta=0.8, hard=True),
        of_all(lambda s, t: -((0.8 * t + 0.2 * F.one_hot(s.argmax(-1), 4).to(s)) * s).sum(-1)),
    ),
    (wald.ConfidencePenalty(strength=0.3), of_all(lambda s, t: ((0.3 * s.exp() - t) * s).sum(-1))),
    (
        wald.MaxSup(strength=0.3),
        lambda z, y: F.cross_entropy(z, y, reduction="none") + 0.3 * (z.max(-1).values - z.mean(-1)),
    ),
    (wald.ForwardCorrection(noise=NOISE), lambda z, y: -(z.softmax(-1) @ MATRIX).gather(-1, y[:, None])[:, 0].log()),
    (wald.BackwardCorrection(noise=NOISE), lambda z, y: -(MATRIX.inverse()[y] * z.log_softmax(-1)).sum(-1)),
]


@pytest.mark.parametrize(("loss", "oracle"), ORACLES, ids=[repr(loss) for loss, _ in ORACLES])
def test_value_and_slope_are_those_of_the_formula(loss: wald.Loss, oracle: Callable[..., Tensor]) -> None:
    for seed in (0, 1):
        agree(loss.per_example, oracle, scores(seed), ids(seed))


@pytest.mark.parametrize("loss", [loss for loss, _ in ORACLES], ids=repr)
def test_a_soft_target_is_the_mean_over_its_labels(loss: wald.Loss) -> None:
    z, share = scores(), law()
    each = torch.stack([loss.per_example(z, torch.full((31,), k)) for k in range(4)], -1)
    near(loss.per_example(z, share), (share * each).sum(-1))


@pytest.mark.parametrize("loss", [loss for loss, _ in ORACLES], ids=repr)
def test_images_and_ignored_targets(loss: wald.Loss) -> None:
    z, y = scores(rows=30), ids(rows=30)
    image, truth = z.reshape(2, 15, 4).movedim(-1, 1), y.clone().reshape(2, 15)
    near(loss.replace(axis=1)(image, truth), loss(z, y))
    truth[0, :7] = -100
    near(loss.replace(axis=1)(image, truth), loss(z[7:], y[7:]))


@pytest.mark.parametrize("loss", [loss for loss, _ in ORACLES], ids=repr)
@pytest.mark.parametrize("size", [0.0, 1e4, -1e4])
def test_far_out_the_slope_is_finite(loss: wald.Loss, size: float) -> None:
    z = torch.zeros(4, 4)
    z[:, 0] = size
    z.requires_grad_()
    value = loss(z, torch.arange(4), reduction="none")
    value.sum().backward()
    assert value.isfinite().all()
    assert z.grad is not None
    assert z.grad.isfinite().all()


CE = wald.CrossEntropy()
SAME: dict[str, tuple[wald.Loss, Callable[..., Tensor]]] = {
    "Poly at 0 is CE": (wald.Poly(epsilon=0), CE.per_example),
    "GCE at 0 is CE": (wald.GeneralisedCrossEntropy(q=0), CE.per_example),
    "GCE near 0 is CE": (wald.GeneralisedCrossEntropy(q=1e-13), CE.per_example),
    "GCE at 1 is half the absolute error": (
        wald.GeneralisedCrossEntropy(q=1),
        of_all(lambda s, t: (t - s.exp()).abs().sum(-1) / 2),
    ),
    "one term of Taylor is GCE at 1": (
        wald.TaylorCrossEntropy(order=1),
        wald.GeneralisedCrossEntropy(q=1).per_example,
    ),
    "SCE is Poly": (
        wald.SymmetricCrossEntropy(alpha=0.1, beta=1.0),
        lambda z, y: 0.1 * wald.Poly(epsilon=40).per_example(z, y),
    ),
    "SCE without its reverse is CE": (wald.SymmetricCrossEntropy(alpha=1, beta=0), CE.per_example),
    "bootstrapping with the label alone is CE": (wald.Bootstrapping(beta=1), CE.per_example),
    "the normalised focal loss at 0": (wald.NormalisedCrossEntropy(gamma=0), wald.NormalisedCrossEntropy().per_example),
    "no penalty is CE": (wald.ConfidencePenalty(strength=0), CE.per_example),
    "no suppression is CE": (wald.MaxSup(strength=0), CE.per_example),
    "no noise forward is CE": (wald.ForwardCorrection(noise=torch.eye(4)), CE.per_example),
    "no noise backward is CE": (wald.BackwardCorrection(noise=torch.eye(4)), CE.per_example),
}


@pytest.mark.parametrize("case", SAME)
def test_identities(case: str) -> None:
    loss, other = SAME[case]
    agree(loss.per_example, other, scores(), ids())


def test_binary_poly_is_bce_and_that_of_two_classes() -> None:
    z, y = scores(classes=1)[:, 0], ids(classes=2)
    agree(wald.Poly(kind="binary", epsilon=0).per_example, wald.BinaryCrossEntropy().per_example, z, y.double())
    two = torch.stack([torch.zeros_like(z), z], -1)
    near(wald.Poly(kind="binary")(z, y.double(), reduction="none"), wald.Poly()(two, y, reduction="none"))


def test_label_smoothing_is_max_suppression_where_the_model_is_right() -> None:
    z = scores()
    y = z.argmax(-1)
    agree(wald.MaxSup(strength=0.2).per_example, wald.CrossEntropy(label_smoothing=0.2).per_example, z, y)


@pytest.mark.parametrize(
    "loss",
    [
        wald.GeneralisedCrossEntropy(q=1),
        wald.TaylorCrossEntropy(order=1),
        wald.NormalisedCrossEntropy(),
        wald.NormalisedCrossEntropy(gamma=2),
        wald.ActivePassive(),
    ],
    ids=repr,
)
def test_the_values_of_all_labels_add_to_a_constant(loss: wald.Loss) -> None:
    z = scores()
    total = torch.stack([loss.per_example(z, torch.full((31,), k)) for k in range(4)]).sum(0)
    near(total, total[:1].expand(31))


def test_what_noise_does_is_undone_on_average() -> None:
    z = scores()
    backward, forward = wald.BackwardCorrection(noise=NOISE), wald.ForwardCorrection(noise=NOISE)
    for true in range(4):
        seen = MATRIX[true].expand(31, 4)
        near(backward.per_example(z, seen), CE.per_example(z, torch.full((31,), true)), 1e-10)
    # Forward is least where the model knows the true classes: its labels then follow q.
    p = law(rows=1)
    q = p @ MATRIX
    z = p.log().requires_grad_()
    (slope,) = torch.autograd.grad(forward(z, q), z)
    near(slope, torch.zeros_like(slope), 1e-12)


def test_forward_correction_keeps_what_is_too_small_for_probabilities() -> None:
    noise = ((1.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.0, 0.5, 0.5))
    z = torch.tensor([[900.0, 0.0, 0.0]], requires_grad=True)
    value = wald.ForwardCorrection(noise=noise)(z, torch.tensor([2]))
    value.backward()
    near(value.detach(), 900.0, 1e-6)
    assert z.grad is not None
    near(z.grad, [[1.0, -0.5, -0.5]], 1e-4)


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        (((0.9, 0.1),), "at least two classes"),
        (((0.9, 0.1), (1.0,)), "row 1 must have as many columns"),
        (((0.9, 0.2), (0.5, 0.5)), "row 0 of noise .* which add to 1.1"),
        (((0.9, 0.4), (0.1, 0.6)), "the other way round: pass its transpose"),
        (((1.1, -0.1), (0.5, 0.5)), "from 0 up"),
    ],
)
def test_what_is_no_noise_is_refused(noise: tuple[tuple[float, ...], ...], said: str) -> None:
    for kind in (wald.ForwardCorrection, wald.BackwardCorrection):
        with pytest.raises(ValueError, match=said):
            kind(noise=noise)


def test_noise_that_hides_a_class_cannot_be_undone() -> None:
    hidden = ((0.5, 0.5), (0.5, 0.5))
    wald.ForwardCorrection(noise=hidden)
    with pytest.raises(ValueError, match=r"cannot be inverted .* Use ForwardCorrection, or merge"):
        wald.BackwardCorrection(noise=hidden)


def test_wrong_fields_are_refused() -> None:
    for make, said in (
        (lambda: wald.Poly(epsilon=-1.5), "epsilon must be >= -1"),
        (lambda: wald.Poly(kind="binary", axis=1), "has no axis"),
        (lambda: wald.TaylorCrossEntropy(order=2.5), "a whole number is wanted, got 2.5"),
        (lambda: wald.SymmetricCrossEntropy(alpha=0, beta=0), "nothing is left"),
        (lambda: wald.SymmetricCrossEntropy(log_zero=1), "log_zero must be < 0"),
    ):
        with pytest.raises(ValueError, match=said):
            make()


# Early-learning regularisation.


def test_early_learning_is_the_formula_of_the_authors() -> None:
    memory = law(5)

    def theirs(z: Tensor, y: Tensor, m: Tensor) -> Tensor:
        p = z.softmax(-1).clamp(1e-4, 1 - 1e-4)
        return F.cross_entropy(z, y, reduction="none") + 3 * (1 - (p * m).sum(-1)).log()

    agree(wald.EarlyLearning().per_example, theirs, scores(), ids(), memory)
    agree(wald.EarlyLearning(strength=0).per_example, lambda z, y, _: CE.per_example(z, y), scores(), ids(), memory)


def test_early_learning_ends_where_both_are_sure() -> None:
    z, sure = torch.tensor([[50.0, 0.0]], requires_grad=True), torch.tensor([[1.0, 0.0]])
    value = wald.EarlyLearning()(z, torch.tensor([0]), sure)
    value.backward()
    near(value.detach(), 3 * math.log(1e-4), 1e-3)
    assert z.grad is not None
    assert z.grad.isfinite().all()
    with pytest.raises(wald.DomainError, match="the rows of memory are read as probabilities"):
        wald.EarlyLearning()(z, torch.tensor([0]), torch.zeros(1, 2))


def test_early_learning_leaves_out_ignored_targets() -> None:
    z, y, memory = scores(), ids(), law(5)
    y[:3] = -100
    near(wald.EarlyLearning()(z, y, memory), wald.EarlyLearning()(z[3:], y[3:], memory[3:]))


# Small-loss selection and hard examples are reductions, and both are there.


def test_hard_example_mining_is_a_reduction() -> None:
    """OHEM with a fixed share is the mean of the hardest examples: CVaR of cross-entropy."""
    z, y = scores(rows=40), ids(rows=40)
    each = F.cross_entropy(z, y, reduction="none")
    near(CE(z, y, reduction=wald.CVaR(0.25)), each.topk(10).values.mean())
    # Co-teaching keeps the examples of small loss instead.
    near(CE(z, y, reduction=wald.TrimmedMean(high=0.25)), each.sort().values[:30].mean())
