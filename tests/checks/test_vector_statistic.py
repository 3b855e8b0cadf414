"""What a loss of several outputs elicits, against what theorems say."""

from __future__ import annotations

from dataclasses import replace
import math

import pytest
import torch
from torch import Tensor

import wald
from wald.cards import Parameters, Real
from wald.checks.measured import Measured
from wald.checks.statistics.moments import expected_shortfall, spreads
from wald.checks.statistics.vector_acts import finite_laws, vector_acts
from wald.checks.statistics.vector_statistic import measure_vector_statistic
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject
from wald.checks.subjects.target import resolve

from ..sampling import daily
from .known_statistics import OUTPUTS, Loss, normal, quantiles


def of_outputs(loss: Loss, size: int, *, positive: bool = False, dtype: torch.dtype = torch.float64) -> Subject:
    domain = Parameters.of("parameters", size=size)
    domain = replace(domain, low=0.0, open_low=True, typical=(0.1, 4.0)) if positive else domain
    domains = (("prediction", domain), ("target", Real))
    return Subject(name="outputs", recipe="", call=loss, task="regression", domains=domains, dtype=dtype)


@pytest.mark.parametrize("name", daily(OUTPUTS, 2))
def test_outputs_are_what_the_theorem_names(name: str) -> None:
    loss, size, positive, words = OUTPUTS[name]
    assert measure_vector_statistic(of_outputs(loss, size, positive=positive)).name == words


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTPUTS)
def test_single_precision_says_the_same_or_nothing(name: str) -> None:
    loss, size, positive, words = OUTPUTS[name]
    subject = of_outputs(lambda x, y: loss(x.float(), y.float()), size, positive=positive, dtype=torch.float32)
    assert measure_vector_statistic(subject).name in (words, "unresolved")


@pytest.mark.parametrize(
    "loss",
    [
        wald.GaussianNLL(),
        wald.GaussianNLL(scale="variance"),
        wald.GaussianNLL(scale="log_std"),
        wald.Pinball(level=(0.1, 0.5, 0.9)),
    ],
    ids=repr,
)
def test_the_cards_of_the_catalogue_hold(loss: wald.Loss) -> None:
    assert wald.check(loss).card["elicits"] == loss.card.elicits


def test_many_quantiles_are_named_in_their_order() -> None:
    levels = [round(0.05 * place, 2) for place in range(1, 20)]
    found = measure_vector_statistic(of_outputs(quantiles(*levels), len(levels)))
    assert found.name == ", ".join(f"quantile({level:g})" for level in levels)


def test_a_false_claim_is_refuted() -> None:
    claims = {"elicits": "mean, standard deviation through log"}
    report = Measured(replace(of_outputs(normal, 2), claims=claims))
    assert report.statistic.name == "mean, variance through log"


def test_best_predictions_are_the_moments() -> None:
    subject = of_outputs(normal, 2)
    acts = vector_acts(subject, finite_laws(subject))
    assert acts is not None
    for law, (mean, log_variance) in zip(acts.laws, acts.acts, strict=True):
        law = law[law.isfinite()]
        assert mean.item() == pytest.approx(law.mean().item(), abs=1e-4)
        assert log_variance.item() == pytest.approx(law.var(correction=0).log().item(), abs=1e-4)


def test_what_is_nearly_best_costs_more_than_it_may() -> None:
    subject = of_outputs(normal, 2)
    acts = vector_acts(subject, finite_laws(subject))
    assert acts is not None
    assert bool((acts.excess(subject, acts.acts) <= 0).all())
    assert bool((acts.excess(subject, acts.acts + 0.05) > 1e-5).all())


def test_a_loss_that_looks_at_its_values_is_called_batch_by_batch() -> None:
    def loss(x: Tensor, y: Tensor) -> Tensor:
        return torch.nn.functional.gaussian_nll_loss(x[:, 0], y, x[:, 1])

    subject = replace(of_outputs(loss, 2, positive=True), together=False)
    assert measure_vector_statistic(subject).name == "mean, variance"


def test_what_falls_for_ever_has_no_statistic() -> None:
    found = measure_vector_statistic(of_outputs(lambda x, y: -normal(x, y), 2))
    assert found.name == "unresolved"


LAW = torch.arange(1.0, 11.0, dtype=torch.float64).unsqueeze(0)


def test_moments_by_hand() -> None:
    found = {one.name: one.of(LAW).item() for one in spreads()}
    assert found["variance"] == pytest.approx(8.25)
    assert found["variance through log"] == pytest.approx(math.log(8.25))
    assert found["standard deviation"] == pytest.approx(8.25**0.5)
    assert found["mean absolute deviation"] == pytest.approx(2.5)
    assert found["mean of square(y)"] == pytest.approx(38.5)


@pytest.mark.parametrize(("level", "upper", "value"), [(0.2, False, 1.5), (0.25, False, 1.8), (0.8, True, 9.5)])
def test_shortfall_is_the_mean_of_a_tail(level: float, upper: bool, value: float) -> None:
    assert expected_shortfall(level, upper=upper).of(LAW).item() == pytest.approx(value)


def test_a_loss_found_by_its_names() -> None:
    def loss(mean: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        return torch.nn.functional.gaussian_nll_loss(mean, target, variance)

    subject = subject_of(resolve(loss))
    assert isinstance(subject, Subject)
    assert Measured(subject).statistic.name == "mean, variance"
