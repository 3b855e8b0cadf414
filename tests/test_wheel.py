"""What is installed is everything that is needed, and nothing else."""

from pathlib import Path
import subprocess
import sys
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    if "No matching distribution found for hatchling" in done.stderr:
        pytest.skip("the build backend cannot be fetched")
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("wald-*.whl")
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_package(shipped: set[str]) -> None:
    written = {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "wald").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in shipped if name.startswith("wald/")} == written
    assert "wald/py.typed" in shipped
    assert any(name.endswith(".jinja") for name in shipped)


@pytest.mark.slow
def test_a_wheel_holds_nothing_else(shipped: set[str]) -> None:
    assert {name.split("/")[0].partition("-")[0] for name in shipped} == {"wald"}
    assert any(name.endswith("entry_points.txt") for name in shipped)
    assert any(name.endswith("licenses/LICENSE") for name in shipped)
