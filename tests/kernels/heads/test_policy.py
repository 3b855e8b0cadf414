"""`linear_policy` is the loss of the whole matrix of logits, in value and in every derivative."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings, strategies as st
import pytest
import torch
from torch import Tensor

import wald
from wald.core import Policy

from .promises import keeps_its_promises, leaves_of, near


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tokens_of(batch: tuple[int, ...], classes: int, ignored: float = 0.3, seed: int = 3) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    ids = torch.randint(classes, batch, generator=rng)
    return ids.masked_fill(torch.rand(batch, generator=rng) < ignored, -100)


def values_of(
    loss: Policy,
    hidden: Tensor,
    weight: Tensor,
    tokens: Tensor,
    inputs: tuple[Tensor, ...],
    bias: Tensor | None = None,
    *,
    on_policy: bool = False,
    bonus: float = 0.0,
    temperature: float | Tensor = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Values, log-probabilities and entropies in float64, from the whole matrix of logits."""
    logits = hidden.double() @ weight.double().T
    logits = logits if bias is None else logits + bias.double()
    heat = temperature.double().unsqueeze(-1) if isinstance(temperature, Tensor) else temperature
    logs = (logits / heat).log_softmax(-1)
    own = logs.gather(-1, tokens.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    entropy = -(logs.exp() * logs).sum(-1)
    advantage, old, *rest = (x.double() for x in inputs)
    values = loss.per_example(own, advantage, own.detach() if on_policy else old, *rest) - bonus * entropy
    keep = tokens != -100
    return tuple(torch.where(keep, x, torch.zeros_like(x)) for x in (values, own, entropy))  # type: ignore[return-value]


BATCH, CLASSES, FEATURES = (3, 7), 23, 6
TOKENS = tokens_of(BATCH, CLASSES)
ADVANTAGES = drawn(*BATCH, seed=4)
OLD = values_of(
    wald.GRPO(), drawn(*BATCH, FEATURES, seed=9), drawn(CLASSES, FEATURES, seed=1), TOKENS, (ADVANTAGES, ADVANTAGES)
)[1]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"loss": wald.GRPO(kl=0.04, cap=3.0)},
        {"entropy_bonus": 0.1},
        {"entropy_bonus": -0.1, "temperature": 0.7},
        {"temperature": 0.5 + drawn(*BATCH, seed=6).abs()},
        {"bias": True},
        {"on_policy": True},
    ],
    ids=str,
)
def test_the_contract_holds(how: dict[str, Any], reduction: str) -> None:
    loss: wald.GRPO = how.get("loss", wald.GRPO())
    reference = (OLD + 0.1,) if loss.kl else ()
    old = None if how.get("on_policy") else OLD
    bonus, heat = how.get("entropy_bonus", 0.0), how.get("temperature", 1.0)
    weight = drawn(*BATCH, seed=8).abs()

    def call(hidden: Tensor, head: Tensor, bias: Tensor | None = None) -> Tensor:
        return wald.linear_policy(
            *(loss, hidden, head, TOKENS, ADVANTAGES, old, *(reference or (None,)), bias),
            entropy_bonus=bonus,
            temperature=heat,
            token_weight=weight,
            reduction=reduction,
            memory_budget=8 * CLASSES * 5 * 10,
        )

    def oracle(hidden: Tensor, head: Tensor, bias: Tensor | None = None) -> Tensor:
        values, _, _ = values_of(
            *(loss, hidden, head, TOKENS, (ADVANTAGES, OLD, *reference), bias),
            on_policy=old is None,
            bonus=bonus,
            temperature=heat,
        )
        weighted = values * weight
        if reduction == "none":
            return weighted
        return weighted.sum() / (weight * (TOKENS != -100)).sum() if reduction == "mean" else weighted.sum()

    tensors = (drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1))
    keeps_its_promises(call, oracle, (*tensors, drawn(CLASSES, seed=2)) if how.get("bias") else tensors)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.bfloat16, 2e-2), (torch.float16, 4e-3)])
