"""From the C++ beside this file to a library: which compiler, with which flags, and what went wrong.

Plain Python that imports nothing of Wald: the build of a package runs before the package is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
import hashlib
import os
from pathlib import Path
import platform
import shlex
import shutil
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Final

SOURCE: Final = Path(__file__).resolve().parent / "source"

#: What the library is called.
LIBRARY: Final = "libwald.dylib" if sys.platform == "darwin" else "libwald.so"

#: Said to a person who has no library and could have one.
BY_HAND: Final = "python -m wald.kernels.native.building"

#: In the order in which compilers are looked for, where the environment variable CXX names none.
COMPILERS: Final = ("c++", "g++", "clang++")

# No -ffast-math: NaN and infinity must come out as they went in. No -march=native: a wheel runs on other machines.
FLAGS: Final = (
    *("-std=c++17", "-O3", "-fPIC", "-pthread"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-exceptions", "-fno-rtti"),
    *("-fvisibility=hidden", "-fvisibility-inlines-hidden", "-ffunction-sections", "-fdata-sections"),
)

# Only what `wald_dispatch.cpp` asks the processor for before it takes a level. A name such as x86-64-v3 means more than
# that, some of which virtual machines hide, and compilers that are older than the name do not know it.
_AVX2: Final = ("-mavx2", "-mfma", "-mbmi2")
_AVX512: Final = (*_AVX2, *(f"-mavx512{part}" for part in ("f", "bw", "cd", "dq", "vl")), "-mprefer-vector-width=512")

#: The instruction levels that a file `*.level.cpp` is compiled for, the plainest first.
LEVELS: Final[dict[str, dict[str, tuple[str, ...]]]] = {"x86_64": {"plain": (), "avx2": _AVX2, "avx512": _AVX512}}
_PLAIN: Final[dict[str, tuple[str, ...]]] = {"plain": ()}

#: Longer than this no compiler works on one of these files.
PATIENCE: Final = 300.0


class NotBuiltError(Exception):
    """Why there is no library, and what would bring one."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason, self.fix = reason, fix


