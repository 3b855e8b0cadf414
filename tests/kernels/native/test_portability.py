"""The library runs on an older processor than the one that it was built on, and needs nothing but the C library."""

from collections.abc import Iterator
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

from wald.kernels.native import building, compiling

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("objdump") is None, reason="needs objdump"),
]

#: Instructions and registers that came with AVX.
NEWER = re.compile(r"\tv[a-z]\w*\s|%[yz]mm\d")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real library, built from the sources as they are."""
    folder = tmp_path_factory.mktemp("library")
    record = building.build(folder)
    if record.library is None:
        pytest.skip(str(record.reason))
    return folder / record.library


def objdump(*arguments: object) -> str:
    return subprocess.run(["objdump", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def strangers(library: Path) -> Iterator[str]:
    """Functions of no level of their own that have instructions of a newer processor."""
    function = ""
    for line in objdump("--disassemble", "--no-show-raw-insn", "--demangle", library).splitlines():
        if named := re.match(r"[0-9a-f]+ <(.*)>:", line):
            function = named[1]
        elif NEWER.search(line) and not re.search(r"\bavx(2|512)\b", function):
            yield function


@pytest.mark.skipif(compiling.machine() != "x86_64", reason="instruction levels of x86-64")
def test_newer_instructions_are_only_where_the_processor_was_asked(library: Path) -> None:
    assert set(strangers(library)) == set()


@pytest.mark.skipif(compiling.machine() != "x86_64", reason="instruction levels of x86-64")
def test_the_test_above_can_fail(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (source / "tiny.cpp").open("a") as file:
        file.write("EXPORT void twice(float* x) { for (int i = 0; i < 4096; ++i) x[i] *= 2; }\n")
    monkeypatch.setattr(compiling, "FLAGS", (*compiling.FLAGS, "-mavx2"))
    assert building.build(tmp_path).library
    assert set(strangers(tmp_path / compiling.LIBRARY)) == {"twice"}


def test_it_needs_nothing_but_the_library_of_c(library: Path) -> None:
    needed = set(re.findall(r"NEEDED\s+(\S+)", objdump("--private-headers", library)))
    assert {name for name in needed if not name.startswith("ld-")} <= {"libc.so.6", "libm.so.6", "libpthread.so.0"}


def test_it_shows_only_functions_of_its_own(library: Path) -> None:
    shown = set(re.findall(r"^[0-9a-f]+ g +\S+ +\.\w+\s+[0-9a-f]+\s+(?:Base\s+)?(\S+)$", objdump("-T", library), re.M))
    assert shown
    assert {name for name in shown if not name.startswith("wald_")} == set()


def test_nothing_of_this_machine_is_written_into_it(library: Path) -> None:
    content = library.read_bytes()
    for private in (str(compiling.SOURCE), str(Path.home()), str(library.parent)):
        assert len(private) < 6 or private.encode() not in content
