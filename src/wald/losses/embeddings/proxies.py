"""Proxies: embeddings against one learned vector a class, or several."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Real, param
from ...core import Contrastive
from ..pieces.batch_pairs import log_sum
from ..pieces.one_batch import one_batch
from ..pieces.softmax import cross_entropy


def _own(cosine: Tensor, label: Tensor) -> Tensor:
    """Which of the classes is that of each example."""
    nobody = torch.zeros_like(cosine, dtype=torch.bool)
    return nobody.scatter(-1, label.unsqueeze(-1), torch.ones_like(nobody[..., :1]))


class ProxyNCA(Contrastive):
    """An embedding is nearer to its own proxy than to all others; its own is not in the denominator.

    log Σ exp(s_c) over the *other* classes, less s_label, with s = 2 · cosine / temperature: the squared distance of
    vectors of length 1 is 2 - 2 cos. **This is the paper's form, which has no softmax**: it goes below 0, and pushes
    other proxies away however far they are. With the label in the denominator, as pytorch-metric-learning has it
    (and Proxy-NCA++), it is ProxySoftmax at half the temperature.

    Shapes: cosine (*batch, classes), label (*batch) class ids; two classes or more.

    >>> import torch, wald
    >>> cosine = torch.tensor([[1.0, 0.0, 0.0]])
    >>> wald.ProxyNCA(temperature=1.0)(cosine, torch.tensor([0]))  # log 2 - 2
    tensor(-1.3069)
    """

    temperature: float = param(default=1.0, above=0, typical=(0.1,), help="what squared distances are divided by")

    card = Card(
        task="other",
        inputs={"cosine": Real.of("classes"), "label": ClassId},
        formula=Formula(
            "logsumexp(others) - 2 * cosine[label] / temperature",
            others="[2 * c / temperature for k, c in zip(range(len(cosine)), cosine) if k != label]",
        ),
        convex=True,
        bounded_below=False,
        slope="bounded",
        when="You compare with the paper, or want other proxies to be pushed away without end.",
        when_not="You want probabilities or a floor at 0 (ProxySoftmax), or proxies that see the batch (ProxyAnchor).",
        points={"chance": "log(classes - 1)", "collapse": "log(classes - 1)"},
        aliases=("Proxy-NCA", "ProxyNCA loss"),
        tags=("metric learning", "embedding", "proxies", "retrieval"),
        cite=("Movshovitz-Attias, Toshev, Leung, Ioffe & Singh 2017, arXiv:1703.07464",),
    )

    def per_example(self, cosine: Tensor, label: Tensor) -> Tensor:
        scores = 2 * cosine / self.temperature
        own = scores.gather(-1, label.unsqueeze(-1)).squeeze(-1)
        return log_sum(scores, ~_own(cosine, label)) - own


class ProxyAnchor(Contrastive):
    """Each proxy pulls the examples of its class and pushes all others, the hardest most.

    The mean over the proxies with examples in the batch of log(1 + Σ exp(-scale (cos - margin))) over their examples,
    plus the mean over all proxies of log(1 + Σ exp(scale (cos + margin))) over the examples of other classes. The
    roles are turned round: a proxy is the anchor, and its soft maximum runs over the batch. **The two means divide by
    different numbers**, and the value belongs to the whole batch: every example is given the same.

    `wald.Proxies` gives the cosines. Proxies need a learning rate much larger than that of the network, 100 times in
    the paper.

    Shapes: cosine (N, classes), label (N,) class ids; exactly one batch axis, as it says whom a proxy
    sees.

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> cosine = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> wald.ProxyAnchor(margin=0.0, scale=1.0)(cosine, torch.tensor([0, 1]))  # log(1 + 1/e) + log 2
    tensor(1.0064)
    """

    margin: float = param(default=0.1, help="how far beyond 0 cosines should be, on either side")
    scale: float = param(default=32.0, above=0, typical=(4.0,), help="what cosines are multiplied by")

    card = Card(
        task="other",
        inputs={"cosine": Real.of("classes"), "label": ClassId},
        formula=Formula(
            "sum([softplus(logsumexp(p)) for p in own if p]) / (len([1 for p in own if p]) or 1) + "
            "sum([softplus(logsumexp(n)) for n in others if n]) / classes",
            classes="len(cosine[0])",
            own="[[-scale * (c[k] - margin) for c, t in zip(cosine, label) if t == k] for k in range(classes)]",
            others="[[scale * (c[k] + margin) for c, t in zip(cosine, label) if t != k] for k in range(classes)]",
        ),
        convex=True,
        bounded_below=True,
        coupling="coupled",
        smooth=3,
        slope="bounded",
        when="Classes are learned by proxies, and the batch should say which examples are hard.",
        when_not="Batches are small, or classes so many that few of them meet (ProxySoftmax).",
        points={"floor": 0},
        aliases=("ProxyAnchorLoss", "Proxy-Anchor"),
        ports={"pytorch_metric_learning.losses.ProxyAnchorLoss": {}},
        tags=("metric learning", "embedding", "proxies", "retrieval"),
        cite=("Kim, Kim, Cho & Kwak 2020, arXiv:2003.13911",),
    )

    def per_example(self, cosine: Tensor, label: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("ProxyAnchor", "whom a proxy sees", cosine=cosine, label=label)
        own = _own(cosine, label)
        other = ~own
        if keep is not None:
            own, other = own & keep.unsqueeze(-1), other & keep.unsqueeze(-1)
        pulled = log_sum(-self.scale * (cosine - self.margin).mT, own.mT, one=True)
        pushed = log_sum(self.scale * (cosine + self.margin).mT, other.mT, one=True)
        present = own.any(0).sum().clamp(min=1)
        return (pulled.sum() / present + pushed.mean()).expand(label.shape)


class SoftTriple(Contrastive):
    """Softmax over classes with several centres each, of which the nearer count more.

    The cosine of a class is the mean of its centres' cosines, weighted by their softmax at `spread`; then
    -log softmax(scale · c)_label, with `margin` taken from that of the label. A class may so lie in several clumps. The
    cosines are those of `wald.Proxies(classes, features, each=centres)`.
    The authors also draw the centres of a class together, so that it does not keep more than it needs: a term of its
    own, which pytorch-metric-learning keeps apart too.

    Shapes: cosine (*batch, classes, centres), label (*batch) class ids.

    >>> import torch, wald
    >>> cosine = torch.tensor([[[1.0, -1.0], [0.0, 0.0]]])  # two classes with two centres each
    >>> wald.SoftTriple(scale=1.0, margin=0.0)(cosine, torch.tensor([0]))  # the near centre counts: log(1 + 1/e)
    tensor(0.3133)
    """

    scale: float = param(default=20.0, above=0, typical=(1.0,), help="what cosines are multiplied by")
    spread: float = param(
        default=0.1, above=0, typical=(1.0,), help="the temperature at which centres share; small takes the nearest"
    )
    margin: float = param(default=0.01, at_least=0, help="what is taken from the cosine of the label")

    card = Card(
        task="other",
        inputs={"cosine": Real.of("classes", "centres"), "label": ClassId},
        formula=Formula(
            "logsumexp(s) - s[label]",
            c="[dot(softmax([x / spread for x in row]), row) for row in cosine]",
            s="[scale * (x - margin * (k == label)) for k, x in zip(range(len(c)), c)]",
        ),
        bounded_below=True,
        smooth=3,
        when="Classes are of several kinds each, and learned by centres.",
        when_not="One proxy a class will do (ProxySoftmax).",
        points={"floor": 0},
        aliases=("SoftTripleLoss", "SoftTriple loss"),
        ports={"pytorch_metric_learning.losses.SoftTripleLoss": {}},
        tags=("metric learning", "embedding", "proxies", "retrieval"),
        cite=("Qian, Shang, Sun, Hu, Li & Jin 2019, arXiv:1909.05235",),
    )

    def per_example(self, cosine: Tensor, label: Tensor) -> Tensor:
        of_class = ((cosine / self.spread).softmax(-1) * cosine).sum(-1)
        with_margin = torch.where(_own(of_class, label), of_class - self.margin, of_class)
        return cross_entropy(self.scale * with_margin, label)
