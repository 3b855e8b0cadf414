"""How a foreign loss wants to be called, found out from outside."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

from wald.checks.subjects.discover import Unknown, subject_of
from wald.checks.subjects.discovery.names import parameters_of, role_of, swapped
from wald.checks.subjects.subject import Subject, one_by_one, undisturbed
from wald.checks.subjects.target import resolve

from . import known
from .callables import CALLABLES, sk_pinball, tf_sparse, wgan_d


@cache
def found(loss: object, **hints: str) -> Subject:
    with undisturbed():
        subject = subject_of(resolve(loss), **hints)
    assert isinstance(subject, Subject)
    return subject


TASKS: dict[str, tuple[object, str, str, str]] = {
    "squared error": (F.mse_loss, "regression", "a real number", "a real number"),
    "log rate": (F.poisson_nll_loss, "regression", "a real number", "a positive number"),
    "rate": (known.STATISTICS["gamma"][0], "regression", "a positive number", "a positive number"),
    "log1p": (known.STATISTICS["MSLE"][0], "regression", "a number above -1", "a number above -1"),
    "pole at zero": (
        known.STATISTICS["relative to the forecast"][0],
        "regression",
        "a positive number",
        "a positive number",
    ),
    "correlation": (lambda x, y: 1 - F.cosine_similarity(x, y, dim=0), "regression", "a real number", "a real number"),
    "logits": (F.binary_cross_entropy_with_logits, "binary", "a logit", "0, 1 or a probability between"),
    "probabilities": (F.binary_cross_entropy, "binary", "a probability", "0, 1 or a probability between"),
    "clamped": (
        lambda p, t: F.binary_cross_entropy(p.clamp(1e-6, 1 - 1e-6), t),
        "binary",
        "a probability",
        "0, 1 or a probability between",
    ),
    "saturating": (
        lambda z, t: -(t * torch.sigmoid(z).log() + (1 - t) * (1 - torch.sigmoid(z)).log()).mean(),
        "binary",
        "a logit",
        "0, 1 or a probability between",
    ),
    "signs": (F.soft_margin_loss, "binary", "a logit", "-1 or 1"),
    "sign error": (known.LABELS["sign error"][0], "binary", "a logit", "0, 1 or a probability between"),
    "distances": (F.hinge_embedding_loss, "pairwise", "a number that is not negative", "-1 or 1"),
    "scores": (F.cross_entropy, "multiclass", "logits", "a class id"),
    "log-probabilities": (F.nll_loss, "multiclass", "log-probabilities", "a class id"),
    "distributions": (F.kl_div, "multiclass", "log-probabilities", "probabilities"),
    "margins of scores": (F.multi_margin_loss, "multiclass", "logits", "a class id"),
}


@pytest.mark.parametrize("name", TASKS)
def test_task_and_domains(name: str) -> None:
    loss, task, prediction, target = TASKS[name]
    subject = found(loss)
    assert (subject.task, subject.prediction.says, subject.target.says) == (task, prediction, target)


@pytest.mark.parametrize("name", CALLABLES)
def test_how_people_write_them(name: str) -> None:
    loss, task, inputs, labels = CALLABLES[name]
    subject = found(loss)
    assert (subject.task, tuple(domain.says for _, domain in subject.domains)) == (task, inputs)
    assert subject.labels == labels


@pytest.mark.parametrize("name", CALLABLES)
def test_what_is_found_can_be_called(name: str) -> None:
    subject = found(CALLABLES[name].loss)
    inputs = subject.inputs(5)
    value = subject.batch(*inputs)
    assert bool(value.isfinite().all())
    assert value.numel() in (1, 5)
    slope = subject.slopes(*inputs)
    assert slope.shape == inputs[0].shape
    if subject.together:
        swept, alone = subject.values(*inputs), one_by_one(subject.batch, inputs, together=False)
        torch.testing.assert_close(swept, alone, equal_nan=True)


@pytest.mark.parametrize("name", CALLABLES)
def test_its_recipe_makes_it_again(name: str) -> None:
    """What a report shows is what was run."""
    loss = CALLABLES[name].loss
    subject = found(loss)
    made: dict[str, object] = {"loss": loss, "torch": torch}
    exec(subject.recipe, made)
    inputs = subject.shaped(subject.inputs(5))
    torch.testing.assert_close(made["loss"](*inputs), subject.call(*inputs))  # type: ignore[operator]


#: Samples of those tables, fewer than all, as a table of three hundred calls is no unit test.
SINGLE = {**known.STATISTICS, **known.LABELS, **known.CLASSES}


@pytest.mark.slow
@pytest.mark.parametrize("name", SINGLE)
def test_the_domains_are_the_same_in_single_precision(name: str) -> None:
    loss = SINGLE[name][0]

    def single(prediction: Tensor, target: Tensor) -> Tensor:
        return loss(prediction.float(), target.float() if target.is_floating_point() else target)

    wide, narrow = found(loss), found(single)
    assert narrow.dtype is (torch.float64 if name == "zero-one" else torch.float32)  # which answers in double precision
    assert (narrow.task, narrow.domains, narrow.labels) == (wide.task, wide.domains, wide.labels)
    assert narrow.together == wide.together


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_another_seed_finds_the_same(seed: int) -> None:
    for name, (loss, task, inputs, labels) in list(CALLABLES.items())[seed - 1 :: 3]:
        with undisturbed():
            subject = subject_of(resolve(loss), seed=seed)
        assert isinstance(subject, Subject), name
        assert (subject.task, tuple(domain.says for _, domain in subject.domains)) == (task, inputs), name
        assert subject.labels == labels


def test_random_numbers_do_not_hide_what_it_is() -> None:
    subject = found(lambda prediction, target: F.dropout(prediction - target).square().mean())
    assert (subject.task, subject.prediction.says) == ("regression", "a real number")
    x, y = subject.inputs(64)
    assert not torch.equal(subject.batch(x, y), subject.batch(x, y))


#: Callables that are no losses, or hardly: whatever they are taken for, nothing may break.
ODD: dict[str, object] = {
    "the prediction": lambda x, y: x,
    "the target": lambda x, y: y,
    "every pair": lambda x, y: (x[:, None] - y[None]).square(),
    "nothing in it": lambda x, y: torch.empty(0),
    "no memory": lambda x, y: torch.empty((), device="meta"),
    "sparse": lambda x, y: (x - y).to_sparse(),
    "complex": lambda x, y: torch.complex(x, x).mean(),
    "whole": lambda x, y: (x > y).sum(),
    "endless": lambda x, y: ODD["endless"](x, y),  # type: ignore[operator]
    "random": lambda x, y: torch.rand(()),
    "constant": lambda x, y: torch.tensor(1.0),
    "asks for a gradient": lambda x, y: torch.autograd.grad((x - y).square().sum(), x)[0].sum(),
    "without inputs": lambda: torch.tensor(1.0),
    "one": lambda x: x.square().mean(),
    "five": lambda a, b, c, d, e: (a - b + c - d + e).square().mean(),
    "distances": torch.cdist,
    "a layer": torch.nn.Linear(5, 1),
    "a condition": torch.where,
}


@pytest.mark.parametrize("name", ODD)
def test_nothing_breaks_it(name: str) -> None:
    with undisturbed():
        subject = subject_of(resolve(ODD[name]))
    assert isinstance(subject, Unknown) or subject.batch(*subject.inputs(4)).dtype.is_floating_point


def test_a_difference_of_all_pairs_is_still_of_numbers() -> None:
    """The mean over a broadcast square is a known mistake, and not a loss of labels."""
    assert found(lambda x, y: (x[:, None] - y[None]).square().mean()).task == "regression"


def test_an_order_of_arguments_is_told() -> None:
    subject = found(tf_sparse)
    assert subject.note == "called as loss(target, prediction)"
    assert subject.recipe.endswith("given = loss; loss = lambda prediction, target: given(target, prediction)")
    assert found(sk_pinball).note == "called as loss(target, prediction)"
    assert found(wgan_d).note == "called as loss(fake, real)"
    assert found(F.mse_loss).note == ""


def test_what_a_model_emits() -> None:
    emitted = {name: found(CALLABLES[name].loss).emitted for name in ("DPO", "PPO", "contrastive", "cosine", "triplet")}
    assert emitted == {"DPO": (0, 1), "PPO": (0,), "contrastive": (0, 1), "cosine": (0,), "triplet": (0, 1, 2)}


def test_names_of_parameters() -> None:
    roles = {
        "y_true": "target",
        "yPred": "prediction",
        "policy_chosen_logps": "chosen",
        "ref_rejected": "reference_rejected",
        "old_log_probs": "old_log_prob",
        "logvar": "log_spread",
        "log_var": "log_spread",
        "var": "spread",
        "z_i": "embedding",
        "num_classes": "setting",
        "sample_weight": "weight",
        "x": "",
    }
    assert {name: role_of(name) for name in roles} == roles
    assert swapped(parameters_of(lambda y, y_hat: y))
    assert not swapped(parameters_of(lambda y_hat, y: y))
    assert not swapped(parameters_of(lambda x, y: y))
    assert [one.name for one in parameters_of(F.triplet_margin_loss)] == ["anchor", "positive", "negative"]
    assert len(parameters_of(lambda *inputs: inputs)) == 2


def test_hints_are_believed() -> None:
    assert found(F.mse_loss, task="binary", domain="probability").prediction.says == "a probability"
    assert found(F.mse_loss, task="binary", domain="probability").task == "binary"
    assert found(F.mse_loss, domain="positive").prediction.says == "a positive number"
    assert found(F.binary_cross_entropy_with_logits, task="regression").task == "regression"
    with pytest.raises(ValueError, match="task='regresion' is not known; it is one of regression"):
        found(F.mse_loss, task="regresion")
    with pytest.raises(ValueError, match="domain='logitt' is not known"):
        found(F.mse_loss, domain="logitt")


def test_a_loss_of_columns_is_given_columns() -> None:
    def columns(prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction[:, 0] - target[:, 0]).square().mean()

    assert found(columns).column
    assert not found(F.mse_loss).column


def test_single_precision_is_used_where_double_is_refused() -> None:
    weight = torch.ones(4)
    assert found(torch.nn.CrossEntropyLoss(weight=weight)).dtype is torch.float32
    assert found(F.cross_entropy).dtype is torch.float64


def test_values_are_the_same_in_one_sweep_and_one_by_one(rng: torch.Generator) -> None:
    from dataclasses import replace

    for loss in (F.mse_loss, F.cross_entropy):
        subject = found(loss)
        assert subject.together
        inputs = subject.inputs(9, rng)
        torch.testing.assert_close(subject.values(*inputs), replace(subject, together=False).values(*inputs))


def test_what_vmap_refuses_is_swept_all_the_same() -> None:
    def branching(prediction: Tensor, target: Tensor) -> Tensor:
        error = (prediction - target).abs()
        if bool((error > 0).any()):
            error = error[error >= 0]
        return error.mean()

    for loss in (F.soft_margin_loss, branching):
        assert found(loss).together


def test_a_branch_on_the_batch_is_not_mistaken_for_one_on_an_example() -> None:
    def scaled(prediction: Tensor, target: Tensor) -> Tensor:
        error = (prediction - target).abs()
        return error.mean() if float(error.max()) > 1 else error.square().mean()

    assert not found(scaled).together


def raises(prediction: Tensor, target: Tensor) -> Tensor:
    raise RuntimeError("not today")


def of_four_axes(prediction: Tensor, target: Tensor) -> Tensor:
    if prediction.shape[-2:] != (64, 64):
        raise ValueError("expected images of 64 by 64")
    return (prediction - target).square().mean()


REASONS: dict[str, tuple[object, str, str]] = {
    "an error of its own": (raises, "RuntimeError: not today", ""),
    "a shape of its own": (of_four_axes, "ValueError: expected images of 64 by 64", ""),
    "NaN everywhere": (lambda x, y: (x - y).mean() * torch.nan, "nan", ""),
    "a number of Python": (lambda x, y: (x - y).square().mean().item(), "a float, not a tensor", "leave out .item()"),
    "a dict": (lambda x, y: {"loss": (x - y).abs().mean(), "n": 3}, "a dict with the keys 'loss', 'n'", "['loss']"),
    "a tuple": (lambda x, y: (3, (x - y).abs().mean()), "a tuple of 2", "(*inputs)[1]"),
    "an array": (lambda x, y: (x - y).detach().numpy(), "a ndarray of numpy", "without .numpy()"),
    "text": (lambda x, y: "0.5", "a str, not a tensor", "Return a tensor"),
    "nothing": (lambda x, y: None, "None, not a tensor", "a return may be missing"),
    "a setting": (lambda pred, target, gamma: pred, "it needs gamma, which is a setting", "partial(loss, gamma=...)"),
    "sequences": (F.ctc_loss, "", "gives it (log_probs, targets, input_lengths, target_lengths)"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_cannot_be_called_says_why(name: str) -> None:
    loss, why, fix = REASONS[name]
    with undisturbed():
        subject = subject_of(resolve(loss))
    assert isinstance(subject, Unknown)
    assert why in subject.why
    assert fix in subject.fix
    assert "\n" not in subject.why


@pytest.mark.parametrize("name", ["Dice of images", "cosine", "three quantiles", "sequence", "distillation"])
def test_it_takes_no_time(name: str) -> None:
    from time import perf_counter

    afresh = found.__wrapped__
    afresh(CALLABLES[name].loss)
    start = perf_counter()
    afresh(CALLABLES[name].loss)
    assert perf_counter() - start < 0.5  # 60 ms on an idle machine


def test_a_loss_of_the_catalogue_is_measured_in_plain_layout() -> None:
    import wald

    subject = found(wald.CrossEntropy(axis=1))
    assert subject.loss == wald.CrossEntropy()
    assert subject.name == "CrossEntropy(axis=1)"
