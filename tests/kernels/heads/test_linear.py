"""A loss of a linear head is that loss of torch's linear, in value and gradient."""

from typing import Any

from hypothesis import given, settings, strategies as st
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import wald
from wald.kernels.heads import LinearOutput, linear

from .linear_oracle import SMOOTH, Call, head

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
#: Gradients are rounded to the dtype of their leaf.
ROUNDING = {torch.float32: 2e-5, torch.float64: 1e-12, torch.bfloat16: 8e-3, torch.float16: 1e-3}


def tolerance(dtype: torch.dtype) -> dict[str, float]:
    return {"rtol": ROUNDING[dtype], "atol": 1e-12 if dtype == torch.float64 else 2e-6}


@st.composite
def calls(draw: st.DrawFn) -> tuple[Call, dict[str, float]]:
    dtype = draw(st.sampled_from(DTYPES))
    rows, features, classes = draw(st.integers(1, 40)), draw(st.integers(1, 50)), draw(st.integers(1, 45))
    hidden, weight, bias, ids = head(rows, features, classes, dtype=dtype, seed=draw(st.integers(0, 99)))
    rng = torch.Generator().manual_seed(7)
    kind = draw(st.sampled_from(("ids", "ignored", "soft", "few")))
    target: Any = ids
    if kind == "ignored":
        target = torch.where(torch.rand(rows, generator=rng) < 0.4, -100, ids)
    elif kind == "soft":
        target = torch.rand(rows, classes, generator=rng).softmax(-1).to(draw(st.sampled_from((dtype, torch.float32))))
    elif kind == "few":
        # As exact as the call: three shares that add up to 1 + 1e-8 in fp32 are another target in fp64.
        shares = torch.rand(rows, 3, generator=rng).to(torch.promote_types(dtype, torch.float32)).softmax(-1)
        target = (torch.randint(classes, (rows, 3), generator=rng), shares)
    weights = tuple((torch.rand(classes, generator=rng) * 3).tolist()) if draw(st.booleans()) else None
    loss = wald.CrossEntropy(
        class_weight=weights,
        label_smoothing=draw(st.sampled_from((0.0, 0.1))),
        z_loss=draw(st.sampled_from((0.0, 0.01))),
    )
    how: dict[str, Any] = {"reduction": draw(st.sampled_from(("mean", "sum", "none", wald.CVaR(0.4))))}
    if draw(st.booleans()):
        how["mask"] = torch.rand(rows, generator=rng) < 0.7
    if draw(st.booleans()):
        how["token_weight"] = torch.rand(rows, generator=rng) * 2
    if how["reduction"] == "mean" and draw(st.booleans()):
        how["normalizer"] = draw(st.sampled_from(("rows", 7.0)))
    lora = None
    if draw(st.booleans()):
        down = torch.randn(3, features, generator=rng).to(dtype).requires_grad_()
        lora = (down, (torch.randn(classes, 3, generator=rng) / 3).to(dtype).requires_grad_(), 0.5)
    heat = draw(st.sampled_from((None, 0.7, "rows")))
    call = Call(
        hidden,
        weight,
        target,
        loss=loss,
        bias=bias if draw(st.booleans()) else None,
        lora=lora,
        softcap=draw(st.sampled_from((None, 3.0))),
        temperature=torch.rand(rows, generator=rng) + 0.5 if heat == "rows" else heat,
        how=how,
        ours={
            "memory_budget": draw(st.sampled_from((None, 60_000))),
            "recompute": draw(st.booleans()),
        },
    )
    for leaf in draw(st.lists(st.sampled_from((hidden, weight, bias)), max_size=2)):
        leaf.requires_grad_(False)
    return call, tolerance(dtype)


@settings(max_examples=40, deadline=None)
@given(calls())
def test_value_and_gradient_are_those_of_the_definition(drawn: tuple[Call, dict[str, float]]) -> None:
    call, close = drawn
    if call.leaves:
        call.agrees(**close)
    else:
        torch.testing.assert_close(call.computed().double(), call.expected()[0], **close)


