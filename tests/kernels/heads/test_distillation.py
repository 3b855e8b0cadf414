"""`linear_distillation` is the divergence of both whole matrices of logits, in value and in every derivative."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings, strategies as st
import pytest
import torch
from torch import Tensor

import wald

from .promises import keeps_its_promises, leaves_of, near
from .test_policy import drawn

BATCH, CLASSES, FEATURES = (3, 5), 23, 6
HIDDEN, HEAD, BIAS = drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1), drawn(CLASSES, seed=2)
TEACHER = drawn(*BATCH, 9, seed=3), drawn(CLASSES, 9, seed=4)
LOGITS = TEACHER[0] @ TEACHER[1].T
WEIGHT = drawn(*BATCH, seed=8).abs() * (drawn(*BATCH, seed=9) > -0.6)

LOSSES = [
    wald.KLDivergence(),
    wald.KLDivergence(direction="reverse"),
    wald.JensenShannon(),
    wald.JensenShannon(beta=0.2),
]


def kl(p: Tensor, q: Tensor) -> Tensor:
    """From probabilities, with 0 log 0 = 0."""
    some = p > 0
    return torch.where(some, p * (torch.where(some, p, 1.0).log() - torch.where(some, q, 1.0).log()), 0.0).sum(-1)


def exactly(loss: Any, student: Tensor, teacher: Tensor) -> Tensor:
    """The divergence of two tables of probabilities, by the textbook."""
    if isinstance(loss, wald.JensenShannon):
        middle = loss.beta * teacher + (1 - loss.beta) * student
        return loss.beta * kl(teacher, middle) + (1 - loss.beta) * kl(student, middle)
    return kl(teacher, student) if loss.direction == "forward" else kl(student, teacher)


def told(form: str, temperature: float) -> dict[str, Any]:
    """The teacher in one of the forms in which it may be given."""
    if form == "head":
        return {"teacher_hidden": TEACHER[0], "teacher_weight": TEACHER[1]}
    if form == "logits":
        return {"teacher_logits": LOGITS}
    if form == "function":
        return {"teacher_logits": lambda rows: LOGITS.reshape(-1, CLASSES)[rows]}
    logs, ids = (LOGITS / temperature).log_softmax(-1).topk(CLASSES if form == "all" else 4)
    return {"teacher_top": (ids, logs), "tail": "renormalise" if form == "renormalise" else "bucket"}


def seen(form: str, student: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Probabilities of student and teacher over the outcomes that this form tells apart."""
    both = [(z.double() / temperature).softmax(-1) for z in (student, LOGITS)]
    if form not in ("bucket", "renormalise", "all"):
        return both[0], both[1]
    ids = told(form, temperature)["teacher_top"][0]
    named = [p.gather(-1, ids) for p in both]
    if form == "renormalise":
        named = [p / p.sum(-1, keepdim=True) for p in named]
    elif form == "bucket":
        named = [torch.cat([p, 1 - p.sum(-1, keepdim=True)], -1) for p in named]
    return named[0], named[1]


@pytest.mark.parametrize("form", ["head", "logits", "function", "bucket", "renormalise", "all"])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_the_contract_holds(loss: Any, form: str) -> None:
    index = LOSSES.index(loss)
    reduction = ("mean", "sum", "none", "mean")[index]
    temperature = (1.0, 2.0, 0.7, 1.0)[index]

    def call(hidden: Tensor, head: Tensor, bias: Tensor) -> Tensor:
        return wald.linear_distillation(
            *(loss, hidden, head),
            bias=bias,
            temperature=temperature,
            token_weight=WEIGHT,
            reduction=reduction,
            memory_budget=8 * 2 * CLASSES * 5,
            **told(form, temperature),
        )

    def oracle(hidden: Tensor, head: Tensor, bias: Tensor) -> Tensor:
        student = hidden @ head.T + bias
        values = temperature**2 * exactly(loss, *seen(form, student, temperature)) * WEIGHT
        if reduction == "none":
            return values
        return values.sum() / WEIGHT.sum() if reduction == "mean" else values.sum()

    keeps_its_promises(call, oracle, (HIDDEN, HEAD, BIAS))


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(0, 12),
    classes=st.integers(1, 40),
    features=st.integers(1, 9),
    chunk=st.integers(1, 12),
    size=st.sampled_from([0.1, 3.0, 60.0]),
    loss=st.sampled_from(LOSSES),
    seed=st.integers(0, 99),
)
def test_no_shape_no_size_and_no_chunk_makes_a_difference(
    rows: int, classes: int, features: int, chunk: int, size: float, loss: Any, seed: int
) -> None:
    tensors = leaves_of(
        (size * drawn(rows, features, seed=seed), drawn(classes, features, seed=seed + 1)), torch.float64
    )
    teacher = size * drawn(rows, 3, seed=seed + 2), drawn(classes, 3, seed=seed + 3)
    budget = 8 * 2 * classes * (chunk + 1)
    found = wald.linear_distillation(loss, *tensors, *teacher, memory_budget=budget)
    logs = [(x @ w.T).log_softmax(-1) for x, w in (tensors, teacher)]
    spaces = {"prediction_space": "log_probabilities", "target_space": "log_probabilities"}
    wanted = loss.replace(**spaces).per_example(*logs).sum() / max(rows, 1)
    near(found.detach(), wanted.detach(), 1e-11)
    for ours, theirs in zip(torch.autograd.grad(found, tensors), torch.autograd.grad(wanted, tensors), strict=True):
        near(ours, theirs, 1e-10)


