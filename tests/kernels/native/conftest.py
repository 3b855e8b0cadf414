"""A native library of almost nothing, so that building and loading are tested in moments, apart from the real one."""

from collections.abc import Iterator
from pathlib import Path
import shutil
import sys

import pytest

from wald.kernels.native import building, compiling, loading, signatures

#: The least that a library must have.
TINY = """
#include <cstdint>
#define EXPORT extern "C" __attribute__((visibility("default")))
EXPORT std::int64_t wald_abi_version() { return WALD_ABI; }
EXPORT const char* wald_level() { return "plain"; }
EXPORT int wald_force_level(const char*) { return 0; }
"""
FUNCTIONS = ("wald_abi_version", "wald_level", "wald_force_level")


@pytest.fixture
def compiler() -> None:
    """Skips a test that compiles where nothing can."""
    if sys.platform == "win32" or not any(map(shutil.which, compiling.COMPILERS)):
        pytest.skip("no C++ compiler here")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the sources that are built, with the tiny library in it. Its name has spaces."""
    folder = tmp_path / "where the sources are"
    folder.mkdir()
    (folder / "tiny.cpp").write_text(TINY)
    monkeypatch.setattr(compiling, "SOURCE", folder)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("WALD_NATIVE", raising=False)
    return folder


@pytest.fixture
def home(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which the library is looked for, in place of the real one; it is empty."""
    folder = tmp_path / "where the library is"
    folder.mkdir()
    monkeypatch.setattr(loading, "HERE", folder)
    monkeypatch.setattr(signatures, "SIGNATURES", {name: signatures.SIGNATURES[name] for name in FUNCTIONS})
    loading._found.cache_clear()
    yield folder
    loading._found.cache_clear()


@pytest.fixture(scope="session")
def _tiny() -> dict[str, bytes]:
    return {}


@pytest.fixture
def tiny(home: Path, compiler: None, _tiny: dict[str, bytes]) -> Path:
    """The tiny library, where it is looked for; it is compiled once."""
    path = home / compiling.LIBRARY
    if not _tiny:
        assert building.build(home).library
        _tiny["library"] = path.read_bytes()
    path.write_bytes(_tiny["library"])
    return path
