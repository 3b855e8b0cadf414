"""What every test of the command shares."""

import pytest


@pytest.fixture(autouse=True)
def written_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are as wide as in a file, whatever terminal the tests are started from."""
    for name in ("COLUMNS", "NO_COLOR", "WALD_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
