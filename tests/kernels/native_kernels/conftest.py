"""The native library at each level of this processor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wald.kernels.native import Library, library, status

LEVELS = ("plain", "avx2", "avx512")


@pytest.fixture
def native() -> Library:
    found = library()
    if found is None:
        pytest.skip(f"the native library does not run: {status().reason}")
    return found


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest, native: Library) -> Iterator[str]:
    if not native.wald_force_level(request.param.encode()):
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    native.wald_force_level(None)
