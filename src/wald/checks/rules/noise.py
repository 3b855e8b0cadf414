"""What wrong labels do: flips at random, of every label alike.

With labels flipped at random a model sees another law than the true one. Even flips leave the likelier label on top,
so a loss that decides at one half decides as before, given enough data and a model that can follow; one that decides
elsewhere does not, and every probability is drawn towards the even one. A model that cannot follow everything may
lose more: it is sure of the same best only if the losses of all labels add to a constant.

Ghosh, Kumar & Sastry 2017, arXiv:1712.09482; Long & Servedio 2010, doi:10.1007/s10994-009-5165-z (what convex losses
lose with models of few parameters).
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
    noise = found.noise
    says = noise.why
    told = next((row for row in noise.rows if "recovered" in row), None)
    if told is not None:
        says += (
            f"; a chance of {told['probability']:g} is then read as {told['recovered']:g} "
            f"at a rate of {told['rate']:.0%}"
        )
    if noise.linear is not None and found.symmetric.word != "yes":
        up_to = f"only up to {noise.linear:.0%}" if noise.linear else "at no such rate"
        says += f"; a linear model of points that are hard for convex losses keeps its decisions {up_to}"
    if noise.rate is not None and found.symmetric.word == "yes":
        says += "; the losses of all labels add to a constant, so this holds for any model"
    yield Finding(
        code="W204",
        state="not_applicable" if noise.rate is None else "pass",
        question="what it elicits",
        says=says,
        evidence={
            "reproduce": reproduce(subject, 'import wald; print(wald.check(loss).card["noise_tolerance"])'),
            "rates": noise.rows,
            "linear": noise.linear,
        },
        method="the best predictions under flipped labels against those under true ones",
        source="Ghosh, Kumar & Sastry 2017, arXiv:1712.09482",
    )


RULE = Rule(codes={"W204": "what wrong labels do"}, explains=__doc__ or "", look=look)
