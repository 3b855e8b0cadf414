"""Drawn inputs lie where the card says."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
import pytest
import torch

import wald
from wald.testing import inputs_of

from ..catalogue import PROOFS


@pytest.mark.parametrize("loss", PROOFS)
def test_every_loss_takes_what_is_drawn_for_it(loss: wald.Loss) -> None:
    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs_of(loss))
    def takes(inputs: tuple[torch.Tensor, ...]) -> None:
        assert len(inputs) == len(loss.named_domains)
        assert len({len(x) for x in inputs}) == 1
        if getattr(loss, "zero", None) == "raise":  # there may be a target that is 0, which is told and refused
            with suppress(wald.DomainError):
                loss(*inputs)
        else:
            assert loss(*inputs).isfinite()

    takes()


def test_wide_numbers_reach_far() -> None:
    reached: list[float] = []

    @settings(max_examples=60, deadline=None, database=None)
    @given(inputs_of(wald.Absolute(), wide=True, dtype=torch.float32))
    def far(inputs: tuple[torch.Tensor, ...]) -> None:
        assert inputs[0].dtype is torch.float32
        assert all(x.isfinite().all() for x in inputs)
        reached.append(float(inputs[0].abs().max()))

    far()
    assert max(reached) > 1e6


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        inputs_of(wald.Absolute(), most=0)