def machine() -> str:
    """The kind of processor, by one name on every system."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def sources() -> str:
    """A fingerprint of all that decides what is compiled: the sources, the flags and the levels."""
    digest = hashlib.sha256(repr((FLAGS, levels(), sys.platform)).encode())
    for path in sorted(SOURCE.iterdir()):
        if path.suffix in (".cpp", ".hpp"):
            digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def abi() -> int:
    """What a library made from these sources answers: a number that nobody need remember to change."""
    return int(sources()[:15], 16)


def compiled(command: list[str]) -> bytes:
    """The library, compiled by `command`."""
    try:
        # Only its owner can look into or write to this folder, on a machine that many share.
        with TemporaryDirectory(prefix="wald-") as name:
            library = _linked(command, Path(name))
            if loads(library):
                return library.read_bytes()
    except OSError as error:
        fix = f"set TMPDIR to a folder that can be written and run `{BY_HAND}`"
        raise NotBuiltError(f"there was no room for temporary files: {error}", fix) from error
    # A cross-compiler makes one that this machine cannot use.
    fix = f"set CXX to a compiler for this machine and run `{BY_HAND}`"
    raise NotBuiltError(f"what {shlex.join(command)} made cannot be loaded by this Python", fix)


def compiler() -> tuple[list[str], str]:
    """The command of the C++ compiler, and what it says it is."""
    for command in _candidates():
        if shutil.which(command[0]):
            try:
                return command, _ran([*command, "--version"]).strip().partition("\n")[0]
            except NotBuiltError:
                continue
    if given := os.environ.get("CXX"):
        raise NotBuiltError(f"CXX={given} is no compiler that runs", f"unset CXX or set it to one, and run `{BY_HAND}`")
    get = (
        "xcode-select --install" if sys.platform == "darwin" else "apt install g++, dnf install gcc-c++ or apk add g++"
    )
    raise NotBuiltError(
        f"no C++ compiler was found when Wald was built ({', '.join(COMPILERS)})",
        f"install one ({get}) and run `{BY_HAND}`",
    )


def _candidates() -> Iterator[list[str]]:
    given = os.environ.get("CXX", "").strip()
    if not given:
        yield from ([name] for name in COMPILERS)
    elif shutil.which(given):
        yield [given]  # a path with spaces in it
    else:
        try:
            yield shlex.split(given)  # a compiler behind a wrapper: "ccache g++"
        except ValueError:
            return  # a quote that is never closed


def levels() -> dict[str, tuple[str, ...]]:
    """The instruction levels of this kind of processor, the plainest first, with the flags of each."""
    return LEVELS.get(machine(), _PLAIN)


def _linked(command: list[str], folder: Path) -> Path:
    """The library, made in `folder`."""
    everywhere = [*FLAGS, f"-DWALD_ABI={abi()}", *(["-mmacosx-version-min=11.0"] if sys.platform == "darwin" else [])]
    jobs: list[tuple[Path, list[str]]] = []
    for path in sorted(SOURCE.glob("*.cpp")):
        once = not path.name.endswith(".level.cpp")
        for level, own in ({"": ()} if once else levels()).items():
            target = folder / f"{path.stem}{'.' if level else ''}{level}.o"
            flags = [*everywhere, *own, *([f"-DWALD_LEVEL={level}"] if level else [])]
            jobs.append((target, [*command, *flags, "-c", str(path), "-o", str(target)]))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(_ran, [line for _, line in jobs]))
    # Where several objects hold the same inline function, the linker keeps the first. Plain code goes first, so that
    # it never comes to run an instruction that the processor lacks.
    plainest = ["", *levels()]
    objects = sorted((target for target, _ in jobs), key=lambda target: _rank(target, plainest))
    library = folder / LIBRARY
    linking = [*command, *everywhere, *map(str, objects), "-o", str(library)]
    if sys.platform == "darwin":
        _ran([*linking, "-dynamiclib", "-Wl,-dead_strip", f"-Wl,-install_name,@rpath/{LIBRARY}"])
        return library
    linking += ["-shared", *(f"-Wl,{o}" for o in ("--no-undefined", "--as-needed", "--gc-sections", "-z,now"))]
    try:
        # With C++'s own library inside, this one needs nothing but the C library of the system.
        _ran([*linking, "-static-libstdc++", "-static-libgcc", "-Wl,--exclude-libs,ALL"])
    except NotBuiltError:
        _ran(linking)  # some systems have that in no static form
    return library


def _rank(target: Path, plainest: list[str]) -> tuple[int, str]:
    level = target.stem.rpartition(".")[2]
    return plainest.index(level) if level in plainest else 0, target.name


def loads(library: Path) -> bool:
    """Whether the library can be loaded, tried in a process of its own, which a broken one may take down."""
    try:
        _ran([sys.executable, "-I", "-c", f"import ctypes; ctypes.CDLL({str(library)!r}).wald_abi_version()"])
    except NotBuiltError:
        return False
    return True


def _ran(command: list[str]) -> str:
    """What `command` writes."""
    fix = f"run `{BY_HAND}` to see the whole message, or try another compiler with CXX=clang++"
    # Compilers answer in the language of the person; the record is read by others too.
    environment = os.environ | {"LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, env=environment
        )
    except OSError as error:
        raise NotBuiltError(f"{command[0]} did not start: {error.strerror}", fix) from error
    except subprocess.TimeoutExpired as error:
        raise NotBuiltError(f"{command[0]} did not finish in {PATIENCE:g} seconds", fix) from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        telling = next((line for line in said if "error" in line), said[-1] if said else f"code {done.returncode}")
        error = NotBuiltError(f"{command[0]} failed: {telling.strip()}", fix)
        error.add_note("\n".join([shlex.join(command), *said]))
        raise error
    return done.stdout
