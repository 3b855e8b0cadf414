"""Every loss of the catalogue can be timed: a case is made from its card."""

import json

import pytest
import torch

import wald
from wald.checks.subjects.draw import variants
from wald.timing import peak
from wald.timing.case import OURS, SIZES
from wald.timing.running import Settings, sides_of
from wald.timing.typical import typical

TINY = Settings(size="tiny", memory=False)
DEFAULTS = [next(iter(variants(kind))) for kind in wald.catalogue()]


@pytest.mark.parametrize("loss", DEFAULTS, ids=lambda loss: type(loss).__name__)
def test_its_sides_run_and_compute_the_same(loss: wald.Loss) -> None:
    running = sides_of(typical(loss), TINY)
    values = {name: value.item() for name, work in running.steps.items() if (value := work()) is not None}
    for name, value in values.items():
        assert value == pytest.approx(values[OURS], rel=1e-4, abs=1e-6), name


@pytest.mark.parametrize("loss", DEFAULTS, ids=lambda loss: type(loss).__name__)
def test_the_sizes_on_a_card_are_those_of_its_axes(loss: wald.Loss) -> None:
    axes = {axis for _, domain in loss.named_domains for axis in domain.axes}
    assert set(loss.card.sizes) <= axes | {"batch"}
    assert set(typical(loss).sizes) == set(SIZES)
    for sizes in typical(loss).sizes.values():
        assert set(sizes) == axes | {"batch"}


def test_what_the_card_says_comes_before_what_is_usual() -> None:
    assert typical(wald.SISDR()).sizes["quick"]["samples"] == 16_000
    assert typical(wald.RankNet()).sizes["full"]["batch"] == 256
    assert typical(wald.CrossEntropy()).sizes["full"] == {"batch": 1048, "classes": 1000}


def test_examples_that_meet_are_not_too_many() -> None:
    assert typical(wald.SupCon()).sizes["full"]["batch"] == 1024


def test_a_faster_way_has_the_definition_beside_it() -> None:
    assert "definition" in typical(wald.Huber()).sides("tiny").rivals
    assert "definition" not in typical(wald.Turnover()).sides("tiny").rivals


def test_a_case_can_be_made_again_in_another_process(capsys: pytest.CaptureFixture[str]) -> None:
    if not peak.measurable():
        pytest.skip("the peak can be read on Linux alone")
    case = typical(wald.Tversky(alpha=0.3))
    assert case.of is not None
    asked = {"case": case.name, "of": case.of.to_dict(), "side": OURS, "size": "tiny"}
    peak.main(json.dumps({**asked, "threads": torch.get_num_threads()}))
    assert int(capsys.readouterr().out) >= 0
