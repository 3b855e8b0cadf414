"""What the loss itself makes of each group, as a measurement: whose rows count for more in training, and whose less."""

from __future__ import annotations

from ...findings import Figure, Finding
from ...findings.words import number_words
from ..evidence import Evidence
from ..statistics import percentiles
from .judged import QUESTION
from .members import Group
from .pull import pull

CODE = "F707"

_SHOWN = 16


def weighed(evidence: Evidence, groups: list[Group]) -> tuple[Finding, tuple[Figure, ...]]:
    """The share of the gradient of each group over its share of the rows, by this loss and by a plain one."""
    found = pull(evidence, groups)
    if found is None:
        said = "the weight that the loss gives to groups: rows have no gradient of their own"
        return Finding(code=CODE, state="not_applicable", question=QUESTION, says=said), ()
    plain = (
        "the squared error" if evidence.space is not None and evidence.space.task == "regression" else "the log loss"
    )
    apart = found.ratio.clamp_min(1e-12).log().abs()
    worst = int(apart.argmax())
    ratio, interval = float(found.ratio[worst]), percentiles(found.draws[worst])
    less = "less" if ratio < 1 else "more"
    finding = Finding(
        code=CODE,
        # Whom a loss should favour is the user's to say, so this measures and does not judge.
        state="not_applicable",
        question=QUESTION,
        says=f"a row of {groups[worst].name} pulls {number_words(float(found.loss[worst]))} times as hard on the model "
        f"as an average row, {less} than by {plain} ({number_words(float(found.sound[worst]))} times); this is a "
        "measurement and no verdict",
        fix="weight the rows of a group that should count for more, or choose a loss that does",
        effect=ratio,
        unit=f"times its pull by {plain}",
        interval=interval,
        evidence={
            "groups": [one.name for one in groups],
            "pull by the loss": found.loss,
            f"pull by {plain}": found.sound,
            "ratio": found.ratio,
        },
        method="the size of the gradient of each row's loss in its prediction, at the model as it is; the share of "
        f"each group over its share of the rows, for this loss and for {plain} at the same predictions; bootstrap over "
        "rows",
    )
    order = sorted(range(len(groups)), key=lambda one: -float(apart[one]))[:_SHOWN]
    order.sort(key=lambda one: groups[one].name)
    labels = [groups[one].name for one in order]
    figure = Figure(
        kind="bars",
        title="How hard the loss pulls, by group",
        caption="The share of the gradient that the rows of a group have, over their share of the rows: 1 is an even "
        f"share. Where the loss and {plain} differ, the loss itself favours or neglects the group.",
        y="times an even share",
        series=[
            {"name": "this loss", "labels": labels, "y": [float(found.loss[one]) for one in order]},
            {"name": plain.removeprefix("the "), "labels": labels, "y": [float(found.sound[one]) for one in order]},
        ],
        reference=1.0,
        note=f"{len(order)} of {len(groups)} groups",
    )
    return finding, (figure,)
