"""Choosing a checkpoint by its loss, with weights, clusters and time."""

import torch

import wald
from wald.audits.probes.checkpoints import CHECKPOINTS

from .samples import Column, ask, binary, found, labels, source

STAGES = tuple(
    {"factor": torch.tensor(factor), "shift": torch.tensor(shift)}
    for factor, shift in ((0.1, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 1.5), (3.0, 0.0))
)


def test_weights_decide_which_checkpoint_is_best() -> None:
    inputs = 1.5 * torch.randn(1_500, 3, generator=source(0))
    # The second half wants another factor: weights say which half counts.
    late = torch.arange(1_500) >= 750
    target = torch.where(late, labels(0.15 * inputs[:, 0], 1), labels(3 * inputs[:, 0], 2))
    for half, best in ((late, "number 1 "), (~late, "number 5 ")):
        weight = torch.where(half, 1.0, 1e-6)
        case = binary(model=Column(), checkpoints=STAGES, test=(inputs, target), weight=weight)
        assert f"the loss chooses {best}" in found(ask(CHECKPOINTS, case))["M402"].says


def test_a_weight_of_two_is_two_copies() -> None:
    inputs, target = binary(600).test
    copied = torch.cat([torch.arange(600), torch.arange(200)])
    weight = torch.ones(600)
    weight[:200] = 2
    one = found(ask(CHECKPOINTS, binary(600, model=Column(), checkpoints=STAGES, weight=weight)))["M402"]
    rows = (inputs[copied], target[copied])
    two = found(ask(CHECKPOINTS, binary(model=Column(), checkpoints=STAGES, test=rows)))["M402"]
    torch.testing.assert_close(one.evidence["mean loss"], two.evidence["mean loss"], rtol=1e-6, atol=0)


def test_clusters_and_time_still_find_the_price() -> None:
    for more in ({"clusters": [row // 10 for row in range(1_500)]}, {"ordered": True}):
        case = binary(model=Column(), checkpoints=STAGES, loss=wald.BinaryCrossEntropy(pos_weight=8.0), **more)
        told = found(ask(CHECKPOINTS, case))["M402"]
        assert told.state == "fail"
        assert told.controls.right
        quiet = found(ask(CHECKPOINTS, binary(model=Column(), checkpoints=STAGES, **more)))["M402"]
        assert quiet.state in ("pass", "inconclusive")
        assert abs(quiet.effect or 0) < 0.005


def test_a_checkpoint_that_diverged_is_left_out_and_numbers_stay() -> None:
    stages = ({"factor": torch.tensor(torch.nan), "shift": torch.tensor(0.0)}, *STAGES)
    told = found(ask(CHECKPOINTS, binary(model=Column(), checkpoints=stages)))["M402"]
    assert told.evidence["checkpoints"] == [2, 3, 4, 5, 6]
    assert "the loss chooses number 4 " in told.says
    assert found(ask(CHECKPOINTS, binary(model=Column(), checkpoints=stages[:2])))["M402"].state == "not_applicable"
