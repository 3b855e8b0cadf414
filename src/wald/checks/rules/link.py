"""How the true probability is read from a prediction.

A sigmoid or softmax of a score is the true probability only if the loss is proper for it. Under weights, smoothing,
a focal factor or a margin the best prediction is something else, though most often the probability can be read back:
its odds were multiplied, say, or raised to a power. Without that step averages, costs and rankings across models that
are computed from the predictions are off. The best predictions for a ladder of probabilities are held against the
links that have names; where none fits, the table is the link.

Reid & Williamson 2010, JMLR 11:2387; Charoenphakdee et al. 2021, arXiv:2011.09172 (the focal loss).
"""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..measured import Measured
from .rule import Rule, reproduce


def look(measured: Measured) -> Iterator[Finding]:
    """State it."""
    subject, found = measured.subject, measured.probabilities
    if found is None or measured.direction.wrong:
        return
    link, fix = found.link, ""
    if found.invertible.word == "no":
        says = f"the true probability cannot be read from it: {found.invertible.why}"
    elif found.invertible.word == "unresolved":
        says = f"whether the true probability can be read from it is not resolved: {found.invertible.why}"
    elif found.proper.word == "yes":
        says = f"its prediction tells the true probability, which is {link.inverse or 'in the table'}"
    else:
        says = f"its prediction is not the true probability: {link.says or found.proper.why}"
        fix = f"Read it as {link.inverse}, with x the prediction." if link.inverse else "Read it back from the table."
    yield Finding(
        code="W203",
        state="inconclusive" if found.invertible.word == "unresolved" else "pass",
        question="what it elicits",
        says=says,
        fix=fix,
        evidence={
            "reproduce": reproduce(subject, 'import wald; print(wald.check(loss).card["link"])'),
            "link": link.name,
            "inverse": link.inverse,
            "table": link.rows,
        },
        method="the best predictions for a ladder of probabilities, against the links that have names",
        source="Reid & Williamson 2010, JMLR 11:2387",
    )


RULE = Rule(codes={"W203": "how the true probability is read"}, explains=__doc__ or "", look=look)
