"""Classification losses for which torch itself has the fast kernel, wherever it means the same."""

from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ..core import constant, implements
from ..core.admission import finite, visible
from ..losses import BinaryCrossEntropy, CrossEntropy, NextToken
from .unweighted import unweighted


def _same_meaning(loss: CrossEntropy, prediction: Tensor, target: Tensor) -> bool:
    if loss.axis != -1 or loss.class_mask is not None or loss.z_loss:
        return False
    # A class that cannot occur makes torch's smoothing infinite, and NaN wherever its share is 0.
    shares = target.is_floating_point() or 0 in (loss.class_weight or ())
    return not (loss.label_smoothing or shares) or _finite(prediction)


def _mean_cross_entropy(loss: CrossEntropy, prediction: Tensor, target: Tensor) -> Tensor | None:
    if loss.class_weight is not None and (target.is_floating_point() or 0 in loss.class_weight):
        return None  # torch divides probabilities by their number, and weights that are all 0 by 0
    return _over_classes(loss, prediction, target, "mean")


@implements(
    CrossEntropy, name="torch.nn.functional.cross_entropy", accepts=_same_meaning, mean=unweighted(_mean_cross_entropy)
)
def _cross_entropy(loss: CrossEntropy, prediction: Tensor, target: Tensor) -> Tensor:
    return _over_classes(loss, prediction, target, "none")


def _tokens(loss: NextToken, prediction: Tensor, target: Tensor) -> bool:
    return not loss.shift and not loss.z_loss and (not loss.label_smoothing or _finite(prediction))


def _mean_next_token(loss: NextToken, prediction: Tensor, target: Tensor) -> Tensor:
    return _over_classes(loss, prediction, target, "mean")


@implements(NextToken, name="torch.nn.functional.cross_entropy", accepts=_tokens, mean=unweighted(_mean_next_token))
def _next_token(loss: NextToken, prediction: Tensor, target: Tensor) -> Tensor:
    return _over_classes(loss, prediction, target, "none")


def _over_classes(loss: CrossEntropy | NextToken, prediction: Tensor, target: Tensor, reduction: str) -> Tensor:
    given = loss.class_weight if isinstance(loss, CrossEntropy) else None
    weight = None if given is None else constant(given, prediction)

    def computed(scores: Tensor, truth: Tensor) -> Tensor:
        return F.cross_entropy(scores, truth, weight, reduction=reduction, label_smoothing=loss.label_smoothing)

    if prediction.ndim <= 2:
        return computed(prediction, target)
    # torch wants the classes on axis 1. Images had them there, and moving them back copies nothing.
    soft = target.is_floating_point()
    first = prediction.movedim(-1, 1)
    if first.is_contiguous():
        return computed(first, target.movedim(-1, 1) if soft else target)
    found = computed(prediction.flatten(0, -2), target.flatten(0, -2 if soft else -1))
    return found.reshape(prediction.shape[:-1]) if reduction == "none" else found


def _finite(prediction: Tensor) -> bool:
    return visible(prediction) and finite(prediction)


def _finite_logits(loss: BinaryCrossEntropy, prediction: Tensor, target: Tensor) -> bool:
    # torch gives NaN for an infinite logit on the right side, where nothing is lost.
    return _finite(prediction)


def _mean_of_labels(loss: BinaryCrossEntropy, prediction: Tensor, target: Tensor) -> Tensor:
    return _of_labels(loss, prediction, target, "mean")


@implements(
    BinaryCrossEntropy,
    name="torch.nn.functional.binary_cross_entropy_with_logits",
    accepts=_finite_logits,
    mean=unweighted(_mean_of_labels),
)
def _binary_cross_entropy(loss: BinaryCrossEntropy, prediction: Tensor, target: Tensor) -> Tensor:
    return _of_labels(loss, prediction, target, "none")


def _of_labels(loss: BinaryCrossEntropy, prediction: Tensor, target: Tensor, reduction: str) -> Tensor:
    if loss.label_smoothing:
        target = target * (1 - loss.label_smoothing) + loss.label_smoothing / 2
    weight = loss.positive_weight(prediction)
    if not isinstance(weight, Tensor):
        weight = None if weight == 1 else constant((weight,), prediction)
    return F.binary_cross_entropy_with_logits(prediction, target, reduction=reduction, pos_weight=weight)
