"""What must fire fires, what must stay quiet stays quiet."""

from __future__ import annotations

import pytest

from ..sampling import daily
from .page import TWINS
from .twin import Twin, missed, slandered

#: One quick case in three each day, and all of them with the slow tests.
QUICK = daily([one for one in TWINS if not one.slow], 3, lambda one: one.name)
SLOW = [pytest.param(one, id=one.name, marks=pytest.mark.slow) for one in TWINS if one.slow]


@pytest.mark.parametrize("twin", [*QUICK, *SLOW])
def test_the_truth_is_told(twin: Twin) -> None:
    if twin.name.startswith(
        (
            "ok_digits",
            "bad_noise",
            "ok_clean",
            "bad_back",
            "bad_target",
            "bad_un",
            "ok_tr",
            "ok_linear",
            "bad_frag",
            "ok_adv",
            "bad_mask",
            "bad_ss",
        )
    ):
        pytest.importorskip("sklearn")
    report = twin.look()
    assert missed(twin, report) == [], [(one.code, one.state, one.says) for one in report.findings]
    assert slandered(twin, report) == [], [(one.code, one.state, one.says) for one in report.findings]
    assert twin.says is None or twin.says(report), report.card
