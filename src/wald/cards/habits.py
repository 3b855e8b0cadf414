"""Words that other libraries have for a field, an input or a reduction, and what each is here: a table of habits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


def _as_it_is(value: Any) -> Any:
    return value


def _inverse(value: Any) -> float:
    return 1 / float(value)


def _kind(value: Any) -> Any:
    return value.lower().replace("-", "").replace("_", "").replace(" ", "") if isinstance(value, str) else value


def _ratio(value: Any) -> Any:
    """The weight of a yes, of the weights of a no and a yes."""
    try:
        no, yes = (value[each] for each in (0, 1)) if len(value) == 2 else (1, value)
        return yes / no
    except (TypeError, KeyError, ZeroDivisionError):
        return value


_MINING: Final = {"hard": "batch-hard", "semihard": "semi-hard", "batch_hard": "batch-hard", "batch_all": "all"}


@dataclass(frozen=True, slots=True)
class Habit:
    """What a field is called elsewhere.

    Attributes:
        words: the names elsewhere, without capitals.
        fields: the names here; that which the loss has is meant, and the first if it has several.
        value: our value, from theirs; None leaves the field at its default.
    """

    words: tuple[str, ...]
    fields: tuple[str, ...]
    value: Callable[[Any], Any] = _as_it_is


def _only_if_on(value: Any, here: Any) -> Any:
    return here if value else None


#: In the order in which they are tried: one word may be a habit of several fields.
HABITS: Final[tuple[Habit, ...]] = (
    Habit(("class_weight", "class_weights"), ("pos_weight",), _ratio),
    Habit(("scale_pos_weight", "positive_weight", "pos_weights"), ("pos_weight",)),
    Habit(("weight", "weights", "class_weights", "cls_weight", "ce_weight", "class_weight"), ("class_weight", "alpha")),
    Habit(("smoothing", "label_smooth", "smooth_factor", "label_smoothing_factor"), ("label_smoothing",)),
    Habit(("smooth_nr", "smoothing", "eps", "epsilon", "smooth_eps"), ("smooth",)),
    Habit(("smooth_dr",), ("below",)),
    Habit(("epsilon",), ("eps",)),
    Habit(("eps", "eps1"), ("epsilon",)),
    Habit(
        (
            "ignore_class",
            "ignore_label",
            "ignore",
            "ignored_index",
            "pad_id",
            "pad_index",
            "padding_idx",
            "pad_token_id",
        ),
        ("ignore_index",),
    ),
    Habit(("dim", "class_dim", "channel_dim", "channel_axis", "class_axis"), ("axis",)),
    Habit(("mode", "task", "loss_type"), ("kind",), _kind),
    Habit(
        ("softmax", "use_softmax", "to_onehot_y", "multiclass"),
        ("kind",),
        lambda value: _only_if_on(value, "multiclass"),
    ),
    Habit(("multilabel", "multi_label"), ("kind",), lambda value: _only_if_on(value, "multilabel")),
    Habit(("include_background", "with_background"), ("background",)),
    Habit(("squared_pred", "square"), ("squared",)),
    Habit(("quantile", "quantiles", "q", "tau", "alpha"), ("level", "levels")),
    Habit(("tau", "temp", "t", "nce_t", "softmax_temperature"), ("temperature",)),
    Habit(("s", "logit_scale"), ("scale",)),
    Habit(("scale", "logit_scale", "inv_temperature"), ("temperature",), _inverse),
    Habit(("m", "max_m", "alpha"), ("margin", "max_margin")),
    Habit(("pos_margin",), ("positive_margin", "margin")),
    Habit(("neg_margin",), ("negative_margin", "margin")),
    Habit(("delta", "c", "threshold"), ("beta", "scale", "threshold", "epsilon")),
    Habit(("beta", "d", "threshold"), ("delta",)),
    Habit(("p", "variance_power", "tweedie_variance_power", "rho", "ord"), ("power", "order", "exponent")),
    Habit(("lambda_dice", "weight_dice", "dice_weight"), ("dice",)),
    Habit(("lambda_ce", "weight_ce", "bce_weight", "lambda_focal", "weight_bce"), ("pixel",)),
    Habit(
        ("cls_num_list", "samples_per_cls", "samples_per_class", "class_counts", "class_freq", "num_per_class"),
        ("counts",),
    ),
    Habit(("class_prior", "priors", "prior_probs", "class_priors"), ("prior",)),
    Habit(("normalize", "normalized", "l2_normalize", "normalize_embeddings"), ("normalise",)),
    Habit(("symmetric_loss", "bidirectional"), ("symmetric",)),
    Habit(("log_target",), ("target_space",), lambda value: "log_probabilities" if value else "probabilities"),
    Habit(("from_logits", "logits"), ("prediction_space",), lambda value: "logits" if value else "probabilities"),
    Habit(("window_size", "win_size", "kernel_size", "win_length", "filter_size"), ("window",)),
    Habit(("n_fft", "fft_size", "nfft"), ("fft",)),
    Habit(("hop_length", "hop_size", "shift_size"), ("hop",)),
    Habit(("type_of_triplets", "strategy"), ("mining",), lambda value: _MINING.get(str(value).lower(), value)),
    Habit(("distance_metric", "metric"), ("distance", "score")),
    Habit(("blank_id", "blank_idx", "blank_index", "blank_label"), ("blank",)),
    Habit(("length_average", "average_by_length"), ("average",)),
    Habit(("sigma",), ("width", "scale", "bandwidth")),
    Habit(("ndcg_at", "top_k", "topk", "truncation_level", "lambdarank_truncation_level"), ("k",)),
    Habit(("iter_", "iter", "iters", "n_iters", "num_iters", "max_iter"), ("iterations", "rounds")),
)

#: What need not be said to any loss, with the reason.
LEFT_OUT: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("from_logits", "logits", "sigmoid", "softmax", "use_softmax", "apply_softmax", "apply_sigmoid"),
        "what the model emits goes in untransformed, as logits; for probabilities p that is p.logit(), or p.log() of "
        "several classes",
    ),
    **dict.fromkeys(
        ("num_classes", "n_classes", "classes", "num_labels", "num_class", "feat_dim", "embedding_size"),
        "sizes are read from the tensors; what is learned is kept by a head, such as wald.Proxies",
    ),
    **dict.fromkeys(("to_onehot_y", "use_onehot"), "class ids go in as they are"),
    "zero_infinity": "an example that cannot be aligned is always left out, and counted by loss.tally(...).masked",
    "fused_log_softmax": "scores and log-probabilities may both be given",
    "clamp": "gradients are clipped for all losses alike, by torch.nn.utils.clip_grad_value_",
    "padded_value_indicator": "an empty place of a list has the relevance -inf",
}

#: What has no counterpart in a field, and what stands in its place.
IN_ITS_PLACE: Final[Mapping[str, str]] = {
    "batch": "each example is one; to pool a batch, hand it over as one example",
    "base_temperature": "the value is not rescaled; multiply it by temperature / base_temperature",
    "jaccard": "that is the loss wald.Jaccard",
    "log_loss": "take the log of 1 - loss",
    "loss_fn": "a loss of a loss is a wrapper; `wald list` shows them last",
}

#: What is said when a loss is called, by the names that it has elsewhere; sizes of a reduction are below.
SAID_WHEN_CALLED: Final[Mapping[str, str]] = {
    "reduction": "reduction",
    "size_average": "reduction",
    "reduce": "reduction",
    "weight": "weight",
    "weights": "weight",
    "sample_weight": "weight",
    "sample_weights": "weight",
    "mask": "mask",
    "normalizer": "normalizer",
    "empty": "empty",
}

#: Reductions elsewhere, and which one here gives the same for one value an example.
REDUCTIONS: Final[Mapping[Any, str]] = {
    **dict.fromkeys(("avg", "average", "elementwise_mean", "batchmean", "sum_over_batch_size", "auto"), "mean"),
    **dict.fromkeys(("mean_batch", "mean_volume", "mean_with_sample_weight", "macro"), "mean"),
    **dict.fromkeys(("total", "add", "accumulate"), "sum"),
    **dict.fromkeys((None, "null", "no", "raw", "identity", False), "none"),
}

#: What an input is called elsewhere, by the names here that it may stand for.
INPUTS: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        ("input", "inputs", "y_pred", "pred", "preds", "predictions", "output", "outputs", "x", "logits", "y_hat",
         "log_probs", "logit", "scores", "emissions", "student", "y_score"),
        ("prediction", "scores", "student", "embedding"),
    ),
    (
        ("targets", "y_true", "y", "label", "labels", "true", "ground_truth", "gt", "y_gt", "soft_targets", "teacher"),
        ("target", "label", "labels", "relevance", "teacher", "same"),
    ),
    (("input_lengths", "input_length", "logit_lengths", "logit_length", "x_lens"), ("frames",)),
    (("target_lengths", "target_length", "label_lengths", "label_length", "y_lens"), ("length",)),
    (("embeddings", "features", "embeds"), ("embedding",)),
    (("anchor", "anchors", "queries", "embeddings1", "x1", "input1", "q"), ("query", "first", "anchor")),
    (("positive", "positives", "keys", "embeddings2", "x2", "input2", "k"), ("key", "second", "other", "positive")),
    (("negatives",), ("negative",)),
    (("var", "variance", "log_var"), ("prediction",)),
)  # fmt: skip


def ours(word: str, names: Mapping[str, Any]) -> tuple[str, Callable[[Any], Any]] | None:
    """The field among `names` that this word means elsewhere, and how its value is made; None if that is not known."""
    for habit in HABITS:
        if word.lower() in habit.words:
            for field in habit.fields:
                if field in names and field != word:
                    return field, habit.value
    return None
