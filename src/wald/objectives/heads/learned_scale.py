"""A learned temperature, and a learned bias, for the cosines of a contrastive loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .rows import unit, widened


class LearnedScale(nn.Module):
    """A learned scale of cosines, and if wanted a learned bias: gives vectors whose products are scale · cosine + bias.

    A field of a loss is a number and is not learned; this is how a temperature is. Each vector is brought to length 1
    and multiplied by the root of the scale, so that it fits every loss of products, InfoNCE, CLIP, NT-Xent and SigLIP
    alike: with `normalise=False`, and the loss's own temperature or scale at 1. With a bias (SigLIP) both sides get one
    feature more, which holds the bias on one side and 1 on the other.

    What is learned is the logarithm of the scale. Beyond `limit` the scale stays at the limit. **Call `update()` after
    each step of the optimiser**: without it the parameter may run further up, and would be slow to come back. Leave
    scale and bias out of weight decay.

    CLIP begins at 1 / 0.07 and stops at 100; SigLIP begins at a scale of 10 and a bias of -10.

    Args:
        start: the scale to begin with, 1 / temperature.
        limit: the largest scale; None for none.
        bias: the bias to begin with; None for none.

    Attributes:
        log_scale: a parameter.
        bias: a parameter, or None.

    Raises:
        ValueError: `start` is not a positive number, or lies beyond the limit.

    >>> import torch, wald
    >>> image, text = torch.randn(2, 8, 4).unbind()
    >>> clip, scale = wald.InfoNCE(symmetric=True, normalise=False, temperature=1.0), wald.LearnedScale()
    >>> clip(*scale(image, text)).backward()
    >>> bool(scale.log_scale.grad != 0)
    True
    >>> sigmoid, scale = wald.SigLIP(normalise=False, scale=1.0, bias=0.0), wald.LearnedScale(10.0, bias=-10.0)
    >>> torch.allclose(sigmoid(*scale(image, text)), wald.SigLIP()(image, text))
    True
    """

    def __init__(self, start: float = 1 / 0.07, *, limit: float | None = 100.0, bias: float | None = None) -> None:
        super().__init__()
        if not 0 < start < math.inf:
            raise ValueError(f"LearnedScale: start must be a positive number, 1 / temperature, got {start!r}")
        if limit is not None and not start <= limit:
            raise ValueError(f"LearnedScale: start {start!r} lies beyond the limit {limit!r}; raise it, or limit=None")
        self.limit = limit
        self.log_scale = nn.Parameter(torch.tensor(math.log(start)))
        self.bias = None if bias is None else nn.Parameter(torch.tensor(float(bias)))

    @property
    def scale(self) -> Tensor:
        """The scale, at most the limit; 0-d, with a gradient."""
        return self._log().exp()

    def forward(self, *vectors: Tensor) -> tuple[Tensor, ...]:
        """Each of these at the length √scale, (*batch, features) in single precision or wider.

        With a bias two are wanted, and both come back with one feature more.

        Raises:
            TypeError: there is a bias, and not two sides.
        """
        root = (0.5 * self._log()).exp()
        scaled = tuple(unit(x) * root.to(torch.promote_types(x.dtype, root.dtype)) for x in vectors)
        if self.bias is None:
            return scaled
        if len(scaled) != 2:
            raise TypeError(
                f"LearnedScale: a bias is added to products of two sides, got {len(scaled)}. Call it with both, "
                "scale(image, text), or make it without a bias."
            )
        first, second = scaled
        bias = self.bias.to(first.dtype).expand(*first.shape[:-1], 1)
        return torch.cat([first, bias], -1), torch.cat([second, torch.ones_like(second[..., :1])], -1)

    @torch.no_grad()
    def update(self) -> None:
        """Take the parameter back to the limit, where it went beyond; call it after each step of the optimiser."""
        if self.limit is not None:
            self.log_scale.clamp_(max=math.log(self.limit))

    def extra_repr(self) -> str:
        """The limit, for `print`."""
        return f"limit={self.limit}, bias={self.bias is not None}"

    def _log(self) -> Tensor:
        log = self.log_scale.to(widened(self.log_scale))
        if self.limit is None:
            return log
        # The value stops at the limit and the gradient does not, or a scale that is beyond could never come back.
        return log - (log - math.log(self.limit)).clamp(min=0).detach()
