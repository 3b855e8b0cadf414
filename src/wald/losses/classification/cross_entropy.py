"""Cross-entropy of class scores: softmax, then the logarithm of what the true class got."""

from torch import Tensor

from ...cards import Card, ClassTarget, Formula, Logits, numbers, param
from ...core import Supervised, constant
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, cross_entropy


class CrossEntropy(Supervised, OverClasses):
    """Softmax cross-entropy: how surprising the true class was.

    Softmax cross-entropy: how surprised the predicted distribution is by the true class.
    Its minimiser is the true distribution of the classes. With class weights w the minimiser is proportional
    to w times that distribution: the scores decide differently and are no longer probabilities.

    The mean divides by the sum of the class weights of the targets that count, for probabilities as for ids
    (Σ_k w_k t_k), so that one-hot and ids are one loss. torch divides probabilities by their number instead;
    `normalizer="rows"` gives that. `reduction="none"` and `label_smoothing` are torch's: the class weights are
    inside the values, and smoothing gives (1 - ε) w_y ℓ_y + ε/K Σ_k w_k ℓ_k with w_y in the denominator.

    A class with a logit of -inf, or left out by `class_mask`, cannot occur: it takes no part in the softmax
    and gets none of the smoothing, and its gradient is exactly 0. The loss is infinite where the target
    gives such a class any probability.

    Shapes: prediction (*batch, classes), unnormalised; target (*batch) class ids of any integer type, or
    (*batch, classes) probabilities as floats. For images (N, C, H, W), `CrossEntropy(axis=1)`.

    Raises:
        DomainError: the rows of prediction look like probabilities, an id is not a class, or the
            probabilities of a target do not add up to 1.
        ShapeError: prediction and target do not line up, or there is not one class weight for each class.

    >>> import torch, wald
    >>> logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    >>> wald.CrossEntropy()(logits, torch.tensor([0, 2]), reduction="none")
    tensor([0.1698, 1.0986])
    >>> wald.CrossEntropy(ignore_index=2)(logits, torch.tensor([0, 2]))
    tensor(0.1698)
    """

    class_weight: tuple[float, ...] | None = param(
        default=None,
        convert=numbers,
        at_least=0,
        quiet=True,
        typical=((1.0, 2.0, 5.0, 0.5),),
        help="what an example of each class counts: a list, tensor or dict of class id to number",
    )
    label_smoothing: float = param(
        default=0.0,
        at_least=0,
        below=1,
        quiet=True,
        typical=(0.1,),
        help="the share of the target spread evenly over all classes that can occur",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    z_loss: float = param(
        default=0.0,
        at_least=0,
        quiet=True,
        typical=(1e-2,),
        help="adds this much of the squared log-partition, which keeps logits near normalised",
    )
    class_mask: tuple[bool, ...] | None = param(
        default=None,
        convert=lambda given: given if given is None else tuple(k != 0 for k in numbers(given) or ()),
        quiet=True,
        help="which classes compete: True takes part, False cannot occur",
    )
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs=lambda loss: {
            "prediction": Logits.of("classes", size=len(loss.class_weight or loss.class_mask or ()) or None),
            "target": ClassTarget,
        },
        formula=lambda loss: (
            Formula(
                "-(1 - label_smoothing) * w[target] * s[target]"
                " - label_smoothing * mean([a * b for a, b in zip(w, s)])",
                w="class_weight or [1 for _ in prediction]",
                s="log_softmax(prediction)",
            )
            if loss.label_smoothing
            else Formula("-log_softmax(prediction)[target] + z_loss * logsumexp(prediction)**2")
            if loss.z_loss
            else Formula("-class_weight[target] * log_softmax(prediction)[target]")
            if loss.class_weight
            else Formula("-log_softmax(prediction)[target]")
        ),
        elicits=lambda loss: (
            "distribution" if loss.label_smoothing == 0 and len({*(loss.class_weight or ())}) < 2 else "unresolved"
        ),
        proper=lambda loss: loss.label_smoothing == 0 and len({*(loss.class_weight or ())}) < 2,
        calibrated=lambda loss: len({*(loss.class_weight or ())}) < 2,
        invertible=lambda loss: 0 not in (loss.class_weight or ()),
        symmetric=False,
        convex=lambda loss: loss.z_loss == 0,
        perfect_is_minimal=lambda loss: loss.label_smoothing == 0,
        smooth=3,
        slope=lambda loss: "linear" if loss.z_loss else "bounded",
        denominator="the sum of the class weights of the targets that count (without class weights, their number)",
        share=lambda loss: None if loss.class_weight is None else Formula("class_weight[target]"),
        when="One of several classes is true, and its probability is wanted.",
        when_not="Several labels may be true at once (BinaryCrossEntropy); mistakes cost differently "
        "(CostSensitiveCrossEntropy); many labels are wrong.",
        points=lambda loss: {
            **({} if loss.label_smoothing else {"perfect": 0}),
            "chance": "log(classes) + z_loss * log(classes)**2" if loss.z_loss else "log(classes)",
            "floor": 0,
        },
        aliases=(
            "CE",
            "softmax",
            "softmax cross entropy",
            "softmax_cross_entropy_with_integer_labels",
            "CategoricalCrossentropy",
            "SparseCategoricalCrossentropy",
            "SoftTargetCrossEntropy",
            "LabelSmoothingCrossEntropy",
            "multinomial logistic",
            "multinomial deviance",
            "multi:softprob",
            "multi:softmax",
            "multiclass",
        ),
        ports={
            "torch.nn.CrossEntropyLoss": {},
            "torch.nn.functional.cross_entropy": {},
            "optax.softmax_cross_entropy": {},
            "optax.softmax_cross_entropy_with_integer_labels": {},
            "optax.safe_softmax_cross_entropy": {},
            "timm.loss.SoftTargetCrossEntropy": {},
            "timm.loss.LabelSmoothingCrossEntropy": {"label_smoothing": 0.1},
            "xgboost.multi:softprob": {},
            "xgboost.multi:softmax": {},
            "lightgbm.multiclass": {},
            "catboost.MultiClass": {},
        },
        tags=("classification", "softmax", "probabilities", "label smoothing", "class weights", "imbalanced", "mixup"),
        cite=(
            "Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",
            "Szegedy et al. 2015, arXiv:1512.00567 (label smoothing)",
            "Chowdhery et al. 2022, arXiv:2204.02311 (z-loss)",
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [len(each) for each in (self.class_weight, self.class_mask) if each is not None]
        if len({*given}) > 1:
            raise ValueError(f"CrossEntropy: class_weight is for {given[0]} classes and class_mask for {given[1]}")
        if self.class_mask is not None and not any(self.class_mask):
            raise ValueError("CrossEntropy: class_mask leaves out every class; at least one must be able to occur")

    def share(self, *inputs: Tensor) -> Tensor | None:
        prediction, target = inputs
        if self.class_weight is None:
            return None
        weight = constant(self.class_weight, prediction)
        return target @ weight if target.is_floating_point() else weight[target]

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(
            *classes_last(self, self.axis, prediction, target),
            class_weight=self.class_weight,
            class_mask=self.class_mask,
            label_smoothing=self.label_smoothing,
            z_loss=self.z_loss,
        )
