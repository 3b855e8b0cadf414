"""How large the axes of inputs usually are: at these sizes a loss is timed where nothing else is known."""

from __future__ import annotations

from typing import Final

#: By the name of an axis, how many entries it has in everyday use. A card says where its loss differs (`sizes`).
USUAL: Final = {
    "assets": 50,
    "bins": 50,
    "candidates": 100,
    "centres": 5,
    "channels": 3,
    "classes": 1000,
    "columns": 256,
    "components": 5,
    "depth": 16,
    "features": 128,
    "height": 64,
    "intervals": 50,
    "items": 100,
    "joints": 17,
    "labels": 80,
    "latents": 64,
    "members": 50,
    "moments": 64,
    "negatives": 100,
    "pixels": 4096,
    "prototypes": 1000,
    "rows": 256,
    "samples": 64,
    "symbols": 32,
    "target_channels": 3,
    "target_points": 64,
    "target_samples": 64,
    "time": 64,
    "values": 256,
    "width": 64,
    "x": 128,
    "y": 128,
}

#: The size of an axis with any other name.
ELSE: Final = 8


def usual(axis: str) -> int:
    """How many entries an axis of this name usually has."""
    return USUAL.get(axis, ELSE)
