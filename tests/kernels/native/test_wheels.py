"""Wheels with and without the native library: what they hold, where they run, and that Wald works from each."""

import os
from pathlib import Path
import re
import subprocess
import sys
from zipfile import ZipFile

import pytest

from tests.wheels import ROOT, build_wheel, files_of, pip
from wald.kernels.native import building, compiling

LIBRARY = f"wald/kernels/native/{compiling.LIBRARY}"
RECORD = f"wald/kernels/native/{building.RECORD}"
SOURCES = {f"wald/kernels/native/source/{path.name}" for path in compiling.SOURCE.glob("*.[ch]pp")}

pytestmark = pytest.mark.slow

#: Asks a Wald that is installed in a folder how it is, and has it compute.
PROGRAM = """
import torch, wald
from wald.kernels.native import library, status
assert wald.__file__.startswith({home!r}), wald.__file__
torch.set_num_threads(1)
prediction, target = torch.randn(300_007, requires_grad=True), torch.randn(300_007)
for loss in (wald.Huber(), wald.Pinball(level=0.9)):
    value = loss(prediction, target)
    value.backward()
    expected = loss.per_example(prediction.double(), target.double()).mean()
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=0)
print(status().state, status().reason)
"""


@pytest.fixture(scope="module")
def with_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not _compiler():
        pytest.skip("no C++ compiler here")
    return build_wheel(tmp_path_factory.mktemp("a wheel with"), WALD_NATIVE="on")


@pytest.fixture(scope="module")
def without_compiler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("a wheel without"), CXX="/bin/false", WALD_NATIVE="on")


def _compiler() -> bool:
    try:
        compiling.compiler()
    except compiling.NotBuiltError:
        return False
    return sys.platform != "win32"


def run(home: Path, *arguments: str, **environment: str) -> str:
    """What a Python says that has the packages of this one and the Wald in the folder `home`."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(home), "OMP_NUM_THREADS": "1"} | environment,
        cwd=home,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(wheel: Path, home: Path) -> Path:
    pip(home, "install", "--no-deps", "--target", home, wheel)
    return home


def test_with_a_compiler_a_wheel_has_the_library_and_says_for_which_systems(with_library: Path) -> None:
    files = files_of(with_library)
    assert {LIBRARY, RECORD} | SOURCES <= files
    platform = "macosx_11_0_" if sys.platform == "darwin" else "linux_"
    assert re.fullmatch(rf"wald-[\d.]+-py3-none-{platform}\w+\.whl", with_library.name)


def test_without_a_compiler_a_wheel_is_for_every_system_and_says_why(without_compiler: Path) -> None:
    files = files_of(without_compiler)
    assert LIBRARY not in files
    assert {RECORD} | SOURCES <= files
    assert without_compiler.name.endswith("-py3-none-any.whl")
    with ZipFile(without_compiler) as archive:
        assert "CXX=/bin/false is no compiler" in archive.read(RECORD).decode()


def test_a_library_that_lies_among_the_sources_is_not_shipped_by_chance(tmp_path: Path) -> None:
    # A wheel that is asked to be without is without, whatever a developer has built in place.
    record = building.recorded()
    if record is None or record.library is None:
        pytest.skip("nothing lies there")
    wheel = build_wheel(tmp_path, WALD_NATIVE="off")
    assert LIBRARY not in files_of(wheel)
    assert building.recorded() == record


def test_the_library_is_found_once_it_is_installed(with_library: Path, tmp_path: Path) -> None:
    home = installed(with_library, tmp_path)
    assert run(home, "-c", PROGRAM.format(home=str(home))) == "runs None\n"
    # Nothing of it is written to, so a folder that may only be read will do.
    assert run(home, "-c", PROGRAM.format(home=str(home)), WALD_NATIVE="off").startswith("off ")


def test_with_the_library_removed_everything_still_runs(with_library: Path, tmp_path: Path) -> None:
    home = installed(with_library, tmp_path)
    (home / LIBRARY).unlink()
    assert run(home, "-c", PROGRAM.format(home=str(home))).startswith("absent ")


def test_a_wheel_without_can_be_given_a_library_later(without_compiler: Path, tmp_path: Path) -> None:
    if not _compiler():
        pytest.skip("no C++ compiler here")
    home = installed(without_compiler, tmp_path)
    assert run(home, "-c", PROGRAM.format(home=str(home))).startswith("absent CXX=/bin/false is no compiler")
    assert compiling.LIBRARY in run(home, "-m", "wald.kernels.native.building")
    assert run(home, "-c", PROGRAM.format(home=str(home))) == "runs None\n"


def everyday(*tests: str) -> list[str]:
    """The everyday tests in these folders of the checkout."""
    options = ["-q", "-p", "no:cacheprovider", "-m", "not slow and not gpu", "--rootdir", str(ROOT)]
    return ["-m", "pytest", *options, *(str(ROOT / "tests" / name) for name in tests)]


def test_the_tests_pass_from_a_wheel_without(without_compiler: Path, tmp_path: Path) -> None:
    home = installed(without_compiler, tmp_path)
    assert run(home, "-c", "import wald; print(wald.__file__)").startswith(str(home))
    run(home, *everyday("core", "kernels/test_implementations.py"))


def test_all_tests_of_kernels_pass_with_the_library_off() -> None:
    run(ROOT / "src", *everyday("kernels"), WALD_NATIVE="off")


@pytest.mark.skipif(sys.platform != "linux", reason="auditwheel looks at wheels of Linux")
def test_auditwheel_finds_nothing_foreign_in_it(with_library: Path, tmp_path: Path) -> None:
    pip(tmp_path, "install", "--target", tmp_path / "tools", "auditwheel")
    told = " ".join(run(tmp_path / "tools", "-m", "auditwheel", "show", str(with_library)).split())
    assert re.search(r"is consistent with the following platform tag: \"manylinux_2_\d+_\w+\"", told), told
    assert set(re.findall(r"lib\S+\.so\S*", told)) <= {"libc.so.6", "libm.so.6", "libpthread.so.0"}, told
