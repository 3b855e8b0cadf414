"""The families of implementations: which of them run on this machine, why, and what to do where one does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.implementation import Implementation


@dataclass(frozen=True, kw_only=True)
class Family:
    """Implementations that run, or do not, for the same reason.

    Attributes:
        name: what it is called.
        runs: whether it does here.
        says: how it runs, or why it does not.
        fix: what to do so that it runs; None where it does or nothing can be done.
        faulty: whether it is there and should run, but cannot.
        losses: what it computes.
    """

    name: str
    runs: bool
    says: str
    fix: str | None = None
    faulty: bool = False
    losses: tuple[str, ...] = ()


def families() -> list[Family]:
    """All of them, the one that always runs first."""
    return list(_families())


def family_of(found: Implementation) -> str:
    """The name of the family that an implementation belongs to."""
    if found.name.startswith("torch."):
        return "torch"
    home = f"{found.run.__module__} {found.name}"
    if ".kernels.gpu" in home:
        return "triton"
    return "native" if ".kernels.native" in home else "algorithms"


def _families() -> Iterator[Family]:
    from ..core import catalogue
    from ..core.implementation import implementations

    import_module("wald.kernels")  # what it has is registered when it is loaded
    covered: dict[str, dict[str, None]] = {}
    for found in implementations():
        covered.setdefault(family_of(found), {})[found.of.__name__] = None
    losses = {name: tuple(kinds) for name, kinds in covered.items()}
    everything = tuple(kind.__name__ for kind in catalogue())
    yield Family(name="definitions", runs=True, says="pure torch, for every kind of tensor", losses=everything)
    yield Family(name="torch", runs=True, says="torch's own kernels", losses=losses.get("torch", ()))
    if "algorithms" in losses:
        says = "better algorithms in torch: sorts in place of pairs, chunks in place of whole matrices"
        yield Family(name="algorithms", runs=True, says=says, losses=losses["algorithms"])
    yield _native(losses.get("native", ()))
    yield _triton(losses.get("triton", ()))


def _native(losses: tuple[str, ...]) -> Family:
    from ..kernels.native import status
    from ..kernels.native.building import recorded

    found, record = status(), recorded()
    if found.state != "runs":
        faulty = found.state == "broken"
        return Family(name="native", runs=False, says=str(found.reason), fix=found.fix, faulty=faulty, losses=losses)
    says = f"compiled C++ on the CPU, {found.level} instructions"
    says += f" (built by {record.compiler})" if record else ""
    return Family(name="native", runs=True, says=says, losses=losses)


def _triton(losses: tuple[str, ...]) -> Family:
    import torch

    def not_running(says: str, fix: str | None) -> Family:
        return Family(name="triton", runs=False, says=says, fix=fix, losses=losses)

    cuda_builds = "install a torch that has CUDA: https://pytorch.org/get-started/locally"
    if not torch.cuda.is_available():
        if not Path("/proc/driver/nvidia/version").exists():
            return not_running("torch sees no GPU, and there is no NVIDIA driver", None)
        if torch.version.cuda is None:
            return not_running("there is a GPU, but this torch is built without CUDA", cuda_builds)
        return not_running("torch sees no GPU, though there is a driver", "look at what `nvidia-smi` says")
    device = torch.cuda.get_device_name()
    if find_spec("triton") is None:
        return not_running(f"Triton is not installed, so {device} runs the definitions", cuda_builds)
    return Family(name="triton", runs=True, says=f"Triton on {device}", losses=losses)
