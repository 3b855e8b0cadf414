"""Every loss that is said to be another package's is held to it: value and slope, and how many there are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import wald

from .parity import page, register
from .parity.case import EVERYDAY
from .parity.register import CASES, NOT_COMPARED, uncompared
from .parity.summing import agreeing, agreement, measured, packages, summary

pytestmark = pytest.mark.filterwarnings("ignore")

ALL = list(enumerate(CASES))


def _named(among: list[int]) -> list[object]:
    return [pytest.param(number, id=f"{CASES[number]}") for number in among]


def _holds(number: int) -> None:
    found, case = agreement(number), CASES[number]
    if isinstance(found, str):
        pytest.skip(f"{case.package} is {found}" if found == "not installed" else found)
    assert found.worst <= case.within, f"{case}: value {found.value}, slope {found.slope}"


@pytest.mark.parametrize("number", _named([number for number, case in ALL if case.package in EVERYDAY]))
def test_an_everyday_package_agrees(number: int) -> None:
    _holds(number)


@pytest.mark.peers
@pytest.mark.parametrize("number", _named([number for number, case in ALL if case.package not in EVERYDAY]))
def test_a_package_agrees(number: int) -> None:
    _holds(number)


def test_at_least_60_losses_agree_with_everyday_packages(capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(everyday=True)
    if len({case.package for case in found}) < len(EVERYDAY):
        pytest.skip(f"{', '.join(EVERYDAY)} are not all installed; here are {', '.join(packages(found))}")
    with capsys.disabled():
        print(f"\n{summary(found)}")
    assert len(agreeing(found)) >= 60


@pytest.mark.peers
def test_at_least_120_losses_agree_with_packages(capsys: pytest.CaptureFixture[str]) -> None:
    found = measured()
    if len({case.package for case in found}) < 20:
        pytest.skip(f"few packages are installed: {', '.join(packages(found))}")
    with capsys.disabled():
        print(f"\n{summary(found)}")
    assert len(agreeing(found)) >= 120


def test_a_case_is_of_a_loss_and_of_a_package() -> None:
    assert [case.loss for case in CASES if not hasattr(wald, case.loss)] == []
    on_cards = {port: kind.__name__ for kind in wald.catalogue() for port in kind.card.ports}
    several = {case.name for case in CASES if on_cards.get(case.name, case.loss) != case.loss}
    assert several == {"scipy.stats.wasserstein_distance"}, "what is on a card is that loss; one is two losses at once"


def test_every_table_of_cases_is_in_the_register() -> None:
    here = Path(__file__).parent
    tables = {file for file in here.rglob("*.py") if "\nCASES: list[Case] = [" in file.read_text("utf-8")}
    known = {Path(str(module.__file__)) for module in vars(register).values() if hasattr(module, "CASES")}
    assert {str(file.relative_to(here)) for file in tables - known} == {"parity/register.py"}


def test_every_name_on_a_card_has_a_case_or_a_reason() -> None:
    assert uncompared() == set()


def test_what_is_not_compared_is_on_a_card() -> None:
    ports = {port for kind in wald.catalogue() for port in kind.card.ports}
    known = ports | {port.partition(".")[0] for port in ports}
    assert NOT_COMPARED.keys() - known == set()
    assert {case.name for case in CASES} & NOT_COMPARED.keys() == set()


def test_the_page_has_a_row_for_each_name() -> None:
    told = page.rows_there(page.PAGE.read_text("utf-8")).keys()
    assert told <= page.rows_due(), "run python -m tests.losses.parity"
    # What a package of which nothing is there would say was never asked.
    asked = {name.partition(".")[0] for _, name in told}
    missing = {(loss, name) for loss, name in page.rows_due() - told if name.partition(".")[0] in asked}
    assert missing == set(), "run python -m tests.losses.parity"


def test_the_page_keeps_what_cannot_be_asked_today() -> None:
    told = page.PAGE.read_text("utf-8")
    assert page.rows_there(page.written(told, {})) == page.rows_there(told)


def test_a_page_says_how_far_apart() -> None:
    case = next(case for case in CASES if case.name == "torch.nn.HuberLoss")
    found = {case: agreement(CASES.index(case))}
    (line,) = page.rows(found, "2026-11-22").values()  # type: ignore[arg-type]
    assert line.startswith("| `Huber` | `torch.nn.HuberLoss` |")
    assert line.endswith("| autograd | 2026-11-22 |")
    assert Counter(line)["|"] == 8