@pytest.mark.parametrize(
    "loss",
    [wald.Bounded(wald.CrossEntropy(), ceiling=2.0), wald.CrossEntropy(class_mask=(True,) * 36 + (False,))],
    ids=["bounded", "masked"],
)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_any_loss_over_classes_goes_through_a_head(loss: wald.Loss, reduction: str) -> None:
    hidden, weight, bias, ids = head()
    Call(hidden, weight, ids % 36, loss=loss, bias=bias, how={"reduction": reduction}).agrees()


@pytest.mark.parametrize(
    "loss", [wald.BinaryCrossEntropy(), wald.Squared(), wald.Huber(), wald.Pinball(level=0.3)], ids=repr
)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_loss_of_numbers_goes_through_a_head(loss: wald.Loss, reduction: str, masked: bool) -> None:
    hidden, weight, bias, _ = head()
    target = torch.rand(23, 37)
    how: dict[str, Any] = {"reduction": reduction}
    if masked:
        how |= {"mask": torch.rand(23, 37) < 0.6, "token_weight": torch.rand(23, 37)}
        target[~how["mask"]] = torch.nan
    Call(hidden, weight, target, loss=loss, bias=bias, how=how).agrees()


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_shift_of_a_language_model(reduction: str) -> None:
    hidden, weight, _, ids = head(24)
    text = ids.reshape(2, 12).clone()
    text[0, 9:] = -100
    states = hidden.detach().reshape(2, 12, 13).requires_grad_()
    how = {"reduction": reduction, "mask": torch.rand(2, 12) < 0.8, "token_weight": torch.rand(2, 12)}
    Call(states, weight, text, loss=wald.NextToken(shift=True), how=how).agrees()
    found = linear(wald.NextToken(shift=True), states, weight, text, outputs=("argmax",))
    assert found.argmax is not None
    assert found.argmax.shape == (2, 11)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("softcap", [None, 4.0])
def test_outputs_and_their_gradients(reduction: str, recompute: bool, softcap: float | None) -> None:
    hidden, weight, bias, ids = head()
    ids[::4] = -100
    heat = torch.rand(23) + 0.5
    call = Call(hidden, weight, ids, bias=bias, softcap=softcap, temperature=heat, how={"reduction": reduction})
    call.ours = {"outputs": (*SMOOTH, "argmax", "correct"), "recompute": recompute}
    found = call.computed()
    value, scores, leaves = call.expected()
    keep = ids != -100
    logs = scores.log_softmax(-1)
    want = {
        "log_sum_exp": scores.logsumexp(-1),
        "log_prob": logs.gather(-1, ids.clamp(min=0).unsqueeze(-1)).squeeze(-1),
        "entropy": -(logs.exp() * logs).sum(-1),
    }
    pulls = {name: torch.rand(23, dtype=torch.float64) for name in SMOOTH}
    ours, theirs = found.loss.sum() * 1.3, value.sum() * 1.3
    for name in SMOOTH:
        expected = torch.where(keep, want[name], 0.0)
        torch.testing.assert_close(getattr(found, name).double(), expected, rtol=1e-5, atol=1e-5)
        ours = ours + (getattr(found, name) * pulls[name]).sum()
        theirs = theirs + (expected * pulls[name]).sum()
    assert torch.equal(found.argmax, torch.where(keep, scores.argmax(-1), -1))
    assert torch.equal(found.correct, keep & (scores.argmax(-1) == ids))
    for one, two in zip(torch.autograd.grad(ours, call.leaves), torch.autograd.grad(theirs, leaves), strict=True):
        torch.testing.assert_close(one.double(), two, rtol=1e-4, atol=1e-5)


