"""What became of the metric, the loss, the groups and the effects of findings, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Finding, Report
from ..statistics import Sample, generator, percentiles, permutation_p, sign_flips
from .pairing import unpacked

#: The chance of telling of any change where there is none, over all that is compared.
LEVEL = 0.05

#: Groups with fewer rows are not compared.
SMALLEST = 30

DRAWS, FLIPS = 2_000, 4_999

#: Standard errors on each side of a 95 % interval.
_HALF = NormalDist().inv_cdf((1 + 0.95) / 2)


@dataclass(frozen=True)
class Change:
    """What became of something, measured on the same rows: above 0 is worse.

    Attributes:
        name: what it is.
        unit: what it is counted in.
        before: its old value, as the user knows it.
        after: its new value.
        effect: by how much it is worse.
        interval: 95 %, of that.
        error: its standard error.
        p: of no change.
        code: of the finding that tells it.
        rows: on how many rows.
    """

    name: str
    unit: str
    before: float
    after: float
    effect: float
    interval: tuple[float, float]
    error: float
    p: float
    code: str
    rows: int


def sample_of(paired: Mapping[str, Any]) -> Sample:
    """The rows that both reports look at."""
    weight, cluster = (None if paired[name] is None else unpacked(paired[name]) for name in ("weights", "clusters"))
    return Sample(int(paired["rows"]), 0, weight, cluster, bool(paired["ordered"]))


def changes_of(old: Report, new: Report, sample: Sample) -> tuple[Change, list[Change], list[str]]:
    """What became of the metric; of the loss and the groups; and what could not be compared."""
    before, after, told = old.paired, new.paired, list[str]()
    name, unit = str(after["metric"]["name"]), str(after["metric"]["unit"])
    sign = 1.0 if after["metric"]["lower_is_better"] else -1.0
    everyone = torch.ones(1, sample.rows, dtype=torch.bool)
    others: list[Change] = []
    if "values" in after["metric"]:
        values = [unpacked(one["metric"]["values"]) for one in (before, after)]
        names, masks = _groups(after, sample.rows)
        (metric, *others) = _paired(
            values, torch.cat([everyone, masks]), [name, *(f"{name} for {one}" for one in names)], unit, sign, sample
        )
    else:
        metric = _whole(before["metric"], after["metric"], name, unit, sign, sample)
    if before["loss"]["name"] != after["loss"]["name"]:
        told.append("the losses are not compared: they are two losses, and have no common scale")
    elif "values" in before["loss"] and "values" in after["loss"]:
        values = [unpacked(one["loss"]["values"]) for one in (before, after)]
        others = [*_paired(values, everyone, ["the loss"], "", 1.0, sample, code="V102"), *others]
    return metric, others, told


def _groups(paired: Mapping[str, Any], rows: int) -> tuple[list[str], Tensor]:
    names: list[str] = []
    masks: list[Tensor] = [torch.zeros(0, rows, dtype=torch.bool)]
    for grouping, coded in paired["groups"].items():
        places = unpacked(coded["places"])
        for number, label in enumerate(coded["labels"]):
            mask = places == number
            if SMALLEST <= int(mask.sum()) < rows:
                names.append(f"{grouping} = {label}")
                masks.append(mask[None])
    return names, torch.cat(masks)


def _paired(
    values: Sequence[Tensor],
    masks: Tensor,
    names: list[str],
    unit: str,
    sign: float,
    sample: Sample,
    *,
    code: str = "",
) -> list[Change]:
    """What became of the mean over each of several sets of rows, (sets, rows)."""
    inside = masks.double()
    worse = sign * (values[1] - values[0])
    bootstrap = sample.bootstrap(DRAWS)
    draws = bootstrap.means(worse * inside) / bootstrap.means(inside)
    weight = torch.ones(sample.rows, dtype=torch.float64) if sample.weight is None else sample.weight
    source = generator(0, "comparing", sample.rows)
    sums = (worse * inside * weight).sum(-1)
    flipped = sign_flips(worse * inside * weight, sample.unit, FLIPS, source)
    share = (inside * weight).sum(-1)
    found: list[Change] = []
    for place, name in enumerate(names):
        means = [float((one * inside[place] * weight).sum() / share[place]) for one in values]
        found.append(
            Change(
                name,
                unit,
                means[0],
                means[1],
                float(sums[place] / share[place]),
                percentiles(draws[place]),
                float(draws[place].std()),
                # Equal draws, as of two equal reports, count as at least as large.
                permutation_p(abs(float(sums[place])) * (1 - 1e-12), flipped[place].abs()),
                code or ("V101" if place == 0 else "V103"),
                int(masks[place].sum()),
            )
        )
    return found


def _whole(
    before: Mapping[str, Any], after: Mapping[str, Any], name: str, unit: str, sign: float, sample: Sample
) -> Change:
    """What became of a metric of whole samples, by draws of both on the same resamples."""
    apart = sign * (unpacked(after["draws"]) - unpacked(before["draws"]))
    effect = sign * (float(after["value"]) - float(before["value"]))
    error = _whole_error(apart, sample)
    half = _HALF * error
    # Where nothing is known of the error, 0 times it is no number.
    interval = (effect - half, effect + half) if isfinite(half) else (-inf, inf)
    return Change(
        name,
        unit,
        float(before["value"]),
        float(after["value"]),
        effect,
        interval,
        error,
        _p(effect, error),
        "V101",
        sample.rows,
    )


def _whole_error(apart: Tensor, sample: Sample) -> float:
    """The standard error of a difference of whole samples, from its draws.

    A bootstrap of few units is too sure of itself: the spread is that of Student's t.
    """
    units = sample.units
    spread = float(apart[apart.isfinite()].std())
    return spread * sqrt((units - 1) / (units - 3)) if units > 3 else (inf if spread else 0.0)


def _p(effect: float, error: float) -> float:
    """Of an effect with this standard error; 1 where neither is known, 0 where a difference is exact."""
    if not isfinite(error) or not isfinite(effect):
        return 1.0
    if error == 0:
        return 1.0 if effect == 0 else 0.0
    return 2 * (1 - NormalDist().cdf(abs(effect) / error))


def changes_between(old: Report, new: Report) -> list[tuple[Change, Finding, Finding]]:
    """The effects of what both reports measured, as if the two were measured apart.

    They were measured on the same rows, which makes the truth of the difference known better than that: so this errs
    on the quiet side.
    """
    if (old.seed, old.paired["level"]) != (new.seed, new.paired["level"]):
        return []
    found: list[tuple[Change, Finding, Finding]] = []
    before = {one.code: one for one in _once(old.findings)}
    for now in _once(new.findings):
        was = before.get(now.code)
        if was is None or was.unit != now.unit:
            continue
        errors = [_error(one) for one in (was, now)]
        if was.effect is None or now.effect is None or errors[0] is None or errors[1] is None:
            continue
        effect, error = now.effect - was.effect, sqrt(errors[0] ** 2 + errors[1] ** 2)
        half = _HALF * error
        interval = (effect - half, effect + half)
        change = Change(
            now.code, now.unit, was.effect, now.effect, effect, interval, error, _p(effect, error), now.code, 0
        )
        found.append((change, was, now))
    return found


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Those whose code names one finding only."""
    codes = [one.code for one in findings]
    return [one for one in findings if codes.count(one.code) == 1]


