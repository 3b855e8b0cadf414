"""What a report carries, so that a later one can be compared with it row by row."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Hashable, Mapping
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from ..evidence import Evidence
from ..statistics import whole_sample


def pairing(evidence: Evidence) -> dict[str, Any]:
    """The loss and the metric of each row, and what tells whether another audit looked at the same rows.

    Numbers are packed (see `packed`): a row takes some eleven bytes of JSON for its loss and its metric.
    """
    case, sample, metric = evidence.case, evidence.sample, evidence.case.metric
    prediction = evidence.prediction
    columns = {name: evidence.columns[name] for name in metric.columns}
    told: dict[str, Any] = {"name": metric.name, "unit": metric.unit, "lower_is_better": metric.lower_is_better}
    if metric.decomposable:
        told["values"] = packed(metric.values(prediction, evidence.target, columns))
    else:
        by = evidence.by_metric
        told["value"] = metric.natural(by.mean(evidence.score))
        # Equal rows and an equal seed are equal resamples, so draws of two reports are paired.
        drawn = whole_sample(
            lambda rows: metric.natural(by.mean(evidence.score[rows], rows)), evidence.bootstrap_for(by)
        )
        told["draws"] = packed(drawn)
    loss: dict[str, Any] = {"name": evidence.cost.name}
    if evidence.cost.separable:
        loss["values"] = packed(evidence.by_loss.values(evidence.score))
    return {
        "rows": evidence.rows,
        "level": evidence.level,
        "ordered": case.ordered,
        "marks": {
            "chosen": mark(evidence.chosen),
            "targets": mark(evidence.target.double()),
            "inputs": mark(evidence.inputs),
            "weights": "" if sample.weight is None else mark(sample.weight.double()),
            "clusters": "" if sample.cluster is None else mark(sample.cluster.long()),
        },
        "weights": None if sample.weight is None else packed(sample.weight),
        "clusters": None if sample.cluster is None else packed(sample.cluster),
        "metric": told,
        "loss": loss,
        "groups": {
            name: _coded([labels[row] for row in evidence.chosen.tolist()]) for name, labels in case.groups.items()
        },
    }


def packed(values: Tensor) -> str:
    """Numbers as text: base64 of 32-bit numbers in little-endian order; whole ones stay whole.

    >>> import torch
    >>> unpacked(packed(torch.tensor([0.5, -2.0]))).tolist()
    [0.5, -2.0]
    """
    whole = not values.is_floating_point()
    array = values.detach().cpu().to(torch.int32 if whole else torch.float32).contiguous().numpy()
    return f"{'i' if whole else 'f'}4:{b64encode(array.astype(f'<{array.dtype.kind}4').tobytes()).decode()}"


def unpacked(text: str) -> Tensor:
    """Take back what `packed` gave."""
    import numpy as np

    kind, _, data = text.partition(":")
    array = np.frombuffer(b64decode(data), dtype=f"<{kind}")
    return torch.from_numpy(array.astype(np.int64 if kind == "i4" else np.float64))


def mark(values: Tensor) -> str:
    """A short name of these very numbers, in this order."""
    whole = values.detach().cpu().contiguous()
    shape = repr((tuple(whole.shape), str(whole.dtype))).encode()
    return sha256(shape + whole.flatten().view(torch.uint8).numpy().tobytes()).hexdigest()[:16]


def _coded(labels: list[Hashable]) -> Mapping[str, Any]:
    """Labels as their distinct names and the number of each row's."""
    names: dict[Hashable, int] = {}
    places = [names.setdefault(label, len(names)) for label in labels]
    return {"labels": [str(name) for name in names], "places": packed(torch.tensor(places))}
