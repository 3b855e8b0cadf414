"""Wheels of this checkout, built as a person's pip builds them."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent


def build_wheel(folder: Path, source: Path = ROOT, **environment: str) -> Path:
    """The wheel that `pip wheel` makes of `source` in `folder`, with these environment variables set."""
    pip(folder, "wheel", "--no-deps", "--wheel-dir", folder, source, **environment)
    (wheel,) = folder.glob("wald-*.whl")
    return wheel


def pip(folder: Path, *arguments: object, **environment: str) -> None:
    """Run pip; skips the test where what it needs cannot be fetched."""
    command = [sys.executable, "-m", "pip", "--quiet", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=os.environ | environment)
    if "No matching distribution found for" in done.stderr:
        pytest.skip(f"cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


def files_of(wheel: Path) -> set[str]:
    """The names of all files in a wheel."""
    with ZipFile(wheel) as archive:
        return set(archive.namelist())
