"""How a foreign loss wants to be called, found out from outside."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

from wald.checks.discover import Unknown, subject_of
from wald.checks.subject import Subject, undisturbed
from wald.checks.target import resolve

from . import known


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
    assert not found(F.soft_margin_loss).together


def test_what_cannot_be_called_says_why() -> None:
    def refuses(prediction: Tensor, target: Tensor) -> Tensor:
        raise RuntimeError("not today")

    subject = subject_of(resolve(refuses))
    assert isinstance(subject, Unknown)
    assert "not today" in subject.why


def test_a_loss_of_the_catalogue_is_measured_in_plain_layout() -> None:
    import wald

    subject = found(wald.CrossEntropy(axis=1))
    assert subject.loss == wald.CrossEntropy()
    assert subject.name == "CrossEntropy(axis=1)"
