"""A program with one thing wrong, to see that the tests would notice."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


@contextmanager
def broken(module: ModuleType, right: str, wrong: str, tmp_path: Path) -> Generator[None]:
    """Run with `wrong` in place of `right` in the source of these programs."""
    assert module.__file__ is not None
    source = Path(module.__file__).read_text("utf-8")
    assert right in source, f"nothing to break: {right!r}"
    file = tmp_path / "twin.py"
    file.write_text(source.replace(right, wrong), "utf-8")
    spec = spec_from_file_location(f"{module.__package__}.twin", file)
    assert spec is not None
    assert spec.loader is not None
    twin = module_from_spec(spec)
    spec.loader.exec_module(twin)
    with pytest.MonkeyPatch.context() as patch:
        for name, what in vars(twin).items():
            if hasattr(module, name) and not name.startswith("__"):
                patch.setattr(module, name, what)
        yield
