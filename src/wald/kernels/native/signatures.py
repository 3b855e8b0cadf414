"""What each function of the native library takes and gives, as Python says it."""

from __future__ import annotations

import ctypes
from typing import Any, Final, NamedTuple


class Signature(NamedTuple):
    """The arguments of a C function, and what it gives back; None is `void`."""

    takes: tuple[Any, ...] = ()
    gives: Any = None


#: Tensors go as addresses (`tensor.data_ptr()`), sizes and numbers of threads as 64-bit integers.
ADDRESS: Final = ctypes.c_void_p
SIZE: Final = ctypes.c_int64
TEXT: Final = ctypes.c_char_p

SIGNATURES: Final[dict[str, Signature]] = {
    "wald_abi_version": Signature(gives=SIZE),
    "wald_level": Signature(gives=TEXT),
    "wald_force_level": Signature((TEXT,), ctypes.c_int),
    "wald_elementwise_loss": Signature((TEXT,), SIZE),
    "wald_elementwise": Signature((ADDRESS, SIZE), ctypes.c_int),
    "wald_softmax": Signature((ADDRESS, SIZE), ctypes.c_int),
}
