"""Distillation of logits: the student's softened probabilities follow the teacher's."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Formula, Logits, param
from ...core import Supervised
from ..pieces.spaces import divergence


class Distillation(Supervised):
    """A student's probabilities follow a teacher's, both softened by a temperature (Hinton).

    temperature² · KL(softmax(target / temperature) || softmax(prediction / temperature)), the target being the
    teacher's logits. A temperature above 1 shows which wrong classes the teacher holds likely. **The factor
    temperature² keeps the gradient of one size whatever the temperature**, so that the weight of this term need not be
    tuned anew; `scaled=False` leaves it out, as Liger's kernels do.

    The value of an example is the sum over classes; mmdetection divides by the classes too. **The target is held
    fixed**, so that the teacher never learns from the student.

    The usual mixture with labels is a sum of two losses: `0.5 * Distillation(temperature=4.0)(student, teacher) + 0.5 *
    CrossEntropy()(student, labels)`, or an `Objective` of both.

    Shapes: prediction and target (*batch, classes), both logits.

    >>> import torch, wald
    >>> student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]])
    >>> wald.Distillation()(student, teacher), wald.Distillation(temperature=4.0)(student, teacher)
    (tensor(0.3278), tensor(0.4848))
    >>> wald.Distillation(temperature=4.0)(teacher, teacher)
    tensor(0.)
    """

    temperature: float = param(default=1.0, above=0, typical=(4.0,), help="what both sides' logits are divided by")
    scaled: bool = param(default=True, choices=(True, False), help="multiply by temperature²")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": Logits},
        formula=Formula(
            "sum([exp(b) * (b - a) for a, b in zip(p, t)]) * (temperature**2 if scaled else 1)",
            p="log_softmax([x / temperature for x in prediction])",
            t="log_softmax([x / temperature for x in target])",
        ),
        convex=True,
        perfect_is_minimal=lambda loss: True if loss.temperature == 1 else None,
        smooth=3,
        slope="bounded",
        when="A smaller model should do as a larger one does, and the larger one's logits are there.",
        when_not="The teacher gives probabilities (KLDivergence), or both ways of erring matter (JensenShannon).",
        points={"perfect": 0, "floor": 0},
        aliases=(
            "knowledge distillation",
            "KD",
            "DistillKL",
            "Hinton distillation",
            "temperature distillation",
            "KnowledgeDistillationKLDivLoss",
            "DistillKLDivLoss",
        ),
        tags=("distillation", "teacher", "student", "soft targets", "compression"),
        cite=("Hinton, Vinyals & Dean 2015, arXiv:1503.02531",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        teacher = (target.detach() / self.temperature).log_softmax(-1)
        student = (prediction / self.temperature).log_softmax(-1)
        value = divergence(teacher.exp(), teacher, student)
        return value * self.temperature**2 if self.scaled else value
