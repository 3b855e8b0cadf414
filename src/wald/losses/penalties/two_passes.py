"""Agreement of two predictions for the same example, of which no label need be known."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassTarget, Domain, Formula, Logits, param
from ...core import Loss, Supervised
from ..pieces.softmax import cross_entropy
from ..pieces.spaces import divergence


class Consistency(Supervised):
    """A prediction agrees with a teacher's, or with that of another view; no label is needed.

    "squared": the mean over the classes of (softmax(prediction) - softmax(target))², of the Π-model and mean teacher.
    "kl": KL(target || prediction), of UDA without sharpening and of virtual adversarial training, where target is the
    clean prediction and prediction that of the input moved by the adversary. **The target is held fixed** here.

    Some code takes the *sum* over classes, which is `classes` times as much; a weight of 100 for the mean is usual,
    ramped up from 0 over the first epochs, as early on a teacher knows nothing. Squared differences forgive a teacher
    that is wrong and sure; they also pull little where both are sure.

    Shapes: prediction and target (*batch, classes), both logits.

    >>> import torch, wald
    >>> student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]])
    >>> wald.Consistency()(student, teacher)  # 0.3808²
    tensor(0.1450)
    >>> wald.Consistency(kind="kl")(student, teacher)
    tensor(0.3278)
    """

    kind: str = param(default="squared", choices=("squared", "kl"), help="how probabilities are compared")

    card = Card(
        task="other",
        inputs={"prediction": Logits, "target": Logits},
        formula=lambda loss: (
            Formula("mean([(a - b)**2 for a, b in zip(p, q)])", p="softmax(prediction)", q="softmax(target)")
            if loss.kind == "squared"
            else Formula(
                "sum([exp(b) * (b - a) for a, b in zip(p, q)])", p="log_softmax(prediction)", q="log_softmax(target)"
            )
        ),
        convex=lambda loss: loss.kind == "kl",
        perfect_is_minimal=True,
        smooth=3,
        slope=lambda loss: "bounded" if loss.kind == "kl" else "vanishing",
        when="Many examples have no label, and two views of one should be told alike.",
        when_not="Only sure predictions should teach (PseudoLabel), or targets are probabilities (KLDivergence).",
        points={"perfect": 0, "collapse": 0, "floor": 0},
        aliases=("Pi-model", "mean teacher", "consistency loss", "VirtualAdversarial", "VAT", "temporal ensembling"),
        tags=("penalty", "semi-supervised", "unlabelled", "teacher", "robustness"),
        cite=(
            "Laine & Aila 2016, arXiv:1610.02242",
            "Tarvainen & Valpola 2017, arXiv:1703.01780",
            "Miyato et al. 2017, arXiv:1704.03976 (VAT)",
        ),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.kind == "squared":
            return (prediction.softmax(-1) - target.detach().softmax(-1)).square().mean(-1)
        logs = target.detach().log_softmax(-1)
        return divergence(logs.exp(), logs, prediction.log_softmax(-1))


class PseudoLabel(Supervised):
    """Cross-entropy with what the model says of a weaker view, where it is sure (FixMatch, UDA).

    Where the largest probability of softmax(target) is at least `threshold`: cross-entropy of prediction against it,
    and 0 elsewhere. At `temperature` 0 the pseudo-label is its likeliest class (FixMatch, 0.95); above, its
    probabilities sharpened, softmax(target / temperature) (UDA: 0.4, threshold 0.8). The target is held fixed.

    **Unsure examples cost 0 and count in the mean**, as in the papers, so that the term is small while little is known.
    For the mean over sure ones give their number as `normalizer`; it then weighs a few early mistakes heavily.

    Shapes: prediction (the strong view) and target (the weak view) (*batch, classes), both logits.

    >>> import torch, wald
    >>> strong, weak = torch.zeros(2, 2), torch.tensor([[9.0, 0.0], [1.0, 0.0]])
    >>> wald.PseudoLabel()(strong, weak, reduction="none")
    tensor([0.6931, 0.0000])
    """

    threshold: float = param(
        default=0.95, at_least=0, at_most=1, typical=(0.0,), help="from which largest probability on a view teaches"
    )
    temperature: float = param(
        default=0.0,
        at_least=0,
        typical=(0.4,),
        help="what the target's logits are divided by; 0 takes the likeliest class",
    )

    card = Card(
        task="other",
        inputs={
            "prediction": Logits,
            # Wide enough that some views are sure.
            "target": Domain(says="logits", logits=True, axes=("classes",), typical=(-9.0, 9.0)),
        },
        formula=lambda loss: Formula(
            "-s[target.index(max(target))] if max(softmax(target)) >= threshold else 0"
            if loss.temperature == 0
            else "-sum([a * b for a, b in zip(q, s)]) if max(softmax(target)) >= threshold else 0",
            s="log_softmax(prediction)",
            **({"q": "softmax([x / temperature for x in target])"} if loss.temperature else {}),
        ),
        convex=True,
        smooth=3,
        slope="bounded",
        denominator="all unmasked examples, sure or not, each counted by its weight",
        when="Many examples have no label, and the model is often right where it is sure.",
        when_not="It is sure and wrong: calibrate it first, or use Consistency.",
        points={"floor": 0},
        aliases=("FixMatch", "UDA", "pseudo-label", "pseudo labelling", "confidence-masked pseudo-label"),
        tags=("penalty", "semi-supervised", "unlabelled", "self-training"),
        cite=("Sohn et al. 2020, arXiv:2001.07685 (FixMatch)", "Xie et al. 2019, arXiv:1904.12848 (UDA)"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        target = target.detach()
        if self.temperature:
            cost = cross_entropy(prediction, (target / self.temperature).softmax(-1))
        else:
            cost = cross_entropy(prediction, target.argmax(-1))
        sure = target.softmax(-1).amax(-1) >= self.threshold
        # NaN is not below any threshold: it must not pass as an example that is only unsure.
        return torch.where(sure | target.isnan().any(-1), cost + 0 * target.sum(-1), 0 * prediction.sum(-1))


class RDrop(Loss):
    """Cross-entropy of two passes with different dropout, and how far they are apart.

    CE(first) + CE(second) + strength · (KL(first || second) + KL(second || first)) / 2. As in the paper **the two
    cross-entropies are added**, not averaged, so at chance it is 2 log classes; code that averages them needs half the
    strength for the same. Both passes have a gradient.

    Shapes: first and second (*batch, classes), logits of the same example under two dropouts; target (*batch) class
    ids, or (*batch, classes) probabilities as floats.

    >>> import torch, wald
    >>> first, second, target = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> wald.RDrop(strength=0.0)(first, second, target)  # 0.1269 + 0.6931
    tensor(0.8201)
    >>> wald.RDrop()(first, second, target)
    tensor(1.2009)
    """

    strength: float = param(default=1.0, at_least=0, typical=(0.0, 5.0), help="the weight of the divergences")

    card = Card(
        task="multiclass",
        inputs={"first": Logits, "second": Logits, "target": ClassTarget},
        formula=Formula(
            "-a[target] - b[target] + strength * sum([(exp(x) - exp(y)) * (x - y) for x, y in zip(a, b)]) / 2",
            a="log_softmax(first)",
            b="log_softmax(second)",
        ),
        smooth=3,
        when="Dropout makes training and use differ, on small data, while fine-tuning.",
        when_not="No labels are known (Consistency).",
        points={"perfect": 0, "chance": "2 * log(classes)", "floor": 0},
        aliases=("R-Drop", "regularized dropout"),
        tags=("penalty", "classification", "dropout", "consistency", "fine-tuning"),
        cite=("Liang et al. 2021, arXiv:2106.14448",),
    )

    def per_example(self, first: Tensor, second: Tensor, target: Tensor) -> Tensor:
        costs = cross_entropy(first, target) + cross_entropy(second, target)
        a, b = first.log_softmax(-1), second.log_softmax(-1)
        return costs + 0.5 * self.strength * (divergence(a.exp(), a, b) + divergence(b.exp(), b, a))
