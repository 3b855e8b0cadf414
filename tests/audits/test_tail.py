"""The worst rows: as bad as the model expects, or worse, and what a reweighting could make of them."""

import pytest
import torch

from wald.audits.costing.tails import carried, tail_curves, tail_mean, tail_means, worst_mean
from wald.audits.probes.tail import TAIL
from wald.audits.statistics import Sample

from .samples import ask, binary, found, rate_of, skewed, source


def test_a_model_that_means_its_probabilities_has_the_tail_that_it_expects() -> None:
    told = found(ask(TAIL, binary()))["R204"]
    assert told.state == "pass"
    assert told.controls.right


def test_a_model_that_is_too_sure_has_a_heavier_tail() -> None:
    outcome = ask(TAIL, binary(factor=2.5))
    told = found(outcome)["R204"]
    assert told.state == "warn"
    assert (told.effect or 0) > 0.25
    worst = told.evidence["worst rows"][0]
    assert worst["loss"] >= told.evidence["tail means"]["5%"]
    assert {"row", "prediction", "target"} <= worst.keys()
    assert [series["name"] for series in outcome.figures[0].series] == ["seen", "expected by the model"]


def test_a_number_has_a_tail_and_no_law() -> None:
    told = found(ask(TAIL, skewed()))["R204"]
    assert told.state == "not_applicable"
    assert told.interval is not None
    assert told.interval[0] < (told.effect or 0) < told.interval[1]
    assert told.evidence["share of the loss in the worst 5%"] > 0.4


def test_a_weight_of_three_is_three_rows() -> None:
    x = torch.empty(60, dtype=torch.float64).exponential_(generator=source(0))
    weight = torch.randint(1, 4, (60,), generator=source(1)).double()
    copies = x.repeat_interleave(weight.long())
    assert tail_mean(x, 0.07, weight) == pytest.approx(tail_mean(copies, 0.07))
    assert carried(x, 0.07, weight) == pytest.approx(carried(copies, 0.07))
    assert worst_mean(x, 0.3, weight) == pytest.approx(worst_mean(copies, 0.3))
    shares = (1.0, 0.31, 0.07, 0.01)
    assert tail_curves(x[None], shares, weight)[:, 0].tolist() == pytest.approx(
        [tail_mean(copies, share) for share in shares]
    )


def test_what_the_worst_rows_carry_is_a_share_of_the_whole() -> None:
    assert carried(torch.ones(100, dtype=torch.float64), 0.05) == pytest.approx(0.05)
    assert carried(torch.arange(1.0, 11.0, dtype=torch.float64), 0.2) == pytest.approx(19 / 55)
    assert tail_mean(torch.arange(1.0, 11.0, dtype=torch.float64), 0.25) == pytest.approx((10 + 9 + 0.5 * 8) / 2.5)
    drawn = tail_means(torch.full((50,), 2.0, dtype=torch.float64), (0.1, 1.0), Sample(50), 20)
    assert drawn.shape == (2, 20)
    assert torch.allclose(drawn, torch.full_like(drawn, 2.0))


def test_the_worst_reweighting_has_a_closed_form_where_no_row_loses_all_its_weight() -> None:
    # Then it is mean + √(2ρ · variance); Duchi & Namkoong 2019.
    x = torch.rand(400, generator=source(0), dtype=torch.float64)
    expected = float(x.mean() + (2 * 0.05 * x.var(correction=0)).sqrt())
    assert worst_mean(x, 0.05) == pytest.approx(expected, rel=1e-9)
    assert worst_mean(x, 0.0) == pytest.approx(float(x.mean()))
    assert worst_mean(x, 1e6) == pytest.approx(float(x.max()))


def test_the_worst_reweighting_is_the_best_that_a_solver_finds() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    x = torch.empty(10, dtype=torch.float64).exponential_(generator=source(3))
    p, values = torch.full((10,), 0.1, dtype=torch.float64).numpy(), x.numpy()
    solved = optimize.minimize(
        lambda q: -(q @ values),
        p,
        constraints=[
            {"type": "eq", "fun": lambda q: q.sum() - 1},
            {"type": "ineq", "fun": lambda q: 1.0 - 0.5 * (p * (q / p - 1) ** 2).sum()},
        ],
        bounds=[(0, 1)] * 10,
        options={"maxiter": 500, "ftol": 1e-12},
    )
    assert worst_mean(x, 1.0) == pytest.approx(-solved.fun, abs=1e-5)


def test_clusters_widen_the_interval() -> None:
    # Eight copies of each row know no more than one.
    x = torch.empty(200, dtype=torch.float64).exponential_(generator=source(0))
    alone = tail_means(x, (0.1,), Sample(200), 400)[0].std()
    copies, clusters = x.repeat_interleave(8), torch.arange(200).repeat_interleave(8)
    together = tail_means(copies, (0.1,), Sample(1600, cluster=clusters), 400)[0].std()
    naive = tail_means(copies, (0.1,), Sample(1600), 400)[0].std()
    assert float(together / alone) == pytest.approx(1, abs=0.15)
    assert float(naive / alone) < 0.5


def test_innocent_models_are_not_warned_of() -> None:
    def accused(trial: int) -> bool:
        given = {} if trial % 2 else {"weight": torch.rand(300, generator=source(trial)) + 0.2}
        return found(ask(TAIL, binary(300, seed=41 * trial, **given), seed=trial))["R204"].state in ("warn", "fail")

    assert rate_of(accused, 16) <= 0.1


def test_one_row_and_constant_predictions_break_nothing() -> None:
    assert found(ask(TAIL, skewed(1)))["R204"].state == "not_applicable"
    assert found(ask(TAIL, binary(50, factor=0.0)))["R204"].state in ("pass", "inconclusive")