def test_a_tally_has_the_total_and_its_gradient() -> None:
    hidden, weight, _, ids = head()
    ids[:5] = -100
    found = linear(wald.CrossEntropy(), hidden, weight, ids, reduction="tally")
    want = wald.CrossEntropy().tally(F.linear(hidden, weight), ids)
    for name in ("total", "count", "examples", "masked", "nonfinite"):
        torch.testing.assert_close(getattr(found, name), getattr(want, name), rtol=1e-6, atol=1e-6)
    got = torch.autograd.grad(found.mean, (hidden, weight))
    for one, two in zip(got, torch.autograd.grad(want.mean, (hidden, weight)), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


def test_weights_that_are_learned_get_their_gradient() -> None:
    hidden, weight, _, ids = head()
    counts = torch.rand(23, requires_grad=True)
    found = linear(wald.CrossEntropy(), hidden, weight, ids, token_weight=counts)
    want = wald.CrossEntropy()(F.linear(hidden, weight), ids, weight=counts)
    leaves = (hidden, weight, counts)
    for one, two in zip(torch.autograd.grad(found, leaves), torch.autograd.grad(want, leaves), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_nothing_hidden_in_a_row_that_is_left_out_gets_out(value: float) -> None:
    hidden, weight, _, ids = head()
    ids[::3] = -100
    with torch.no_grad():
        hidden[::3] = value
    loss = linear(wald.CrossEntropy(), hidden, weight, ids)
    by_hidden, by_weight = torch.autograd.grad(loss, (hidden, weight))
    assert loss.isfinite()
    assert by_weight.isfinite().all()
    assert (by_hidden[::3] == 0).all()


@pytest.mark.parametrize("rows", [0, 6])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "tally"])
def test_nothing_at_all_keeps_the_graph(rows: int, reduction: Any) -> None:
    hidden, weight, bias, _ = head(rows)
    target = torch.full((rows,), -100)
    found: Any = linear(wald.CrossEntropy(), hidden, weight, target, bias, reduction=reduction)
    value = found.mean if reduction == "tally" else found.sum()
    value.backward()
    assert value == 0
    for leaf in (hidden, weight, bias):
        assert leaf.grad is not None
        assert (leaf.grad == 0).all()


def test_what_nothing_comes_to_is_the_choice_of_the_caller() -> None:
    hidden, weight, _, _ = head(3)
    target = torch.full((3,), -100)
    assert linear(wald.CrossEntropy(), hidden, weight, target, empty="nan").isnan()
    with pytest.raises(wald.EmptyBatchError, match="nothing to average"):
        linear(wald.CrossEntropy(), hidden, weight, target, empty="raise")


@pytest.mark.parametrize("classes", [1, 2, 37])
def test_strides_and_batches_of_any_shape(classes: int) -> None:
    _, weight, _, _ = head(classes=classes)
    hidden = torch.randn(13, 5, 3).permute(2, 1, 0).requires_grad_()
    turned = weight.detach().T.contiguous().T.requires_grad_()
    Call(hidden, turned, torch.randint(classes, (5, 3)).T).agrees()


def test_a_class_that_cannot_occur() -> None:
    hidden, weight, bias, ids = head()
    with torch.no_grad():
        bias[-3:] = -torch.inf
    ids = ids % 34
    for smoothing, names in ((0.0, ()), (0.1, ()), (0.0, ("entropy",))):
        loss = wald.CrossEntropy(label_smoothing=smoothing)
        found = linear(loss, hidden, weight, ids, bias, outputs=names)
        value = found.loss if isinstance(found, LinearOutput) else found
        want = loss(F.linear(hidden, weight, bias), ids)
        torch.testing.assert_close(value, want)
        got = torch.autograd.grad(value, (hidden, weight))
        for one, two in zip(got, torch.autograd.grad(want, (hidden, weight)), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


def test_logits_far_apart() -> None:
    hidden, weight, bias, ids = head()
    with torch.no_grad():
        weight.mul_(300)
    Call(hidden, weight, ids, bias=bias, how={"reduction": "none"}).agrees(rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("bound", [0.02, 0.5])
def test_filtering_tells_what_it_left_out(bound: float) -> None:
    hidden, weight, bias, ids = head(60, 13, 211)
    with torch.no_grad():
        weight.mul_(4)
    exact = torch.autograd.grad(linear(wald.CrossEntropy(), hidden, weight, ids, bias), (hidden, weight, bias))
    found = linear(wald.CrossEntropy(), hidden, weight, ids, bias, filtering=bound)
    assert found.dropped is not None
    assert 0 < found.dropped <= bound
    some = torch.autograd.grad(found.loss, (hidden, weight, bias))
    scores = F.linear(hidden, weight, bias).detach().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(scores, ids), scores)
    # Each row of the gradient is off by at most what was left out of it, times the longest row of the matrix.
    off = (some[0] - exact[0]).norm(dim=-1).sum()
    assert 0 < off <= found.dropped * slope.abs().sum() * weight.norm(dim=-1).max() * 1.001
    assert ((some[1] == 0).all(-1)).any()
    torch.testing.assert_close(some[2], exact[2])
