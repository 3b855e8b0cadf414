"""Fresh memory: what was asked for, in large pages only where enough of them are free."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from wald.kernels import fresh as memory
from wald.kernels.fresh import fresh

MANY = "Node 0, zone   Normal 0 0 0 0 0 0 0 0 0 100 1000\n"
FEW = "Node 0, zone   Normal 9999 999 99 9 9 9 9 9 9 9 1\n"


class Asked(list[tuple[int, int]]):
    """The hints that were given: address and size."""

    def __call__(self, address: int, size: int, advice: int) -> int:
        self.append((address, size))
        return -1  # refused, which must not matter


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    hints, blocks = Asked(), tmp_path / "buddyinfo"
    blocks.write_text(MANY)
    monkeypatch.setattr(memory, "_FREE_BLOCKS", blocks)
    monkeypatch.setattr(memory.mmap, "PAGESIZE", 4096)
    monkeypatch.setattr(memory.mmap, "MADV_HUGEPAGE", 14, raising=False)
    monkeypatch.setattr(memory, "_large_pages", lambda: memory._LargePages(2 << 20, hints))
    return hints


def test_a_large_tensor_asks_for_large_pages_within_its_own_memory(asked: Asked) -> None:
    x = fresh(torch.empty(9 << 20))
    ((address, size),) = asked
    assert address >= x.data_ptr()
    assert address + size <= x.data_ptr() + 4 * x.numel()
    assert address % 4096 == size % 4096 == 0
    assert size > 4 * x.numel() - 2 * 4096


@pytest.mark.parametrize(
    ("like", "shape"),
    [
        (torch.empty(3, 4, dtype=torch.bfloat16), None),
        (torch.empty(4, 3).T, (2,)),
        (torch.empty(0), None),
        (torch.empty(()), ()),
    ],
)
def test_a_small_one_does_not(asked: Asked, like: torch.Tensor, shape: tuple[int, ...] | None) -> None:
    x = fresh(like, shape)
    assert (x.shape, x.dtype) == (like.shape if shape is None else shape, like.dtype)
    assert x.is_contiguous()
    assert not asked


def test_one_so_large_that_a_host_may_have_its_memory_does_not(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_HUGE", 33 << 20)
    fresh(torch.empty(9 << 20))
    assert not asked


def test_none_is_asked_for_where_few_are_free(asked: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.write_text(FEW)
    monkeypatch.setattr(memory, "_FREE_BLOCKS", few)
    fresh(torch.empty(9 << 20))
    assert not asked


def test_free_blocks_are_counted_from_those_that_hold_a_large_page(asked: Asked) -> None:
    pages = memory._large_pages()
    assert pages is not None
    assert pages.free() == 100 * (2 << 20) + 1000 * (4 << 20)


@pytest.mark.parametrize("said", [None, "", "not a number"])
def test_a_system_that_does_not_say_is_left_alone(
    said: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "size"
    if said is not None:
        place.write_text(said)
    monkeypatch.setattr(memory, "_PAGE_SIZE", place)
    assert memory._large_pages.__wrapped__() is None
    monkeypatch.setattr(memory, "_large_pages", lambda: None)
    assert fresh(torch.empty(9 << 20)).shape == (9 << 20,)
