"""Losses of times until an event: against SciPy, XGBoost, each other and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
import torch
from torch import Tensor

import wald

from ..probabilistic.parity import holds

F64 = torch.float64
NOISE = {"normal": stats.norm, "logistic": stats.logistic, "extreme": stats.gumbel_l}


def bounds(rng: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Times of every kind: seen, cut off, over by then, in between, and nothing known."""
    first, last = (0.1 + 3 * torch.rand(2, n, generator=rng, dtype=F64)).sort(0).values
    kind = torch.arange(n) % 5
    last = torch.where(kind == 0, first, torch.where((kind == 1) | (kind == 4), torch.inf, last))
    return torch.where((kind == 2) | (kind == 4), 0.0, first), last


@pytest.mark.parametrize("distribution", NOISE)
@pytest.mark.parametrize("scale", [0.4, 1.0])
def test_failure_times_are_scipys_laws(distribution: str, scale: float, rng: torch.Generator) -> None:
    law = NOISE[distribution]

    def theirs(m: Tensor, low: Tensor, high: Tensor) -> np.ndarray:
        with np.errstate(divide="ignore"):
            a, b = ((np.log(x.numpy()) - m.detach().numpy()) / scale for x in (low, high))
        # From whichever side less lies, as SciPy subtracts two numbers near 1 otherwise.
        share = np.where(a > 0, law.sf(a) - law.sf(b), law.cdf(b) - law.cdf(a))
        density = law.pdf(a) / scale / np.where(low == high, low, 1.0)
        return -np.log(np.where(low == high, density, share))

    prediction = torch.randn(60, generator=rng, dtype=F64)
    loss = wald.AcceleratedFailureTime(distribution=distribution, scale=scale)
    low, high = bounds(rng, 60)
    holds(loss, theirs, prediction, low, high)
    assert torch.equal(loss.per_example(prediction, high, low), loss.per_example(prediction, low, high))


@pytest.mark.parametrize("distribution", NOISE)
def test_failure_times_far_out_keep_value_and_gradient(distribution: str) -> None:
    low, high = torch.tensor([1.0, 1.0, 0.0, 1.0]), torch.tensor([1.0, torch.inf, 1.0, 2.0])
    for far in (-50.0, -9.0, 0.0, 9.0, 50.0):
        x = torch.full((4,), far, requires_grad=True)
        value = wald.AcceleratedFailureTime(distribution=distribution).per_example(x, low, high)
        value.nan_to_num(posinf=0).sum().backward()
        assert x.grad is not None
        assert not value.isnan().any()
        assert x.grad[value.isfinite()].isfinite().all()
        # Beyond single precision only what is an exponential of the distance goes.
        assert value.isfinite().all() or (distribution == "extreme" and far == -50.0)


def test_failure_times_are_xgboosts() -> None:
    xgboost = pytest.importorskip("xgboost", reason="its own value of survival:aft")
    low, high = bounds(torch.Generator().manual_seed(5), 40)
    known = (low > 0) | (high < torch.inf)
    low, high = low[known], high[known]
    margin = torch.linspace(-1, 1, len(low))
    data = xgboost.DMatrix(np.zeros((len(low), 1)), base_margin=margin.numpy())
    data.set_float_info("label_lower_bound", low.numpy())
    data.set_float_info("label_upper_bound", high.numpy())
    for distribution in NOISE:
        given = {"aft_loss_distribution": distribution, "nthread": 1}  # its metric keeps to scale 1
        booster = xgboost.train({"objective": "survival:aft", **given}, data, num_boost_round=0)
        theirs = float(booster.eval(data).rpartition(":")[2])
        loss = wald.AcceleratedFailureTime(like="xgboost", distribution=distribution)
        assert loss(margin.double(), low, high).item() == pytest.approx(theirs, rel=1e-5)


def test_weibull_with_all_events_is_the_likelihood_and_without_its_tail(rng: torch.Generator) -> None:
    x, t = torch.randn(21, 2, generator=rng, dtype=F64), 0.1 + torch.rand(21, generator=rng, dtype=F64)
    loss, ones = wald.WeibullSurvival(), torch.ones(21, dtype=torch.long)
    torch.testing.assert_close(loss.per_example(x, t, ones), wald.WeibullNLL().per_example(x, t))

    def tail(z: Tensor, t: Tensor, _: Tensor) -> np.ndarray:
        scale, shape = z.detach().exp().numpy().T
        return -stats.weibull_min.logsf(t.numpy(), shape, scale=scale)

    holds(loss, tail, x, t, 0 * ones)
    aft = wald.AcceleratedFailureTime(distribution="extreme", scale=0.5)
    same = torch.stack([x[:, 0], torch.full_like(t, np.log(2))], -1)
    torch.testing.assert_close(loss.per_example(same, t, ones), aft.per_example(x[:, 0], t, t))


