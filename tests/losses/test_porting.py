"""docs/porting.md says what the cards say."""

from tests.losses import porting


def test_the_page_has_the_ports_of_the_cards() -> None:
    told = porting.PAGE.read_text("utf-8")
    assert porting.written(told) == told, "run python -m tests.losses.porting"


def test_a_port_has_its_row() -> None:
    assert "| `linear_model.HuberRegressor` | `wald.Huber(delta=1.35)` |" in porting.tables()
