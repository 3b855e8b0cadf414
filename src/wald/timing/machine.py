"""On what it was measured: processor, memory, versions of everything that takes part."""

from __future__ import annotations

from importlib import metadata
import os
from pathlib import Path
import platform
import re
from typing import Any, Final

import torch

#: Libraries whose version says something about a figure, where they are installed.
_LIBRARIES: Final = (
    "wald",
    "torch",
    "numpy",
    "triton",
    "pytorch-metric-learning",
    "trl",
    "transformers",
    "liger-kernel",
)


def machine() -> dict[str, Any]:
    """This machine, for whoever wants to measure it again."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "memory_gb": _memory_gb(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: found for name in _LIBRARIES if (found := _version(name)) is not None},
    }


def _processor() -> str:
    """The name on the chip; family and model too, as a virtual machine often hides the name."""
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", told, re.MULTILINE))
    if "model name" not in found:
        return platform.machine()
    return f"{found['model name']} (family {found.get('cpu family', '?')}, model {found.get('model', '?')})"


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
