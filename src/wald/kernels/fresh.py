"""Fresh memory for gradients, in large pages where the system has some to spare.

A large gradient costs more to be given memory for than to be filled: the system hands memory out by pages of 4 kB,
clears each and interrupts the program for it. Linux hands out 2 MB at once where a program asks for it. It is asked
only while enough such pages lie free, as it would stop the program otherwise and move the memory of others together.
Elsewhere nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable
import ctypes
from dataclasses import dataclass
from functools import cache
import mmap
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

#: The C library keeps what is smaller, once it has been given back, for the next that ask.
_LARGE: Final = 32 << 20

#: What is larger is left to the system: a virtual machine may have handed so much free memory back to its host, and
#: then takes longer to get it again in one piece than in the small pieces that it still has.
_HUGE: Final = 384 << 20

_PAGE_SIZE: Final = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
#: How many blocks of 1, 2, 4, 8 … small pages lie free in each zone of memory.
_FREE_BLOCKS: Final = Path("/proc/buddyinfo")


def fresh(like: Tensor, shape: torch.Size | tuple[int, ...] | None = None) -> Tensor:
    """Contiguous memory with nothing in it yet, of the dtype and device of `like`, and of its shape or another."""
    made = like.new_empty(like.shape if shape is None else shape)
    size = made.numel() * made.element_size()
    if _LARGE <= size <= _HUGE and made.is_cpu and (pages := _large_pages()) and pages.free() >= 2 * size:
        pages.ask(made.data_ptr(), size)
    return made


@dataclass(frozen=True)
class _LargePages:
    """The large pages of this system, of `size` bytes each, and the call that asks for them."""

    size: int
    advise: Callable[[int, int, int], int]

    def ask(self, address: int, size: int) -> None:
        # The hint is for whole small pages; those at the ends are shared with others.
        begin = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
        end = (address + size) // mmap.PAGESIZE * mmap.PAGESIZE
        # A hint that is refused costs nothing but the time that it would have saved.
        self.advise(begin, end - begin, mmap.MADV_HUGEPAGE)

    def free(self) -> int:
        """How many bytes lie free in blocks that hold a large page."""
        first = (self.size // mmap.PAGESIZE).bit_length() - 1
        zones = (zone.split()[4:] for zone in _FREE_BLOCKS.read_text("ascii").splitlines())
        return sum(
            int(count) * mmap.PAGESIZE << order for zone in zones for order, count in enumerate(zone) if order >= first
        )


@cache
def _large_pages() -> _LargePages | None:
    """None where there are none to ask for, or nothing says how many are free."""
    try:
        pages = _LargePages(int(_PAGE_SIZE.read_text("ascii")), _madvise())
        pages.free()
    except (AttributeError, OSError, ValueError):
        return None
    return pages


def _madvise() -> Callable[[int, int, int], int]:
    found = ctypes.CDLL(None).madvise
    found.argtypes, found.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int), ctypes.c_int
    return found
