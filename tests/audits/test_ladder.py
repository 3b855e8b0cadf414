"""Loss and metric in step, and out of it."""

import torch

import wald
from wald.audits import Metric, metrics
from wald.audits.probes.checkpoints import CHECKPOINTS
from wald.audits.probes.ladder import LADDER, climb

from .samples import Column, ask, binary, evidence, found, skewed, three_classes


def test_a_loss_agrees_with_itself() -> None:
    assert found(ask(LADDER, three_classes()))["M401"].effect == 1.0
    assert found(ask(LADDER, skewed()))["M401"].effect == 1.0
    told = found(ask(LADDER, binary()))["M401"]
    assert told.state == "pass"
    assert told.controls.right


def test_a_metric_that_is_noise_fails() -> None:
    noise = Metric(name="noise", per_example=lambda p, y: torch.sin(1e4 * p))
    told = found(ask(LADDER, binary(metric=noise)))["M401"]
    assert told.state == "fail"
    assert told.evidence["preferred by the loss"] != told.evidence["preferred by the metric"]


def test_a_metric_that_never_changes_has_no_order() -> None:
    told = found(ask(LADDER, binary(metric=Metric(name="constant", per_example=lambda p, y: torch.ones_like(y)))))[
        "M401"
    ]
    assert told.state == "inconclusive"
    assert told.effect is None
    assert "no order to share" in told.says


def test_a_weight_sets_loss_and_metric_apart() -> None:
    told = found(ask(LADDER, binary(centre=-2.0, loss=wald.BinaryCrossEntropy(pos_weight=9.0))))["M401"]
    assert told.state == "warn"
    faithful = found(ask(LADDER, binary(centre=-2.0)))["M401"]
    assert (faithful.effect or 0) > (told.effect or 1) + 0.1


def test_decisions_that_do_not_change_are_no_disagreement() -> None:
    told = found(ask(LADDER, binary(1_000, metric=metrics.error_rate())))["M401"]
    assert told.state == "pass"
    assert told.evidence["agreement where both tell apart"] > 0.9
    weighted = binary(2_000, centre=-2.0, loss=wald.BinaryCrossEntropy(pos_weight=9.0))
    assert found(ask(LADDER, weighted))["M401"].evidence["agreement where both tell apart"] < 0.8


def test_the_ladder_is_long_and_reaches_from_truth_to_noise() -> None:
    for case in (binary(groups={"half": [i % 2 for i in range(1_500)]}), skewed(), three_classes()):
        seen = evidence(case)
        assert seen.space is not None
        rungs = list(climb(seen, seen.space))
        assert len(rungs) >= 30
        assert len({rung.name for rung in rungs}) == len(rungs)
        cost = {rung.name: seen.by_loss.mean(rung.score) for rung in rungs}
        assert min(cost, key=cost.__getitem__) == "100% of the way to the targets"
        assert cost["100% of the rows shuffled"] > cost["50% of the rows shuffled"] > cost["the model"]


def test_the_picture_holds_every_rung() -> None:
    outcome = ask(LADDER, binary())
    assert sum(len(series["x"]) for series in outcome.figures[0].series) == 32


def test_whole_sample_metrics_are_resampled_too() -> None:
    told = found(ask(LADDER, binary(400, metric=metrics.auc())))["M401"]
    assert told.interval is not None
    assert told.interval[0] < (told.effect or 0) < told.interval[1]


STAGES = tuple(
    {"factor": torch.tensor(factor), "shift": torch.tensor(shift)}
    for factor, shift in ((0.1, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 1.5), (3.0, 0.0))
)


def test_choosing_by_a_faithful_loss_costs_nothing() -> None:
    model = Column(0.3, 0.4)
    told = found(ask(CHECKPOINTS, binary(model=model, checkpoints=STAGES)))["M402"]
    assert told.state == "pass"
    assert told.controls.right
    # The user's model is where it was.
    assert (float(model.factor.detach()), float(model.shift.detach())) == (
        float(torch.tensor(0.3)),
        float(torch.tensor(0.4)),
    )


def test_choosing_by_a_weighted_loss_has_a_price() -> None:
    case = binary(model=Column(), checkpoints=STAGES, loss=wald.BinaryCrossEntropy(pos_weight=8.0))
    told = found(ask(CHECKPOINTS, case))["M402"]
    assert told.state == "fail"
    assert "the loss chooses number 4" in told.says


def test_without_checkpoints_it_says_so() -> None:
    told = found(ask(CHECKPOINTS, binary()))["M402"]
    assert told.state == "not_run"
    assert "keeps no checkpoints" in told.says
    assert found(ask(CHECKPOINTS, binary(model=Column(), checkpoints=STAGES, metric=metrics.auc())))["M402"].state == (
        "not_applicable"
    )
