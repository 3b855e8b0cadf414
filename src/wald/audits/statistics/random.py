"""A stream of random numbers for each purpose."""

from __future__ import annotations

from hashlib import sha256

import torch


def generator(seed: int, *purpose: object) -> torch.Generator:
    """A random generator of its own for each purpose, so that no probe's numbers depend on which ran before it."""
    name = repr((seed, *purpose)).encode()
    return torch.Generator().manual_seed(int.from_bytes(sha256(name).digest()[:7], "big"))
