"""Puts the native library where Python looks for it, or says why there is none.

`pip install` runs this, and `python -m wald.kernels.native.building` does so by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import sys
from tempfile import NamedTemporaryFile
from typing import Any, Final

from .compiling import BY_HAND, LIBRARY, NotBuiltError, compiled, compiler, levels, loads, machine, sources

HERE: Final = Path(__file__).resolve().parent

#: The file beside the library that tells how it was made, or why there is none.
RECORD: Final = "libwald.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """How the library was made, or why there is none.

    Attributes:
        library: the name of its file; None where there is none.
        reason: why there is none.
        fix: what to do about that.
        machine: the kind of processor that it is for.
        levels: the instruction levels that it has.
        compiler: what made it.
        sources: a fingerprint of what it was made from.
    """

    library: str | None = None
    reason: str | None = None
    fix: str | None = None
    machine: str = ""
    levels: tuple[str, ...] = ()
    compiler: str = ""
    sources: str = ""


def _silent(_: str) -> None:
    pass


def build(folder: Path = HERE, log: Callable[[str], None] = _silent) -> Record:
    """Put the library and its record into `folder`, or the record alone where no library can be made.

    A library that was made there from the same sources by the same compiler stays as it is.

    Args:
        folder: where they go.
        log: told what the compiler said when it failed.

    Raises:
        OSError: nothing can be written to `folder`.
    """
    try:
        record = _built(folder)
    except NotBuiltError as error:
        for line in getattr(error, "__notes__", ()):
            log(line)
        (folder / LIBRARY).unlink(missing_ok=True)
        record = Record(reason=error.reason, fix=error.fix, machine=machine())
    _replace(folder / RECORD, json.dumps(asdict(record), indent=2) + "\n")
    return record


def recorded(folder: Path = HERE) -> Record | None:
    """What `build` left in `folder`; None where it never ran, or its record cannot be read."""
    try:
        told: dict[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
        told["levels"] = tuple(told["levels"])
        return Record(**told)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def is_off() -> bool:
    """Whether the environment variable WALD_NATIVE asks for pure torch."""
    return os.environ.get("WALD_NATIVE", "").strip().lower() in ("off", "0", "no", "false")


def _built(folder: Path) -> Record:
    if is_off():
        raise NotBuiltError("WALD_NATIVE=off was set when Wald was built", f"unset WALD_NATIVE and run `{BY_HAND}`")
    if sys.platform == "win32":
        raise NotBuiltError("Windows has no native library yet", "use Linux, macOS or WSL for it")
    if sys.maxsize <= 2**32:
        raise NotBuiltError("this is a 32-bit Python", "use a 64-bit Python")
    command, identity = compiler()
    made = Record(library=LIBRARY, machine=machine(), levels=tuple(levels()), compiler=identity, sources=sources())
    if not (recorded(folder) == made and loads(folder / LIBRARY)):
        _replace(folder / LIBRARY, compiled(command))
    return made


def _replace(path: Path, content: str | bytes) -> None:
    """Write a file at once: who reads it meanwhile, or has it loaded, keeps the old one whole."""
    data = content.encode() if isinstance(content, str) else content
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        file.write(data)
    fresh = Path(file.name)
    try:
        fresh.chmod(0o644)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def main() -> int:
    """Build in place, and tell what came of it."""
    try:
        record = build(log=lambda line: print(line, file=sys.stderr))
    except OSError as error:
        print(f"Wald: {HERE}: {error.strerror}. Run this as a user who may write there.", file=sys.stderr)
        return 2
    if record.library is None:
        print(f"Wald: no native library: {record.reason}.\nTo get one, {record.fix}.", file=sys.stderr)
        return 1
    print(f"Wald: {HERE / record.library} ({', '.join(record.levels)}), by {record.compiler}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
