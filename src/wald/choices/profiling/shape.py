"""Where numbers live and how they lie: support, quantiles, steps, heaps, ends and humps."""

from __future__ import annotations

from math import ceil, inf

import torch
from torch import Tensor
from torch.nn import functional

from ...audits.statistics import generator
from .facts import Numbers, Support
from .tails import outliers, tail

_LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)

#: Steps of which all values may be multiples, the largest first.
_STEPS = tuple(digit * 10.0**power for power in range(6, -5, -1) for digit in (5.0, 2.5, 1.0))

#: The share of the values that must be multiples of a step.
_NEARLY = 0.99

#: Values whose multiples people like to write down, in units of the least step.
_HEAPS = (5, 10, 12, 30, 60, 100, 500, 1000)


def numbers(values: Tensor, weight: Tensor | None, seed: int) -> Numbers:
    """What there is to say of a target of numbers (rows,) float64."""
    mass = torch.ones_like(values) if weight is None else weight
    whole = bool((values == values.round()).all())
    low, high = float(values.min()), float(values.max())
    mean = float((mass * values).sum() / mass.sum())
    centred = values - mean
    spread = float((mass * centred.square()).sum() / mass.sum()) ** 0.5
    cuts = quantiles(values, _LEVELS, weight)
    by_level = dict(zip(_LEVELS, cuts, strict=True))
    centre, quartiles = by_level[0.5], (by_level[0.25], by_level[0.75])
    scale = 1.4826 * quantiles((values - centre).abs(), (0.5,), weight)[0]
    if scale == 0:
        scale = (quartiles[1] - quartiles[0]) / 1.349
    kinds, counts = values.unique(return_counts=True)
    unit = _unit(kinds, counts)
    heaped = _heaped(kinds, counts, unit)
    step = heaped[0] if heaped is not None else unit or 0.0
    # Written to a step, values lie somewhere within it: ties and steps are no gaps.
    loose = values + step * (torch.rand(len(values), generator=generator(seed, "steps"), dtype=torch.float64) - 0.5)
    return Numbers(
        support=_support(low, high, whole=whole),
        mean=mean,
        spread=spread,
        scale=scale,
        quantiles=by_level,
        low=low,
        high=high,
        skewness=float((mass * (centred / spread).pow(3)).sum() / mass.sum()) if spread > 0 else 0.0,
        zeros=int((values == 0).sum()),
        negatives=int((values < 0).sum()),
        whole=whole,
        distinct=len(kinds),
        unit=unit,
        heaped=heaped,
        capped=_capped(kinds, counts),
        modes=_modes(values, seed),
        tail=tail(values, centre),
        outliers=outliers(values, loose, quartiles, centre, weight),
    )


def quantiles(values: Tensor, levels: tuple[float, ...], weight: Tensor | None = None) -> list[float]:
    """The least values at or below which these shares of the weight lie."""
    ordered, order = values.sort()
    mass = torch.ones_like(ordered) if weight is None else weight[order]
    upto = mass.cumsum(0) / mass.sum()
    # The rounding of a sum must not move a quantile to the next value.
    place = torch.searchsorted(upto, torch.tensor(levels, dtype=torch.float64) - 1e-12)
    return ordered[place.clamp_max(len(ordered) - 1)].tolist()


def _support(low: float, high: float, *, whole: bool) -> Support:
    if low < 0:
        return "real"
    if whole:
        return "counts"
    if high <= 1:
        return "share"
    return "positive" if low > 0 else "non-negative"


def _unit(kinds: Tensor, counts: Tensor) -> float | None:
    """The largest step of which nearly all values are multiples; None where rounding is not to be seen."""
    if len(kinds) < 5:
        return None
    size = float(kinds.abs().max())
    for step in _STEPS:
        if step > size:
            continue
        fits = (kinds / step - (kinds / step).round()).abs() < 1e-6
        if float(counts[fits].sum()) >= _NEARLY * float(counts.sum()):
            # So fine a step that any number written with seven digits is a multiple of it says nothing.
            return step if size / step < 1e6 else None
    return None


def _heaped(kinds: Tensor, counts: Tensor, unit: float | None) -> tuple[float, float] | None:
    """A step whose multiples occur much more often than the values beside them."""
    if unit is None:
        return None
    fits = (kinds / unit - (kinds / unit).round()).abs() < 1e-6
    places, counts = (kinds[fits] / unit).round().long(), counts[fits]
    if int(places[-1] - places[0]) > 1_000_000:
        return None
    table = torch.zeros(int(places[-1] - places[0]) + 1, dtype=torch.float64)
    table[places - places[0]] = counts.double()
    at = torch.arange(len(table)) + int(places[0])
    best, most = None, 0.0
    for step in _HEAPS:
        inner = (at % step == 0) & (at != 0) & (at > int(places[0]) + 1) & (at < int(places[-1]) - 1)
        heaps = inner.nonzero()[:, 0]
        if len(heaps) < 4:
            continue
        seen = float(table[heaps].sum())
        near = float(sum(table[heaps + move].sum() for move in (-2, -1, 1, 2))) / 4
        excess = seen - near
        # Multiples of 10 are multiples of 5 too: the coarser step is meant where it explains as much.
        if seen > 1.5 * near and excess > 5 * (seen + near) ** 0.5 and excess > 0.95 * most:
            best, most = (step * unit, seen / near if near > 0 else inf), max(most, excess)
    return best


