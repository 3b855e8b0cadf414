"""Structural similarity of images: by windows, at one scale or several."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, numbers, param
from ...core import Supervised
from ..pieces.powers import raised
from ..pieces.windows import halved, structure, windowed


class SSIM(Supervised):
    """One minus the structural similarity (SSIM) of two images: means, contrasts, and how windows go together.

    The mean over windows and channels of 1 - (2 m m* + c1)(2 s + c2) / ((m² + m*² + c1)(v + v* + c2)), with the means,
    variances and covariance of a Gaussian window, c1 = (k1 · data_range)², c2 = (k2 · data_range)². Between 0 and 2.

    `data_range` is the difference between white and black: 1 for images in [0, 1], 255 for bytes, 2 for [-1, 1]. A
    wrong one is silent and changes the loss: c1 and c2 decide where windows are flat. MONAI, piq and Kornia have 1,
    pytorch-msssim 255, and its function returns the similarity, not the loss. Kornia returns (1 - s) / 2 and reflects
    the image at its border: `like="kornia"`. piq first shrinks images of more than 384 pixels. Where an image is
    smaller than the window, the window is the largest odd one that fits.

    Shapes: prediction and target (*batch, channels, height, width), such as (N, C, H, W).

    Raises:
        ValueError: the window is an even number.
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> dark, bright = torch.full((1, 3, 16, 16), 0.2), torch.full((1, 3, 16, 16), 0.8)
    >>> wald.SSIM()(dark, bright).round(decimals=4)  # 1 - (0.32 + c1) / (0.68 + c1)
    tensor(0.5293)
    """

    data_range: float = param(default=1.0, above=0, typical=(255.0,), help="the difference between white and black")
    window: int = param(default=11, at_least=1, typical=(3,), quiet=True, help="the side of the window, in pixels; odd")
    sigma: float = param(default=1.5, above=0, quiet=True, help="the width of the Gaussian in it, in pixels")
    k1: float = param(default=0.01, above=0, quiet=True, help="what keeps dark windows from counting, of the range")
    k2: float = param(default=0.03, above=0, quiet=True, help="what keeps flat windows from counting, of the range")
    padded: bool = param(default=False, choices=(False, True), quiet=True, help="reflect the image at its border")
    half: bool = param(default=False, quiet=True, help="(1 - s) / 2, between 0 and 1, in place of 1 - s")

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("channels", "height", "width"),
            "target": Real.of("channels", "height", "width"),
        },
        formula=Formula(
            "(1 - mean([light(a, b) * contrast(a, b) for a, b in seen])) / (2 if half else 1)",
            size="[min(window, n - 1 + n % 2) for n in (len(prediction[0]), len(prediction[0][0]))]",
            bell="lambda n: [exp(-((k - (n - 1) / 2) / sigma)**2 / 2) for k in range(n)]",
            weights="[a * b for a in bell(size[0]) for b in bell(size[1])]",
            mirrored="lambda v, n: v[n // 2:0:-1] + v + v[-2:-2 - n // 2:-1] if padded else v",
            look="lambda c: windows(mirrored([mirrored(row, size[1]) for row in c], size[0]), *size)",
            seen="[(a, b) for x, y in zip(prediction, target) for r, s in zip(look(x), look(y)) for a, b in zip(r, s)]",
            m="lambda a: dot(weights, a) / sum(weights)",
            v="lambda a, b: m([p * q for p, q in zip(a, b)]) - m(a) * m(b)",
            c1="(k1 * data_range)**2",
            c2="(k2 * data_range)**2",
            light="lambda a, b: (2 * m(a) * m(b) + c1) / (m(a)**2 + m(b)**2 + c1)",
            contrast="lambda a, b: (2 * v(a, b) + c2) / (v(a, a) + v(b, b) + c2)",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=3,
        slope="vanishing",
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="Images are to look right: structure over exact brightness, often beside an absolute error.",
        when_not="Colours and brightness must be exact (Absolute), or images are noise-like.",
        points={"perfect": 0, "floor": 0},
        aliases=("SSIMLoss", "DSSIM", "structural similarity"),
        ports={
            "monai.losses.SSIMLoss": {},
            "piq.SSIMLoss": {},
            "pytorch_msssim.SSIM": {"data_range": 255.0},
            "kornia.losses.ssim_loss": {"padded": True, "half": True},
        },
        tags=("image", "restoration", "perceptual", "similarity"),
        cite=("Wang et al. 2004, doi:10.1109/TIP.2003.819861",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window % 2 == 0:
            raise ValueError(f"SSIM: window must be odd, so that a pixel is in its middle; got {self.window}.")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        similar, _ = structure(
            prediction,
            target,
            window=self.window,
            sigma=self.sigma,
            padded=self.padded,
            data_range=self.data_range,
            k1=self.k1,
            k2=self.k2,
        )
        value = 1 - similar.mean((-3, -2, -1))
        return value / 2 if self.half else value


class MultiScaleSSIM(Supervised):
    """One minus the product of the contrasts of two images at several scales, and their SSIM at the last.

    1 - Π_j cs_j^w_j · s_J^w_J, with cs_j the part of SSIM without luminance after halving the image j - 1 times, and s
    the whole of it at the coarsest scale; means over windows for each channel, products, then the mean over channels.
    A scale that is negatively similar counts as 0 and has no gradient, as a fractional power of it has no value.

    With five scales and a window of 11 an image needs sides above 160; here the window shrinks to what is left. As in
    SSIM, `data_range` is the difference between white and black. Kornia's MS_SSIMLoss is another loss, which mixes in
    an absolute error and multiplies by 200.

    Shapes: prediction and target (*batch, channels, height, width), such as (N, C, H, W).

    Raises:
        ValueError: the window is an even number.
        ShapeError: the image is too small to be halved so often, or prediction and target differ in shape.

    >>> import torch, wald
    >>> dark, bright = torch.full((1, 3, 64, 64), 0.2), torch.full((1, 3, 64, 64), 0.8)
    >>> wald.MultiScaleSSIM()(dark, bright).round(decimals=3)  # only the last scale sees brightness: 1 - 0.4707 ** 0.13
    tensor(0.0960)
    """

    data_range: float = param(default=1.0, above=0, typical=(255.0,), help="the difference between white and black")
    weights: tuple[float, ...] = param(
        default=(0.0448, 0.2856, 0.3001, 0.2363, 0.1333),
        convert=numbers,
        at_least=0,
        typical=((0.5, 0.5),),
        quiet=True,
        help="the exponent of each scale, from the finest",
    )
    window: int = param(default=11, at_least=1, quiet=True, help="the side of the window, in pixels; odd")
    sigma: float = param(default=1.5, above=0, quiet=True, help="the width of the Gaussian in it, in pixels")
    k1: float = param(default=0.01, above=0, quiet=True, help="what keeps dark windows from counting, of the range")
    k2: float = param(default=0.03, above=0, quiet=True, help="what keeps flat windows from counting, of the range")

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("channels", "height", "width"),
            "target": Real.of("channels", "height", "width"),
        },
        formula=Formula(
            "1 - mean([product(x, y, weights) for x, y in zip(prediction, target)])",
            size="lambda c: [min(window, n - 1 + n % 2) for n in (len(c), len(c[0]))]",
            bell="lambda n: [exp(-((k - (n - 1) / 2) / sigma)**2 / 2) for k in range(n)]",
            look="lambda c: [w for row in windows(c, *size(c)) for w in row]",
            shares="lambda c: [a * b for a in bell(size(c)[0]) for b in bell(size(c)[1])]",
            m="lambda s, a: dot(s, a) / sum(s)",
            v="lambda s, a, b: m(s, [p * q for p, q in zip(a, b)]) - m(s, a) * m(s, b)",
            c1="(k1 * data_range)**2",
            c2="(k2 * data_range)**2",
            light="lambda s, a, b: (2 * m(s, a) * m(s, b) + c1) / (m(s, a)**2 + m(s, b)**2 + c1)",
            contrast="lambda s, a, b: (2 * v(s, a, b) + c2) / (v(s, a, a) + v(s, b, b) + c2)",
            similar="lambda s, a, b, last: contrast(s, a, b) * (light(s, a, b) if last else 1)",
            scale="lambda x, y, last: mean([similar(shares(x), a, b, last) for a, b in zip(look(x), look(y))])",
            even="lambda v, empty: [empty] + v + [empty] if len(v) % 2 else v",
            framed="lambda c: even([even(row, 0) for row in c], [0] * len(even(c[0], 0)))",
            halved="lambda c: [[sum(w) / 4 for w in row[::2]] for row in windows(framed(c), 2, 2)[::2]]",
            product="lambda x, y, left: max(0, scale(x, y, not left[1:]))**left[0]"
            " * (product(halved(x), halved(y), left[1:]) if left[1:] else 1)",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        slope="vanishing",
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="As SSIM, where the distance from which an image is seen is not known.",
        when_not="Images are small (SSIM), or start as noise: scales of negative similarity have no gradient.",
        points={"perfect": 0, "floor": 0},
        aliases=("MS-SSIM", "MSSSIM", "MultiScaleSSIMLoss", "MS_SSIM"),
        ports={"pytorch_msssim.MS_SSIM": {"data_range": 255.0}},
        tags=("image", "restoration", "perceptual", "similarity", "multi-scale"),
        cite=("Wang, Simoncelli & Bovik 2003, doi:10.1109/ACSSC.2003.1292216",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window % 2 == 0:
            raise ValueError(
                f"MultiScaleSSIM: window must be odd, so that a pixel is in its middle; got {self.window}."
            )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        product = torch.ones_like(prediction[..., 0, 0])
        for scale, weight in enumerate(self.weights):
            if scale:
                prediction, target = halved(prediction), halved(target)
            similar, contrast = structure(
                prediction,
                target,
                window=self.window,
                sigma=self.sigma,
                padded=False,
                data_range=self.data_range,
                k1=self.k1,
                k2=self.k2,
            )
            last = scale == len(self.weights) - 1
            product = product * raised((similar if last else contrast).mean((-2, -1)).relu(), weight)
        return 1 - product.mean(-1)


class LocalCrossCorrelation(Supervised):
    """Minus the squared correlation of two images, window by window: registration across contrasts.

    Minus the mean over windows of cov² / (var · var*), each variance at least `floor` times the window's pixels. It
    does not see brightness or contrast of a window, nor the sign of the correlation: an image and its negative are the
    same, which is meant for images of different kinds and a trap for those of one. Between -1, perfect, and 0. Flat
    windows say nothing and cost 0.

    MONAI adds up over the window where this takes means, so its 1e-5 is `floor` times window² here, and pads by zeros
    where this counts only windows that lie in the image.

    Shapes: prediction and target (*batch, channels, height, width), such as (N, C, H, W); volumes slice by slice.

    Raises:
        ValueError: the window is an even number.
        ShapeError: prediction and target differ in shape.

    >>> import torch, wald
    >>> image = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8) ** 2
    >>> wald.LocalCrossCorrelation()(3 - 2 * image, image).round(decimals=3)
    tensor(-1.)
    """

    window: int = param(default=9, at_least=3, typical=(3,), help="the side of the window, in pixels; odd")
    floor: float = param(default=1e-6, above=0, quiet=True, help="the least variance, in squared units of the image")

    card = Card(
        task="other",
        inputs={
            "prediction": Real.of("channels", "height", "width"),
            "target": Real.of("channels", "height", "width"),
        },
        formula=Formula(
            "-mean([v(a, b)**2 / (max(v(a, a), floor) * max(v(b, b), floor)) for a, b in seen])",
            size="[min(window, n - 1 + n % 2) for n in (len(prediction[0]), len(prediction[0][0]))]",
            look="lambda image: [w for c in image for row in windows(c, *size) for w in row]",
            seen="[*zip(look(prediction), look(target))]",
            v="lambda a, b: mean([p * q for p, q in zip(a, b)]) - mean(a) * mean(b)",
        ),
        convex=False,
        bounded_below=True,
        slope="vanishing",
        denominator="the unmasked examples (images), each counted by its weight; not the pixels",
        when="Images are to be brought into register, and their contrasts differ from place to place.",
        when_not="Brightness matters (SSIM, Squared), or images relate by no line at all (MutualInformation).",
        points={"perfect": -1, "chance": 0, "floor": -1},
        aliases=("LNCC", "LocalNCC", "LocalNormalizedCrossCorrelationLoss", "local normalised cross-correlation"),
        tags=("image", "registration", "medical", "correlation"),
        cite=("Avants et al. 2008, doi:10.1016/j.media.2007.06.004",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window % 2 == 0:
            raise ValueError(f"LocalCrossCorrelation: window must be odd; got {self.window}.")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        # Windows do not see what is common to all, and without it the squares are small and their rounding too.
        x = prediction - prediction.mean((-2, -1), keepdim=True)
        y = target - target.mean((-2, -1), keepdim=True)
        means = windowed(torch.stack([x, y, x * x, y * y, x * y]), self.window, None)
        of_x, of_y, of_xx, of_yy, of_xy = means.unbind(0)
        own = (of_xx - of_x.square()).clamp(min=self.floor)
        true = (of_yy - of_y.square()).clamp(min=self.floor)
        return -((of_xy - of_x * of_y).square() / (own * true)).mean((-3, -2, -1))