def _error(finding: Finding) -> float | None:
    """A standard error from the wider side of a 95 % interval; None where there is none."""
    if finding.effect is None or finding.interval is None or not all(map(isfinite, finding.interval)):
        return None
    low, high = finding.interval
    return max(finding.effect - low, high - finding.effect, 0.0) / _HALF


def shown(change: Change, p: float) -> bool:
    """Whether a change is told: by its p, corrected for all that is compared, and by its interval."""
    low, high = change.interval
    return p < LEVEL and (low > 0 or high < 0)


def controls_of(old: Report, new: Report, sample: Sample, tests: int) -> Controls:
    """Old and new dealt out anew for each row must show nothing; a change that these rows can show must be seen."""
    if "values" not in new.paired["metric"]:
        apart = unpacked(new.paired["metric"]["draws"]) - unpacked(old.paired["metric"]["draws"])
        error = _whole_error(apart, sample)
        alone = float((apart - apart.mean())[int(torch.randint(len(apart), (), generator=generator(0, "alone")))])
        return Controls(positive=tests * _p(6 * error, error) < LEVEL or error == 0, negative=_p(alone, error) > 0.001)
    values = [unpacked(one.paired["metric"]["values"]) for one in (old, new)]
    everyone, source = torch.ones(1, sample.rows, dtype=torch.bool), generator(0, "dealt", sample.rows)
    swap = torch.rand(sample.units, generator=source) < 0.5
    swap = swap if sample.unit is None else swap[sample.unit]
    dealt = [torch.where(swap, values[1], values[0]), torch.where(swap, values[0], values[1])]
    (quiet,) = _paired(dealt, everyone, ["dealt"], "", 1.0, sample)
    size = 6 * max(quiet.error, 1e-12)
    (loud,) = _paired([dealt[0], dealt[1] + size - quiet.effect], everyone, ["planted"], "", 1.0, sample)
    # One deal in two hundred looks like a change by chance; a quieter bar would cry wolf itself.
    return Controls(positive=loud.p < 0.01 and loud.interval[0] > 0, negative=quiet.p > 0.005)