def test_narrow_dtypes_compute_wide(dtype: torch.dtype, tolerance: float) -> None:
    tensors = leaves_of((drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1)), dtype)
    exact = leaves_of(tuple(x.detach() for x in tensors), torch.float64)
    found = wald.linear_policy(wald.GRPO(), *tensors, TOKENS, ADVANTAGES, OLD, entropy_bonus=0.1, normalizer=1e5)
    wanted = values_of(wald.GRPO(), *exact, TOKENS, (ADVANTAGES, OLD), bonus=0.1)[0].sum() / 1e5
    assert found.dtype == torch.float32
    # The value is made of widened operands, so it is as exact as fp32; only gradients feel the narrow dtype.
    assert found.item() == pytest.approx(wanted.item(), rel=2e-5)
    # A small factor, as a mean over many tokens brings along, must not make fp16 gradients vanish.
    scale = 1e4
    for ours, theirs in zip(
        torch.autograd.grad(found, tensors, torch.tensor(scale)),
        torch.autograd.grad(scale * wanted, exact),
        strict=True,
    ):
        assert ours.dtype == dtype
        assert ((ours.double() - theirs).norm() / theirs.norm()).item() < tolerance


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(0, 12),
    classes=st.integers(1, 40),
    features=st.integers(1, 9),
    chunk=st.integers(1, 12),
    size=st.sampled_from([0.1, 3.0, 80.0]),
    ignored=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_no_shape_no_size_and_no_chunk_makes_a_difference(
    rows: int, classes: int, features: int, chunk: int, size: float, ignored: float, seed: int
) -> None:
    tokens = tokens_of((rows,), classes, ignored, seed)
    tensors = leaves_of(
        (size * drawn(rows, features, seed=seed), drawn(classes, features, seed=seed + 1)), torch.float64
    )
    advantages = drawn(rows, seed=seed + 2)
    values, own, entropy = values_of(wald.GRPO(), *tensors, tokens, (advantages, advantages), on_policy=True)
    budget = 8 * classes * (chunk + 1)
    found = wald.linear_policy(
        *(wald.GRPO(), *tensors, tokens, advantages), memory_budget=budget, outputs=("log_prob", "entropy")
    )
    near(found.log_prob, own.detach(), 1e-11)
    near(found.entropy, entropy.detach(), 1e-11)
    wanted = values.sum() / (tokens != -100).sum().clamp(min=1)
    near(found.loss.detach(), wanted.detach(), 1e-11)
    slopes = zip(torch.autograd.grad(found.loss, tensors), torch.autograd.grad(wanted, tensors), strict=True)
    for ours, theirs in slopes:
        near(ours, theirs, 1e-10)


def test_what_is_left_out_is_never_looked_at() -> None:
    hidden, head = drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1)
    hidden[TOKENS == -100] = torch.nan
    x, w = leaves_of((hidden, head), torch.float32)
    value = wald.linear_policy(wald.GRPO(), x, w, TOKENS, ADVANTAGES, OLD)
    value.backward()
    assert value.isfinite()
    assert x.grad is not None
    assert w.grad is not None
    assert (x.grad[TOKENS == -100] == 0).all()
    assert x.grad.isfinite().all()
    assert w.grad.isfinite().all()


def test_when_nothing_counts_the_graph_stays() -> None:
    x, w = leaves_of((drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1)), torch.float32)
    nothing = torch.full(BATCH, -100)
    value = wald.linear_policy(wald.GRPO(), x, w, nothing, ADVANTAGES)
    value.backward()
    assert value.item() == 0
    assert x.grad is not None
    assert (x.grad == 0).all()
    assert w.grad is not None
    assert (w.grad == 0).all()
    assert wald.linear_policy(wald.GRPO(), x, w, nothing, ADVANTAGES, empty="nan").isnan()
    with pytest.raises(ValueError, match="nothing to average"):
        wald.linear_policy(wald.GRPO(), x, w, nothing, ADVANTAGES, empty="raise")


