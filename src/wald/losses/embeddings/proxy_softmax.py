"""Softmax over the cosines of an embedding with one learned proxy a class."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...cards import Card, ClassId, Formula, Real, param
from ...core import Supervised


class ProxySoftmax(Supervised):
    """Cross-entropy of cosines with one learned vector a class, its proxy: normalised softmax, CosFace.

    -log softmax(s)_target with s = cosine / temperature, and with a `margin` (cosine - margin) / temperature for the
    target alone, so that the embedding must be nearer to its own proxy by the margin than to others. Without a margin
    it is NormalizedSoftmax (and, over the squared distances of vectors of length 1, 2 - 2 cos, Proxy-NCA++ at twice
    the temperature); with one it is CosFace, whose scale is 1 / temperature.

    The loss takes cosines, which `wald.Proxies` gives. `wald.linear_proxy(loss, embedding, proxies, target)` takes
    embeddings and proxies, gives both their gradients, and never holds the matrix of all cosines: with a million
    classes that is the only way.

    Shapes: prediction (*batch, classes) cosines, target (*batch) class ids.

    >>> import torch, wald
    >>> cosine, target = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    >>> wald.ProxySoftmax(temperature=1.0)(cosine, target)  # log(1 + 1/e)
    tensor(0.3133)
    >>> wald.ProxySoftmax(temperature=1.0, margin=1.0)(cosine, target)  # the lead is gone: log 2
    tensor(0.6931)
    """

    temperature: float = param(
        default=0.05, above=0, typical=(0.2, 1.0), help="what cosines are divided by; 1 / scale in other libraries"
    )
    margin: float = param(
        default=0.0, at_least=0, typical=(0.35,), help="what is taken from the cosine of the target, as in CosFace"
    )

    card = Card(
        task="multiclass",
        inputs={"prediction": Real.of("classes"), "target": ClassId},
        formula=Formula(
            "logsumexp(s) - s[target]",
            s="[(c - margin * (k == target)) / temperature for k, c in zip(range(len(prediction)), prediction)]",
        ),
        elicits=lambda loss: "distribution" if loss.margin == 0 else None,
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        when="Classes are many, each has examples to learn from, and embeddings are compared by cosine afterwards.",
        when_not="Classes at test time have no common embedding with those of training, or labels are noisy.",
        points={"floor": 0},
        ports={
            "pytorch_metric_learning.losses.NormalizedSoftmaxLoss": {},
            "pytorch_metric_learning.losses.CosFaceLoss": {"temperature": 0.015625, "margin": 0.35},
            "pytorch_metric_learning.losses.ProxyNCALoss": {"temperature": 0.5},
        },
        aliases=(
            "NormalizedSoftmax",
            "NormalizedSoftmaxLoss",
            "CosFaceLoss",
            "normface",
            "CosFace",
            "Proxy-NCA++",
            "AM-Softmax",
            "large margin cosine",
        ),
        tags=("metric learning", "embedding", "proxies", "faces", "retrieval", "extreme classification"),
        cite=("Zhai & Wu 2018, arXiv:1811.12649", "Wang et al. 2018, arXiv:1801.09414 (CosFace)"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        scores = prediction / self.temperature
        if self.margin:
            own = torch.arange(prediction.shape[-1], device=prediction.device) == target.unsqueeze(-1)
            scores = torch.where(own, scores - self.margin / self.temperature, scores)
        values = cross_entropy(scores.flatten(0, -2), target.flatten(), reduction="none")
        return values.reshape(target.shape)
