"""From which size on a faster implementation is faster."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

_from_any_size = False


def worthwhile(size: int, least: int) -> bool:
    """Whether inputs of this size are large enough for an implementation that gains from `least` on."""
    return size >= least or _from_any_size


@contextmanager
def any_size() -> Generator[None]:
    """Count every input as large enough within a `with` block, so that tests reach every implementation."""
    global _from_any_size
    before, _from_any_size = _from_any_size, True
    try:
        yield
    finally:
        _from_any_size = before
