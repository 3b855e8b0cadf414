"""The native library, loaded when it is first asked for, and why there is none where there is none."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

HERE: Final = Path(__file__).resolve().parent

#: The functions of the library, each as an attribute, with their arguments declared.
Library = ctypes.CDLL


@dataclass(frozen=True, kw_only=True)
class Status:
    """Whether the native library runs here.

    Attributes:
        state: "runs", "off" (WALD_NATIVE=off is set), "absent" (it was never built) or "broken".
        path: the file that was loaded, or that would be.
        level: the instruction level that it runs at (`avx512`, `avx2` or `plain`); None where it does not run.
        reason: why it does not run; None where it does.
        fix: what to do about that; None where it runs.
    """

    state: Literal["runs", "off", "absent", "broken"]
    path: Path
    level: str | None = None
    reason: str | None = None
    fix: str | None = None


def library() -> Library | None:
    """The library; None where it does not run, and then `status` says why.

    It is loaded by the first call, and every call gives the same answer. It never raises.
    """
    return _found()[0]


def status() -> Status:
    """Whether the native library runs here, at which level, or why not."""
    return _found()[1]


# No lock, which a fork could take along locked: threads that ask at the same moment may each load it, and the loader
# of the system then gives them the same.
@cache
def _found() -> tuple[Library | None, Status]:
    from .building import Record, is_off, recorded
    from .compiling import BY_HAND, LIBRARY

    path, again = HERE / LIBRARY, f"run `{BY_HAND}`"
    if is_off():
        off = "the environment variable WALD_NATIVE=off is set"
        return None, Status(state="off", path=path, reason=off, fix="unset it and start Python anew")
    if not path.is_file():
        record = recorded(HERE) or Record()
        return None, Status(
            state="absent", path=path, reason=record.reason or f"{path} is not there", fix=record.fix or again
        )
    try:
        found = _opened(path)
        level: bytes = found.wald_level()
    except Exception as error:  # whatever is wrong with the file, the definitions in torch still run
        return None, Status(state="broken", path=path, reason=f"{path} cannot be used: {error}", fix=again)
    return found, Status(state="runs", path=path, level=level.decode())


def _opened(path: Path) -> Library:
    """The library with its arguments declared.

    Raises:
        OSError, ValueError: it is broken, or of another machine or version.
    """
    from .compiling import abi, machine
    from .signatures import SIGNATURES
    from .wholeness import broken

    if fault := broken(path, machine()):
        raise ValueError(fault)
    opened = ctypes.CDLL(str(path))
    if missing := [name for name in SIGNATURES if not hasattr(opened, name)]:
        raise ValueError(f"it is of another version of Wald, without {missing[0]}")
    for name, (takes, gives) in SIGNATURES.items():
        function = getattr(opened, name)
        function.argtypes, function.restype = takes, gives
    # What a function takes may have changed since, and a call would then read memory that is not its own.
    if opened.wald_abi_version() != abi():
        raise ValueError("it was made from other sources than those beside it, of another version of Wald")
    return opened