def test_one_advantage_a_sequence_is_one_for_each_of_its_tokens() -> None:
    tensors = (drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1), TOKENS)
    each = torch.tensor([1.0, -1.0, 0.5])
    spread = each[:, None].expand(BATCH)
    assert wald.linear_policy(wald.GRPO(), *tensors, each) == wald.linear_policy(wald.GRPO(), *tensors, spread)


def test_a_weight_that_is_learned_and_a_functional_get_their_values() -> None:
    tensors = leaves_of((drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1)), torch.float64)
    weight = drawn(*BATCH, seed=8).abs().requires_grad_()
    keep = TOKENS != -100
    values = values_of(wald.GRPO(), *tensors, TOKENS, (ADVANTAGES, OLD))[0]
    found = wald.linear_policy(wald.GRPO(), *tensors, TOKENS, ADVANTAGES, OLD, token_weight=weight)
    wanted = (values * weight).sum() / (weight * keep).sum()
    for ours, theirs in zip(
        torch.autograd.grad(found, (*tensors, weight)), torch.autograd.grad(wanted, (*tensors, weight)), strict=True
    ):
        near(ours, theirs, 1e-10)
    tail = wald.linear_policy(wald.GRPO(), *tensors, TOKENS, ADVANTAGES, OLD, reduction=wald.CVaR(0.2))
    near(tail, wald.CVaR(0.2)(values[keep], torch.ones(int(keep.sum()), dtype=torch.float64)), 1e-12)


def test_a_tied_matrix_gets_both_gradients() -> None:
    (matrix,) = leaves_of((drawn(CLASSES, FEATURES, seed=1),), torch.float64)
    tokens, advantages = TOKENS[0, :5], ADVANTAGES[0, :5]
    found = wald.linear_policy(wald.GRPO(), matrix[:5], matrix, tokens, advantages)
    wanted = values_of(wald.GRPO(), matrix[:5], matrix, tokens, (advantages, advantages), on_policy=True)[0]
    near(
        torch.autograd.grad(found, matrix)[0],
        torch.autograd.grad(wanted.sum() / (tokens != -100).sum(), matrix)[0],
        1e-11,
    )


def test_autocast_narrows_the_operands_and_nothing_else() -> None:
    tensors = leaves_of((drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1)), torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = wald.linear_policy(wald.GRPO(), *tensors, TOKENS, ADVANTAGES, OLD)
    narrow = [x.detach().bfloat16() for x in tensors]
    assert found == wald.linear_policy(wald.GRPO(), *narrow, TOKENS, ADVANTAGES, OLD)
    assert found.dtype == torch.float32
    assert torch.autograd.grad(found, tensors)[1].dtype == torch.float32


@pytest.mark.slow
def test_torch_compile_runs_the_definition() -> None:
    tensors = leaves_of((drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1)), torch.float32)
    loss = wald.GRPO()

    def call(*given: Tensor) -> Tensor:
        return wald.linear_policy(loss, *given, TOKENS, ADVANTAGES.float(), OLD.float(), entropy_bonus=0.1)

    found, wanted = torch.compile(call, fullgraph=True)(*tensors), call(*tensors)
    near(found.detach(), wanted.detach(), 1e-5)
    for ours, theirs in zip(torch.autograd.grad(found, tensors), torch.autograd.grad(wanted, tensors), strict=True):
        near(ours, theirs, 1e-5)