def _capped(kinds: Tensor, counts: Tensor) -> tuple[tuple[float, int], ...]:
    """Ends at which values pile up. Zero is none: that nothing happened is no limit of a measurement."""
    if len(kinds) < 30:
        return ()
    rows = int(counts.sum())
    found: list[tuple[float, int]] = []
    for end, beside in ((0, counts[1:6]), (-1, counts[-6:-1])):
        many = int(counts[end])
        piled = many >= max(5, 0.005 * rows) and many > 5 * float(beside.double().mean())
        if piled and float(kinds[end]) != 0:
            found.append((float(kinds[end]), many))
    return tuple(found)


# Humps: Silverman 1981, "Using kernel density estimates to investigate multimodality".

_BINS, _ROWS, _DRAWS = 512, 2_000, 60

#: Each part must hold this share of the rows, and the valley be lower than this share of the lower hump.
_PART, _VALLEY = 0.1, 0.8


def _modes(values: Tensor, seed: int) -> int:
    """2 where a single hump is implausible, else 1."""
    if len(values) < 100 or len(values.unique()) < 30:
        return 1
    source = generator(seed, "humps")
    some = values[torch.randperm(len(values), generator=source)[:_ROWS]]
    # Far values would make humps of their own.
    low, high = some.quantile(0.01), some.quantile(0.99)
    some = some[(some >= low) & (some <= high)]
    spread = float(some.std())
    if spread == 0:
        return 1
    some = (some - some.mean()) / spread
    table = _binned(some[None])
    if not _parted(table[0], _usual_width(some)):
        return 1
    least = _smoothing(table)
    drawn = some[torch.randint(len(some), (_DRAWS, len(some)), generator=source)]
    noise = torch.randn(drawn.shape, generator=source, dtype=torch.float64)
    # Shrunk, so that what was smoothed has the spread that it had before.
    smooth = (drawn + least * noise) / (1 + least**2) ** 0.5
    humps = _humps(_binned(smooth), least)
    return 2 if float((humps > 1).double().mean()) < 0.05 else 1


def _usual_width(values: Tensor) -> float:
    """Silverman's rule of thumb."""
    low, high = float(values.quantile(0.25)), float(values.quantile(0.75))
    return max(0.02, 0.9 * min(float(values.std()), (high - low) / 1.349 or 1.0) * len(values) ** -0.2)


def _parted(table: Tensor, width: float) -> bool:
    """Whether a valley worth the name lies between two parts that are worth it, by the usual smoothing."""
    density = _density(table[None], width)[0]
    upto = density.cumsum(0) / density.sum()
    left, right = density.cummax(0).values, density.flip(0).cummax(0).values.flip(0)
    shallow = torch.minimum(left, right)
    inside = (upto > _PART) & (upto < 1 - _PART)
    return bool((density < _VALLEY * shallow)[inside].any())


def _binned(samples: Tensor) -> Tensor:
    """How many values of each sample lie in each bin of [-6, 6], (samples, bins)."""
    place = ((samples + 6) / 12 * _BINS).long().clamp(0, _BINS - 1)
    return torch.zeros(len(samples), _BINS, dtype=torch.float64).scatter_add_(
        1, place, torch.ones(place.shape, dtype=torch.float64)
    )


def _density(table: Tensor, width: float) -> Tensor:
    reach = max(1, ceil(5 * width * _BINS / 12))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) * 12 / _BINS / width) ** 2)
    return functional.conv1d(table[:, None], (kernel / kernel.sum())[None, None], padding=reach)[:, 0]


def _humps(table: Tensor, width: float) -> Tensor:
    """The humps of densities that are smoothed so much, (samples,)."""
    density = _density(table, width)
    # Ripples of rounding are no humps.
    step = density.diff(dim=1)
    step = torch.where(step.abs() < 1e-9 * density.amax(1, keepdim=True), 0.0, step).sign()
    found = torch.zeros(len(table), dtype=torch.long)
    rising = torch.zeros(len(table), dtype=torch.bool)
    for one in step.T:
        found += (rising & (one < 0)).long()
        rising = torch.where(one > 0, True, torch.where(one < 0, False, rising))
    return found


def _smoothing(table: Tensor) -> float:
    """The least smoothing at which one hump is left."""
    low, high = 0.02, 2.0
    for _ in range(14):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if int(_humps(table, middle)) <= 1 else (middle, high)
    return high
