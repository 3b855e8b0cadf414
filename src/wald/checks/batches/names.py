"""The names under which people save the inputs of a loss."""

from __future__ import annotations

from typing import Final

#: What each input is called, the surest name first: `x` and `input` may be what the model saw.
ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "prediction": (
        "prediction", "predictions", "pred", "preds", "predicted", "y_pred", "ypred", "y_hat", "yhat", "logits",
        "logit", "log_probs", "log_prob", "logprobs", "log_probabilities", "probs", "prob", "probabilities",
        "probability", "p", "scores", "score", "outputs", "output", "out", "estimate", "estimates", "z", "mean", "mu",
        "inputs", "input", "x",
    ),
    "target": (
        "target", "targets", "label", "labels", "y_true", "ytrue", "y", "truth", "true", "ground_truth", "gt",
        "groundtruth", "observed", "tgt", "t", "class", "classes", "class_ids", "ids", "same",
    ),
    "weight": ("weight", "weights", "sample_weight", "sample_weights", "w"),
    "mask": ("mask", "masks", "keep", "valid", "loss_mask", "label_mask"),
    "var": ("var", "variance", "variances", "sigma2"),
    "chosen": ("chosen", "chosen_logps", "policy_chosen", "policy_chosen_logps", "chosen_rewards", "rewards_chosen",
               "chosen_scores", "preferred", "winner"),
    "rejected": ("rejected", "rejected_logps", "policy_rejected", "policy_rejected_logps", "rejected_rewards",
                 "rewards_rejected", "rejected_scores", "dispreferred", "loser"),
    "reference_chosen": ("reference_chosen", "ref_chosen", "ref_chosen_logps", "reference_chosen_logps"),
    "reference_rejected": ("reference_rejected", "ref_rejected", "ref_rejected_logps", "reference_rejected_logps"),
    "anchor": ("anchor", "anchors", "a", "query", "first"),
    "other": ("other", "pair", "second", "positive"),
    "positive": ("positive", "positives", "pos", "p"),
    "negative": ("negative", "negatives", "neg", "n"),
    "query": ("query", "queries", "q", "image", "images", "anchor", "anchors", "image_features", "image_embeds", "a"),
    "key": ("key", "keys", "k", "text", "texts", "positive", "positives", "text_features", "text_embeds", "b"),
    "same": ("same", "label", "labels", "target", "targets", "y", "is_same"),
    "real": ("real", "real_scores", "real_logits", "d_real"),
    "fake": ("fake", "fake_scores", "fake_logits", "d_fake", "generated"),
    "input1": ("input1", "x1", "first", "a", "anchor"),
    "input2": ("input2", "x2", "second", "b", "other", "positive"),
    "input_lengths": ("input_lengths", "input_length", "lengths", "logit_lengths", "frames"),
    "target_lengths": ("target_lengths", "target_length", "label_lengths"),
}  # fmt: skip

_OF: Final = {name: group for group in ("target", "prediction") for name in ALIASES[group]}


def aliases(name: str) -> tuple[str, ...]:
    """The names under which the input of this name may have been saved, its own first."""
    plain = name.lower()
    group = plain if plain in ALIASES else _OF.get(plain, "")
    return tuple(dict.fromkeys((plain, *ALIASES.get(group, ()))))


def role(name: str) -> str:
    """What an input is by its name: prediction, target, weight, mask, reference, length; else empty."""
    plain = name.lower()
    if plain in ("weight", "weights", "sample_weight", "mask", "pos_weight"):
        return "mask" if plain == "mask" else "weight"
    if plain.startswith(("reference_", "ref_")):
        return "reference"
    if plain.endswith(("_lengths", "_length")):
        return "length"
    return _OF.get(plain, "")