def test_tallies_add_up_to_the_mean() -> None:
    hidden, weight = drawn(*BATCH, FEATURES), drawn(CLASSES, FEATURES, seed=1).requires_grad_()
    parts = [
        wald.linear_policy(wald.GRPO(), x, weight, ids, a, old, reduction="tally")
        for x, ids, a, old in zip(hidden, TOKENS, ADVANTAGES, OLD, strict=True)
    ]
    tally = sum(parts[1:], parts[0])
    whole = wald.linear_policy(wald.GRPO(), hidden, weight, TOKENS, ADVANTAGES, OLD)
    assert int(tally.examples) == int((TOKENS != -100).sum())
    near(tally.mean.detach(), whole.detach(), 1e-12)
    near(torch.autograd.grad(tally.mean, weight)[0], torch.autograd.grad(whole, weight)[0], 1e-12)


X, W, A = torch.zeros(2, 3, 4), torch.zeros(7, 4), torch.zeros(2, 3)
IDS = torch.zeros(2, 3, dtype=torch.int64)


@pytest.mark.parametrize(
    ("arguments", "more", "error", "says"),
    [
        ((wald.DPO(), X, W, IDS, A), {}, TypeError, "wald.linear_preference"),
        ((wald.GRPO(), X, W.T, IDS, A), {}, wald.ShapeError, r"It looks transposed: use weight.T"),
        ((wald.GRPO(), X, W, torch.zeros(2, 4).long(), A), {}, wald.ShapeError, r"tokens\[..., 1:\]"),
        ((wald.GRPO(), X, W, torch.zeros(2, 2).long(), A), {}, wald.ShapeError, r"hidden\[..., :-1, :\]"),
        ((wald.GRPO(), X, W, IDS.float(), A), {}, wald.DtypeError, r"tokens.long\(\)"),
        ((wald.GRPO(), X.long(), W, IDS, A), {}, wald.DtypeError, r"hidden.float\(\)"),
        ((wald.GRPO(), X.bfloat16(), W, IDS, A), {}, wald.DtypeError, "bfloat16, float32"),
        ((wald.GRPO(), X, W, IDS + 7, A), {}, wald.DomainError, r"contains 7 \(6 ids are outside\)"),
        ((wald.GRPO(), X, W, IDS - 1, A), {}, wald.DomainError, "ignore_index=-1"),
        ((wald.GRPO(), X, W, IDS, torch.zeros(3)), {}, wald.ShapeError, "advantage"),
        ((wald.GRPO(kl=0.1), X, W, IDS, A), {}, TypeError, "reference_logprob is missing"),
        ((wald.GRPO(), X, W, IDS, A, A, A), {}, TypeError, r"GRPO\(kl=0.04\)"),
        ((wald.GRPO(), X, W, IDS, A), {"mask": torch.ones(2)}, wald.ShapeError, "mask"),
        ((wald.GRPO(), X, W, IDS, A), {"mask": torch.ones(2, 3)}, TypeError, "token_weight="),
        ((wald.GRPO(), X, W, IDS, A), {"token_weight": -torch.ones(2, 3)}, wald.DomainError, "weight"),
        ((wald.GRPO(), X, W, IDS, A), {"temperature": 0.0}, ValueError, "temperature must be > 0"),
        ((wald.GRPO(), X, W, IDS, A), {"temperature": torch.ones(3)}, wald.ShapeError, "one for each token"),
        ((wald.GRPO(), X, W, IDS, A), {"memory_budget": 8}, ValueError, "memory_budget=8 bytes is too little"),
        ((wald.GRPO(), X, W, IDS, A), {"reduction": "median"}, ValueError, "reduction must be"),
        ((wald.GRPO(), X, W, IDS, A), {"reduction": "sum", "normalizer": 3}, ValueError, "normalizer"),
        ((wald.GRPO(), X, W, IDS, A), {"outputs": ("rewards",)}, ValueError, "'log_prob', 'entropy'"),
        ((wald.GRPO(), X, W, IDS, A, None, None, torch.zeros(6)), {}, wald.ShapeError, "bias"),
    ],
)
def test_a_mistake_gets_an_answer(
    arguments: tuple[Any, ...], more: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        wald.linear_policy(*arguments, **more)
