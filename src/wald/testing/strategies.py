"""Inputs of a loss as strategies of hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy
    from torch import Tensor

    from ..cards import Domain
    from ..core import Loss


def inputs_of(
    loss: Loss, *, most: int = 6, classes: int = 4, dtype: Any = None, wide: bool = False
) -> SearchStrategy[tuple[Tensor, ...]]:
    """What a loss takes, as its card says, for `hypothesis.given`: one tensor for each input.

    Args:
        loss: a loss with a card.
        most: the most examples in a batch; there is always one.
        classes: how many classes there are, where the card leaves that open.
        dtype: of what is not a whole number; torch.float64 if not given.
        wide: numbers of any size that the dtype holds, in place of typical ones.

    Returns:
        A strategy of tuples of tensors: (examples, *axes of the example).

    Raises:
        ImportError: hypothesis is not installed; `pip install hypothesis`.
        ValueError: `most` or `classes` is too small.

    >>> import wald
    >>> from hypothesis import given
    >>> loss = wald.Squared()
    >>> @given(inputs_of(loss))
    ... def never_negative(inputs):
    ...     assert loss(*inputs) >= 0
    >>> never_negative()
    """
    from hypothesis import strategies as st
    import torch

    from ..checks.subjects.draw import SIZE

    if most < 1 or classes < 2:
        raise ValueError(f"a batch has at least one example and a choice two classes; got most={most}, {classes=}.")
    dtype = dtype or torch.float64
    domains = [domain for _, domain in loss.named_domains]
    sizes = {axis: SIZE for domain in domains for axis in (*domain.axes, *domain.soft)}
    sizes |= {"classes": classes, "channels": 1}
    # What one input fixes holds for the others.
    sizes |= {domain.axes[-1]: domain.size for domain in domains if domain.axes and domain.size is not None}

    @st.composite
    def drawn(draw: Any) -> tuple[Tensor, ...]:
        rows = draw(st.integers(1, most))
        return tuple(_tensor(draw, domain, rows, sizes, dtype, wide, place) for place, domain in enumerate(domains))

    return drawn()


def _tensor(draw: Any, domain: Domain, rows: int, sizes: dict[str, int], dtype: Any, wide: bool, place: int) -> Tensor:
    from hypothesis import strategies as st
    import torch

    shape = (rows, *(sizes[axis] for axis in domain.axes))
    count = int(torch.Size(shape).numel())
    if domain.integer:
        top = int(min(domain.high, sizes["classes"] - 1))
        whole = st.integers(int(max(domain.low, 0)), top)
        return torch.tensor(draw(st.lists(whole, min_size=count, max_size=count)), dtype=torch.int64).reshape(shape)
    numbers = _labels() if place and (domain.low, domain.high) == (0, 1) else _numbers(domain, dtype, wide)
    values = torch.tensor(draw(st.lists(numbers, min_size=count, max_size=count)), dtype=torch.float64).reshape(shape)
    if domain.normalised:
        values = values.softmax(-1) if domain.normalised == "linear" else values.log_softmax(-1)
    return values.to(dtype)


def _labels() -> SearchStrategy[float]:
    from hypothesis import strategies as st

    return st.one_of(st.sampled_from((0.0, 1.0)), st.floats(0, 1, width=16))


def _numbers(domain: Domain, dtype: Any, wide: bool) -> SearchStrategy[float]:
    """Numbers of a domain; where they are to be normalised, the scores of which that is done."""
    from hypothesis import strategies as st
    import torch

    if domain.normalised:
        return st.floats(-8, 8)
    low, high = domain.typical if not wide else (domain.low, domain.high)
    most = float(torch.finfo(dtype).max) / 4
    low, high = max(low, domain.low, -most), min(high, domain.high, most)
    if domain.open_low and low == domain.low:
        low += 1e-3 if abs(low) < 1 else abs(low) * 1e-3
    return st.floats(low, high, allow_nan=False, allow_infinity=False, width=64)
