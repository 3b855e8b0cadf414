"""What weights, activations and embeddings cost by their size and by how they lie to each other."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Real, Vector, param
from ...core import Contrastive, Loss
from ..pieces.batch_pairs import similarities
from ..pieces.distance import direction, length
from ..pieces.one_batch import one_batch


class ElasticNet(Loss):
    """The size of weights or activations: L1, L2, both, or by groups (ridge, lasso, group lasso).

    l1 · Σ|w| + l2 · Σ w² + group · √size · ||w||, over each row given. **No factor ½ before the squares**, as in Keras;
    scikit-learn's and PyTorch's weight_decay have it, so their λ is twice this l2. The term `group` sets whole rows to
    0. A row is an example, so the mean is over rows: for the penalty of a whole matrix take `reduction="sum"`.

    Under Adam this is not weight decay: its gradient is scaled with that of the loss; AdamW decays without it.

    Shapes: values (*batch, values): a row of weights, or the activations of an example.

    >>> import torch, wald
    >>> weights = torch.tensor([[3.0, -4.0], [0.0, 0.0]])
    >>> wald.ElasticNet()(weights, reduction="sum")
    tensor(25.)
    >>> wald.ElasticNet(l1=1.0, l2=0.0)(weights, reduction="sum")
    tensor(7.)
    """

    l1: float = param(default=0.0, at_least=0, typical=(0.5,), help="the weight of the sum of sizes")
    l2: float = param(default=1.0, at_least=0, help="the weight of the sum of squares")
    group: float = param(default=0.0, at_least=0, typical=(0.5,), help="the weight of the length of a row")

    card = Card(
        task="other",
        inputs={"values": Real.of("values")},
        formula=Formula(
            "l1 * sum([abs(w) for w in values]) + l2 * dot(values, values)"
            " + group * sqrt(len(values)) * sqrt(dot(values, values))"
        ),
        convex=True,
        smooth=lambda loss: 0 if loss.l1 or loss.group else 3,
        slope=lambda loss: "linear" if loss.l2 else "bounded",
        denominator="the rows, each counted by its weight; use reduction='sum' for a whole matrix",
        when="Weights or activations should be small (l2), few (l1), or gone by whole rows (group).",
        when_not="You train with AdamW and mean weight decay: set it there.",
        points={"floor": 0, "collapse": 0},
        aliases=(
            "L1L2",
            "L1 regularization",
            "L2 regularization",
            "ridge penalty",
            "lasso",
            "group lasso",
            "NormPenalty",
        ),
        ports={
            "keras.regularizers.L1": {"l1": 0.01, "l2": 0.0},
            "keras.regularizers.L2": {"l2": 0.01},
            "keras.regularizers.L1L2": {"l1": 0.01, "l2": 0.01},
        },
        tags=("penalty", "weights", "activations", "sparsity", "regulariser"),
        cite=("Zou & Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.l1 or self.l2 or self.group):
            raise ValueError("ElasticNet: l1, l2 and group are all 0, so that nothing costs anything. Use l2=1.0, say.")

    def per_example(self, values: Tensor) -> Tensor:
        # Each part is taken only where it counts: 0 times what overflowed is no number.
        cost = torch.zeros_like(values).sum(-1)
        if self.l1:
            cost = cost + self.l1 * values.abs().sum(-1)
        if self.l2:
            cost = cost + self.l2 * values.square().sum(-1)
        return cost + self.group * math.sqrt(values.shape[-1]) * length(values) if self.group else cost


class Orthogonality(Loss):
    """The rows of a matrix stand at right angles, each of length 1.

    "squared": ||W Wᵀ - I||² , the soft orthogonality of weights. "cosine": the mean over pairs of different rows of
    their |cosine|, whatever their lengths, as Keras has it. With more rows than columns they cannot all be orthogonal:
    then take the columns, W.mT.

    Shapes: matrix (*batch, rows, columns); each matrix is an example. A convolution's weight: `w.flatten(1)`.

    >>> import torch, wald
    >>> wald.Orthogonality()(torch.eye(3)), wald.Orthogonality()(2 * torch.eye(3))  # 3 · (4 - 1)²
    (tensor(0.), tensor(27.))
    >>> wald.Orthogonality(kind="cosine")(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    tensor(0.7071)
    """

    kind: str = param(default="squared", choices=("squared", "cosine"), help="lengths count, or directions alone")

    card = Card(
        task="other",
        inputs={"matrix": Domain(says="a matrix", axes=("rows", "columns"))},
        formula=lambda loss: Formula(
            "sum([(dot(matrix[j], matrix[k]) - (j == k))**2 for j in range(n) for k in range(n)])"
            if loss.kind == "squared"
            else "sum([abs(cosine(matrix[j], matrix[k])) for j in range(n) for k in range(n) if j != k])"
            " / max(1, n * (n - 1))",
            n="len(matrix)",
        ),
        convex=False,
        smooth=lambda loss: 3 if loss.kind == "squared" else 0,
        slope=lambda loss: "polynomial" if loss.kind == "squared" else "vanishing",
        denominator="the matrices, each counted by its weight",
        when="Layers should keep lengths, or heads and codes not repeat each other.",
        when_not="The rows are embeddings of a batch (SpreadOut).",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "orthogonal regularization",
            "soft orthogonality",
            "OrthogonalRegularizer",
            "double soft orthogonality",
        ),
        ports={"keras.regularizers.OrthogonalRegularizer": {"kind": "cosine"}},
        tags=("penalty", "weights", "orthogonal", "regulariser"),
        cite=("Bansal, Chen & Wang 2018, arXiv:1810.09102",),
    )

    def per_example(self, matrix: Tensor) -> Tensor:
        rows = matrix.shape[-2]
        own = torch.eye(rows, dtype=torch.bool, device=matrix.device)
        if self.kind == "squared":
            return (matrix @ matrix.mT - own.to(matrix.dtype)).square().sum((-2, -1))
        unit = direction(matrix)
        cosines = (unit @ unit.mT).masked_fill(own, 0.0).abs()
        return cosines.sum((-2, -1)) / max(1, rows * (rows - 1))


class SpreadOut(Contrastive):
    """Unrelated embeddings lie as they would by chance on a sphere (global orthogonal regularisation).

    first · m² + second · max(0, s - 1 / features), with m and s the means over pairs of different examples of their
    cosine and of its square: on an even sphere these are 0 and 1 / features. All pairs of the batch are taken for
    unrelated. **One number for the whole batch**, given to each example alike; one point for all costs nearly 2.

    Shapes: embedding (N, features).

    Raises:
        ShapeError: there is no batch axis, or more than one.

    >>> import torch, wald
    >>> wald.SpreadOut()(torch.eye(2)), wald.SpreadOut()(torch.ones(3, 2))  # 1 + 1 - 1/2
    (tensor(0.), tensor(1.5000))
    """

    first: float = param(default=1.0, at_least=0, help="the weight of the mean cosine's square")
    second: float = param(default=1.0, at_least=0, help="the weight of what its second moment has too much")

    card = Card(
        task="other",
        inputs={"embedding": Vector},
        formula=Formula(
            "first * mean(c or [0])**2 + second * max(0, mean([x**2 for x in c] or [0]) - 1 / len(embedding[0]))",
            n="len(embedding)",
            c="[cosine(embedding[j], embedding[k]) for j in range(n) for k in range(n) if j != k]",
        ),
        convex=False,
        coupling="coupled",
        smooth=0,
        when="Beside a loss of pairs, to use the whole of the sphere.",
        when_not="Alone: it says nothing of what belongs together.",
        points={"floor": 0, "collapse": "first + second * (1 - 1 / features)"},
        aliases=("GOR", "global orthogonal regularization", "spread-out regularizer", "EmbeddingGemma spread-out"),
        ports={
            "sentence_transformers.losses.GlobalOrthogonalRegularizationLoss": {},
        },
        tags=("penalty", "embedding", "metric learning", "regulariser"),
        cite=("Zhang et al. 2017, arXiv:1708.06320",),
    )

    def per_example(self, embedding: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("SpreadOut", "which vectors should be unrelated", embedding=embedding)
        rows, features = embedding.shape
        other = ~torch.eye(rows, dtype=torch.bool, device=embedding.device)
        if keep is not None:
            other = other & keep & keep.unsqueeze(-1)
        cosines = similarities(embedding)
        cosines = torch.where(other, cosines, torch.zeros_like(cosines))
        pairs = other.sum().clamp(min=1)
        moment = (cosines.square().sum() / pairs - 1 / features).clamp(min=0)
        return (self.first * (cosines.sum() / pairs).square() + self.second * moment).expand(rows)
