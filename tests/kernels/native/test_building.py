"""Building: any compiler, any folder, and no failure that reaches the person who installs."""

import os
from pathlib import Path
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest

from wald.kernels.native import building, compiling


def program(path: Path, text: str) -> Path:
    """A program of the shell at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def real_compiler() -> str:
    return next(found for found in map(shutil.which, compiling.COMPILERS) if found)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder to build into. Its name has spaces, a quote and a letter that is not English."""
    folder = tmp_path / "Waldö's folder"
    folder.mkdir()
    return folder


def built(folder: Path) -> building.Record:
    """What `build` tells, once it is held to what it left behind."""
    record = building.build(folder)
    assert building.recorded(folder) == record
    assert (folder / compiling.LIBRARY).exists() == (record.library is not None)
    assert (record.reason is None) == (record.fix is None) == (record.library is not None)
    assert {path.name for path in folder.iterdir()} <= {compiling.LIBRARY, building.RECORD}
    return record


def test_a_library_is_built(source: Path, out: Path, compiler: None) -> None:
    record = built(out)
    assert record.library == compiling.LIBRARY
    assert "plain" in record.levels
    assert record.compiler


def test_it_is_built_once_for_the_same_sources(source: Path, out: Path, compiler: None) -> None:
    built(out)
    before = (out / compiling.LIBRARY).stat()
    built(out)
    after = (out / compiling.LIBRARY).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("name", ["tiny.cpp", "new.hpp"])
def test_it_is_built_anew_when_a_source_changes(source: Path, out: Path, name: str, compiler: None) -> None:
    first, before = built(out), (out / compiling.LIBRARY).stat().st_ino
    with (source / name).open("a") as file:
        file.write("// changed\n")
    second = built(out)
    assert second.sources != first.sources
    assert (out / compiling.LIBRARY).stat().st_ino != before


def test_a_library_that_was_broken_is_built_anew(source: Path, out: Path, compiler: None) -> None:
    built(out)
    (out / compiling.LIBRARY).write_bytes(b"")
    built(out)
    assert (out / compiling.LIBRARY).stat().st_size


def test_what_an_editor_leaves_beside_the_sources_changes_nothing(source: Path) -> None:
    before = compiling.sources()
    (source / ".tiny.cpp.swp").write_text("")
    (source / "tiny.cpp~").write_text("")
    assert compiling.sources() == before


