"""Rows of one data set that are copies of rows of another: to the bit, or up to rounding and a little noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: Rows that others are compared with up to noise, at most; copies to the bit are looked for among all.
COMPARED = 10_000

#: Columns in which distances are measured; more are mixed at random, which keeps distances well enough.
_WIDTH = 32

#: A near copy is closer than this share of the distance between two neighbours that are close and yet differ.
_NEAR, _CLOSE = 0.1, 0.05

#: Rows that are compared with all others at once, rows whose own neighbours show what is near, and columns left out.
_AT_ONCE, _SAMPLED, _LEFT_OUT = 1_000, 1_000, 64

#: Where fewer rows repeat than this, no copy comes about by chance.
_RARE = 0.005

#: Odd numbers that spread bits. Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
_FIRST, _SECOND = -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15


@dataclass(frozen=True, eq=False)
class Copies:
    """For each row, whether and of what it is a copy.

    Attributes:
        near: the row of the other set that it equals, to the bit or up to a little noise; -1 for none.
        exact: whether it is the same to the bit.
        almost: whether some row differs from it in one column only. Where rows are equal by chance, because columns
            take few values, more are almost equal; where rows were copied, hardly any are. It is only looked for where
            many rows repeat.
    """

    near: Tensor
    exact: Tensor
    almost: Tensor


class Known:
    """Rows that others are looked up in."""

    def __init__(self, rows: Tensor, source: torch.Generator) -> None:
        """Prepare rows (rows, ...) of any dtype."""
        self._rows = _flat(rows)
        width = self._rows.shape[1]
        self._odd = torch.randint(-(2**62), 2**62, (width,), generator=source) * 2 + 1
        self._keys, self._order = _keys(self._rows, self._odd).sort()
        self._some = torch.randperm(len(self._rows), generator=source)[:COMPARED]
        seen = self._rows[self._some].double()
        self._spread = seen.std(0, correction=0)
        self._varies = self._spread > 0
        # A pixel that is hardly ever lit must not make the least noise look large.
        self._spread = (
            self._spread.clamp_min(0.1 * self._spread[self._varies].median()) if self._varies.any() else self._spread
        )
        varying = int(self._varies.sum())
        self._mix = (
            torch.randn(varying, _WIDTH, generator=source, dtype=torch.float64) / _WIDTH**0.5
            if varying > 2 * _WIDTH
            else None
        )
        self._places = self._placed(seen)
        # How far the rows themselves are from the next.
        self._apart = self._closest(self._places[:_SAMPLED], skip=1)[0] if len(self._some) > 1 else torch.zeros(0)
        differing = self._apart[self._apart > 1e-9]
        self._reach = _NEAR * float(differing.quantile(_CLOSE)) if len(differing) >= 20 else 1e-9

    @property
    def repeated(self) -> tuple[float, int]:
        """The share of these rows that have a twin among themselves, and on how many rows that was counted."""
        many = len(self._apart)
        return (float((self._apart <= self._reach).double().mean()) if many else 0.0, many)

    def twins(self, rows: Tensor) -> Copies:
        """The copies among other rows."""
        flat = _flat(rows)
        keys = _keys(flat, self._odd)
        found = self._order[torch.searchsorted(self._keys, keys).clamp_max(len(self._keys) - 1)]
        exact = (self._rows[found] == flat).all(1)
        apart, near = self._closest(self._placed(flat.double()))
        near = torch.where(exact, found, torch.where(apart <= self._reach, near, -1))
        seldom = self.repeated[0] <= _RARE or not bool(exact.any())
        return Copies(near, exact, torch.zeros_like(exact) if seldom else self._almost(flat, keys))

    def _placed(self, rows: Tensor) -> Tensor:
        placed = rows[:, self._varies] / self._spread[self._varies]
        return placed if self._mix is None else placed @ self._mix

    def _closest(self, places: Tensor, *, skip: int = 0) -> tuple[Tensor, Tensor]:
        """How far the closest row is, and which; `skip` is 1 where the closest is the row itself."""
        apart: list[Tensor] = []
        which: list[Tensor] = []
        theirs = self._places.float()
        sizes = theirs.square().sum(1)
        for part in places.split(_AT_ONCE):
            rough = sizes - 2 * part.float() @ theirs.T
            near = rough.topk(2, largest=False).indices if skip else rough.argmin(1, keepdim=True)
            # Anew, since the difference of large squares is not exact.
            exact = (part[:, None] - self._places[near]).square().sum(-1).sqrt()
            furthest, place = exact.max(1)
            apart.append(furthest)
            which.append(self._some[near.gather(1, place[:, None])[:, 0]])
        return torch.cat(apart), torch.cat(which)

    def _almost(self, flat: Tensor, keys: Tensor) -> Tensor:
        """Whether some known row is the same but for one column; all flags count as one column together."""
        whole = torch.searchsorted(self._keys, keys, right=True) - torch.searchsorted(self._keys, keys)
        every = torch.empty_like(self._keys).index_copy_(0, self._order, self._keys)
        flags = _flags(self._rows)
        plain = (~flags).nonzero()[:, 0]
        left_out = [plain[place : place + 1] for place in range(0, len(plain), max(1, len(plain) // _LEFT_OUT))]
        found = torch.zeros(len(flat), dtype=torch.bool)
        for columns in [flags.nonzero()[:, 0], *left_out]:
            if len(columns) == 0:
                continue
            theirs = every - _keys(self._rows[:, columns], self._odd[columns])
            kinds, place = (keys - _keys(flat[:, columns], self._odd[columns])).unique(return_inverse=True)
            at = torch.searchsorted(kinds, theirs).clamp_max(len(kinds) - 1)
            counts = torch.bincount(at[kinds[at] == theirs], minlength=len(kinds))
            found |= counts[place] > whole
        return found


def _flat(rows: Tensor) -> Tensor:
    return rows.detach().cpu().reshape(len(rows), -1)


def _keys(rows: Tensor, odd: Tensor) -> Tensor:
    """A whole number for each row, the sum of one for each column, so that columns can be taken out again."""
    return torch.cat([(_scrambled(part) * odd).sum(1) for part in rows.split(65_536)])


def _scrambled(rows: Tensor) -> Tensor:
    # Adding 0 makes -0 and 0 one number.
    bits = (rows.double() + 0.0).view(torch.int64)
    bits = (bits ^ (bits >> 30)) * _FIRST
    bits = (bits ^ (bits >> 27)) * _SECOND
    return bits ^ (bits >> 31)


def _flags(rows: Tensor) -> Tensor:
    """Columns of at most two values."""
    low, high = rows.amin(0), rows.amax(0)
    return ((rows == low) | (rows == high)).all(0)
