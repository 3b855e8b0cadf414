"""Similarity of gradients: how unevenly the edges of an image differ from those of another."""

from __future__ import annotations

from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, Formula, Real, param
from ...core import ShapeError, Supervised, constant
from ..pieces.distance import length
from ..pieces.powers import raised


class GMSD(Supervised):
    """How unevenly the edges of two images differ: the deviation of their gradient magnitude similarity.

    Images are made grey, halved, and filtered by Prewitt's kernels; with the lengths g and g* of their gradients the
    similarity of a pixel is s = (2 g g* + c) / (g² + g*² + c), and the loss the standard deviation of s over the
    pixels. Between 0 and 1/2. People see damage that is uneven; **images that differ evenly everywhere cost next to
    nothing**, such as two of noise, or of one grey and another: use it beside a loss of pixels.

    `data_range` is the difference between white and black: 1 for images in [0, 1], 255 for bytes. At the border the
    image is continued by black, which is an edge of bright images. Where a gradient is 0 its length has a slope of 0
    here, and none at all in piq.

    Shapes: prediction and target (*batch, channels, height, width), of 1 channel or of 3, red, green and blue.

    Raises:
        ShapeError: there are other channels than 1 or 3, or prediction and target differ in shape.

    >>> import torch, wald
    >>> image = torch.zeros(1, 1, 16, 16)
    >>> image[..., 8:] = 1
    >>> wald.GMSD()(image, image), wald.GMSD()(0 * image, image).round(decimals=4)
    (tensor(0.), tensor(0.4947))
    """

    data_range: float = param(default=1.0, above=0, typical=(255.0,), help="the difference between white and black")
    c: float = param(
        default=170 / 255**2, above=0, quiet=True, help="what keeps flat places from counting, of the squared range"
    )

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("channels", "height", "width"),
            "target": Real.of("channels", "height", "width"),
        },
        formula=Formula(
            "sqrt(mean([(s - m)**2 for s in similar]))",
            grey="lambda x: x[0] if len(x) == 1 else [[0.299 * r + 0.587 * g + 0.114 * b for r, g, b in zip(*rows)]"
            " for rows in zip(*x)]",
            even="lambda x: [[*row, *[0] * (len(row) % 2)] for row in [*x, *[[0] * len(x[0])] * (len(x) % 2)]]",
            small="lambda x: [[mean([*a[k:k + 2], *b[k:k + 2]]) / data_range for k in range(0, len(a), 2)]"
            " for a, b in zip(x[0::2], x[1::2])]",
            framed="lambda x: [[0] * (len(x[0]) + 2), *[[0, *row, 0] for row in x], [0] * (len(x[0]) + 2)]",
            edge="lambda w: sqrt((w[6] + w[7] + w[8] - w[0] - w[1] - w[2])**2"
            " + (w[2] + w[5] + w[8] - w[0] - w[3] - w[6])**2) / 3",
            edges="lambda x: [edge(w) for row in windows(framed(small(even(grey(x)))), 3, 3) for w in row]",
            similar="[(2 * g * t + c) / (g * g + t * t + c) for g, t in zip(edges(prediction), edges(target))]",
            m="mean(similar)",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        slope="vanishing",
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="Pictures are to look right, and damage in some places is worse than a little everywhere.",
        when_not="Alone: what is wrong evenly costs nothing (SSIM, Absolute).",
        points={"perfect": 0, "floor": 0},
        aliases=("GMSDLoss", "gradient magnitude similarity deviation", "gmsd"),
        ports={"piq.GMSDLoss": {}},
        tags=("image", "restoration", "perceptual", "similarity", "edge"),
        cite=("Xue et al. 2014, arXiv:1308.3052",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        channels = prediction.shape[-3]
        if channels not in (1, 3):
            raise ShapeError(
                f"GMSD: prediction {tuple(prediction.shape)} is (*batch, channels, height, width) with {channels} "
                "channels; 1 and 3 are grey and colour. Use x.unsqueeze(-3) for grey images without that axis, "
                "x.movedim(-1, -3) where channels are last, or the loss of each channel, x.unsqueeze(-3) again."
            )
        own, true = (_edges(x / self.data_range) for x in (prediction, target))
        similar = ((2 * own * true + self.c) / (own.square() + true.square() + self.c)).flatten(-2)
        return length(similar - similar.mean(-1, keepdim=True)) / max(1, similar.shape[-1]) ** 0.5


def _edges(images: Tensor) -> Tensor:
    """The length of the gradient at each pixel of a grey image of half the size."""
    if images.shape[-3] == 3:
        grey = (images * constant((0.299, 0.587, 0.114), images).reshape(3, 1, 1)).sum(-3)
    else:
        grey = images.squeeze(-3)
    flat = grey.reshape(-1, 1, *grey.shape[-2:])
    flat = F.avg_pool2d(F.pad(flat, (0, grey.shape[-1] % 2, 0, grey.shape[-2] % 2)), 2)
    framed = F.pad(flat, (1, 1, 1, 1)).squeeze(1)
    # Three pixels side by side, and then the difference across: Prewitt's kernels, one axis at a time.
    rows, columns = _sums(framed, -1), _sums(framed, -2)
    down, across = rows[..., 2:, :] - rows[..., :-2, :], columns[..., 2:] - columns[..., :-2]
    sizes = raised(down.square() + across.square(), 0.5) / 3
    return sizes.reshape(*grey.shape[:-2], *sizes.shape[-2:])


def _sums(x: Tensor, axis: int) -> Tensor:
    size = x.shape[axis] - 2
    return x.narrow(axis, 0, size) + x.narrow(axis, 1, size) + x.narrow(axis, 2, size)