@pytest.mark.parametrize("form", ["head", "bucket"])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.bfloat16, 2e-2), (torch.float16, 4e-3)])
def test_narrow_dtypes_compute_wide(loss: Any, form: str, dtype: torch.dtype, tolerance: float) -> None:
    tensors = leaves_of((HIDDEN, HEAD), dtype)
    exact = leaves_of(tuple(x.detach() for x in tensors), torch.float64)
    found = wald.linear_distillation(loss, *tensors, **told(form, 1.0))
    wanted = exactly(loss, *seen(form, exact[0] @ exact[1].T, 1.0)).mean()
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)
    for ours, theirs in zip(torch.autograd.grad(found, tensors), torch.autograd.grad(wanted, exact), strict=True):
        assert ours.dtype == dtype
        assert ((ours.double() - theirs).norm() / theirs.norm()).item() < tolerance


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_class_that_neither_side_holds_possible_costs_nothing(loss: Any) -> None:
    impossible = torch.zeros(CLASSES, dtype=torch.float64)
    impossible[3] = -torch.inf
    tensors = leaves_of((HIDDEN, HEAD), torch.float64)
    rest = [k for k in range(CLASSES) if k != 3]
    found = wald.linear_distillation(loss, *tensors, *TEACHER, impossible, impossible)
    wanted = wald.linear_distillation(loss, tensors[0], tensors[1][rest], TEACHER[0], TEACHER[1][rest])
    near(found.detach(), wanted.detach(), 1e-12)
    for ours, theirs in zip(torch.autograd.grad(found, tensors), torch.autograd.grad(wanted, tensors), strict=True):
        near(ours, theirs, 1e-11)


def test_the_bucket_costs_no_more_than_all_classes_and_more_names_cost_more() -> None:
    def of(k: int) -> Tensor:
        logs, ids = LOGITS.log_softmax(-1).topk(k)
        return wald.linear_distillation(wald.KLDivergence(), HIDDEN, HEAD, teacher_top=(ids, logs))

    costs = [of(k).item() for k in (1, 2, 5, 11, CLASSES)]
    assert costs == sorted(costs)
    whole = wald.linear_distillation(wald.KLDivergence(), HIDDEN, HEAD, teacher_logits=LOGITS).item()
    assert costs[-1] == pytest.approx(whole, rel=1e-12)


def test_a_tail_of_almost_nothing_keeps_its_digits() -> None:
    # The student's tail is about 1e-12: 1 less what is named would be rounding, in fp32 altogether.
    head = torch.zeros(5, 2)
    head[0, 0] = 1.0
    x, w = leaves_of((torch.tensor([[28.0, 0.0]]), head), torch.float32)
    top = torch.tensor([[0]]), torch.tensor([[0.5]]).log()
    found = wald.linear_distillation(wald.KLDivergence(), x, w, teacher_top=top)
    tail = torch.tensor(4.0).log() - 28.0
    assert found.item() == pytest.approx((0.5 * torch.tensor(0.5).log() * 2 - 0.5 * tail).item(), rel=1e-6)
    assert torch.autograd.grad(found, x)[0][0, 0].item() == pytest.approx(0.5, rel=1e-5)


def test_the_teacher_gets_no_gradient_and_its_logits_stay_as_they_are() -> None:
    tensors = leaves_of((HIDDEN, HEAD, *TEACHER), torch.float64)
    value = wald.linear_distillation(wald.KLDivergence(), *tensors)
    value.backward()
    assert tensors[0].grad is not None
    assert tensors[2].grad is None
    assert tensors[3].grad is None
    logits = LOGITS.float()
    before = logits.clone()
    wald.linear_distillation(wald.JensenShannon(), *(x.float() for x in (HIDDEN, HEAD)), teacher_logits=logits)
    assert torch.equal(logits, before)


