"""Classes, parts of a regression, quantiles and tokens: each with a known fault, and innocent ones beside it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import wald
from wald.audits import metrics
from wald.audits.probes.confidence import CONFIDENCE
from wald.findings import Finding

from .samples import ask, binary, found, rate_of, skewed, source, three_classes

BAD = ("fail", "warn")

Q90 = 1.2815516


def quantile_case(rows: int = 2_000, *, seed: int = 0, at: float = Q90, **more: Any) -> wald.Case:
    """The 0.9 quantile of y = exp(x / 2 + 0.8 noise), or another taken for it."""
    given = {"loss": wald.Pinball(level=0.9), "model": lambda x: torch.exp(0.5 * x[:, 0] + 0.8 * at)}
    return skewed(rows, seed=seed, **(given | more))


def gaussian_case(rows: int = 2_000, *, seed: int = 0, factor: float = 1.0, **more: Any) -> wald.Case:
    """A normal law of a mean and a spread, both right; then the spread times `factor`."""
    inputs = torch.randn(rows, 2, generator=source(seed))
    spread = torch.exp(0.4 * inputs[:, 1])
    target = inputs[:, 0] + spread * torch.randn(rows, generator=source(seed + 1))

    def model(x: Tensor) -> Tensor:
        return torch.stack([x[:, 0], 2 * (factor * torch.exp(0.4 * x[:, 1])).log()], -1)

    first = wald.Metric(name="absolute error", per_example=lambda p, y: (p[:, 0] - y).abs())
    given: dict[str, Any] = {"model": model, "loss": wald.GaussianNLL(), "test": (inputs, target), "metric": first}
    return wald.Case(**(given | more))


def token_case(sequences: int = 80, *, seed: int = 0, factor: float = 1.0, **more: Any) -> wald.Case:
    """Twenty tokens a sequence, of a vocabulary of 60, drawn from the model's law; then its logits times `factor`."""
    rows = 20 * sequences
    inputs = 2 * torch.randn(rows, 60, generator=source(seed))
    target = torch.multinomial(inputs.softmax(-1), 1, generator=source(seed + 1))[:, 0]
    given = {
        "model": lambda x: factor * x,
        "test": (inputs, target),
        "clusters": (torch.arange(rows) // 20).tolist(),
    }
    return three_classes(**(given | more))


# Classes


def test_right_classes_are_not_accused() -> None:
    told = found(ask(CONFIDENCE, three_classes(4_000), level="standard"))["C603"]
    assert told.state in ("pass", "inconclusive")
    assert told.controls.right


def test_a_class_that_is_forecast_too_often_is_named() -> None:
    outcome = ask(CONFIDENCE, three_classes(4_000, model=lambda x: x + torch.tensor([0.0, 0.0, 0.7])))
    told = found(outcome)["C603"]
    assert told.state == "fail"
    assert "class 2 is forecast in" in told.says
    assert told.controls.right
    assert outcome.figures[0].kind == "intervals"


def test_classes_that_are_too_sure_are_found() -> None:
    told = found(ask(CONFIDENCE, three_classes(3_000, model=lambda x: 2 * x)))["C603"]
    assert told.state == "fail"
    assert min(told.evidence["slopes"]) < 0.7


def test_rare_classes_are_not_judged() -> None:
    inputs = torch.randn(600, 4, generator=source(0))
    inputs[:, 3] -= 6
    target = torch.multinomial(inputs.softmax(-1), 1, generator=source(1))[:, 0]
    told = found(ask(CONFIDENCE, three_classes(test=(inputs, target))))["C603"]
    assert 3 not in told.evidence["classes"]
    few = three_classes(test=(inputs[:40], target[:40]))
    assert found(ask(CONFIDENCE, few))["C603"].state == "not_applicable"


def test_two_classes_are_told_as_one() -> None:
    assert found(ask(CONFIDENCE, binary()))["C603"].state == "not_applicable"


# Bias


def test_a_conditional_mean_has_no_bias() -> None:
    told = found(ask(CONFIDENCE, skewed(5_000), level="standard"))["C604"]
    assert told.state not in BAD
    assert told.controls.right


def test_a_feature_that_the_model_forgot_is_named() -> None:
    inputs = torch.randn(4_000, 2, generator=source(0))
    target = inputs[:, 0] + inputs[:, 1] + 0.5 * torch.randn(4_000, generator=source(1))
    case = skewed(test=(inputs, target), model=lambda x: x[:, 0], features=("income", "age"))
    told = found(ask(CONFIDENCE, case))["C604"]
    assert told.state == "fail"
    assert "where age is" in told.says
    assert "age" in told.fix


def test_a_bias_overall_is_in_the_unit_of_the_target() -> None:
    inputs = torch.randn(3_000, 1, generator=source(0))
    target = inputs[:, 0] + torch.randn(3_000, generator=source(1))
    told = found(ask(CONFIDENCE, skewed(test=(inputs, target), model=lambda x: x[:, 0] - 0.5)))["C604"]
    assert told.state == "fail"
    assert told.evidence["means"][0] == pytest.approx(-0.5, abs=0.06)
    assert "too low on average" in told.says


def test_any_other_loss_is_judged_by_its_own_slope() -> None:
    inputs = torch.randn(4_000, 1, generator=source(0))
    target = inputs[:, 0] + torch.randn(4_000, generator=source(1))

    def told(shift: float) -> Finding:
        case = skewed(test=(inputs, target), loss=wald.Huber(), model=lambda x: x[:, 0] + shift)
        return found(ask(CONFIDENCE, case))["C604"]

    assert told(0.0).state not in BAD
    assert told(0.6).state == "fail"


def test_a_quantile_is_judged_by_what_lies_below() -> None:
    assert found(ask(CONFIDENCE, quantile_case()))["C604"].state not in BAD
    flat = quantile_case(5_000, model=lambda x: torch.full((len(x),), 3.3))
    told = found(ask(CONFIDENCE, flat))["C604"]
    assert told.state == "fail"
    assert "of targets lie below the prediction" in told.says


def test_heaps_of_equal_targets_do_not_accuse_a_quantile() -> None:
    # 60 % zeros: the 0.5 quantile is 0, and every target lies on it or above.
    inputs = torch.randn(1_500, 1, generator=source(0))
    drawn = torch.rand(1_500, generator=source(1))
    target = torch.where(drawn < 0.6, 0.0, torch.rand(1_500, generator=source(2)))
    case = skewed(test=(inputs, target), loss=wald.Pinball(level=0.5), model=lambda x: torch.zeros(len(x)))
    told = found(ask(CONFIDENCE, case))
    assert told["C605"].state == "pass"
    assert told["C604"].state not in BAD


def test_weights_and_clusters_of_a_case_are_used() -> None:
    inputs = torch.randn(2_000, 1, generator=source(0))
    target = inputs[:, 0] + torch.randn(2_000, generator=source(1))
    target[1_000:] += 1.5
    light = torch.ones(2_000)
    light[1_000:] = 1e-4
    plain = skewed(test=(inputs, target), model=lambda x: x[:, 0])
    assert found(ask(CONFIDENCE, plain))["C604"].state == "fail"
    weighed = skewed(test=(inputs, target), model=lambda x: x[:, 0], weight=light)
    assert found(ask(CONFIDENCE, weighed))["C604"].state not in BAD
    again = torch.arange(60).repeat_interleave(33)
    few = skewed(test=(inputs[again], target[again]), model=lambda x: x[:, 0])
    held = skewed(test=(inputs[again], target[again]), model=lambda x: x[:, 0], clusters=again.tolist())
    alone, together = (found(ask(CONFIDENCE, one))["C604"].detectable or 0 for one in (few, held))
    assert together > 2 * alone


# Coverage


def test_right_quantiles_cover() -> None:
    told = found(ask(CONFIDENCE, quantile_case(3_000)))["C605"]
    assert told.state == "pass"
    assert told.controls.right


def test_a_quantile_that_is_too_low_is_found() -> None:
    told = found(ask(CONFIDENCE, quantile_case(at=0.8)))["C605"]
    assert told.state == "fail"
    assert told.evidence["shares below"][0] == pytest.approx(0.788, abs=0.03)


def test_a_normal_law_is_looked_at_level_by_level() -> None:
    outcome = ask(CONFIDENCE, gaussian_case(4_000))
    assert found(outcome)["C605"].state == "pass"
    series = outcome.figures[0].series[0]
    assert series["x"] == [0.05, 0.25, 0.5, 0.75, 0.95]
    narrow = found(ask(CONFIDENCE, gaussian_case(4_000, factor=0.6)))["C605"]
    assert narrow.state == "fail"
    assert "lie between the outermost, and 90% should" in narrow.says


@pytest.mark.parametrize(("scale", "second"), [("variance", lambda s: s.square()), ("log_std", lambda s: s.log())])
def test_each_way_to_state_a_spread_is_read(scale: str, second: Callable[[Tensor], Tensor]) -> None:
    def model(x: Tensor) -> Tensor:
        return torch.stack([x[:, 0], second(torch.exp(0.4 * x[:, 1]))], -1)

    loss = wald.GaussianNLL(scale=scale)  # type: ignore[arg-type]
    assert found(ask(CONFIDENCE, gaussian_case(3_000, loss=loss, model=model)))["C605"].state == "pass"


def test_several_quantiles_and_those_that_cross() -> None:
    loss = wald.Pinball(level=(0.1, 0.5, 0.9))
    middle = wald.Metric(name="absolute error", per_example=lambda p, y: (p[:, 1] - y).abs())

    def told(steps: list[float]) -> Finding:
        model = lambda x: torch.exp(0.5 * x + 0.8 * torch.tensor(steps))  # noqa: E731
        return found(ask(CONFIDENCE, skewed(3_000, loss=loss, model=model, metric=middle)))["C605"]

    assert told([-Q90, 0.0, Q90]).state == "pass"
    crossed = told([0.5, 0.0, Q90])
    assert crossed.state == "fail"
    assert "a higher quantile lies below a lower one" in crossed.says


def test_a_point_has_no_coverage() -> None:
    assert found(ask(CONFIDENCE, skewed()))["C605"].state == "not_applicable"


# Tokens


def test_a_language_model_that_means_its_probabilities() -> None:
    told = found(ask(CONFIDENCE, token_case(150)))["C606"]
    assert told.state not in BAD
    assert told.controls.right


def test_a_language_model_that_is_too_sure_of_its_tokens() -> None:
    pytest.importorskip("scipy")
    told = found(ask(CONFIDENCE, token_case(150, factor=1.6)))["C606"]
    assert told.state == "fail"
    assert "sure of the next token on average and right in" in told.says
    worst = told.evidence["surest mistakes"][0]
    assert worst["confidence"] > 0.9
    assert worst["predicted"] != worst["target"]


def test_a_token_that_the_model_is_too_sure_of_is_named() -> None:
    pytest.importorskip("scipy")
    case = token_case(200)
    inputs, target = case.test
    bent = inputs.clone()
    bent[:, 7] += 2.5
    told = found(ask(CONFIDENCE, token_case(test=(inputs, target), clusters=case.clusters, model=lambda x: bent)))[
        "C606"
    ]
    assert told.evidence["tokens that are too sure"][0]["token"] == 7


def test_rows_without_sequences_are_no_tokens() -> None:
    assert found(ask(CONFIDENCE, token_case(clusters=None)))["C606"].state == "not_applicable"
    assert found(ask(CONFIDENCE, three_classes()))["C606"].state == "not_applicable"


# What holds of all


def grouped(trial: int, rows: int) -> dict[str, Any]:
    weight = torch.empty(rows).exponential_(generator=source(trial + 50_000)) + 0.05
    return {"weight": weight, "clusters": (torch.arange(rows) // 4).tolist()}


def accused(name: str, trial: int, rows: int, weighed: bool) -> bool:
    more = grouped(trial, rows) if weighed else {}
    seed = 2 * trial
    case = {
        "classes": lambda: three_classes(rows, seed=seed, **more),
        "bias": lambda: skewed(rows, seed=seed, **more),
        "quantiles": lambda: quantile_case(rows, seed=seed, **more),
        "tokens": lambda: token_case(rows // 20, seed=seed, **{k: v for k, v in more.items() if k == "weight"}),
    }[name]()
    return any(one.state in BAD for one in ask(CONFIDENCE, case).findings)


@pytest.mark.slow
@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("rows", [200, 1_000])
@pytest.mark.parametrize("name", ["classes", "bias", "quantiles", "tokens"])
def test_innocent_models_raise_few_alarms(name: str, rows: int, weighed: bool) -> None:
    # Each of the tests is held to 1 %; 6 of 60 or more would be chance 0.00002, at 3 % 0.01.
    assert rate_of(lambda trial: accused(name, trial, rows, weighed), 60) <= 0.085


@pytest.mark.parametrize("rows", [4, 6])
@pytest.mark.parametrize("make", [three_classes, skewed, quantile_case, gaussian_case])
def test_very_few_rows_say_nothing(make: Callable[[int], wald.Case], rows: int) -> None:
    assert all(one.state in ("inconclusive", "not_applicable") for one in ask(CONFIDENCE, make(rows)).findings)


def test_constant_predictions_break_nothing() -> None:
    told = found(ask(CONFIDENCE, skewed(400, model=lambda x: torch.full((len(x),), 1.5))))["C604"]
    assert told.state in ("inconclusive", "pass", "warn", "fail")
    flat = found(ask(CONFIDENCE, three_classes(400, model=torch.zeros_like)))["C603"]
    assert flat.state in ("inconclusive", "pass", "warn", "fail")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_predictions_of_any_precision(dtype: torch.dtype) -> None:
    told = found(ask(CONFIDENCE, skewed(1_000, model=lambda x: torch.exp(0.5 * x[:, 0] + 0.32).to(dtype))))
    assert told["C604"].state not in BAD
    told = found(ask(CONFIDENCE, three_classes(1_000, model=lambda x: x.to(dtype))))
    assert told["C603"].state not in BAD


def test_the_same_twice() -> None:
    case = three_classes(600, model=lambda x: 1.3 * x)
    first, second = (ask(CONFIDENCE, case) for _ in range(2))
    assert [one.to_dict() for one in first.findings] == [one.to_dict() for one in second.findings]


def test_a_metric_by_probabilities_judges_what_is_emitted() -> None:
    smoothed = wald.CrossEntropy(label_smoothing=0.3)

    def model(x: Tensor) -> Tensor:
        return (0.7 * x.softmax(-1) + 0.1).log()

    def told(metric: wald.Metric) -> Finding:
        return found(ask(CONFIDENCE, three_classes(4_000, loss=smoothed, model=model, metric=metric)))["C603"]

    assert told(metrics.log_loss()).state == "fail"
    assert told(metrics.error_rate()).state not in BAD
