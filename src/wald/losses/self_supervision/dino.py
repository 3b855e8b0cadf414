"""DINO and iBOT: a student's distribution over prototypes meets that of its teacher, centred and sharpened."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Contrastive


class DINO(Contrastive):
    """A student's distribution over prototypes meets its teacher's, which is sharper and centred.

    -Σ p log q with q = softmax(student / temperature) and p = softmax((target - centre) / teacher_temperature), a
    constant; `target` are the scores of the teacher. **The centre is an input**: the running mean of teacher scores
    over batches and devices, which `wald.RunningMean` keeps, updated *after* the loss. Without it, one prototype
    takes all; without the lower temperature all become alike. The two work against each other, and only both together
    hold.

    A cross-entropy, not a divergence: the floor is the entropy of the teacher. It is the loss of one view of the
    student against one *other* view of the teacher: add up over such pairs and divide by how many they are.

    Of masked patches it is iBOT's: student and target (images, patches, prototypes), mask= the patches that the
    student did not see. The mean is then over all masked patches; lightly gives every image the same say:
    weight=mask / mask.sum(-1, keepdim=True), normalizer=images. Patches have a centre of their own.

    Shapes: student, target and centre (*batch, prototypes).

    >>> import torch, wald
    >>> student, teacher = torch.tensor([[1.0, 0.0]]), torch.tensor([[40.0, 0.0]])
    >>> wald.DINO(temperature=1.0)(student, teacher, torch.zeros(1, 2))  # log(1 + 1/e)
    tensor(0.3133)
    """

    temperature: float = param(
        default=0.1, above=0, typical=(1.0,), help="what the scores of the student are divided by"
    )
    teacher_temperature: float = param(
        default=0.04, above=0, typical=(0.5,), help="what the teacher's are; 0.04, rising to 0.07 as training goes on"
    )

    card = Card(
        task="other",
        inputs={
            "student": Real.of("prototypes"),
            "target": Real.of("prototypes"),
            "centre": Real.of("prototypes"),
        },
        formula=Formula(
            "-dot(softmax(t), log_softmax([s / temperature for s in student]))",
            t="[(x - c) / teacher_temperature for x, c in zip(target, centre)]",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        when="A slow copy of the network teaches it, view by view, without labels.",
        when_not="Each batch should fill the prototypes evenly (SwAV), or there are none (SimSiam).",
        points={"collapse": "log(prototypes)"},
        aliases=("DINOLoss", "iBOT", "iBOTPatchLoss", "IBOTPatchLoss", "self-distillation with no labels"),
        ports={"lightly.loss.DINOLoss": {}, "lightly.loss.IBOTPatchLoss": {}},
        tags=("self-supervised", "distillation", "teacher", "prototypes", "masked image modelling"),
        cite=("Caron et al. 2021, arXiv:2104.14294", "Zhou et al. 2022, arXiv:2111.07832 (iBOT)"),
    )

    def per_example(self, student: Tensor, target: Tensor, centre: Tensor) -> Tensor:
        wanted = ((target - centre).detach() / self.teacher_temperature).softmax(-1)
        return -(wanted * (student / self.temperature).log_softmax(-1)).sum(-1)
