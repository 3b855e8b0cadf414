"""What a kernel must not read: tensors whose operations somebody watches."""

from __future__ import annotations

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import wald
from wald.checks.subjects.discovery.sweep import _Unreduced
from wald.core.admission import finite
from wald.kernels.eligible import eligible


class _Functions(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class _Dispatched(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def test_what_is_watched_takes_the_definition() -> None:
    x = torch.zeros(3)
    assert eligible(x, torch.nn.Parameter(x))
    with _Functions():
        assert not eligible(x)
    with _Dispatched():
        assert not eligible(x)
    with torch.device("cpu"):  # a mode, too, and nothing that a kernel must know of
        assert eligible(x)


def test_others_take_the_definition() -> None:
    x = torch.zeros(3)
    assert not eligible(x.to("meta"))
    assert not eligible(x, device="cuda")
    assert torch.func.vmap(lambda y: y + (1.0 if eligible(y) else 0.0))(x).sum() == 0
    with torch.autograd.forward_ad.dual_level():
        assert not eligible(torch.autograd.forward_ad.make_dual(x, x))


def test_a_mode_that_leaves_sums_alone_changes_no_loss() -> None:
    x, y = torch.randn(5000), torch.rand(5000)
    with _Unreduced(len(x)):
        assert finite(x)
        values = wald.BinaryCrossEntropy()(x, y)
    torch.testing.assert_close(values, wald.BinaryCrossEntropy()(x, y, reduction="none") / 1, rtol=1e-6, atol=0)
