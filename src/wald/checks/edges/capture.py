"""Whether a loss reads numbers back into Python, which no capture of its graph can follow.

What breaks a graph under `torch.compile`, export or vmap is nearly always such a read: `item`, `if` on a tensor, a
boolean index; on a GPU each of them waits for all that was queued before. One call is watched for them. Compiling
itself would tell no more, and takes longer to load than all the rest of the check.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..subjects.spelling import literal
from .bench import Bench
from .cell import Cell, fine
from .ran import Ran, run

#: Methods of a tensor that wait for its numbers.
_READS: Final = frozenset(
    {"item", "tolist", "numpy", "nonzero", "masked_select", "unique"}
    | {f"__{name}__" for name in ("bool", "float", "int", "index", "array", "format", "contains")}
)


def captured(bench: Bench) -> Iterator[Cell]:
    """One call that is watched, by a loss that believes to be compiled, so that checks of values step aside."""

    def call() -> Ran:
        watch = _Watch()
        with patch.object(torch.compiler, "is_compiling", return_value=True), watch:
            found = run(bench.call, bench.inputs, slope=False)
        if not watch.reads or found.error is not None:
            return found
        return Ran(error=RuntimeError(f"it reads numbers back into Python ({', '.join(sorted(watch.reads))})"))

    yield Cell(
        name="under a capture of its graph",
        kind="ordinary",
        run=call,
        wrong=fine,
        reproduce=lambda: bench.two_lines(
            f"import torch._dynamo; print(torch._dynamo.explain(loss)({', '.join(map(literal, bench.inputs))}))"
        ),
        must=True,
    )


class _Watch(TorchFunctionMode):
    """Notes which operations read numbers back."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: set[str] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        by_mask = name == "__getitem__" and any(isinstance(x, Tensor) and x.dtype is torch.bool for x in args[1:])
        if name in _READS or by_mask:
            self.reads.add("a boolean index" if by_mask else name.strip("_"))
        return func(*args, **(kwargs or {}))
