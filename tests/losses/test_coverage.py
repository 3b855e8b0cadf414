"""The catalogue against the survey of what people use."""

from tests.losses import coverage
from tests.losses.coverage import LATER, rows
import wald


def test_what_is_said_to_be_here_is_here() -> None:
    missing = {row.loss: [name for name in row.here if not hasattr(wald, name)] for row in rows()}
    assert {loss: names for loss, names in missing.items() if names} == {}


def test_what_is_not_here_has_a_reason() -> None:
    assert [row.loss for row in rows() if not row.here and not row.why] == []


def test_what_three_libraries_ship_is_here() -> None:
    """The others need a trained network, or are not one loss; each says so."""
    missing = [row.loss for row in rows() if row.shipped_by >= 3 and row.family not in LATER and not row.covered]
    assert missing == [
        "ELBO / variational NLL",
        "LPIPS / DISTS",
        "perceptual speech losses",
    ]


def test_what_nobody_ships_is_here() -> None:
    assert sum(row.covered for row in rows() if row.shipped_by == 0) >= 12


def test_the_catalogue_has_at_least_260_losses() -> None:
    assert len(wald.catalogue()) >= 260


def test_the_page_has_what_is_left_out() -> None:
    told = coverage.PAGE.read_text("utf-8")
    assert coverage.written(told) == told, "run python -m tests.losses.coverage"
