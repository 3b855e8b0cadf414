"""Flow matching: the velocity of the straight way from noise to data."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Loss


class FlowMatching(Loss):
    """The velocity of the straight way between noise and data, predicted (rectified flow).

    The mean over the values of (prediction - velocity)². With time that runs "to_data", as in the papers, a point at t
    is (1 - t) noise + t data and its velocity data - noise; with time "to_noise", as in diffusers and Stable Diffusion
    3, it is (1 - t) data + t noise and noise - data. **The wrong one trains without a sign that it is wrong**, and
    samples run away from the data.

    Times may count differently: as `weight=` (the mean then divides by the sum of weights; `normalizer="rows"` divides
    by the examples) or by drawing them more often. A weight *and* a draw of the same shape counts twice. Pairs of noise
    and data that are matched by transport (OT-CFM) are matched before they come here.

    Shapes: prediction, data and noise (*batch, values). Images: `x.flatten(1)`.

    >>> import torch, wald
    >>> data, noise = torch.tensor([[3.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> wald.FlowMatching()(torch.tensor([[2.0, 1.0]]), data, noise)
    tensor(0.5000)
    >>> wald.FlowMatching(time="to_noise")(torch.tensor([[2.0, 1.0]]), data, noise)
    tensor(8.5000)
    """

    time: str = param(default="to_data", choices=("to_data", "to_noise"), help="what lies at the end of time, t = 1")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("values"), "data": Real.of("values"), "noise": Real.of("values")},
        formula=lambda loss: Formula(
            f"mean([(p - ({'x - e' if loss.time == 'to_data' else 'e - x'}))**2"
            " for p, x, e in zip(prediction, data, noise)])"
        ),
        convex=True,
        smooth=3,
        slope="linear",
        denominator="the unmasked examples, each counted by its weight; not the values",
        when="You train a flow on straight lines between noise and data.",
        when_not="The way is that of a diffusion (Denoising), or of your own: then Squared of its velocity.",
        points={"floor": 0},
        aliases=("rectified flow", "CFM", "conditional flow matching", "velocity matching", "stochastic interpolant"),
        tags=("generative", "flow", "diffusion", "velocity"),
        cite=(
            "Lipman et al. 2022, arXiv:2210.02747",
            "Liu, Gong & Liu 2022, arXiv:2209.03003 (rectified flow)",
            "Esser et al. 2024, arXiv:2403.03206 (times)",
        ),
    )

    def per_example(self, prediction: Tensor, data: Tensor, noise: Tensor) -> Tensor:
        velocity = data - noise if self.time == "to_data" else noise - data
        return (prediction - velocity).square().mean(-1)
