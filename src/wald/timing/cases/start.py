"""How long a program waits for `import wald`."""

from __future__ import annotations

import subprocess
import sys

from ..case import Bar, Case, Sides, Step, step_without_gradient


def _python(*words: str) -> Step:
    return step_without_gradient(lambda: subprocess.run([sys.executable, *words], check=True))  # noqa: S603


def _prepare(*, beside_torch: bool) -> Sides:
    return Sides(
        ours=_python("-c", "import wald"),
        floor=_python("-c", "pass"),
        rivals={"import torch": _python("-W", "ignore", "-c", "import torch")} if beside_torch else {},
    )


CASES = (
    Case(
        name="import wald",
        losses=(),
        sizes={"full": {"beside_torch": True}, "quick": {"beside_torch": True}, "tiny": {"beside_torch": False}},
        prepare=_prepare,
        bars=(Bar("time", 20, "ms above floor"),),
        row=11,
        rounds=7,
    ),
)
