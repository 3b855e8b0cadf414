"""Noise, rounding and missing values, as a measurement."""

from __future__ import annotations

from typing import Any

import torch

from ...findings import Figure, Finding
from ..evidence import Evidence
from ..metrics import capitalised
from ..probe import ADVICE, Outcome
from .changes import COLUMNS, ROWS, Changed, changes, lost, shaken
from .silent import QUESTION, silent


def noise(evidence: Evidence) -> Outcome:
    """Shake, round and lose what the model is given, and see what that does to the metric."""
    case, what = evidence.case, "the metric under noise and missing values"
    if case.model is None:
        return silent("R213", what, "the case gives no model", fix=ADVICE["model"], state="not_run")
    if not evidence.inputs.is_floating_point() or case.input_space.tokens is not None:
        return silent("R213", what, f"the inputs are {evidence.inputs.dtype}, and only real features can be shaken")
    everyone = torch.arange(evidence.rows)
    moved = changes(evidence, shaken(evidence), everyone)
    some = everyone if evidence.rows <= ROWS else torch.randperm(
        evidence.rows, generator=evidence.random("shift rows"))[:ROWS].sort().values  # fmt: skip
    gone = changes(evidence, lost(evidence, some), some) if evidence.inputs.ndim == 2 else []
    if not moved and not gone:
        return silent("R213", what, "every feature is a flag, a category or fixed")
    metric = case.metric
    shakes = [one for one in moved if one.change.kind == "noise"]
    worst = max(gone, key=lambda one: one.effect, default=None)
    parts: list[str] = []
    if shakes:
        steps = ", ".join(f"{metric.told(one.after)} at {one.change.size:g} sd" for one in shakes)
        parts.append(f"noise on every feature takes {metric.name} from {metric.told(shakes[0].before)} to {steps}")
        parts += [f"{one.change.name} takes it to {metric.told(one.after)}" for one in moved if one not in shakes]
    if worst is not None:
        how = "its median" if worst.change.kind == "median" else "0"
        parts.append(
            f"the column that is missed most is {worst.change.name}: filled in by {how}, {metric.name} goes from "
            f"{metric.told(worst.before)} to {metric.told(worst.after)}"
        )
    main = shakes[-1] if shakes else worst
    assert main is not None  # noqa: S101  (one of the two was measured)
    finding = Finding(
        code="R213",
        # How much noise is to be expected is the user's to say, so this measures and does not judge.
        state="not_applicable",
        question=QUESTION,
        says="; ".join(parts) + "; this is a measurement and no verdict",
        fix="",
        effect=main.effect,
        unit=f"of {metric.name}",
        interval=main.interval,
        evidence={
            "changes": [_entry(one) for one in moved],
            "lost columns": [_entry(one) for one in sorted(gone, key=lambda one: -one.effect)[:20]],
        },
        method=f"normal noise on every feature that is no flag, inside what was seen of it; each of the up to "
        f"{COLUMNS} columns that go most with the score, filled in on up to {ROWS} rows; paired bootstrap",
    )
    answer = f"noise of {shakes[-1].change.size:g} sd takes {metric.name} from {metric.told(shakes[-1].before)} to " \
        f"{metric.told(shakes[-1].after)}" if shakes else ""  # fmt: skip
    figures = [_noise_figure(metric.name, shakes)] if shakes else []
    return Outcome((finding,), (*figures, *([_lost_figure(metric.name, gone)] if gone else [])), answer)


def _entry(one: Changed) -> dict[str, Any]:
    how = {"median": " filled in by its median", "zero": " filled in by 0"}.get(one.change.kind, "")
    return {"change": one.change.name + how, "effect": one.effect, "low": one.interval[0], "high": one.interval[1]}


def _noise_figure(name: str, noise: list[Changed]) -> Figure:
    return Figure(
        kind="lines",
        title=f"{capitalised(name)} under noise",
        caption="By how much worse it gets when every feature is shaken, as a share of what it is.",
        x="noise, in standard deviations of each feature",
        y="change for the worse",
        series=[
            {
                "name": name,
                "x": [0.0, *(one.change.size for one in noise)],
                "y": [0.0, *(one.effect for one in noise)],
                "low": [0.0, *(one.interval[0] for one in noise)],
                "high": [0.0, *(one.interval[1] for one in noise)],
            }
        ],
        reference=0.0,
    )


def _lost_figure(name: str, gone: list[Changed]) -> Figure:
    by_column: dict[str, dict[str, Changed]] = {}
    for one in gone:
        by_column.setdefault(one.change.name, {})[one.change.kind] = one
    worst = sorted(by_column, key=lambda column: -max(one.effect for one in by_column[column].values()))[:12]
    return Figure(
        kind="bars",
        title=f"{capitalised(name)} when a column is missing",
        caption="By how much worse it gets when one column is filled in by its median, or by 0, in every row.",
        y="change for the worse",
        series=[
            {
                "name": told,
                "labels": worst,
                "y": [by_column[column][kind].effect for column in worst],
                "low": [by_column[column][kind].interval[0] for column in worst],
                "high": [by_column[column][kind].interval[1] for column in worst],
            }
            for kind, told in (("median", "filled in by its median"), ("zero", "filled in by 0"))
        ],
        reference=0.0,
        note=f"the {len(worst)} columns that are missed most, of {len(by_column)}",
    )
