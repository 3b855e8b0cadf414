"""`linear_preference` is the loss of the whole matrix of logits, in value and in every derivative."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings, strategies as st
import pytest
import torch
from torch import Tensor

import wald
from wald.kernels.heads.preference.pairs import packed

from .promises import keeps_its_promises, leaves_of, near
from .test_policy import drawn, tokens_of

PAIRS, CLASSES, FEATURES = 4, 23, 6
LENGTHS = (7, 5)
LABELS = tokens_of((PAIRS, LENGTHS[0]), CLASSES), tokens_of((PAIRS, LENGTHS[1]), CLASSES, seed=5)
STATES = drawn(PAIRS, LENGTHS[0], FEATURES), drawn(PAIRS, LENGTHS[1], FEATURES, seed=7)
HEAD, BIAS = drawn(CLASSES, FEATURES, seed=1), drawn(CLASSES, seed=2)
FROZEN = drawn(PAIRS, LENGTHS[0], 3, seed=11), drawn(PAIRS, LENGTHS[1], 3, seed=12), drawn(CLASSES, 3, seed=13)
SUMS = -drawn(PAIRS, seed=14).abs() * 20, -drawn(PAIRS, seed=15).abs() * 20
WEIGHT = torch.tensor([0.5, 2.0, 0.0, 1.25], dtype=torch.float64)


def log_probs(
    states: Tensor, head: Tensor, labels: Tensor, bias: Tensor | None = None, *, average: bool = False
) -> Tensor:
    """The log-probability of each answer in float64, from the whole matrix of logits."""
    logits = states.double() @ head.double().T
    logs = (logits if bias is None else logits + bias.double()).log_softmax(-1)
    keep = labels != -100
    own = logs.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    total = torch.where(keep, own, torch.zeros_like(own)).sum(-1)
    return total / keep.sum(-1).clamp(min=1) if average else total


REFERENCES: dict[str, tuple[Tensor, ...]] = {
    "log-probabilities": SUMS,
    "hidden states": FROZEN,
    "hidden states and bias": (*FROZEN, BIAS),
}


def referred(name: str, *, average: bool = False) -> tuple[Tensor, ...]:
    if not name:
        return ()
    if name == "log-probabilities":
        return SUMS
    first, second, head, *bias = REFERENCES[name]
    sides = zip((first, second), LABELS, strict=True)
    return tuple(log_probs(x, head, labels, *bias, average=average) for x, labels in sides)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("loss", "reference", "average", "budget", "biased"),
    [
        (wald.DPO(), "log-probabilities", False, None, False),
        (wald.DPO(beta=0.4, label_smoothing=0.1), "hidden states", False, None, False),
        (wald.DPO(), "hidden states and bias", True, None, True),
        (wald.DPO(), "log-probabilities", False, 8 * CLASSES * 4, True),
        (wald.BradleyTerry(centering=0.01), "", False, 8 * CLASSES * 3, False),
        (wald.BradleyTerry(margin=1.0), "", True, None, False),
    ],
)
def test_the_contract_holds(
    loss: Any, reference: str, average: bool, budget: int | None, biased: bool, reduction: str
) -> None:
    def call(chosen: Tensor, rejected: Tensor, head: Tensor, bias: Tensor | None = None) -> Tensor:
        return wald.linear_preference(
            *(loss, chosen, rejected, head, *LABELS, bias),
            reference=REFERENCES.get(reference),
            average_log_prob=average,
            pair_weight=WEIGHT,
            reduction=reduction,
            memory_budget=budget,
        )

    def oracle(chosen: Tensor, rejected: Tensor, head: Tensor, bias: Tensor | None = None) -> Tensor:
        sides = zip((chosen, rejected), LABELS, strict=True)
        own = [log_probs(x, head, labels, bias, average=average) for x, labels in sides]
        values = loss.per_example(*own, *referred(reference, average=average)) * WEIGHT
        if reduction == "none":
            return values
        return values.sum() / WEIGHT.sum() if reduction == "mean" else values.sum()

    keeps_its_promises(call, oracle, (*STATES, HEAD, *((BIAS,) if biased else ())))


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.integers(0, 6),
    lengths=st.tuples(st.integers(0, 6), st.integers(0, 6)),
    classes=st.integers(1, 40),
    features=st.integers(1, 9),
    chunk=st.integers(1, 30),
    size=st.sampled_from([0.1, 3.0, 80.0]),
    ignored=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    seed=st.integers(0, 99),
)
def test_no_shape_no_size_and_no_chunk_makes_a_difference(
    pairs: int,
    lengths: tuple[int, int],
    classes: int,
    features: int,
    chunk: int,
    size: float,
    ignored: float,
    seed: int,
) -> None:
    labels = [tokens_of((pairs, n), classes, ignored, seed + n) for n in lengths]
    states = [size * drawn(pairs, n, features, seed=seed + n) for n in lengths]
    tensors = leaves_of((*states, drawn(classes, features, seed=seed + 50)), torch.float64)
    reference = drawn(pairs, seed=1), drawn(pairs, seed=2)
    mask = torch.rand(pairs, generator=torch.Generator().manual_seed(seed)) < 0.7
    found = wald.linear_preference(
        *(wald.DPO(), *tensors, *labels), reference=reference, mask=mask, memory_budget=8 * classes * (chunk + 1)
    )
    own = [log_probs(x, tensors[2], ids) for x, ids in zip(tensors[:2], labels, strict=True)]
    values = torch.where(mask, wald.DPO().per_example(*own, *reference), torch.zeros(()).double())
    wanted = values.sum() / mask.sum().clamp(min=1)
    near(found.detach(), wanted.detach(), 1e-11)
    for ours, theirs in zip(torch.autograd.grad(found, tensors), torch.autograd.grad(wanted, tensors), strict=True):
        near(ours, theirs, 1e-10)


def test_outputs_are_those_of_the_definition() -> None:
    names = [f"{side}_{what}" for what in ("log_prob", "reward", "entropy") for side in ("chosen", "rejected")] + [
        "margin",
        "accuracy",
    ]
    mask = torch.tensor([True, True, False, True])
    with torch.no_grad():
        found = wald.linear_preference(
            wald.DPO(beta=0.5), *STATES, HEAD, *LABELS, reference=FROZEN, mask=mask, outputs=names
        )
    own = [log_probs(x, HEAD, labels) for x, labels in zip(STATES, LABELS, strict=True)]
    rewards = [0.5 * (a - b) for a, b in zip(own, referred("hidden states"), strict=True)]
    for k, side in enumerate(("chosen", "rejected")):
        near(getattr(found, f"{side}_log_prob")[mask], own[k][mask], 1e-12)
        near(getattr(found, f"{side}_reward")[mask], rewards[k][mask], 1e-12)
        assert getattr(found, f"{side}_reward")[2] == 0
        logs = (STATES[k] @ HEAD.T).log_softmax(-1)
        keep = LABELS[k] != -100
        entropy = -(logs.exp() * logs).sum(-1)
        mean = torch.where(keep, entropy, torch.zeros_like(entropy)).sum(-1) / keep.sum(-1)
        near(getattr(found, f"{side}_entropy")[mask], mean[mask], 1e-12)
    margin = rewards[0] - rewards[1]
    near(found.margin[mask], margin[mask], 1e-12)
    assert found.accuracy.item() == pytest.approx((margin[mask] > 0).double().mean().item())
    assert wald.linear_preference(wald.DPO(), *STATES, HEAD, *LABELS, reference=SUMS, outputs="margin").accuracy is None


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.bfloat16, 2e-2), (torch.float16, 4e-3)])
def test_narrow_dtypes_compute_wide(dtype: torch.dtype, tolerance: float) -> None:
    tensors = leaves_of((*STATES, HEAD), dtype)
    exact = leaves_of(tuple(x.detach() for x in tensors), torch.float64)
    found = wald.linear_preference(wald.DPO(), *tensors, *LABELS, reference=SUMS)
    own = [log_probs(x, exact[2], ids) for x, ids in zip(exact[:2], LABELS, strict=True)]
    wanted = wald.DPO().per_example(*own, *SUMS).mean()
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)
    for ours, theirs in zip(torch.autograd.grad(found, tensors), torch.autograd.grad(wanted, exact), strict=True):
        assert ours.dtype == dtype
        assert ((ours.double() - theirs).norm() / theirs.norm()).item() < tolerance


def test_a_thousand_tokens_lose_no_digit_in_their_sum() -> None:
    # In fp32 the sum of these is off by several units in its seventh digit, and their difference by more.
    states = drawn(2, 1, 3000, 4).float()
    labels = tokens_of((2, 1, 3000), 50, 0.0)
    head = drawn(50, 4, seed=1).float()
    found = wald.linear_preference(
        wald.BradleyTerry(), *states, head, *labels, outputs=("chosen_log_prob", "margin"), memory_budget=1 << 20
    )
    own = [log_probs(x, head, ids) for x, ids in zip(states, labels, strict=True)]
    assert found.chosen_log_prob.item() == pytest.approx(own[0].item(), rel=2e-7)
    assert found.margin.item() == pytest.approx((own[0] - own[1]).item(), abs=2e-3)


def test_what_is_left_out_is_never_looked_at() -> None:
    states = [x.clone() for x in STATES]
    for x, labels in zip(states, LABELS, strict=True):
        x[labels == -100] = torch.nan
        x[1] = torch.inf
    mask = torch.tensor([True, False, True, True])
    tensors = leaves_of((*states, HEAD), torch.float32)
    value = wald.linear_preference(wald.DPO(), *tensors, *LABELS, reference=SUMS, mask=mask)
    assert value.isfinite()
    for slope in torch.autograd.grad(value, tensors):
        assert slope.isfinite().all()


def test_when_nothing_counts_the_graph_stays() -> None:
    tensors = leaves_of((*STATES, HEAD), torch.float32)
    nobody = torch.zeros(PAIRS, dtype=torch.bool)
    value = wald.linear_preference(wald.DPO(), *tensors, *LABELS, reference=SUMS, mask=nobody)
    assert value.item() == 0
    assert all((slope == 0).all() for slope in torch.autograd.grad(value, tensors))
    # Answers without a token have a log-probability of 0, whatever the policy.
    empty = [torch.full_like(x, -100) for x in LABELS]
    nothing = torch.zeros(PAIRS), torch.zeros(PAIRS)
    value = wald.linear_preference(wald.DPO(), *tensors, *empty, reference=nothing)
    assert value.item() == pytest.approx(0.693147, abs=1e-6)
    assert all((slope == 0).all() for slope in torch.autograd.grad(value, tensors))


def test_both_layouts_are_the_same() -> None:
    rng = torch.Generator().manual_seed(2)
    together = drawn(2 * PAIRS, 6, FEATURES).requires_grad_()
    labels = torch.randint(CLASSES, (2 * PAIRS, 6), generator=rng)
    found = wald.linear_preference(wald.DPO(), *together.chunk(2), HEAD, *labels.chunk(2), reference=SUMS)
    apart = wald.linear_preference(
        *(wald.DPO(), together[:PAIRS].clone(), together[PAIRS:].clone(), HEAD, labels[:PAIRS], labels[PAIRS:]),
        reference=SUMS,
    )
    assert found == apart
    assert torch.equal(torch.autograd.grad(found, together)[0], torch.autograd.grad(apart, together)[0])


def test_short_pairs_are_taken_together_and_long_ones_alone() -> None:
    assert packed(list(range(5)), [4, 4, 4, 20, 1], most=10) == [[0, 1], [2], [3], [4]]
    assert packed([], [], most=10) == []


@pytest.mark.slow
def test_torch_compile_runs_the_definition() -> None:
    tensors = leaves_of((*STATES, HEAD), torch.float32)
    loss, sums = wald.DPO(), tuple(x.float() for x in SUMS)

    def call(*given: Tensor) -> Tensor:
        return wald.linear_preference(loss, *given, *LABELS, reference=sums)

    found, wanted = torch.compile(call, fullgraph=True)(*tensors), call(*tensors)
    near(found.detach(), wanted.detach(), 1e-5)
    for ours, theirs in zip(torch.autograd.grad(found, tensors), torch.autograd.grad(wanted, tensors), strict=True):
        near(ours, theirs, 1e-5)


X, W = torch.zeros(2, 3, 4), torch.zeros(7, 4)
IDS = torch.zeros(2, 3, dtype=torch.int64)
SUM = torch.zeros(2)


@pytest.mark.parametrize(
    ("arguments", "more", "error", "says"),
    [
        ((wald.GRPO(), X, X, W, IDS, IDS), {}, TypeError, "wald.linear_policy"),
        ((wald.CrossEntropy(), X, X, W, IDS, IDS), {}, TypeError, "wald.linear "),
        ((wald.DPO(), X, X, W, IDS, IDS), {}, TypeError, r"reference=\(chosen, rejected\)"),
        ((wald.BradleyTerry(), X, X, W, IDS, IDS), {"reference": (SUM, SUM)}, TypeError, "Leave reference out"),
        ((wald.DPO(), X, X, W, IDS, IDS), {"reference": (SUM,)}, TypeError, "has 1 entries"),
        ((wald.DPO(), X, X, W, IDS, IDS), {"reference": (SUM, torch.zeros(3))}, wald.ShapeError, "reference_rejected"),
        ((wald.DPO(), X, X, W, IDS, IDS), {"reference": (X, X[:, :2], W)}, wald.ShapeError, "same tokens"),
        ((wald.BradleyTerry(), X[0], X[0], W, IDS[0], IDS[0]), {}, wald.ShapeError, r"chosen.unsqueeze\(0\)"),
        ((wald.BradleyTerry(), X, X[:1], W, IDS, IDS[:1]), {}, wald.ShapeError, r"states.chunk\(2\)"),
        ((wald.BradleyTerry(), X, X, W.T, IDS, IDS), {}, wald.ShapeError, "weight.T"),
        ((wald.BradleyTerry(), X, X, W, IDS[:, :2], IDS), {}, wald.ShapeError, r"chosen\[..., :-1, :\]"),
        ((wald.BradleyTerry(), X, X, W, IDS, IDS + 9), {}, wald.DomainError, "rejected_labels contains 9"),
        ((wald.BradleyTerry(), X, X, W, IDS, IDS), {"mask": torch.ones(3)}, wald.ShapeError, "mask"),
        ((wald.BradleyTerry(), X, X, W, IDS, IDS), {"memory_budget": 4}, ValueError, "memory_budget=4 bytes"),
        ((wald.BradleyTerry(), X, X, W, IDS, IDS), {"outputs": "reward"}, ValueError, "chosen_reward"),
    ],
)
def test_a_mistake_gets_an_answer(
    arguments: tuple[Any, ...], more: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        wald.linear_preference(*arguments, **more)
