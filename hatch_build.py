"""What `pip` runs when it builds Wald: compile the native library where there is a compiler, and go on where not."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = "wald/kernels/native"


class NativeLibrary(BuildHookInterface):
    """Adds the native library, or the reason why there is none, to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files of the wheel are gathered."""
        home = Path(self.root, "src", NATIVE)
        building = _loaded(home)
        # Python reads the sources of an editable install where they are, and so it does the library. A wheel has what
        # was made for it, never what happens to lie among the sources.
        self._folder = None if version == "editable" else TemporaryDirectory(prefix="wald-")
        folder = Path(self._folder.name) if self._folder else home
        try:
            record = building.build(folder, self.app.display_debug)
        except OSError as error:
            self.app.display_warning(f"Wald: no native library: {error}. Everything runs in torch instead.")
            return
        if record.library:
            self.app.display_info(f"Wald: native library for {', '.join(record.levels)}, by {record.compiler}")
        else:
            self.app.display_warning(f"Wald: no native library: {record.reason}. Everything runs in torch instead.")
        if self._folder:
            for name in filter(None, (building.RECORD, record.library)):
                build_data["force_include"][str(folder / name)] = f"{NATIVE}/{name}"
            if record.library:
                build_data["pure_python"] = False
                build_data["tag"] = f"py3-none-{_platform(building)}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take away what the wheel now holds."""
        if self._folder:
            self._folder.cleanup()


def _loaded(folder: Path) -> Any:
    """The package in `folder`, without the rooms around it: they are not installed yet, and need torch."""
    where = [str(folder)]
    spec = importlib.util.spec_from_file_location(
        "wald_native", folder / "__init__.py", submodule_search_locations=where
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not there.")
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)
    return importlib.import_module("wald_native.building")


def _platform(building: Any) -> str:
    """The systems that the library runs on, as the name of a wheel says it; the same for every Python."""
    machine = building.machine()
    if sys.platform == "darwin":
        return f"macosx_11_0_{'arm64' if machine == 'aarch64' else machine}"
    return f"linux_{machine}"
