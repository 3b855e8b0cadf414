"""The programs, compiled ahead of time for GPUs that are not here, exactly as they would be launched.

Each launch is caught on its way, so that what is compiled is what the code asks for. Of the machine code is held: no
register spilled to memory, within the registers and the shared memory of a multiprocessor, and rows read 128 bits at a
time wherever their length allows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
import re
import subprocess
import tempfile
from typing import Any

import pytest
import torch

import wald
from wald.kernels.gpu import elementwise, rows
from wald.kernels.gpu.rescaling import rescaled
from wald.kernels.gpu.rows import Features, Upstream, gradient_of, rows_of
from wald.kernels.gpu.tiles import Tile

triton = pytest.importorskip("triton", reason='Triton is not installed; pip install "wald[triton]"')

#: A100, H100 and H200, B200: compute capability, and the shared memory that one program may have.
GPUS = {80: 163 * 1024, 90: 227 * 1024, 100: 227 * 1024}
REGISTERS = 65536

TYPES = {
    torch.float32: "*fp32",
    torch.float16: "*fp16",
    torch.bfloat16: "*bf16",
    torch.int64: "*i64",
}


@dataclass
class Launch:
    """A program and the arguments that it was called with."""

    program: Any
    arguments: dict[str, Any]
    warps: int


@dataclass
class Caught:
    """Stands in for a program, and remembers its launches."""

    program: Any
    launches: list[Launch] = field(default_factory=list)

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        def launch(*given: Any, num_warps: int, **named: Any) -> None:
            arguments = dict(zip(self.program.arg_names, given, strict=False)) | named
            self.launches.append(Launch(self.program, arguments, num_warps))

        return launch


@dataclass(frozen=True)
class Machine:
    """What ptxas made of a launch."""

    registers: int
    spilled: int
    shared: int
    loads: list[int]
    stores: list[int]


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Launch]:
    """Every launch, in order; none of them runs."""
    from wald.kernels.gpu.programs import elementwise as numbers, rows as many

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    launches: list[Launch] = []
    for module, name in ((many, "softmax_rows"), (numbers, "elementwise"), (numbers, "rescale")):
        monkeypatch.setattr(module, name, Caught(getattr(module, name), launches))
    return launches


def compiled(launch: Launch, gpu: int) -> Machine:
    """The machine code of a launch, specialised to its arguments as Triton does it when it runs."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names, fixed = launch.program.arg_names, {p.name for p in launch.program.params if p.do_not_specialize}
    signature: dict[str, str] = {}
    constants: dict[str, Any] = {}
    known: dict[tuple[int], list[list[Any]]] = {}
    for place, name in enumerate(names):
        given = launch.arguments[name]
        if isinstance(given, torch.Tensor):
            signature[name] = TYPES[given.dtype]
            aligned = given.data_ptr() % 16 == 0
        elif isinstance(given, int) and name.islower() and not isinstance(given, bool):
            if given == 1 and name not in fixed:
                signature[name], constants[name] = "constexpr", 1
                continue
            signature[name] = "i32" if given < 1 << 31 else "i64"
            aligned = given % 16 == 0 and name not in fixed
        elif isinstance(given, float):
            signature[name], aligned = "fp32", False
        else:
            signature[name], constants[name] = "constexpr", given
            continue
        if aligned:
            known[(place,)] = [["tt.divisibility", 16]]
    source = ASTSource(launch.program, signature, constants, attrs=known)
    made = triton.compile(source, target=GPUTarget("cuda", gpu, 32), options={"num_warps": launch.warps})
    usage = _usage(made.asm["cubin"])
    return Machine(
        registers=usage["REG"],
        spilled=usage["STACK"] + usage["LOCAL"],
        shared=made.metadata.shared,
        loads=_widths("ld", made.asm["ptx"]),
        stores=_widths("st", made.asm["ptx"]),
    )


def _usage(cubin: bytes) -> dict[str, int]:
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        told = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    return {name: int(number) for name, number in re.findall(r"(REG|STACK|LOCAL):(\d+)", told)}


