"""Losses with kinks, seen through a window: smooth for a search, and the narrower the nearer to the truth.

Averaged over a window of half-width w, a loss ℓ of one number has the slope (ℓ(z + w) - ℓ(z - w)) / 2w and the
curvature (ℓ'(z + w) - ℓ'(z - w)) / 2w, exactly and whatever its kinks are. Convolution with a window as a way to fit
quantiles: Fernandes, Guerre & Horta 2021, doi:10.1080/07350015.2019.1660177.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .rows import Rows

#: Rows on which kinks are looked for, and the share of curvature without a second derivative that is a kink.
_TRIED, _SHARE = 4000, 0.05

#: Half-widths of the windows in which they are looked for, in units of the score.
_LOOKED = (0.25, 1.0)

#: Places and weights of a mean over [-1, 1].
_PLACES = torch.linspace(-1, 1, 17, dtype=torch.float64)
_SHARES = torch.tensor([1.0, *[4.0, 2.0] * 7, 4.0, 1.0], dtype=torch.float64) / 48


def kinked(rows: Rows, score: Tensor, unit: Tensor) -> Tensor:
    """For each output whether slopes jump up where rows are, as measured near one score for all, (outputs,).

    Curvature over a window that no second derivative accounts for is a kink, whoever wrote the loss.
    """
    few = rows.part(_some(len(rows)))
    at = score.expand(len(few), -1)
    found = torch.zeros(len(score), dtype=torch.bool)
    for output in range(len(score)):
        for half in _LOOKED:
            away = torch.zeros_like(score)
            away[output] = half * unit[output]
            ends = [few.slopes(at + sign * away)[1][:, output] for sign in (-1.0, 1.0)]
            rise = few.weight @ (ends[1] - ends[0]) / (2 * away[output])
            inner = [few.curvatures(at + float(place) * away)[2][:, output, output] for place in _PLACES]
            smooth = few.weight @ torch.stack([s * one for s, one in zip(_SHARES, inner, strict=True)]).sum(0)
            size = few.weight @ (ends[1].abs() + ends[0].abs()) / (2 * away[output])
            missing = float(rise - smooth)
            found[output] |= missing > _SHARE * float(rise.abs()) and missing > 1e-6 * float(size)
    return found


@dataclass(frozen=True, eq=False)
class Windowed:
    """Rows whose slopes and curvatures are those of the loss averaged over a window; values are those of the loss.

    Attributes:
        rows: the rows as they are.
        half: the half-width of the window for each output, in the unit of the score; 0 for an output without kinks.
    """

    rows: Rows
    half: Tensor

    @property
    def weight(self) -> Tensor:
        """Of the rows."""
        return self.rows.weight

    @property
    def exact(self) -> bool:
        """Values are those of the loss, and slopes those of its average."""
        return False

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, chosen: slice) -> Windowed:
        """Some of the rows."""
        return Windowed(self.rows.part(chosen), self.half)

    def values(self, score: Tensor) -> Tensor:
        """One value a row, of the loss itself."""
        return self.rows.values(score)

    def slopes(self, score: Tensor) -> tuple[Tensor, Tensor]:
        """Values (rows,), and gradients (rows, outputs) of the average."""
        with torch.no_grad():
            value = self.rows.values(score)
            found = torch.zeros_like(score)
            for output in self._outputs:
                away = self._away(output)
                rise = self.rows.values(score + away) - self.rows.values(score - away)
                found[:, output] = rise / (2 * self.half[output])
        if (self.half == 0).any():
            found = found + torch.where(self.half == 0, self._mean_slope(score), 0.0)
        return value, found

    def curvatures(self, score: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values (rows,), and gradients (rows, outputs) and Hessians (rows, outputs, outputs) of the average."""
        outputs = score.shape[-1]
        slope = torch.zeros_like(score)
        plain = (self.half == 0).nonzero()[:, 0].tolist()
        if plain:
            value, _, bend = self.rows.curvatures(score)
            slope = torch.where(self.half == 0, self._mean_slope(score), 0.0)
        else:
            with torch.no_grad():
                value = self.rows.values(score)
            bend = score.new_zeros(len(score), outputs, outputs)
        across: dict[int, Tensor] = {}
        for output in self._outputs:
            away, width = self._away(output), 2 * self.half[output]
            high, up = self.rows.slopes(score + away)
            low, down = self.rows.slopes(score - away)
            slope[:, output] = (high - low) / width
            across[output] = (up - down) / width
        for output, row in across.items():
            bend[:, output], bend[:, :, output] = row, row
        for a in self._outputs:
            for b in self._outputs:
                bend[:, a, b] = 0.5 * (across[a][:, b] + across[b][:, a])
        return value, slope, bend

    def excess(self, score: Tensor) -> float:
        """How much the average costs beyond the loss, in the mean of the rows: what the window may hide."""
        chosen = _some(len(self))
        few, at = self.rows.part(chosen), score[chosen]
        with torch.no_grad():
            value, total = few.values(at), torch.zeros(len(at), dtype=torch.float64)
            for output in self._outputs:
                away = self._away(output)
                for place, share in zip(_PLACES.tolist(), _SHARES.tolist(), strict=True):
                    total += share * (few.values(at + place * away) - value)
        return float(few.weight @ total / few.weight.sum())

    @property
    def _outputs(self) -> list[int]:
        return self.half.nonzero()[:, 0].tolist()

    def _away(self, output: int) -> Tensor:
        away = torch.zeros_like(self.half)
        away[output] = self.half[output]
        return away

    def _mean_slope(self, score: Tensor) -> Tensor:
        """Gradients by the outputs without kinks, averaged over the windows of the others (Simpson's rule)."""
        middle = self.rows.slopes(score)[1]
        sums = [
            (self.rows.slopes(score + self._away(o))[1] + 4 * middle + self.rows.slopes(score - self._away(o))[1]) / 6
            for o in self._outputs
        ]
        return torch.stack(sums).mean(0)


def _some(rows: int) -> Tensor:
    """Enough rows for a mean, evenly spread."""
    return torch.linspace(0, rows - 1, min(_TRIED, rows), dtype=torch.float64).round().long()
