"""Permutation of labels that would mean nothing: within strata, and by whole clusters."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

#: Row numbers that are worth holding at once.
_AT_ONCE = 4_000_000


def permutation_p(observed: float, null: Tensor) -> float:
    """The share of null draws at least as large as what was observed, the observed one counted: never 0."""
    return (1 + int((null >= observed).sum())) / (1 + null.numel())


def shuffles(
    label: Tensor,
    draws: int,
    source: torch.Generator,
    *,
    strata: Tensor | None = None,
    cluster: Tensor | None = None,
) -> Iterator[Tensor]:
    """Row numbers (some draws, rows) such that `label[shuffle]` are the labels, permuted.

    Values, targets and weights stay with their rows; the labels move. Where nothing depends on the labels, all of
    these are as likely as what was seen. Compare statistics that are in units of their standard error: then the
    test also holds where the spread differs between the labels, or the weights do.

    Without clusters, labels move between rows of one stratum. With clusters, a cluster whose rows have one label
    passes it on as a whole, to a cluster of the same stratum (those that span several strata are one more); in a
    cluster of several labels they move between its own rows of one stratum.

    Args:
        label: what each row is called, (rows,), or several namings of the rows at once, (namings, rows), which
            then move together.
        draws: how many permutations.
        source: what they are drawn from.
        strata: the number of the stratum of each row, (rows,) from 0; None for one stratum.
        cluster: the number of the cluster of each row, (rows,) from 0; None where each row stands alone.

    Yields:
        Row numbers, (up to draws, rows); all parts together have `draws` rows.

    >>> label, values = torch.tensor([0, 0, 1, 1]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    >>> parts = shuffles(label, 99, torch.Generator().manual_seed(0))
    >>> null = torch.cat([((label[one] == 1) * values).sum(-1) for one in parts])
    >>> permutation_p(7.0, null) > 0.1
    True
    """
    rows = label.shape[-1]
    strata = torch.zeros(rows, dtype=torch.long) if strata is None else strata.long()
    own = _Cells(strata) if cluster is None else None
    step = max(1, _AT_ONCE // max(1, rows))
    for start in range(0, draws, step):
        some = min(step, draws - start)
        if own is not None:
            yield own.permuted(some, source)
        else:
            assert cluster is not None  # noqa: S101
            yield _by_cluster(label, strata, cluster.long(), some, source)


class _Cells:
    """Items that may take each other's place."""

    def __init__(self, cell: Tensor) -> None:
        self.cell = cell.double()
        self.order = cell.argsort(stable=True)

    def permuted(self, draws: int, source: torch.Generator) -> Tensor:
        """Item numbers (draws, items), permuted within cells."""
        mixed = (self.cell + torch.rand(draws, len(self.cell), generator=source, dtype=torch.float64)).argsort(-1)
        found = torch.empty_like(mixed)
        found[:, self.order] = mixed
        return found


def _by_cluster(label: Tensor, strata: Tensor, cluster: Tensor, draws: int, source: torch.Generator) -> Tensor:
    clusters = int(cluster.max()) + 1
    # Clusters that have rows: a part of a sample may have left some out.
    first = torch.full((clusters,), len(cluster)).scatter_reduce(0, cluster, torch.arange(len(cluster)), "amin")
    head = first[cluster]
    whole = torch.ones(clusters, dtype=torch.bool)
    for naming in label.reshape(-1, len(cluster)):
        whole[cluster[naming != naming[head]]] = False
    spans = torch.zeros(clusters, dtype=torch.bool)
    spans[cluster[strata != strata[head]]] = True

    found = torch.arange(len(cluster)).expand(draws, -1).clone()
    kept = (whole & (first < len(cluster))).nonzero()[:, 0]
    if len(kept) > 1:
        cell = torch.where(spans[kept], int(strata.max()) + 1, strata[first[kept]])
        given = first[kept][_Cells(cell).permuted(draws, source)]
        place = torch.zeros(clusters, dtype=torch.long)
        place[kept] = torch.arange(len(kept))
        inside = whole[cluster]
        found[:, inside] = given[:, place[cluster[inside]]]
    mixed = (~whole[cluster]).nonzero()[:, 0]
    if len(mixed):
        cell = torch.unique(torch.stack([cluster[mixed], strata[mixed]]), dim=1, return_inverse=True)[1]
        found[:, mixed] = mixed[_Cells(cell).permuted(draws, source)]
    return found
