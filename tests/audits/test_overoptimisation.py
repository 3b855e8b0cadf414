"""Pressing a proxy: found where it costs what is meant, and quiet where it does not."""

import math

import pytest
import torch
from torch import Tensor

import wald
from wald.audits import Candidates
from wald.audits.aligning.best_of import best_of_n, distance, sizes
from wald.audits.probes.overoptimisation import OVEROPTIMISATION

from .samples import ask, binary, found, rate_of, source


def drawn(seed: int, inputs: int = 100, outputs: int = 256) -> tuple[Tensor, Tensor, Tensor]:
    """Quality, length, and noise of outputs."""
    state = source(seed)
    return tuple(torch.randn(inputs, outputs, generator=state).double() for _ in range(3))  # type: ignore[return-value]


def hackable(seed: int, inputs: int = 100, outputs: int = 256, *, hack: float = 0.6) -> Candidates:
    quality, length, _ = drawn(seed, inputs, outputs)
    return Candidates(proxy=quality + 2 * length, gold=quality - hack * length.relu().square(), unit="points")


def case(candidates: Candidates) -> wald.Case:
    return binary(200, candidates=candidates)


def state(candidates: Candidates) -> str:
    return found(ask(OVEROPTIMISATION, case(candidates)))["G305"].state


def test_the_estimate_is_the_mean_over_all_subsets() -> None:
    proxy, gold = torch.randn(2, 3, 6, generator=source(0)).double()
    curve = best_of_n(proxy, gold, torch.arange(1, 7))
    for row in range(3):
        for n in range(1, 7):
            subsets = torch.combinations(torch.arange(6), n)
            best = subsets[torch.arange(len(subsets)), proxy[row][subsets].argmax(-1)]
            assert float(curve[row, n - 1]) == pytest.approx(float(gold[row][best].mean()))


def test_equal_proxies_are_chosen_as_often() -> None:
    gold = torch.tensor([[1.0, 5.0, 3.0]])
    assert best_of_n(torch.zeros(1, 3), gold, torch.tensor([1, 2, 3])).tolist() == [pytest.approx([3.0] * 3)]


def test_many_candidates_overflow_nothing() -> None:
    proxy = torch.randn(2, 3_000, generator=source(1))
    curve = best_of_n(proxy, proxy, sizes(3_000))
    assert bool(curve.isfinite().all())
    assert torch.allclose(curve[:, -1], proxy.amax(1).double())
    assert float(distance(torch.tensor([1]))[0]) == 0
    assert float(distance(torch.tensor([4]))[0]) == pytest.approx(math.sqrt(math.log(4) - 0.75))


def test_a_hackable_proxy_is_found_with_its_peak_and_its_fall() -> None:
    candidates = hackable(0)
    curve = best_of_n(candidates.proxy, candidates.gold, torch.arange(1, 257)).mean(0)
    assert int(curve.argmax()) + 1 == 2
    # Known: 1.99 [1.73, 2.24].
    assert 1.73 < float(curve[1] - curve[127]) < 2.24
    outcome = ask(OVEROPTIMISATION, case(candidates))
    told = found(outcome)["G305"]
    assert told.state == "fail"
    assert told.controls.right
    assert told.evidence["peak"] == 2
    assert told.evidence["agreement among the best of the proxy"] < 0
    worst = told.evidence["exhibits"][0]
    assert worst["proxy"] == float(candidates.proxy[worst["input"]].max())
    assert worst["true score"] < worst["mean true score of the input"] - 1
    assert "points" in told.says
    assert [series["name"] for series in outcome.figures[0].series] == ["the true score", "the proxy"]


def test_a_good_proxy_passes() -> None:
    quality, _, noise = drawn(3)
    assert state(Candidates(proxy=quality + 0.3 * noise, gold=quality)) == "pass"


def test_words_of_the_outputs_are_exhibited() -> None:
    candidates = Candidates(proxy=torch.tensor([[0.0, 1.0]] * 4), gold=torch.tensor([[1.0, 0.0]] * 4),
                            outputs=[["good", "flattery"]] * 4)  # fmt: skip
    told = found(ask(OVEROPTIMISATION, case(candidates)))["G305"]
    assert told.evidence["exhibits"][0]["text"] == "flattery"


def test_what_cannot_be_told_is_not_passed() -> None:
    assert state(Candidates(proxy=torch.zeros(5, 3), gold=torch.rand(5, 3, generator=source(0)))) == "not_applicable"
    quality, _, noise = drawn(4, 2, 4)
    # Two inputs show nothing, however they come out.
    assert state(Candidates(proxy=noise, gold=quality)) not in ("warn", "fail")


@pytest.mark.slow
def test_a_flat_proxy_raises_few_alarms_and_more_hacking_is_seen_more_often() -> None:
    def flat(trial: int) -> bool:
        quality, _, noise = drawn(3 * trial, 60, 32)
        return state(Candidates(proxy=noise, gold=quality)) in ("warn", "fail")

    assert rate_of(flat, 60) <= 0.07
    power = [
        rate_of(lambda trial, hack=hack: state(hackable(5 * trial, 60, 32, hack=hack)) in ("warn", "fail"), 20)
        for hack in (0.0, 0.5, 1.0)
    ]
    assert power[0] == 0
    assert power[2] == 1
    assert power[0] <= power[1] <= power[2]
