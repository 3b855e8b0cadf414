"""Distillation in two parts: how sure of the true class, and how the others share the rest."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Logits, param
from ...core import Loss
from ..pieces.softmax import log_odds_of
from ..pieces.softplus import softplus
from ..pieces.spaces import divergence


class DecoupledDistillation(Loss):
    """Distillation with its two parts weighed apart: the true class, and the classes beside it.

    temperature² · (target_weight · KL of "the true class or not" + other_weight · KL among the other classes), each of
    the student from the teacher. `Distillation` is the first part plus the second times the teacher's 1 - p of the true
    class, which is next to nothing where the teacher is sure: what it knows of the others is lost there. Here it
    counts wherever it is said.

    The authors' code hides the true class by a logit of -1000; here it is left out exactly. They ramp the loss up over
    the first 20 epochs and add cross-entropy. **The teacher is held fixed.** Two classes have no others to share: the
    second part is then 0.

    Shapes: prediction and teacher (*batch, classes), logits; target (*batch), class ids.

    >>> import torch, wald
    >>> student, teacher, target = torch.zeros(1, 3), torch.tensor([[4.0, 1.0, 0.0]]), torch.tensor([0])
    >>> wald.DecoupledDistillation(temperature=1.0, other_weight=1.0)(student, teacher, target)
    tensor(0.9282)
    >>> wald.DecoupledDistillation()(teacher, teacher, target)
    tensor(0.)
    """

    temperature: float = param(default=4.0, above=0, help="what both sides' logits are divided by")
    target_weight: float = param(default=1.0, at_least=0, help="the weight of the true class against all others")
    other_weight: float = param(default=8.0, at_least=0, typical=(1.0,), help="the weight of the others among them")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "teacher": Logits, "target": ClassId},
        formula=Formula(
            "temperature**2 * (target_weight * (b * log(b / a) + (1 - b) * log((1 - b) / (1 - a)))"
            " + other_weight * sum([y / (1 - b) * log(y / (1 - b) / (x / (1 - a)))"
            " for k, (x, y) in zip(range(len(p)), zip(p, t)) if k != target]))",
            p="softmax([x / temperature for x in prediction])",
            t="softmax([x / temperature for x in teacher])",
            a="p[target]",
            b="t[target]",
        ),
        smooth=3,
        slope="bounded",
        when="A classifier is distilled with labels at hand, from a teacher that is nearly always sure.",
        when_not="No labels are known, or the teacher is often wrong (Distillation).",
        points={"perfect": 0, "floor": 0},
        aliases=("DKD", "decoupled knowledge distillation"),
        tags=("distillation", "teacher", "student", "classification"),
        cite=("Zhao et al. 2022, arXiv:2203.08679",),
    )

    def per_example(self, prediction: Tensor, teacher: Tensor, target: Tensor) -> Tensor:
        student, teacher = prediction / self.temperature, teacher.detach() / self.temperature
        odds, known = log_odds_of(student, target), log_odds_of(teacher, target)
        # Σ b log(b / a) of a coin, from the log-odds of both.
        coin = torch.sigmoid(known) * (softplus(-odds) - softplus(-known)) + torch.sigmoid(-known) * (
            softplus(odds) - softplus(known)
        )
        own = target.unsqueeze(-1)
        t = teacher.scatter(-1, own, -torch.inf).log_softmax(-1)
        s = student.scatter(-1, own, -torch.inf).log_softmax(-1)
        others = divergence(t.exp(), t.scatter(-1, own, 0.0), s.scatter(-1, own, 0.0))
        return self.temperature**2 * (self.target_weight * coin + self.other_weight * others)