def _widths(kind: str, ptx: str) -> list[int]:
    """The bytes that each reading or writing of a thread moves at once."""
    found = re.findall(rf"{kind}\.global[\w.:]*?(?:\.v(\d))?\.[bfus](\d+)", ptx)
    return [int(many or 1) * int(bits) // 8 for many, bits in found]


def hold(launch: Launch, gpu: int, *, wide: int) -> None:
    """The machine code is what it should be, with at least `wide` loads of 128 bits or more a thread."""
    made = compiled(launch, gpu)
    assert made.spilled == 0, f"{made.spilled} bytes of registers spilled"
    assert made.registers * launch.warps * 32 <= REGISTERS
    assert made.shared <= GPUS[gpu]
    assert sum(width for width in made.loads if width >= 16) >= 16 * wide, f"loads of {sorted(made.loads)} bytes"


def logits(classes: int, dtype: torch.dtype, rows: int = 3) -> torch.Tensor:
    return torch.zeros(rows, classes, dtype=dtype)


def everything(classes: int) -> Features:
    """Every feature at once."""
    ones = torch.ones(3)
    return Features(
        class_weight=torch.ones(classes),
        row_weight=ones,
        temperature=ones,
        label_smoothing=0.1,
        z_loss=0.1,
        softcap=30.0,
    )


def launched(classes: int, dtype: torch.dtype, *, full: bool = False, later: bool = False) -> None:
    """One call of the rows, as training makes it."""
    x, target, ones = logits(classes, dtype), torch.zeros(3, dtype=torch.int64), torch.ones(3)
    features = everything(classes) if full else Features()
    upstream = Upstream(loss=torch.ones(()))
    if full:
        upstream = Upstream(loss=ones, log_sum_exp=ones, log_prob=ones, entropy=ones)
    found = rows_of(x, target, features, gradient=torch.empty_like(x), upstream=upstream, entropy=full, best=full)
    if later:
        gradient_of(x, target, features, found, upstream=upstream)


def vectors(launch: Launch) -> int:
    """Loads of 128 bits that a thread needs for a tile, if no number is loaded alone."""
    given = launch.arguments
    numbers = given["ROWS"] * given["BLOCK"]
    readings = 1 if given["ONE_BLOCK"] or given["KNOWN"] else 2
    return readings * numbers * given["logits"].element_size() // (16 * 32 * launch.warps)


WIDTHS = [16, 100, 1000, 8192, 32768, 50304, 128256]
slow = pytest.mark.slow
each_gpu = pytest.mark.parametrize("gpu", [pytest.param(80, marks=slow), 90, pytest.param(100, marks=slow)])


@each_gpu
@pytest.mark.parametrize("full", [False, True], ids=["plain", "all features"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)  # fp16 is as wide as bf16
@pytest.mark.parametrize("classes", WIDTHS)
@slow
def test_rows_of_any_width(classes: int, dtype: torch.dtype, full: bool, gpu: int, caught: list[Launch]) -> None:
    launched(classes, dtype, full=full, later=True)
    for launch in caught:
        narrow = classes * launch.arguments["logits"].element_size() % 16
        hold(launch, gpu, wide=0 if narrow else max(1, vectors(launch)))


@each_gpu
def test_a_vocabulary(gpu: int, caught: list[Launch]) -> None:
    launched(128256, torch.bfloat16)
    hold(caught[0], gpu, wide=vectors(caught[0]))


@slow
@pytest.mark.parametrize("classes", [10, 1001, 50257])
def test_an_odd_width_spills_nothing(classes: int, caught: list[Launch]) -> None:
    launched(classes, torch.bfloat16)
    hold(caught[0], 90, wide=0)


@pytest.mark.parametrize("classes", [7, *(pytest.param(many, marks=slow) for many in (1, 33, 50257))])
def test_an_odd_width_with_all_features_spills_nothing(classes: int, caught: list[Launch]) -> None:
    launched(classes, torch.float32, full=True, later=True)
    for launch in caught:
        hold(launch, 90, wide=0)


LOSSES = [
    wald.Huber(),
    *(pytest.param(kind(), marks=slow) for kind in elementwise.KINDS if kind is not wald.Huber),
]


@each_gpu
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_elementwise(loss: wald.Loss, gpu: int, caught: list[Launch]) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.zeros(5003, dtype=dtype)  # no multiple of anything: only the last block has a mask
        elementwise._launch(loss, x, x, scale=torch.ones(()), gradient=True, sums=True)
    for launch in caught:
        size = launch.arguments["prediction"].element_size()
        hold(launch, gpu, wide=2 * launch.arguments["BLOCK"] * size // (16 * 32 * launch.warps))


@slow
def test_rescaling(caught: list[Launch]) -> None:
    rescaled(torch.zeros(5003, dtype=torch.bfloat16), torch.ones(()))
    hold(caught[0], 90, wide=2)


def test_a_new_value_of_a_parameter_compiles_nothing(caught: list[Launch]) -> None:
    x, target = logits(64, torch.float32), torch.zeros(3, dtype=torch.int64)
    for smoothing in (0.1, 0.2):
        rows_of(x, target, Features(label_smoothing=smoothing, z_loss=smoothing / 10))
    for delta in (0.5, 2.0):
        elementwise._launch(wald.Huber(delta=delta), x, x, values=True)
    for first, second in (caught[:2], caught[2:]):
        constant = [name for name in first.arguments if name.isupper()]
        assert [first.arguments[name] for name in constant] == [second.arguments[name] for name in constant]
        moved = [name for name, x in first.arguments.items() if isinstance(x, float) and x != second.arguments[name]]
        assert moved


# The gate, tested: what it is there to find turns it red.


@slow
def test_a_tile_that_is_too_large_is_found(caught: list[Launch], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "tile", lambda columns, heavy, known: Tile(1, 32768, whole=True, warps=32))
    launched(32768, torch.bfloat16, full=True)
    with pytest.raises(AssertionError, match="spilled"):
        hold(caught[0], 90, wide=0)


@slow
def test_loads_of_single_numbers_are_found(caught: list[Launch]) -> None:
    launched(1000, torch.bfloat16)
    caught[0].arguments["ALIGNED"] = 1
    with pytest.raises(AssertionError, match="loads of"):
        hold(caught[0], 90, wide=1)
