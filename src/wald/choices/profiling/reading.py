"""From a target, and whatever else is known of its rows, to a profile."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...audits import Metric
from ...audits.statistics import Sample
from . import inputs as looked, rows as related
from .cautions import cautions
from .facts import Classes, Group
from .portrait import Profile
from .sentences import says
from .shape import numbers
from .target import Target, read_target


def profile(
    target: Any,
    X: Any = None,  # noqa: N803  (as scikit-learn calls inputs)
    *,
    weight: Any = None,
    groups: Any = None,
    clusters: Any = None,
    order: Any = None,
    columns: Mapping[str, Any] | None = None,
    task: str | None = None,
    metric: Metric | None = None,
    positive: Hashable = None,
    seed: int = 0,
) -> Profile:
    """What a target is, before anything is trained on it.

    Nothing that is given is changed, and the same input gives the same profile.

    Args:
        target: one value a row: class names, yes and no, class numbers or numbers; rows without one are left out.
        X: inputs, a table or an array (rows, ...); with them wrong labels, leaks and residuals are looked at.
        weight: what each row counts for; 0 leaves it out.
        groups: the group of each row, by name; or several kinds of groups, by what they are called.
        clusters: what each row belongs to, such as a patient, by name.
        order: True where the rows come in order of time, or the time of each, as numbers.
        columns: named numbers of each row, such as amounts that costs depend on.
        task: "binary", "multiclass", "ordinal", "regression" or "counts"; None to find out.
        metric: what counts; it settles whether whole numbers are classes.
        positive: which of two classes is yes; None for the second in their order.
        seed: of the random numbers that the statistics need.

    Raises:
        ChoiceError: what was given does not fit together; the message says what to write instead.

    >>> print(profile([0] * 96 + [1] * 4).says[1])
    Yes is 1: 4 rows, 4 %; no is 0.
    """
    read = read_target(target, task=task, metric=metric, positive=positive)
    given = len(read.kept) + read.missing
    mass = related.weights(weight, given)
    kept, values = read.kept, read.values
    when, ordered = _when(order, given)
    if when is not None:
        sorting = when[kept].argsort(stable=True)
        kept, values = kept[sorting], values[sorting]
    counted = torch.ones(len(kept), dtype=torch.bool) if mass is None else mass[kept] > 0
    kept, values = kept[counted], values[counted]
    if not bool((values != values[0]).any()):
        # What is left by the weights is judged like what was given.
        read_target(values.double() if read.task == "regression" else [read.names[int(values[0])]], task=None)
    used = None if mass is None else mass[kept]
    belongs = None
    if clusters is not None:
        belongs = related.named("clusters", clusters, given)[0][kept].unique(return_inverse=True)[1]
    sample = Sample(len(values), seed, used, belongs, ordered)
    found = _plain(read, kept, values, sample, seed)
    level = related.level(values, read.task, found.classes)
    if belongs is not None:
        bundled, effective = related.clusters(belongs, level, used)
        found = replace(found, clusters=bundled, effective=effective)
    if groups is not None:
        kinds: Mapping[str, Any] = groups if isinstance(groups, Mapping) else {"": groups}
        members: list[Group] = []
        for kind, names in kinds.items():
            which, known = related.named(f"groups {kind}".strip(), names, given)
            members += related.groups(kind, which[kept], known, values, read.task, used)
        found = replace(found, groups=tuple(members))
    is_number = read.task == "regression"
    alike = values.double() if is_number else values
    found = replace(
        found,
        order=related.order(level, alike, belongs, given=ordered, numbers=is_number),
        columns={name: related.numbers_of(name, one, given)[kept] for name, one in (columns or {}).items()},
    )
    found = _with_inputs(found, None if X is None else looked.read_inputs(X, given).of(kept), sample)
    return replace(
        found,
        says=tuple(says(found)),
        warnings=tuple(cautions(found, doubtful=read.doubtful, positive=positive is not None)),
    )


def _when(order: Any, rows: int) -> tuple[Tensor | None, bool]:
    if order is None or isinstance(order, bool):
        return None, bool(order)
    return related.numbers_of("order", order, rows), True


def _plain(read: Target, kept: Tensor, values: Tensor, sample: Sample, seed: int) -> Profile:
    """What the target says by itself."""
    classes = None
    exact = values
    if read.task != "regression":
        many = len(read.names)
        mass = torch.ones(len(values), dtype=torch.float64) if sample.weight is None else sample.weight
        shares = torch.zeros(many, dtype=torch.float64).index_add_(0, values, mass) / mass.sum()
        counts = torch.bincount(values, minlength=many)
        classes = Classes(names=read.names, counts=tuple(counts.tolist()), shares=tuple(shares.tolist()))
        exact = values.double() if read.levels is None else read.levels[values]
    described = read.task == "regression" or (read.task == "ordinal" and read.levels is not None)
    return Profile(
        task=read.task,
        because=read.because,
        rows=len(values),
        effective=sample.effective,
        missing=read.missing,
        classes=classes,
        numbers=numbers(exact, sample.weight, seed) if described else None,
        target=values,
        weight=sample.weight,
        kept=kept,
    )


def _with_inputs(found: Profile, inputs: looked.Inputs | None, sample: Sample) -> Profile:
    is_number = found.task == "regression"
    if is_number and found.numbers is not None:
        rest = looked.residuals(
            inputs, found.target, sample, found.numbers.median, counts=found.numbers.support == "counts"
        )
        found = replace(found, residuals=rest)
    else:
        found = replace(found, noise=looked.noise(inputs, found.target, sample))
    if inputs is None:
        return found
    return replace(
        found,
        leak=looked.leak(inputs, found.target, sample, numbers=is_number),
        repeats=looked.repeats(inputs, found.target, numbers=is_number),
    )
