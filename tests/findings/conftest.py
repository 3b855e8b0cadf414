from __future__ import annotations

import pytest

from wald.findings import Controls, Figure, Finding, Report

RIGHT = Controls(positive=True, negative=True)


@pytest.fixture
def typical() -> Report:
    """31 planned: 27 passed and one of each kind that people ask about. The five questions, and two more."""
    passed = [
        Finding(code=f"A{100 + i}", state="pass", question=question, says=f"Nothing to see in {i}.", controls=RIGHT)
        for i, question in enumerate(
            ["alignment"] * 5
            + ["robustness"] * 5
            + ["gaming"] * 5
            + ["metric correlation"] * 3
            + ["edge cases"] * 6
            + ["calibration"] * 3
        )
    ]
    others = [
        Finding(
            code="W101",
            state="fail",
            question="edge cases",
            says="A masked NaN reaches the gradient.",
            fix="Make masked rows safe before the formula, with torch.where on the input.",
            effect=0.07,
            unit="MAE",
            interval=(0.06, 0.09),
            threshold=0.02,
            detectable=0.01,
            controls=RIGHT,
            evidence={"reproduce": "x = torch.tensor([float('nan')])\nloss(x, x, mask=x.isnan())", "rows": [3, 7]},
            seconds=0.2,
            method="every cell of the battery, once",
            source="the manual of torch.where",
        ),
        Finding(
            code="W201",
            state="warn",
            question="alignment",
            says="The loss elicits the mean and the metric rewards the median.",
            fix="Train with wald.Absolute().",
            effect=7.4,
            unit="% of MAE",
            interval=(5.9, 8.8),
            threshold=10.0,
            controls=RIGHT,
        ),
        Finding(
            code="W301",
            state="inconclusive",
            question="robustness",
            says="The drop under shift straddles the threshold.",
            effect=1.9,
            unit="%",
            interval=(-0.4, 4.2),
            threshold=2.0,
            detectable=3.3,
            controls=RIGHT,
        ),
        Finding(code="W401", state="not_run", question="metric correlation", says="needs ten training runs"),
    ]
    return Report(
        kind="audit",
        subject="Focal(gamma=2.0) on loans",
        findings=(*passed, *others),
        card={"elicits": "probability", "proper": "no", "threshold": 0.5, "delta": None},
        answers={
            "alignment": "Nearly: 7.4 % of MAE is lost.",
            "robustness": "Not decided.",
            "gaming": "No cheat was found.",
            "metric correlation": "Yes, on designed predictors.",
            "edge cases": "No: one input breaks the gradient.",
        },
        figures=(
            Figure(
                kind="reliability",
                title="Calibration",
                caption="Forecasts are too high.",
                series=[{"name": "model", "x": [0.1, 0.9], "y": [0.2, float("nan")], "count": [5, 0]}],
            ),
        ),
        notes=("A quick look.",),
        seed=3,
    )
