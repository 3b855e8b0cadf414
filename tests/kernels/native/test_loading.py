"""The library is loaded when it is asked for; whatever is wrong with it, there is a sentence and never an error."""

from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
import subprocess
import sys
from threading import Barrier

import pytest

from wald.kernels.native import building, compiling, library, loading, signatures, status


def test_a_good_library_runs(tiny: Path) -> None:
    found = status()
    assert (found.state, found.level, found.reason, found.fix) == ("runs", "plain", None, None)
    assert found.path == tiny
    assert library() is library()


def refused(state: str, *words: str) -> None:
    found = status()
    assert library() is None
    assert found.state == state
    assert found.level is None
    assert found.fix
    for word in words:
        assert word in str(found.reason)


def test_no_library_and_no_record_of_why(home: Path) -> None:
    refused("absent", compiling.LIBRARY, "is not there")


def test_no_library_for_a_reason_that_was_recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/bin/false")
    building.build(home)
    refused("absent", "CXX=/bin/false is no compiler that runs")


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"levels": 3}', b'{"levels": [], "unknown": 1}', b"\xff\xfe"])
def test_a_broken_record_is_as_none(home: Path, record: bytes) -> None:
    (home / building.RECORD).write_bytes(record)
    refused("absent", "is not there")


@pytest.mark.parametrize("said", ["off", "OFF", " 0 ", "no", "false"])
def test_it_is_off_when_asked(tiny: Path, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALD_NATIVE", said)
    refused("off", "WALD_NATIVE=off")


@pytest.mark.parametrize("said", ["", "on", "1"])
def test_it_is_on_otherwise(tiny: Path, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALD_NATIVE", said)
    assert status().state == "runs"


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"not a library" * 100, b"MZ" + bytes(200)])
def test_what_is_no_library_is_refused(home: Path, content: bytes) -> None:
    (home / compiling.LIBRARY).write_bytes(content)
    refused("broken", "cannot be used")


@pytest.mark.skipif(sys.platform != "linux", reason="macOS looks at the signature of a library itself")
@pytest.mark.parametrize("left", [0.004, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999])
def test_a_file_that_was_cut_short_is_refused_before_it_takes_the_process_down(tiny: Path, left: float) -> None:
    whole = tiny.read_bytes()
    tiny.write_bytes(whole[: int(left * len(whole))])
    refused("broken", "cannot be used", "bytes")


@pytest.mark.skipif(sys.platform != "linux", reason="another format of library")
def test_a_library_of_another_machine_is_refused(tiny: Path) -> None:
    whole = bytearray(tiny.read_bytes())
    other, name = (183, "aarch64") if compiling.machine() == "x86_64" else (62, "x86_64")
    whole[18:20] = other.to_bytes(2, "little")
    tiny.write_bytes(whole)
    refused("broken", f"it is for {name} and this machine is {compiling.machine()}")


def test_a_library_of_other_sources_is_refused(tiny: Path, source: Path) -> None:
    (source / "tiny.cpp").write_text("// a function has got one argument more\n")
    refused("broken", "other sources")


def test_a_library_without_one_of_the_functions_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = signatures.SIGNATURES | {"wald_new": signatures.Signature()}
    monkeypatch.setattr(signatures, "SIGNATURES", more)
    refused("broken", "without wald_new")


def test_a_file_that_may_not_be_read_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tiny))

    monkeypatch.setattr("wald.kernels.native.wholeness.broken", forbidden)
    refused("broken", "Permission denied")


def test_a_folder_of_that_name_is_no_library(home: Path) -> None:
    (home / compiling.LIBRARY).mkdir()
    refused("absent", "is not there")


def test_threads_that_ask_at_once_all_get_it(tiny: Path) -> None:
    together = Barrier(16)

    def ask(_: int) -> bytes:
        together.wait()
        found = library()
        assert found is not None
        return found.wald_level()

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(16))) == [b"plain"] * 16


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("loaded_before", [True, False])
def test_a_process_that_forks_has_it_on_both_sides(tiny: Path, loaded_before: bool) -> None:
    if loaded_before:
        assert library() is not None
    child = os.fork()
    if child == 0:  # no assertion here: it would run the rest of the tests twice
        found = library()
        os._exit(0 if found is not None and found.wald_level() == b"plain" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert library() is not None


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is loaded is read from /proc")
def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    program = """
import wald
wald.Huber
from wald.kernels.native import library, status
loaded = lambda: "libwald" in open("/proc/self/maps").read()
assert not loaded()
assert library() is None or loaded()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_the_real_library_has_every_function_that_python_calls() -> None:
    loading._found.cache_clear()
    found = status()
    if found.state in ("absent", "off"):
        pytest.skip(str(found.reason))
    assert found.state == "runs", found.reason
    assert found.level in ("plain", "avx2", "avx512")
