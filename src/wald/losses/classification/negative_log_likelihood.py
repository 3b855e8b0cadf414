"""The negative log-likelihood of a class, where the model emits log-probabilities or probabilities."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassTarget, Formula, LogProbabilities, Probabilities, numbers, param
from ...core import Supervised, constant
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, over_labels, spared
from ..pieces.spaces import distribution


class NegativeLogLikelihood(Supervised, OverClasses):
    """Minus the log-probability of the true class, of a model that ends in a softmax.

    CrossEntropy for models that emit log-probabilities (`space="log_probabilities"`, torch's NLLLoss) or
    probabilities (`space="probabilities"`, Keras and scikit-learn without `from_logits`). Where logits can be had,
    CrossEntropy of them is exact at any distance; a probability that has been rounded to 0 costs infinity, and has no
    slope to come back by. Keras clips probabilities at 1e-7 and scikit-learn at the rounding unit; so does
    `prediction.clamp(min=1e-7)` before the call. Nothing is clipped here.

    What does not add to one in its space is refused: torch's NLLLoss takes probabilities in place of
    log-probabilities without a word and gives a negative loss.

    The mean divides by the sum of the class weights of the targets that count, as torch does for ids.

    Shapes: prediction (*batch, classes); target (*batch) class ids, or (*batch, classes) probabilities as floats;
    the loss in nats. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: the rows of prediction are not what `space` says, or an id is not a class.
        ShapeError: there is not one class weight for each class.

    >>> import torch, wald
    >>> p, target = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]), torch.tensor([0, 1])
    >>> wald.NegativeLogLikelihood()(p.log(), target, reduction="none")
    tensor([0.6931, 0.2231])
    >>> wald.NegativeLogLikelihood(space="probabilities")(p, target, reduction="none")
    tensor([0.6931, 0.2231])
    """

    space: str = param(
        default="log_probabilities",
        choices=("log_probabilities", "probabilities"),
        help="what the prediction is given as",
    )
    class_weight: tuple[float, ...] | None = param(
        default=None,
        convert=numbers,
        at_least=0,
        quiet=True,
        typical=((1.0, 2.0, 5.0, 0.5),),
        help="what an example of each class counts: a list, tensor or dict of class id to number",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs=lambda loss: {
            "prediction": (Probabilities if loss.space == "probabilities" else LogProbabilities).of(
                "classes", size=len(loss.class_weight or ()) or None
            ),
            "target": ClassTarget,
        },
        formula=lambda loss: Formula(
            f"-w[target] * {'log(prediction[target])' if loss.space == 'probabilities' else 'prediction[target]'}",
            w="class_weight or [1 for _ in prediction]",
        ),
        elicits=lambda loss: "distribution" if len({*(loss.class_weight or ())}) < 2 else "unresolved",
        proper=lambda loss: len({*(loss.class_weight or ())}) < 2,
        calibrated=lambda loss: len({*(loss.class_weight or ())}) < 2,
        invertible=lambda loss: 0 not in (loss.class_weight or ()),
        symmetric=False,
        convex=True,
        perfect_is_minimal=True,
        smooth=3,
        slope=lambda loss: "unbounded" if loss.space == "probabilities" else "bounded",
        denominator="the sum of the class weights of the targets that count (without class weights, their number)",
        share=lambda loss: None if loss.class_weight is None else Formula("class_weight[target]"),
        when="The model ends in a softmax or a log-softmax that cannot be taken off.",
        when_not="It emits logits (CrossEntropy).",
        points={"perfect": 0, "chance": "log(classes)", "floor": 0},
        aliases=("NLLLoss", "nll_loss", "NLL", "negative log likelihood", "multiclass log loss"),
        ports={
            "torch.nn.NLLLoss": {"space": "log_probabilities"},
            "torch.nn.functional.nll_loss": {"space": "log_probabilities"},
            "keras.losses.CategoricalCrossentropy": {"space": "probabilities"},
            "keras.losses.SparseCategoricalCrossentropy": {"space": "probabilities"},
            "sklearn.metrics.log_loss": {"space": "probabilities"},
        },
        tags=("classification", "softmax", "probabilities", "log-probabilities", "class weights"),
        cite=("Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",),
    )

    def share(self, *inputs: Tensor) -> Tensor | None:
        prediction, target = inputs
        if self.class_weight is None:
            return None
        weight = constant(self.class_weight, prediction)
        return target @ weight if target.is_floating_point() else weight[target]

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        surprise = -distribution(prediction, self.space)[1]
        if self.class_weight is not None:
            weight = constant(self.class_weight, prediction)
            surprise = weight * spared(surprise, weight)
        return over_labels(surprise, target)