def test_what_is_left_out_is_never_looked_at() -> None:
    mask = torch.rand(BATCH, generator=torch.Generator().manual_seed(0)) < 0.5
    hidden, states = HIDDEN.clone(), TEACHER[0].clone()
    hidden[~mask] = torch.nan
    states[~mask] = torch.inf
    tensors = leaves_of((hidden, HEAD), torch.float32)
    value = wald.linear_distillation(wald.KLDivergence(), *tensors, states.float(), TEACHER[1].float(), mask=mask)
    assert value.isfinite()
    slopes = torch.autograd.grad(value, tensors)
    assert all(slope.isfinite().all() for slope in slopes)
    assert (slopes[0][~mask] == 0).all()
    nobody = torch.zeros(BATCH, dtype=torch.bool)
    nothing = wald.linear_distillation(wald.KLDivergence(), *tensors, states, TEACHER[1], mask=nobody)
    assert nothing.item() == 0
    assert all((slope == 0).all() for slope in torch.autograd.grad(nothing, tensors))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["head", "bucket"])
def test_torch_compile_runs_the_definition(form: str) -> None:
    tensors, loss = leaves_of((HIDDEN, HEAD), torch.float32), wald.JensenShannon()
    teacher = {name: x.float() if isinstance(x, Tensor) else x for name, x in told(form, 1.0).items()}

    def call(*given: Tensor) -> Tensor:
        return wald.linear_distillation(loss, *given, **teacher)

    found, wanted = torch.compile(call, fullgraph=True)(*tensors), call(*tensors)
    near(found.detach(), wanted.detach(), 1e-5)
    for ours, theirs in zip(torch.autograd.grad(found, tensors), torch.autograd.grad(wanted, tensors), strict=True):
        near(ours, theirs, 1e-5)


X, W, L = torch.zeros(2, 3, 4), torch.zeros(7, 4), torch.zeros(2, 3, 7)
IDS, HALF = torch.tensor([[[0, 1]] * 3] * 2), torch.full((2, 3, 2), 0.5).log()


@pytest.mark.parametrize(
    ("arguments", "more", "error", "says"),
    [
        ((wald.CrossEntropy(), X, W), {"teacher_logits": L}, TypeError, "use wald.linear|wald.linear"),
        ((wald.KLDivergence(), X, W), {}, TypeError, "wants one teacher, got 0"),
        ((wald.KLDivergence(), X, W, X, W), {"teacher_logits": L}, TypeError, "wants one teacher, got 2"),
        ((wald.KLDivergence(), X, W, X), {}, TypeError, "teacher_weight is missing"),
        ((wald.KLDivergence(), X, W, X, W[:6]), {}, wald.ShapeError, r"use weight\[:6\]"),
        ((wald.KLDivergence(), X, W, X[:1], W), {}, wald.ShapeError, "same tokens"),
        ((wald.KLDivergence(), X, W), {"teacher_logits": L[..., :6]}, wald.ShapeError, r"weight\[:6\]"),
        ((wald.KLDivergence(), X, W), {"teacher_logits": lambda rows: L[0]}, wald.ShapeError, "one row of logits"),
        ((wald.KLDivergence(), X, W), {"teacher_top": (HALF, IDS)}, wald.DtypeError, "look swapped"),
        ((wald.KLDivergence(), X, W), {"teacher_top": (IDS + 6, HALF)}, wald.DomainError, "from 6 to 7"),
        ((wald.KLDivergence(), X, W), {"teacher_top": (IDS * 0, HALF)}, wald.DomainError, "twice"),
        ((wald.KLDivergence(), X, W), {"teacher_top": (IDS, -HALF)}, wald.DomainError, "add up to 4"),
        ((wald.KLDivergence(), X, W), {"teacher_top": (IDS, HALF), "tail": "drop"}, ValueError, "renormalise"),
        ((wald.KLDivergence(), X, W), {"teacher_logits": L, "temperature": -1.0}, ValueError, "temperature"),
        ((wald.KLDivergence(), X, W), {"teacher_logits": L, "memory_budget": 4}, ValueError, "memory_budget=4"),
    ],
)
def test_a_mistake_gets_an_answer(
    arguments: tuple[Any, ...], more: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        wald.linear_distillation(*arguments, **more)
