"""Entmax: the loss of a softmax that gives unlikely classes a probability of exactly 0."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, param
from ...core import Supervised
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, over_labels
from ..pieces.tempered import tempered_log_softmax


class Entmax(Supervised, OverClasses):
    """Cross-entropy's kin for a sparse softmax: a wide enough lead costs nothing.

    The Fenchel-Young loss of Tsallis entropies: Σ p_k z_k - z_y + H(p), with
    p = argmax of Σ p_k z_k + H(p) and H(p) = (1 - Σ p_k^alpha) / (alpha (alpha - 1)). At alpha = 1 p is the softmax
    and the loss CrossEntropy; at 2 p is the sparsemax, the nearest point of the simplex to z; 1.5 is the 1.5-entmax.
    Above 1 a class that is far enough behind has a probability of exactly 0, and an example whose true class leads by
    1 / (alpha - 1) costs nothing and pulls no more, like a hinge.

    The gradient is p minus the one-hot target, and p at the minimiser is the distribution of the classes, though a
    zero is not told from next to nothing. Predict with `loss.probabilities(z)`, not with the softmax.

    A class with a logit of -inf cannot occur. A soft target is the mean over labels drawn from it: the divergence
    from the soft target itself is less by its entropy, which no prediction changes. Optax leaves out the same term.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids, or (*batch, classes) probabilities
    as floats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction look like probabilities, or an id is not a class.

    >>> import torch, wald
    >>> logits, target = torch.tensor([[0.5, 0.0, -1.0], [3.0, 0.5, 0.0]]), torch.tensor([1, 0])
    >>> sparsemax = wald.Entmax(alpha=2.0)
    >>> sparsemax.probabilities(logits)
    tensor([[0.7500, 0.2500, 0.0000],
            [1.0000, 0.0000, 0.0000]])
    >>> sparsemax(logits, target, reduction="none")
    tensor([0.5625, 0.0000])
    """

    alpha: float = param(
        default=1.5, at_least=1, at_most=2, typical=(1.0, 2.0), help="1 is the softmax, 2 the sparsemax: how sparse"
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassTarget},
        formula=lambda loss: (
            Formula("-log_softmax(prediction)[target]")
            if loss.alpha == 1
            else Formula(
                "dot(p, prediction) - prediction[target] + (1 - sum([x**alpha for x in p])) / (alpha * (alpha - 1))",
                entmax="lambda at: [max(0, (alpha - 1) * (z - at))**(1 / (alpha - 1)) for z in prediction]",
                top="max(prediction)",
                p="entmax(solve(lambda at: sum(entmax(at)) - 1, top - 1 / (alpha - 1), top))",
            )
        ),
        elicits=lambda loss: "distribution" if loss.alpha == 1 else "unresolved",
        proper=lambda loss: loss.alpha == 1,
        calibrated=True,
        invertible=True,
        symmetric=False,
        convex=True,
        perfect_is_minimal=True,
        # Probabilities leave 0 like the power 1 / (alpha - 1).
        smooth=lambda loss: 3 if loss.alpha == 1 else min(3, int(-(-1 // (loss.alpha - 1)))),
        slope="bounded",
        when="Most classes are out of the question for any example, and their probability should be 0: attention over "
        "words, sparse choices.",
        when_not="Unlikely classes must keep a small probability (CrossEntropy).",
        points=lambda loss: (
            {"perfect": 0, "chance": "log(classes)", "floor": 0}
            if loss.alpha == 1
            else {"perfect": 0, "chance": "(1 - classes**(1 - alpha)) / (alpha * (alpha - 1))", "floor": 0}
        ),
        aliases=(
            "1.5-entmax",
            "alpha-entmax",
            "sparsemax",
            "sparsemax_loss",
            "Tsallis",
            "Fenchel-Young",
            "make_fenchel_young_loss",
        ),
        ports={
            "entmax.Entmax15Loss": {"alpha": 1.5},
            "entmax.EntmaxBisectLoss": {"alpha": 1.5},
            "entmax.SparsemaxLoss": {"alpha": 2.0},
            "entmax.SparsemaxBisectLoss": {"alpha": 2.0},
            "optax.losses.multiclass_sparsemax_loss": {"alpha": 2.0},
        },
        tags=("classification", "softmax", "sparse", "attention", "Fenchel-Young", "margin"),
        cite=(
            "Martins & Astudillo 2016, arXiv:1602.02068 (sparsemax)",
            "Peters, Niculae & Martins 2019, arXiv:1905.05702 (entmax)",
            "Blondel, Martins & Niculae 2019, arXiv:1901.02324 (Fenchel-Young losses)",
        ),
    )

    def probabilities(self, prediction: Tensor) -> Tensor:
        """The sparse softmax of scores (*batch, classes): what this loss takes the probabilities to be."""
        return tempered_log_softmax(prediction, 2 - self.alpha).exp()

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        logs = tempered_log_softmax(prediction, 2 - self.alpha)
        if self.alpha == 1:
            return over_labels(-logs, target)
        p = logs.exp()
        chosen = p > 0
        # Scores against the largest: a class without probability has no part in the sum, however far behind it is.
        behind = prediction.amax(-1, keepdim=True) - prediction
        spread = (p * torch.where(chosen, behind, torch.zeros_like(behind))).sum(-1)
        powers = (self.alpha * logs).exp().sum(-1)
        return over_labels(behind, target) - spread + (1 - powers) / (self.alpha * (self.alpha - 1))
