"""Where a report was made, for whoever wants to make it again."""

from __future__ import annotations

from functools import cache
from typing import Any


def environment() -> dict[str, Any]:
    """Describe this machine: Python, platform, processors, and the versions of wald, torch and numpy.

    The versions are read from what is installed. Nothing is imported for it, torch least of all.
    """
    return dict(_describe())


@cache
def _describe() -> dict[str, Any]:
    import os
    import platform

    return {
        "wald": _version("wald"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "cpus": os.cpu_count(),
    }


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
