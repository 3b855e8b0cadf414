"""Trading: a seller of insurance is found out, a plain index is left alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import wald
from wald.audits import Case, CaseError, Metric, Trading
from wald.audits.probes.extremes import EXTREMES
from wald.audits.probes.foresight import FORESIGHT, chosen_by_luck
from wald.audits.probes.performance import PERFORMANCE, believed
from wald.audits.probes.scenarios import SCENARIOS

from .samples import ask, binary, found, rate_of, source


def sold_puts(position: Tensor, returns: Tensor) -> Tensor:
    """Ten puts a unit, five per cent below the market."""
    return position * 10 * (0.00005 - (-0.05 - returns).clamp_min(0))


def heavy(periods: int, seed: int, drift: float = 0.0004) -> Tensor:
    """Returns with Student's t law of five degrees of freedom, one per cent a day, and no crash."""
    state = source(seed)
    normal = torch.randn(periods, generator=state, dtype=torch.float64)
    chi = torch.randn(periods, 5, generator=state, dtype=torch.float64).square().mean(-1)
    return (drift + 0.0077 * normal / chi.sqrt()).clamp(-0.049, 0.049)


def strategy(returns: Tensor, position: Tensor | None = None, **trading: Any) -> Case:
    held = torch.ones_like(returns) if position is None else position
    given = Trading(**trading)
    return Case(
        model=lambda rows: rows[:, 0],
        loss=lambda p, y: -given.payoff(p, y),
        test=(held[:, None], returns),
        metric=Metric(name="return", per_example=given.payoff, lower_is_better=False, perfect=torch.inf),
        task="other",
        ordered=True,
        trading=given,
    )


def test_sold_insurance_is_ruined_by_a_crash_that_never_came() -> None:
    case = strategy(heavy(2_000, 0), payoff=sold_puts)
    told = found(ask(SCENARIOS, case))["X101"]
    assert told.state == "fail"
    # At -35 %: ten puts, each 30 % in the money, less the premium.
    assert told.effect == pytest.approx(10 * (0.30 - 0.00005))
    assert told.evidence["a market move of -20%"]["worst"] == pytest.approx(-10 * (0.15 - 0.00005))
    crash = found(ask(PERFORMANCE, case))["X103"]
    assert crash.state == "fail"
    assert "without bound" in crash.says


def test_the_index_itself_is_left_alone() -> None:
    case = strategy(heavy(2_000, 1))
    for probe in (SCENARIOS, EXTREMES, PERFORMANCE, FORESIGHT):
        for told in ask(probe, case).findings:
            assert told.state not in ("fail", "error"), told.says
            assert not told.controls.wrong, told.says


def test_borrowed_money_is_found() -> None:
    assert (
        found(ask(SCENARIOS, strategy(heavy(500, 2), torch.full((500,), 3.0, dtype=torch.float64))))["X101"].state
        == "fail"
    )


def test_a_signal_that_is_the_return_itself_collapses_when_it_is_late() -> None:
    returns = heavy(800, 3)
    assert found(ask(FORESIGHT, strategy(returns, returns.sign())))["X106"].state == "fail"
    lagged = torch.cat([returns[:1] * 0, returns[:-1].sign()])
    assert found(ask(FORESIGHT, strategy(returns, lagged)))["X106"].state == "pass"


def test_innocent_signals_raise_no_alarm() -> None:
    def alarm(trial: int) -> bool:
        returns = heavy(500, 100 + trial)
        position = torch.randn(500, generator=source(trial), dtype=torch.float64).clamp(-1, 1)
        states = [one.state for one in ask(FORESIGHT, strategy(returns, position)).findings]
        states += [one.state for one in ask(SCENARIOS, strategy(returns, position)).findings]
        return bool({"fail", "warn"} & set(states))

    assert rate_of(alarm, 30) <= 0.1


def test_a_record_full_of_ruin_is_called_so() -> None:
    returns = heavy(1_000, 4)
    returns[::150] = -0.4
    told = found(ask(EXTREMES, strategy(returns, torch.full((1_000,), 3.0, dtype=torch.float64))))
    assert told["X104"].state == "fail"
    assert found(ask(EXTREMES, strategy(heavy(1_000, 4))))["X104"].state == "pass"


@pytest.mark.slow
def test_the_tail_index_is_that_of_the_law() -> None:
    pytest.importorskip("scipy")
    draws = torch.rand(40_000, generator=source(0), dtype=torch.float64).pow(-0.5) - 1
    case = strategy(-0.001 * draws.clamp_max(400), shocks=(-0.1,))
    shapes = found(ask(EXTREMES, case, "deep"))["X102"].evidence["tail index by exceedances"]
    # A Pareto law of index 2 has a shape of one half.
    assert all(0.3 < shape < 0.7 for shape in list(shapes.values())[1:])


def test_few_periods_are_called_few() -> None:
    told = found(ask(EXTREMES, strategy(heavy(200, 5))))["X102"]
    assert told.state == "inconclusive"
    assert "too few" in told.says


def test_the_deflated_sharpe_ratio_knows_how_many_were_tried() -> None:
    state = source(0)
    records = torch.randn(100, 500, generator=state, dtype=torch.float64)
    best = records[records.mean(-1).argmax()]
    alone, among = believed(best, 1)[0], believed(best, 100)[0]
    assert alone is not None
    assert among is not None
    assert alone > 0.98
    assert among < 0.9


def test_a_choice_by_luck_is_told_from_a_good_one() -> None:
    noise = torch.randn(500, 12, generator=source(0), dtype=torch.float64)
    assert 0.2 < chosen_by_luck(noise)[0] < 0.8
    noise[:, 3] += 0.5
    assert chosen_by_luck(noise)[0] < 0.05
    case = strategy(heavy(500, 6), tried=noise)
    assert found(ask(FORESIGHT, case))["X107"].state == "pass"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"limit": 2.0}, "limit"), ({"shocks": (-1.5,)}, "shocks"), ({"periods": 0}, "periods"),
     ({"tried": torch.zeros(5)}, "tried")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(CaseError, match=says):
        Trading(**wrong)


def test_an_audit_of_a_strategy_runs_whole() -> None:
    report = wald.audit(strategy(heavy(600, 7), payoff=sold_puts), level="quick")
    assert report.counts["error"] == 0
    assert {"X101", "X102", "X103", "X104", "X105", "X106", "X107"} <= {one.code for one in report.findings}


@pytest.mark.slow
def test_without_trading_nothing_is_asked_of_it() -> None:
    def told(**more: Any) -> Any:
        report = wald.audit(binary(200, **more), level="quick", only=["scenarios"])
        return {one.code: one for one in report.findings}["X101"]

    assert told().state == "not_applicable"
    assert told(task="other").state == "not_run"
    assert "Trading" in told(task="other").fix