def discrete(rng: torch.Generator, n: int = 24, intervals: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    z = torch.randn(n, intervals, generator=rng, dtype=F64)
    interval = torch.randint(intervals, (n,), generator=rng)
    return z, interval, torch.randint(2, (n,), generator=rng)


def test_hazards_and_probabilities_are_one_family(rng: torch.Generator) -> None:
    """A hazard is a probability over what is left, so the two losses agree at the logits that say the same."""
    z, interval, event = discrete(rng)
    hazard = z.sigmoid()
    alive = torch.cat([torch.ones(24, 1), (1 - hazard).cumprod(-1)], -1).double()
    logits = (hazard * alive[:, :-1]).log() - alive[:, -1:].log()
    torch.testing.assert_close(
        wald.DiscreteTimePMF().per_example(logits, interval, event),
        wald.DiscreteTimeHazard().per_example(z, interval, event),
    )


def test_probabilities_of_all_outcomes_add_up_to_one(rng: torch.Generator) -> None:
    intervals = torch.arange(6)
    every = torch.cat([intervals, intervals[-1:]])
    seen = torch.cat([torch.ones(6), torch.zeros(1)]).long()
    for loss in (wald.DiscreteTimeHazard(), wald.DiscreteTimePMF(), wald.MTLR()):
        z = torch.randn(6, generator=rng, dtype=F64).expand(7, 6)
        assert (-loss.per_example(z, every, seen)).exp().sum().item() == pytest.approx(1, rel=1e-12)


def test_sums_of_later_entries_are_the_logits_of_probabilities(rng: torch.Generator) -> None:
    z, interval, event = discrete(rng)
    sums = z.flip(-1).cumsum(-1).flip(-1)
    torch.testing.assert_close(
        wald.MTLR().per_example(z, interval, event), wald.DiscreteTimePMF().per_example(sums, interval, event)
    )


def test_constant_hazards_are_an_exponential_law(rng: torch.Generator) -> None:
    interval, event = torch.arange(8) % 4, torch.arange(8) % 2
    fraction = torch.rand(8, generator=rng, dtype=F64)
    rate = torch.nn.functional.softplus(torch.tensor(0.3, dtype=F64))
    ours = wald.PiecewiseConstantHazard().per_example(torch.full((8, 4), 0.3, dtype=F64), interval, event, fraction)
    torch.testing.assert_close(ours, rate * (interval + fraction) - event * rate.log())


def test_deep_hit_with_one_kind_has_the_likelihood_of_probabilities(rng: torch.Generator) -> None:
    z, interval, event = discrete(rng)
    likelihood = wald.DeepHit(alpha=1 - 1e-12).per_example(z.unsqueeze(1), interval, event)
    torch.testing.assert_close(likelihood, wald.DiscreteTimePMF().per_example(z, interval, event), rtol=1e-6, atol=1e-6)


def test_case_control_cox_is_cox_where_controls_are_all_at_risk(rng: torch.Generator) -> None:
    h = torch.randn(6, generator=rng, dtype=F64)
    time, event = torch.arange(1.0, 7.0, dtype=F64), torch.tensor([1, 0, 0, 0, 0, 0])
    cox = wald.Cox().per_example(h, time, event)[0]
    torch.testing.assert_close(wald.CaseControlCox().per_example(h[0], h[1:]), cox)


def test_concordance_bounds_the_share_of_wrong_pairs(rng: torch.Generator) -> None:
    h, time = torch.randn(2, 30, generator=rng, dtype=F64)
    event = torch.randint(2, (30,), generator=rng)
    values = wald.Concordance(scale=5.0).per_example(h, time.abs(), event) / np.log(2)
    for i in range(30):
        later = [j for j in range(30) if time[j].abs() > time[i].abs()]
        wrong = np.mean([float(h[j] >= h[i]) for j in later]) if later and event[i] else 0.0
        assert values[i].item() >= wrong - 1e-12
    assert wald.Concordance()(torch.zeros(4), torch.arange(4.0), torch.tensor([1, 1, 0, 0])).item() == pytest.approx(
        np.log(2)
    )


def test_what_is_wrong_is_told() -> None:
    logits, one = torch.zeros(2, 3), torch.ones(2, dtype=torch.long)
    for loss in (wald.DiscreteTimeHazard(), wald.DiscreteTimePMF(), wald.MTLR()):
        with pytest.raises(wald.DomainError, match=r"contains 3, and prediction \(2, 3\) has intervals 0 to 2"):
            loss(logits, 3 * one, one)
    with pytest.raises(wald.DomainError, match="kinds 1 to 1 beside 0"):
        wald.DeepHit()(logits.unsqueeze(1), one, 2 * one)
    with pytest.raises(wald.ShapeError, match="holds none"):
        wald.CaseControlCox()(torch.zeros(2), torch.zeros(2, 0))
    with pytest.raises(wald.ShapeError, match="which examples meet"):
        wald.Concordance()(torch.zeros(2, 3), torch.ones(2, 3), torch.ones(2, 3, dtype=torch.long))
