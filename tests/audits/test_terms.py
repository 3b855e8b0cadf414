"""Objectives of several terms: one that does nothing, one that works against the metric, and sound ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import wald
from wald.audits import Case, CaseError, metrics
from wald.audits.probes.terms import TERMS

from .samples import Column, ask, binary, found, source
from .trained import Net, learnt


def sound() -> wald.Objective:
    return wald.Objective(fit=wald.BinaryCrossEntropy(), margin=wald.Term(wald.Hinge(), weight=0.5))


def test_terms_that_take_part_are_quiet() -> None:
    case = learnt(loss=sound(), steps=60)
    told = found(ask(TERMS, case, "standard"))
    assert told["A105"].state == told["A106"].state == "pass"
    assert told["A105"].controls.right
    assert told["A106"].controls.right
    assert set(told["A105"].evidence["shares"]) == {"checkpoint 1", "checkpoint 2", "checkpoint 4"}
    for shares in told["A105"].evidence["shares"].values():
        assert sum(shares) == pytest.approx(1)


def test_a_term_too_small_to_matter() -> None:
    tiny = wald.Objective(fit=wald.BinaryCrossEntropy(), margin=wald.Term(wald.Hinge(), weight=1e-4))
    told = found(ask(TERMS, learnt(loss=tiny, steps=60), "standard"))["A105"]
    assert told.state == "warn"
    assert "'margin'" in told.says
    assert (told.effect or 1) < 0.001


class Against:
    """A sum with a term that undoes a part of the other."""

    def __init__(self) -> None:
        self.terms = {"fit": self.fit, "anti": lambda p, y: -0.3 * self.fit(p, y)}

    @staticmethod
    def fit(prediction: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(prediction, target)

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        return sum((term(prediction, target) for term in self.terms.values()), start=torch.zeros(()))


def test_a_term_that_works_against_the_metric() -> None:
    told = found(ask(TERMS, learnt(loss=Against(), steps=30, checkpoints=()), "standard"))["A106"]
    assert told.state == "warn"
    assert "'anti'" in told.says
    # With one stage alone nothing is said: where training ends, some term must point away.
    one = found(ask(TERMS, binary(model=Column(), loss=Against()), "standard"))["A106"]
    assert one.state == "inconclusive"


def test_shares_of_a_linear_model_are_the_closed_form() -> None:
    # Two terms that differ by a factor of 3 in slope: a quarter and three quarters.
    both = wald.Objective(one=wald.BinaryCrossEntropy(), three=wald.Term(wald.BinaryCrossEntropy(), weight=3.0))
    told = found(ask(TERMS, binary(model=Column(0.2), loss=both), "standard"))["A105"]
    assert told.evidence["shares"]["as it is"] == pytest.approx([0.25, 0.75], abs=1e-4)


def test_plain_losses_and_switched_off_terms_do_not_apply() -> None:
    assert found(ask(TERMS, learnt(steps=5), "standard"))["A105"].state == "not_applicable"
    off = wald.Objective(fit=wald.BinaryCrossEntropy(), margin=wald.Term(wald.Hinge(), weight=0.0))
    assert found(ask(TERMS, binary(model=Column(), loss=off), "standard"))["A105"].state == "not_applicable"
    area = found(ask(TERMS, learnt(loss=sound(), steps=5, metric=metrics.auc()), "standard"))
    assert area["A106"].state == "not_applicable"
    assert area["A105"].state == "pass"


def test_weights_and_clusters_are_respected() -> None:
    clusters = [row // 5 for row in range(800)]
    weight = torch.rand(800, generator=source(0)) + 0.1
    told = found(ask(TERMS, learnt(loss=sound(), steps=60, clusters=clusters, weight=weight), "standard"))
    assert told["A105"].state == told["A106"].state == "pass"


@pytest.mark.slow
def test_an_objective_is_a_loss_like_another() -> None:
    report = wald.audit(learnt(loss=sound(), steps=60), level="quick")
    assert report.counts["error"] == 0
    assert "Objective(1 fit + 0.5 margin)" in report.subject


def test_terms_that_read_more_than_there_is_are_refused() -> None:
    other = wald.Objective(
        fit=wald.BinaryCrossEntropy(), aside=wald.Term(wald.Hinge(), reads={"target": "mask_labels"})
    )
    with pytest.raises(CaseError, match="reads 'mask_labels'"):
        Case(model=Net(), loss=other, metric=metrics.brier(), test=binary(50).test)
