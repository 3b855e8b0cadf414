"""Root mean squared error: the root of a mean, of one example at a time."""

from math import sqrt

from torch import Tensor

from ...cards import Card, Formula, Real
from ...core import Supervised
from ..pieces.distance import length


class RootMeanSquared(Supervised):
    """The root of the mean squared error over the entries of an example.

    √(mean (prediction - target)²) along the last axis: the forecasts of one series, the items of one query, the outputs
    of one row. A loss adds up over examples and a root does not, so what stands under the root is one example:

    - the root over a whole batch is this loss of one example: `loss(prediction.flatten(), target.flatten())`, which is
      what chemprop, neuralforecast and pytorch-forecasting return. Its mean over micro-batches is not the root over all
      of them; for that, accumulate Squared and take the root once.
    - over rows, `(N, outputs)`, it is the mean of N roots, as allRank takes it for each query. That rewards another
      prediction than the mean: the middle from which the sum of distances is least. One wild entry pulls all of its
      example, and one wild example pulls no harder than any other.

    To minimise the root over a data set minimise Squared: both are least at the same place. The slope has length
    1 / √entries however small the error is, as that of a distance; where an example is met exactly it is 0.

    Shapes: prediction and target (*batch, entries); in the target's unit.

    >>> import torch, wald
    >>> wald.RootMeanSquared()(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.zeros(2, 2), reduction="none")
    tensor([3.5355, 0.0000])
    """

    card = Card(
        task="regression",
        inputs={"prediction": Real.of("entries"), "target": Real.of("entries")},
        formula=Formula("sqrt(mean([(p - t)**2 for p, t in zip(prediction, target)]))"),
        convex=True,
        perfect_is_minimal=True,
        slope="bounded",
        denominator="the unmasked examples, each counted by its weight; not the entries under a root",
        when="Each series, query or row is judged by its own RMSE, and all of them count alike.",
        when_not="The RMSE over a data set is what you are judged by: minimise Squared, and take the root at the end.",
        points={"perfect": 0, "floor": 0},
        aliases=("RMSE", "RMSELoss", "root_mean_squared_error", "root mean square error"),
        ports={
            "sklearn.metrics.root_mean_squared_error": {},
            "chemprop.nn.metrics.RMSE": {},
            "neuralforecast.losses.pytorch.RMSE": {},
            "pytorch_forecasting.metrics.RMSE": {},
        },
        tags=("root", "distance", "forecasting", "vector"),
        cite=("Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return length(prediction - target) / sqrt(max(prediction.shape[-1], 1))