@pytest.mark.parametrize("path", ["nowhere", "CXX=/bin/false", "CXX=/no/such/compiler", "CXX=g++ 'half a quote"])
def test_without_a_compiler_there_is_a_reason_and_a_fix(
    source: Path, out: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path.startswith("CXX="):
        monkeypatch.setenv("CXX", path.removeprefix("CXX="))
    else:
        monkeypatch.setenv("PATH", str(out / path))
    record = built(out)
    assert record.library is None
    assert "compiler" in str(record.reason)
    assert compiling.BY_HAND in str(record.fix)


def test_a_library_that_can_no_longer_be_built_goes(
    source: Path, out: Path, compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert built(out).library
    monkeypatch.setenv("WALD_NATIVE", "off")
    record = built(out)
    assert record.library is None
    assert "WALD_NATIVE=off" in str(record.reason)


def test_a_compile_error_is_told_and_recorded(source: Path, out: Path, compiler: None) -> None:
    (source / "tiny.cpp").write_text("this is no C++\n")
    said: list[str] = []
    record = building.build(out, said.append)
    assert record.library is None
    assert "error" in str(record.reason)
    assert "tiny.cpp" in "\n".join(said)


def test_what_a_cross_compiler_makes_is_not_kept(
    source: Path, out: Path, tmp_path: Path, compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It says that all went well, and what it wrote is no library for this machine.
    real = real_compiler()
    fake = f'case "$*" in *--version*) exec {real} --version;; esac\nfor last; do :; done\n'
    fake += 'while [ $# -gt 0 ]; do [ "$1" = -o ] && echo other > "$2"; shift; done'
    monkeypatch.setenv("CXX", str(program(tmp_path / "cross-g++", fake)))
    record = built(out)
    assert record.library is None
    assert "cannot be loaded" in str(record.reason)


def test_a_compiler_may_have_spaces_in_its_path(
    source: Path, out: Path, tmp_path: Path, compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", str(program(tmp_path / "my compilers" / "c++", f'exec {real_compiler()} "$@"')))
    assert built(out).library


def test_a_compiler_may_stand_behind_a_wrapper(
    source: Path, out: Path, tmp_path: Path, compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin" / "ccache", 'exec "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CXX", f"ccache {real_compiler()}")
    assert built(out).library


def test_a_system_without_a_static_library_of_cpp_gets_one_too(
    source: Path, out: Path, tmp_path: Path, compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS has it in every system")
    script = f'case "$*" in *-static-libstdc++*) echo error: none >&2; exit 1;; esac\nexec {real_compiler()} "$@"'
    monkeypatch.setenv("CXX", str(program(tmp_path / "c++", script)))
    assert built(out).library


def test_each_level_is_compiled_with_its_own_flags(source: Path, out: Path, tmp_path: Path, compiler: None) -> None:
    (source / "sum.level.cpp").write_text(
        "#define NAME2(l) sum_##l\n#define NAME(l) NAME2(l)\nint NAME(WALD_LEVEL)();\n"
    )
    with (source / "sum.level.cpp").open("a") as file:
        file.write("int NAME(WALD_LEVEL)() { return __builtin_constant_p(0); }\n")
        if compiling.machine() == "x86_64":
            file.write("#ifdef __AVX512F__\nint has_avx512() { return 1; }\n#endif\n")
            file.write("#ifdef __AVX2__\n#ifndef __AVX512F__\nint has_avx2() { return 1; }\n#endif\n#endif\n")
    with (source / "tiny.cpp").open("a") as file:
        calls = [f"sum_{level}" for level in compiling.levels()]
        calls += ["has_avx2", "has_avx512"] if compiling.machine() == "x86_64" else []
        file.write("".join(f"int {name}();\n" for name in calls))
        file.write(f"EXPORT int all() {{ return {' + '.join(f'{name}()' for name in calls)}; }}\n")
    assert built(out).library


def test_a_folder_that_may_not_be_written_is_told_in_one_line(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/usr/lib/wald")

    monkeypatch.setattr(building, "build", forbidden)
    assert building.main() == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_by_hand_it_tells_what_came_of_it(
    source: Path, out: Path, compiler: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = building.build
    monkeypatch.setattr(building, "build", lambda **given: real(out, **given))
    assert building.main() == 0
    assert compiling.LIBRARY in capsys.readouterr().out
    (source / "tiny.cpp").write_text("this is no C++\n")
    assert building.main() == 1
    assert "To get one" in capsys.readouterr().err


def test_nobody_else_can_write_where_it_compiles(
    source: Path, out: Path, tmp_path: Path, compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = tmp_path / "temporary"
    rooms.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(rooms))
    seen = tmp_path / "seen"
    real = real_compiler()
    script = f'stat -c %a {rooms}/* >> {seen}\nexec {real} "$@"'
    if sys.platform == "darwin":
        script = script.replace("-c %a", "-f %Lp")
    monkeypatch.setenv("CXX", str(program(tmp_path / "c++", script)))
    before = os.umask(0)
    try:
        assert built(out).library
    finally:
        os.umask(before)
    assert set(seen.read_text().split()) == {"700"}
    assert list(rooms.iterdir()) == []
    assert stat.S_IMODE((out / compiling.LIBRARY).stat().st_mode) == 0o644


def test_no_flag_is_for_this_machine_alone_or_careless_with_nan() -> None:
    flags = {
        *compiling.FLAGS,
        *(flag for levels in compiling.LEVELS.values() for each in levels.values() for flag in each),
    }
    assert not {flag for flag in flags if "native" in flag or "fast-math" in flag or "openmp" in flag}


def test_it_needs_nothing_but_python() -> None:
    # The hook of the build runs it before Wald or torch are there.
    program = """
import sys
sys.path.insert(0, sys.argv[1])
import native.building
assert {name.split(".")[0] for name in sys.modules}.isdisjoint({"torch", "numpy", "wald"})
"""
    folder = str(Path(building.__file__).parent.parent)
    subprocess.run([sys.executable, "-I", "-S", "-c", program, folder], check=True, timeout=60)
