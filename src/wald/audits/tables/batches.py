"""Whether something is rows, or batches of rows; and the batches, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from ..errors import CaseError

#: Rows of a data set that are read at once.
_BATCH = 1024


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some rows, with what belongs to them.

    Attributes:
        inputs: what the model is asked about.
        targets: what was observed.
        prediction: what was predicted, as the loss takes it; None where a model says it.
        weight: what each row counts for.
        clusters: which rows belong together.
        order: the time of each row, as a number; rows need not come in its order.
        groups: a label for each row, by the name of the grouping.
    """

    inputs: Any
    targets: Any
    prediction: Tensor | None = None
    weight: Tensor | None = None
    clusters: list[Any] | None = None
    order: Tensor | None = None
    groups: Mapping[str, list[Any]] = field(default_factory=dict[str, list[Any]])


def is_stream(rows: object) -> bool:
    """Whether these are batches of (inputs, targets), and not one pair of them.

    Raises:
        CaseError: they can be read once only.
    """
    if isinstance(rows, tuple | str | dict | Tensor) or rows is None:
        return False
    if isinstance(rows, Dataset):
        return True
    if isinstance(rows, list):
        return bool(rows) and all(_is_batch(one) for one in rows)
    if hasattr(rows, "shape") or hasattr(rows, "columns") or not hasattr(rows, "__iter__"):
        return False
    if hasattr(rows, "__next__"):
        raise CaseError(
            f"rows are given as a {type(rows).__name__}, which is used up by one look. Give something that can be "
            "read again, such as a DataLoader, or list(batches)."
        )
    return True


def batches_of(name: str, stream: Any) -> Iterator[Batch]:
    """Every batch.

    Raises:
        CaseError: a batch is no pair (inputs, targets).
    """
    if isinstance(stream, Dataset):
        shuffled: dict[str, Any] = {} if isinstance(stream, IterableDataset) else {"shuffle": False}
        stream = DataLoader(stream, batch_size=_BATCH, **shuffled)
    for batch in stream:
        if isinstance(batch, Batch):
            yield batch
            continue
        if not (isinstance(batch, tuple | list) and len(batch) == 2):
            kind = type(batch).__name__
            many = f" of {len(batch)}" if isinstance(batch, tuple | list | dict) else ""
            raise CaseError(f"{name}: each batch is a pair (inputs, targets); got a {kind}{many}.")
        if len(batch[0]) != len(batch[1]):
            raise CaseError(f"{name}: a batch has {len(batch[0])} rows of inputs and {len(batch[1])} targets.")
        yield Batch(inputs=batch[0], targets=batch[1])


def _is_batch(one: object) -> bool:
    if not (isinstance(one, tuple | list) and len(one) == 2):
        return False
    return all(getattr(part, "ndim", 0) >= 1 or hasattr(part, "columns") for part in one)
