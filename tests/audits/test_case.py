"""A case that does not fit together says so, with what was seen and what to write."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wald
from wald.audits import Attack, Case, CaseError, metrics

from .samples import Column, binary, evidence, skewed, three_classes

X = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
HOLED = torch.full((6, 2), torch.nan)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"model": 3}, "model is a module or a callable; got int"),
        ({"loss": 3}, "loss is a callable"),
        ({"loss": "humber"}, "no loss is known as 'humber'.*Huber"),
        ({"metric": 3}, "metric is a wald.Metric, a name .*; got int"),
        ({"metric": lambda p, y: p}, "nothing says whether less of .* is better.*lower_is_better=True"),
        ({"metric": "acuracy"}, "no metric is known as 'acuracy'.*accuracy"),
        ({"task": "ranking"}, "task is one of regression, binary, multiclass"),
        ({"test": X}, r"test is a pair \(inputs, targets\); got Tensor"),
        ({"test": (X, [None] * 6)}, "targets are a list"),
        ({"test": (X, torch.tensor(1.0))}, "a single number"),
        ({"test": (X, Y[:5])}, "6 rows of inputs and 5 targets"),
        ({"test": (X[:0], Y[:0])}, "empty"),
        ({"test": (HOLED, Y)}, "12 values that are NaN or infinite"),
        ({"test": (X, torch.full((6,), torch.nan))}, "test targets hold 6"),
        ({"test": (X, torch.ones(6))}, "all 6 test targets are 1"),
        ({"train": (X[:, :1], Y)}, "differ beyond the number of rows"),
        ({"groups": {"sex": ["a", "b"]}}, r"groups\['sex'\] has 2 labels for 6 test rows"),
        ({"columns": {"amount": torch.ones(2)}}, r"columns\['amount'\] is \(2,\) for 6"),
        ({"columns": {"amount": HOLED[:, 0]}}, "amount.* NaN"),
        ({"features": ("one",)}, "features names 1 columns"),
        ({"attack": Attack(scale=(1.0,))}, "attack.scale has 1 numbers, and a row has 2"),
        ({"model": lambda x: x[:, 0], "checkpoints": ({},)}, "must be a torch.nn.Module"),
        (
            {"metric": wald.Metric(name="cost", per_example=lambda p, y, amount: p, columns=("amount",))},
            "needs the columns amount; amount is missing",
        ),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any], says: str) -> None:
    given: dict[str, Any] = {
        "model": Column(),
        "loss": wald.BinaryCrossEntropy(),
        "test": (X, Y),
        "metric": metrics.brier(),
    }
    Case(**given)
    with pytest.raises(CaseError, match=says):
        Case(**(given | wrong))


@pytest.mark.parametrize("wrong", [{"reach": 0.0}, {"tolerance": -1.0}])
def test_an_attack_without_reach_or_tolerance_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(CaseError, match="Attack"):
        Attack(**wrong)


def raises(x: Tensor) -> Tensor:
    raise RuntimeError("out of memory")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"model": raises}, "the model raised RuntimeError on the test inputs: out of memory"),
        ({"model": lambda x: x[:3, 0]}, "3 predictions for 1500 rows"),
        ({"model": lambda x: x[:, 0] / 0}, "predicts NaN or infinity for 1500 of 1500"),
        ({"model": lambda x: x[:, :1]}, "the loss raised ShapeError.*They would broadcast"),
        ({"metric": wald.Metric(name="m", of=lambda p, y: float("nan"))}, "is NaN on the test rows"),
        ({"metric": wald.Metric(name="m", per_example=lambda p, y: p[5])}, "'m' raised ValueError"),
        ({"metric": wald.Metric(name="m", per_example=lambda p, y: p - p.mean())}, "changes when other rows are left"),
    ],
)
def test_what_only_a_run_can_show_is_told_too(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(CaseError, match=says):
        evidence(binary(**wrong))


def test_the_task_is_read_off_the_loss_or_the_targets() -> None:
    def kind(case: Case) -> str | None:
        space = evidence(case).space
        return None if space is None else space.task

    assert kind(binary()) == "binary"
    assert kind(skewed()) == "regression"
    assert kind(three_classes()) == "multiclass"
    assert kind(binary(loss=nn.functional.binary_cross_entropy_with_logits)) == "binary"
    assert kind(skewed(loss=nn.functional.mse_loss)) == "regression"
    assert kind(three_classes(loss=nn.functional.cross_entropy)) == "multiclass"
    assert kind(binary(loss=nn.functional.mse_loss, task="regression")) == "regression"


def test_many_rows_are_sampled_and_their_columns_with_them() -> None:
    rows = 5_000
    inputs = torch.arange(rows, dtype=torch.float32)[:, None] / rows
    metric = wald.Metric(name="m", per_example=lambda p, y, *, own: (p - own).abs(), columns=("own",))
    case = Case(model=Column(), loss=wald.Squared(), test=(inputs, inputs[:, 0]), metric=metric,
                columns={"own": inputs[:, 0]})  # fmt: skip
    seen = evidence(case)
    assert seen.rows == 4_000
    assert float(seen.by_metric.mean(seen.score)) == pytest.approx(0.0, abs=1e-7)


def test_the_model_keeps_its_modes() -> None:
    model = nn.Sequential(Column(), nn.Dropout())
    model.train()
    model[1].eval()
    evidence(binary(model=model))
    assert [part.training for part in model.modules()] == [True, True, False]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("level", ["quick", pytest.param("standard", marks=pytest.mark.slow)])
def test_predictions_and_targets_alone_are_a_case(task: str, level: Any) -> None:
    source = torch.Generator().manual_seed(0)
    score = torch.randn(300, 3, generator=source)
    given: dict[str, Any] = {
        "binary": {"prediction": score[:, 0], "target": (score[:, 0] > 0).to(torch.int8), "loss": "log_loss"},
        "multiclass": {"prediction": score, "target": score.argmax(-1).to(torch.uint8), "loss": "log_loss"},
        "regression": {"prediction": score[:, 0], "target": score.sum(-1), "loss": "huber"},
    }[task]
    case = Case(**given, metric="mae" if task == "regression" else "accuracy")
    report = wald.audit(case, level=level)
    assert report.counts["error"] == 0, [one.says for one in report.findings if one.state == "error"]
