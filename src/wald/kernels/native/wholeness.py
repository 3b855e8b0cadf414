"""Whether the file of a library is whole and for this machine, told before the system loads it.

The system's loader maps a file that was cut short without a word, and the process dies when it first touches what is
missing. For a library of another machine it says "no such file".
"""

from __future__ import annotations

from pathlib import Path
import struct
import sys
from typing import Final

#: How ELF numbers the processors.
_MACHINES: Final = {3: "i686", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}

_HEADER: Final = 64


def broken(path: Path, machine: str) -> str | None:
    """What is wrong with the ELF file at `path` for a processor `machine`; None where nothing is.

    Files of macOS are left to its loader, which checks the signature that every library there has.
    """
    if sys.platform == "darwin":
        return None
    with path.open("rb") as file:
        head = file.read(_HEADER)
    size = path.stat().st_size
    if len(head) < _HEADER or not head.startswith(b"\x7fELF"):
        return f"it is no library ({size} bytes)"
    order = ">" if head[5] == 2 else "<"
    (kind,) = struct.unpack_from(f"{order}H", head, 18)
    built_for = _MACHINES.get(kind, f"machine {kind}")
    if machine in _MACHINES.values() and built_for != machine:
        return f"it is for {built_for} and this machine is {machine}"
    # The table of sections stands at the very end of the file.
    (table,) = struct.unpack_from(f"{order}Q", head, 40)
    width, count = struct.unpack_from(f"{order}HH", head, 58)
    whole = table + width * count
    return None if size >= whole else f"it was cut short: {size} of {whole} bytes"
