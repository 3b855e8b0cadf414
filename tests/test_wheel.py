"""What is installed is everything that is needed, and nothing else."""

import pytest

from wald.kernels.native import building, compiling

from .wheels import ROOT, build_wheel, files_of

SOURCE = ROOT / "src"

#: What a build makes; `tests/kernels/native/test_wheels.py` says when it is there.
MADE = {f"wald/kernels/native/{name}" for name in (compiling.LIBRARY, building.RECORD)}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return files_of(build_wheel(tmp_path_factory.mktemp("wheel"), WALD_NATIVE="off"))


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_package(shipped: set[str]) -> None:
    written = {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "wald").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in shipped if name.startswith("wald/")} - MADE == written - MADE
    assert "wald/py.typed" in shipped
    assert any(name.endswith(".jinja") for name in shipped)


@pytest.mark.slow
def test_a_wheel_holds_nothing_else(shipped: set[str]) -> None:
    assert {name.split("/")[0].partition("-")[0] for name in shipped} == {"wald"}
    assert any(name.endswith("entry_points.txt") for name in shipped)
    assert any(name.endswith("licenses/LICENSE") for name in shipped)
