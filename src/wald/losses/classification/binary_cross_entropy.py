"""Binary cross-entropy of logits: the logistic loss."""

from torch import Tensor

from ...cards import BinaryTarget, Card, Formula, Logit, numbers, param
from ...core import ShapeError, Supervised, constant
from ..pieces.softmax import spared
from ..pieces.softplus import softplus


class BinaryCrossEntropy(Supervised):
    """The logistic loss of a yes or a no: sigmoid, then cross-entropy.

    Logistic loss: how surprised the predicted probability, sigmoid(prediction), is by a yes or a no.
    Every element is an example of its own. Its minimiser is the logit of the true probability. A positive
    example counts `pos_weight` times inside the formula, never in the denominator, and that moves the
    probability at which the decision flips from 1/2 to 1 / (1 + pos_weight). Smoothing s turns a target y
    into y (1 - s) + s / 2.

    Labels of -1 and 1, as torch's SoftMarginLoss has them, are (label + 1) / 2 here; 0 for a no would give that loss
    a constant. segmentation-models-pytorch smooths to y (1 - s) + (1 - y) s, twice as far:
    `label_smoothing=2 * s` here.

    Shapes: prediction and target (*batch); prediction in logits, target 0, 1 or between, of any type.

    Raises:
        DomainError: a target is outside [0, 1]: pixels up to 255, labels of -1.
        ShapeError: there is not one `pos_weight` for each entry of the last axis.

    >>> import torch, wald
    >>> wald.BinaryCrossEntropy()(torch.tensor([2.0, 2.0]), torch.tensor([1.0, 0.0]), reduction="none")
    tensor([0.1269, 2.1269])
    >>> wald.BinaryCrossEntropy(pos_weight=3.0).card.threshold
    0.25
    """

    pos_weight: float | tuple[float, ...] = param(
        default=1.0,
        # A number stays one, be it in a tensor; several go to the entries of the last axis.
        convert=lambda given: (
            numbers(given) if getattr(given, "ndim", isinstance(given, (list, tuple, dict))) else float(given)
        ),
        above=0,
        quiet=True,
        typical=(9.0,),
        help="how often a positive counts: one number, or one for each label along the last axis",
    )
    label_smoothing: float = param(
        default=0.0,
        at_least=0,
        below=1,
        quiet=True,
        typical=(0.1,),
        help="moves every target this share of the way to one half",
    )

    card = Card(
        task="binary",
        inputs={"prediction": Logit, "target": BinaryTarget},
        formula=Formula(
            "pos_weight * y * softplus(-prediction) + (1 - y) * softplus(prediction)",
            y="target * (1 - label_smoothing) + label_smoothing / 2",
        ),
        elicits=lambda loss: "probability" if loss.pos_weight == 1 and loss.label_smoothing == 0 else "unresolved",
        proper=lambda loss: loss.pos_weight == 1 and loss.label_smoothing == 0,
        calibrated=lambda loss: loss.pos_weight == 1,
        invertible=True,
        symmetric=False,
        # With smoothing the decision flips where the smoothed probability passes the threshold of the weight.
        threshold=lambda loss: (
            None
            if isinstance(loss.pos_weight, tuple)
            else (1 / (1 + loss.pos_weight) - loss.label_smoothing / 2) / (1 - loss.label_smoothing)
        ),
        convex=True,
        perfect_is_minimal=lambda loss: loss.label_smoothing == 0,
        smooth=3,
        slope="bounded",
        denominator="the unmasked elements, each counted by its weight; pos_weight does not enter",
        when="Yes or no, or several labels that may be true at once, and probabilities are wanted.",
        when_not="Exactly one of several classes is true (CrossEntropy), or many labels are wrong.",
        points=lambda loss: (
            {"perfect": 0, "chance": "log(2)", "floor": 0}
            if loss.pos_weight == 1 and loss.label_smoothing == 0
            else {"floor": 0}
        ),
        aliases=(
            "BCE",
            "BCEWithLogits",
            "binary_crossentropy",
            "sigmoid cross entropy",
            "sigmoid_binary_cross_entropy",
            "logistic",
            "log loss",
            "binary:logistic",
            "binary:logitraw",
            "reg:logistic",
            "binary",
            "Logloss",
            "MultiLogloss",
            "MultiLabelSoftMargin",
            "SoftMargin",
            "binomial deviance",
        ),
        ports={
            "torch.nn.BCEWithLogitsLoss": {},
            "torch.nn.functional.binary_cross_entropy_with_logits": {},
            "keras.losses.BinaryCrossentropy": {},
            "torch.nn.SoftMarginLoss": {},
            "torch.nn.MultiLabelSoftMarginLoss": {},
            "optax.sigmoid_binary_cross_entropy": {},
            "segmentation_models_pytorch.losses.SoftBCEWithLogitsLoss": {},
            "xgboost.binary:logistic": {},
            "xgboost.binary:logitraw": {},
            "xgboost.reg:logistic": {},
            "lightgbm.binary": {},
            "lightgbm.cross_entropy": {},
            "catboost.Logloss": {},
            "catboost.CrossEntropy": {},
        },
        tags=("classification", "sigmoid", "multi-label", "probabilities", "pos_weight", "imbalanced"),
        cite=(
            "Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",
            "Elkan 2001, The Foundations of Cost-Sensitive Learning, IJCAI (the threshold of a weight)",
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        # torch's way to write one weight is a tensor of one number.
        if isinstance(self.pos_weight, tuple) and len(self.pos_weight) == 1:
            object.__setattr__(self, "pos_weight", self.pos_weight[0])

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.label_smoothing:
            target = target * (1 - self.label_smoothing) + self.label_smoothing / 2
        yes, no = self.positive_weight(prediction) * target, 1 - target
        return yes * spared(softplus(-prediction), yes) + no * spared(softplus(prediction), no)

    def positive_weight(self, prediction: Tensor) -> float | Tensor:
        """`pos_weight` in a form that goes with the predictions: one number, or one for each label."""
        if not isinstance(self.pos_weight, tuple):
            return self.pos_weight
        labels = prediction.shape[-1] if prediction.ndim else 1
        if labels != len(self.pos_weight):
            raise ShapeError(
                f"BinaryCrossEntropy: pos_weight holds {len(self.pos_weight)} numbers, one for each label along the "
                f"last axis, but prediction {tuple(prediction.shape)} has {labels} there."
            )
        return constant(self.pos_weight, prediction)
