"""Bad batches, one cause each: what people save when a run has gone wrong. Seeded, over many losses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from . import by_hand

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Bad:
    """A batch, its loss, and the code of what is wrong with it."""

    name: str
    code: str
    loss: object
    batch: Batch
    rows: tuple[int, ...] = ()


def _rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=_rng(seed))


def ids(n: int, classes: int, seed: int = 1) -> Tensor:
    return torch.randint(classes, (n,), generator=_rng(seed))


def labels(n: int, seed: int = 2) -> Tensor:
    return (torch.rand(n, generator=_rng(seed)) < 0.4).float()


def with_(x: Tensor, value: float, *places: int) -> Tensor:
    x = x.clone()
    x[list(places)] = value
    return x


def regression(n: int = 64, seed: int = 0) -> Batch:
    y = normal(n, seed=seed)
    return {"prediction": y + 0.5 * normal(n, seed=seed + 1), "target": y}


def classes(n: int = 64, c: int = 10, seed: int = 0) -> Batch:
    return {"logits": 2 * normal(n, c, seed=seed), "labels": ids(n, c, seed + 1)}


def binary(n: int = 64, seed: int = 0) -> Batch:
    return {"logits": 2 * normal(n, seed=seed), "labels": labels(n, seed + 1)}


def probabilities(n: int = 64, seed: int = 0) -> Batch:
    return {"probs": torch.sigmoid(2 * normal(n, seed=seed)), "labels": labels(n, seed + 1)}


def _not_finite() -> Iterator[Bad]:
    b = regression(512)
    yield Bad("NaN in targets", "W901", F.mse_loss, b | {"target": with_(b["target"], math.nan, 17, 40, 201)},
              (17, 40, 201))  # fmt: skip
    yield Bad("NaN in predictions", "W901", wald.Huber(),
              b | {"prediction": with_(b["prediction"], math.nan, 5)}, (5,))  # fmt: skip
    yield Bad("all predictions NaN", "W901", F.l1_loss, b | {"prediction": torch.full((512,), math.nan)})
    c = classes()
    yield Bad("NaN logits", "W901", F.cross_entropy, {**c, "logits": with_(c["logits"], math.nan, 3, 9)}, (3, 9))
    yield Bad("inf logit", "W902", F.cross_entropy, {**c, "logits": with_(c["logits"], math.inf, 4)}, (4,))
    yield Bad("inf target", "W902", wald.Squared(), b | {"target": with_(b["target"], math.inf, 100)}, (100,))
    yield Bad("fp16 logits that overflowed", "W902", F.binary_cross_entropy_with_logits,
              {"logits": (torch.full((8,), 1e5) * normal(8)).half(), "labels": labels(8).half()})  # fmt: skip
    weight = with_(torch.ones(512), math.nan, 2)
    yield Bad("NaN weight", "W901", by_hand.weighted_error, b | {"weight": weight}, (2,))
    t = normal(16, 8)
    yield Bad("NaN embedding", "W901", F.triplet_margin_loss,
              {"anchor": with_(t, math.nan, 7), "positive": normal(16, 8, seed=1), "negative": normal(16, 8, seed=2)},
              (7,))  # fmt: skip
    yield Bad("NaN in one row of one", "W901", F.mse_loss, {"pred": torch.tensor([math.nan]), "y": torch.ones(1)})
    yield Bad("-inf log-probability", "W902", wald.DPO(), {
        "chosen": with_(normal(16) - 20, -math.inf, 3), "rejected": normal(16, seed=1) - 20,
        "reference_chosen": normal(16, seed=2) - 20, "reference_rejected": normal(16, seed=3) - 20,
    }, (3,))  # fmt: skip


def _masks() -> Iterator[Bad]:
    c = classes(32, 6)
    z, t = c["logits"].clone(), c["labels"]
    z[11, t[11]] = -math.inf
    yield Bad("target is a masked class", "W903", F.cross_entropy, {"logits": z, "labels": t}, (11,))
    yield Bad("target is a masked class, wald", "W903", wald.CrossEntropy(), {"logits": z, "labels": t}, (11,))
    z = c["logits"].clone()
    z[4] = -math.inf
    yield Bad("no class is possible", "W903", F.cross_entropy, {"logits": z, "labels": t}, (4,))
    z = c["logits"].clone()
    z[:, 5] = -math.inf
    smooth = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    yield Bad("smoothing over a masked class", "W904", smooth, {"logits": z, "labels": t % 5})
    yield Bad("all ignored", "W906", F.cross_entropy, {"logits": z[:, :5], "labels": torch.full((32,), -100)})
    yield Bad("all ignored, wald", "W906", wald.CrossEntropy(),
              {"logits": c["logits"], "labels": torch.full((32,), -100)})  # fmt: skip
    yield Bad("all tokens ignored", "W906", wald.NextToken(shift=True),
              {"logits": normal(2, 7, 5), "labels": torch.full((2, 7), -100)})  # fmt: skip
    yield Bad("all ignored by hand", "W906", by_hand.masked_tokens,
              {"logits": c["logits"], "labels": torch.full((32,), -100)})  # fmt: skip
    b = regression(16)
    yield Bad("mask all false", "W907", wald.Squared(), b | {"mask": torch.zeros(16, dtype=torch.bool)})
    yield Bad("mask all false by hand", "W907", by_hand.masked_error, b | {"mask": torch.zeros(16)})
    yield Bad("weights sum to zero", "W908", by_hand.weighted_error, b | {"weight": torch.zeros(16)})
    yield Bad("weights all zero, wald", "W908", wald.Absolute(), b | {"weight": torch.zeros(16)})
    yield Bad("empty batch", "W905", F.mse_loss, {"prediction": torch.zeros(0), "target": torch.zeros(0)})
    yield Bad("empty classes", "W905", F.cross_entropy,
              {"logits": torch.zeros(0, 5), "labels": torch.zeros(0, dtype=torch.long)})  # fmt: skip


def _domains() -> Iterator[Bad]:
    c, b = classes(32, 5), binary(64)
    yield Bad("1-based ids", "W933", F.cross_entropy, {**c, "labels": c["labels"] + 1})
    yield Bad("1-based ids, wald", "W933", wald.CrossEntropy(), {**c, "labels": c["labels"] + 1})
    yield Bad("255 for ignored", "W933", F.cross_entropy, {**c, "labels": with_(c["labels"], 255, 6)}, (6,))
    yield Bad("-1 for the last class", "W933", by_hand.picked, {**c, "labels": with_(c["labels"], -1, 8)}, (8,))
    yield Bad("255 mask", "W931", F.binary_cross_entropy_with_logits, {**b, "labels": 255 * b["labels"]})
    yield Bad("255 mask, wald", "W931", wald.BinaryCrossEntropy(), {**b, "labels": 255 * b["labels"]})
    yield Bad("255 mask, image", "W931", torch.nn.BCEWithLogitsLoss(),
              {"logits": normal(2, 1, 16, 16), "labels": 255 * (normal(2, 1, 16, 16, seed=1) > 0).float()})  # fmt: skip
    yield Bad("-1 and 1 for 0 and 1", "W931", F.binary_cross_entropy_with_logits, {**b, "labels": 2 * b["labels"] - 1})
    yield Bad("-1 and 1 by hand", "W931", by_hand.logistic, {**b, "labels": 2 * b["labels"] - 1})
    yield Bad("per cent", "W931", F.binary_cross_entropy_with_logits,
              {"logits": b["logits"], "labels": (100 * torch.rand(64, generator=_rng())).round()})  # fmt: skip
    yield Bad("1 and 2 for 0 and 1", "W931", wald.Focal(), {**b, "labels": b["labels"] + 1})
    yield Bad("0 and 1 for -1 and 1", "W932", F.soft_margin_loss, b)
    yield Bad("0 and 1 for -1 and 1, ranks", "W932", F.margin_ranking_loss,
              {"input1": normal(16), "input2": normal(16, seed=1), "target": labels(16)})  # fmt: skip
    counts = torch.poisson(torch.full((64,), 3.0), generator=_rng())
    yield Bad("negative count", "W939", F.poisson_nll_loss,
              {"pred": normal(64), "counts": with_(counts, -4, 9)}, (9,))  # fmt: skip
    yield Bad("negative count, wald", "W939", wald.Poisson(),
              {"prediction": normal(64), "target": with_(counts, -1, 9)}, (9,))  # fmt: skip
    variance = with_(normal(16).exp(), -0.1, 4)
    yield Bad("negative variance", "W924", F.gaussian_nll_loss,
              {"input": normal(16), "target": normal(16, seed=1), "var": variance}, (4,))  # fmt: skip
    yield Bad("negative variance by hand", "W924", by_hand.gaussian,
              {"mean": normal(16), "target": normal(16, seed=1), "var": variance}, (4,))  # fmt: skip
    yield Bad("zero variance, wald", "W924", wald.GaussianNLL(scale="variance"), {
        "prediction": torch.stack([normal(16), with_(normal(16).exp(), 0.0, 3)], -1), "target": normal(16, seed=1),
    }, (3,))  # fmt: skip
    yield Bad("log of a negative prediction", "W925", by_hand.log_error,
              {"y_pred": with_(normal(16).exp(), -1.5, 2), "y_true": normal(16, seed=1).exp()}, (2,))  # fmt: skip
    yield Bad("CTC without room", "W945", F.ctc_loss, {
        "log_probs": normal(10, 3, 5).log_softmax(-1), "targets": torch.tensor([[1, 2, 3], [1, 1, 1], [4, 3, 2]]),
        "input_lengths": torch.tensor([10, 4, 10]), "target_lengths": torch.tensor([3, 3, 3]),
    }, (1,))  # fmt: skip


def _spaces() -> Iterator[Bad]:
    c = classes(64, 10)
    hit = c["logits"] + 4 * F.one_hot(c["labels"], 10)
    p = hit.softmax(-1)
    yield Bad("softmax twice", "W941", F.cross_entropy, {"probs": p, "labels": c["labels"]})
    yield Bad("softmax twice, wald", "W941", wald.CrossEntropy(), {"probs": p, "labels": c["labels"]})
    yield Bad("softmax twice by hand", "W941", by_hand.softmax_loss, {"output": p, "labels": c["labels"]})
    yield Bad(
        "softmax twice in half precision", "W941", F.cross_entropy, {"probs": p.bfloat16(), "labels": c["labels"]}
    )
    yield Bad("softmax twice, image", "W941", torch.nn.CrossEntropyLoss(),
              {"out": (3 * normal(2, 4, 8, 8)).softmax(1), "target": ids(128, 4).reshape(2, 8, 8)})  # fmt: skip
    yield Bad("likelihood of probabilities", "W942", F.nll_loss, {"probs": p, "labels": c["labels"]})
    yield Bad("likelihood of logits", "W942", torch.nn.NLLLoss(), {"logits": hit, "labels": c["labels"]})
    yield Bad("KL of probabilities", "W942", F.kl_div, {"input": p, "target": (2 * normal(64, 10, seed=5)).softmax(-1)})
    b = binary()
    yield Bad("logits for probabilities", "W943", F.binary_cross_entropy, b)
    yield Bad("logits for probabilities by hand", "W943", by_hand.entropy, b)
    z = 6 * (b["labels"] - 0.5) + normal(64)
    yield Bad("sigmoid twice", "W944", F.binary_cross_entropy_with_logits, {**b, "logits": torch.sigmoid(z)})


def _shapes() -> Iterator[Bad]:
    b, c = regression(32), classes(32, 5)
    yield Bad("(n, 1) against (n,)", "W936", F.mse_loss, {**b, "prediction": b["prediction"][:, None]})
    yield Bad("(n,) against (n, 1)", "W936", by_hand.absolute_error, {**b, "target": b["target"][:, None]})
    yield Bad("(n, 1) against (n,), wald", "W936", wald.Squared(), {**b, "prediction": b["prediction"][:, None]})
    yield Bad("one-hot ids", "W934", F.cross_entropy, {**c, "labels": F.one_hot(c["labels"], 5)})
    yield Bad("one-hot ids, wald", "W934", wald.CrossEntropy(), {**c, "labels": F.one_hot(c["labels"], 5)})
    yield Bad("ids as floats", "W935", F.cross_entropy, {**c, "labels": c["labels"].float()})
    yield Bad("classes on the last axis", "W936", F.cross_entropy,
              {"logits": normal(4, 6, 7, 5), "labels": ids(168, 5).reshape(4, 6, 7)})  # fmt: skip
    yield Bad("swapped", "W937", wald.Squared(), {"prediction": torch.arange(8), "target": normal(8)})
    yield Bad("another number of targets", "W938", F.mse_loss, {"prediction": normal(9), "target": normal(8)})


def _precision() -> Iterator[Bad]:
    b = regression(64)
    half = {name: x.half() for name, x in b.items()}
    yield Bad("fp16 square", "W911", by_hand.squared_error, half | {"target": with_(half["target"], 400, 3)}, (3,))
    yield Bad("fp16 sum", "W911", by_hand.summed_error,
              {name: (60 * x.half()) for name, x in regression(4096).items()})  # fmt: skip
    p = probabilities(64)
    zero, one = with_(p["probs"], 0.0, 6), with_(0.9 * p["probs"], 1.0, 6)
    yes, no = with_(p["labels"], 1.0, 6), with_(p["labels"], 0.0, 6)
    yield Bad("fp16 eps", "W912", by_hand.entropy_with_eps, {"probs": zero.half(), "labels": yes.half()}, (6,))
    yield Bad("bf16 eps", "W912", by_hand.entropy_with_large_eps,
              {"probs": one.bfloat16(), "labels": no.bfloat16()}, (6,))  # fmt: skip
    yield Bad("fp16 gradient", "W913", by_hand.squared_error,
              {name: 1e-4 * x.half() for name, x in regression(8192).items()})  # fmt: skip
    z = binary(64)
    yield Bad("exp in fp32", "W914", by_hand.naive_logistic,
              {"logits": with_(z["logits"], -120.0, 9), "labels": with_(z["labels"], 1.0, 9)}, (9,))  # fmt: skip
    c = classes(32, 5)
    yield Bad("softmax by hand", "W914", by_hand.naive_softmax, {**c, "logits": with_(c["logits"], 300.0, 2)}, (2,))
    yield Bad("soft margin", "W914", F.soft_margin_loss,
              {"logits": with_(z["logits"], -200.0, 5), "labels": with_(2 * z["labels"] - 1, 1.0, 5)},
              (5,))  # fmt: skip
    yield Bad("Poisson rate", "W914", F.poisson_nll_loss,
              {"prediction": with_(normal(64), 100.0, 8), "target": torch.ones(64)}, (8,))  # fmt: skip
    yield Bad("square in fp32", "W914", F.mse_loss, {**b, "target": with_(b["target"], 1e30, 8)}, (8,))
    yield Bad("uint8 goes round", "W948", by_hand.doubled,
              {"prediction": 300 + normal(16), "target": torch.full((16,), 150, dtype=torch.uint8)})  # fmt: skip


def _singular() -> Iterator[Bad]:
    p = probabilities(64)
    yield Bad("log of 0", "W921", by_hand.entropy,
              {"probs": with_(p["probs"], 0.0, 12), "labels": with_(p["labels"], 1.0, 12)}, (12,))  # fmt: skip
    yield Bad("log of 1 - 1", "W921", by_hand.entropy,
              {"probs": with_(p["probs"], 1.0, 12), "labels": with_(p["labels"], 0.0, 12)}, (12,))  # fmt: skip
    yield Bad("subnormal divisor", "W926", by_hand.relative_to_prediction,
              {"x": with_(normal(16).exp(), 1e-40, 2), "y": normal(16, seed=1).exp()}, (2,))  # fmt: skip
    yield Bad("empty mask", "W922", by_hand.overlap, {"prediction": torch.zeros(16), "target": torch.zeros(16)})
    b = regression(64)
    yield Bad("percentage of 0", "W922", by_hand.percentage, b | {"target": with_(b["target"], 0.0, 30)}, (30,))
    yield Bad("percentage of 0, wald", "W922", wald.Percentage(), b | {"target": with_(b["target"], 0.0, 30)}, (30,))
    yield Bad("0 log 0", "W922", by_hand.divergence,
              {"input": (2 * normal(16, 4)).softmax(-1), "target": F.one_hot(ids(16, 4), 4).float()})  # fmt: skip
    yield Bad("root of a perfect fit", "W923", by_hand.root, {"prediction": normal(16), "target": normal(16)})
    yield Bad("norm of a hit", "W923", by_hand.distance,
              {"prediction": with_(normal(8, 3), 0.5, 2), "target": with_(normal(8, 3, seed=1), 0.5, 2)},
              (2,))  # fmt: skip
    yield Bad("norm of an equal pair", "W923", by_hand.triplet, {
        "anchor": with_(normal(8, 3), 0.5, 2), "positive": with_(normal(8, 3, seed=1), 0.5, 2),
        "negative": normal(8, 3, seed=2),
    }, (2,))  # fmt: skip
    yield Bad("cosine of a zero vector", "W923", by_hand.cosine,
              {"prediction": with_(normal(8, 3), 0.0, 5), "target": normal(8, 3, seed=1)}, (5,))  # fmt: skip
    yield Bad(
        "correlation with a constant", "W928", by_hand.correlation, {"prediction": normal(16), "target": torch.ones(16)}
    )
    yield Bad("one class only", "W928", by_hand.pairwise_ranking, {"scores": normal(16), "labels": torch.zeros(16)})
    yield Bad(
        "spread of one row", "W927", by_hand.normalised_error, {"prediction": normal(1), "target": normal(1, seed=1)}
    )
    yield Bad(
        "correlation of constants", "W929", by_hand.correlation, {"prediction": torch.ones(16), "target": normal(16)}
    )


def _plateaus() -> Iterator[Bad]:
    c = classes(64, 10)
    yield Bad("equal logits", "W951", F.cross_entropy, {**c, "logits": torch.full((64, 10), 0.3)})
    yield Bad("zero logits", "W953", F.cross_entropy, {**c, "logits": torch.zeros(64, 10)})
    yield Bad("zero logits, binary", "W953", wald.BinaryCrossEntropy(), {**binary(), "logits": torch.zeros(64)})
    yield Bad("one row for all", "W952", F.cross_entropy, {**c, "logits": normal(1, 10).expand(64, 10).clone()})
    yield Bad("constant prediction", "W951", wald.Huber(), {**regression(), "prediction": torch.full((64,), 0.7)})
    yield Bad("dead ReLU", "W953", F.mse_loss, {**regression(), "prediction": torch.zeros(64)})
    three = ("anchor", "positive", "negative")
    yield Bad("collapsed triplets", "W954", wald.Triplet(margin=0.2),
              {name: torch.ones(16, 8) + 1e-4 * normal(16, 8, seed=i) for i, name in enumerate(three)})  # fmt: skip
    yield Bad("collapsed triplets, torch", "W954", F.triplet_margin_loss,
              {name: torch.ones(16, 8) for name in three})  # fmt: skip
    yield Bad("collapsed contrast", "W954", wald.InfoNCE(), {"query": torch.ones(32, 8), "key": torch.ones(32, 8)})
    yield Bad("positive is negative", "W955", wald.Triplet(), {
        "anchor": normal(16, 8), "positive": normal(16, 8, seed=1), "negative": normal(16, 8, seed=1),
    })  # fmt: skip
    yield Bad("chosen is rejected", "W955", wald.BradleyTerry(), {"chosen": normal(16), "rejected": normal(16)})
    yield Bad("chosen is rejected, DPO", "W955", wald.DPO(), {
        "chosen": normal(16) - 20, "rejected": normal(16) - 20,
        "reference_chosen": normal(16, seed=1) - 20, "reference_rejected": normal(16, seed=1) - 20,
    })  # fmt: skip
    yield Bad("policy is reference", "W956", wald.DPO(), {
        "policy_chosen_logps": normal(16) - 20, "policy_rejected_logps": normal(16, seed=1) - 20,
        "reference_chosen_logps": normal(16) - 20, "reference_rejected_logps": normal(16, seed=1) - 20,
    })  # fmt: skip
    p = probabilities()
    yield Bad("clamped at 100", "W957", F.binary_cross_entropy,
              {"probs": with_(p["probs"], 1.0, 7), "labels": with_(p["labels"], 0.0, 7)}, (7,))  # fmt: skip
    yield Bad("saturated sigmoid", "W957", by_hand.sigmoid_first,
              {"logits": 60 + 10 * normal(16), "labels": torch.zeros(16)})  # fmt: skip
    yield Bad("stuck in a softmax", "W960", by_hand.one_minus_probability,
              {"z": 500 * torch.eye(4).repeat(4, 1), "t": (torch.arange(16) + 1) % 4})  # fmt: skip
    yield Bad("rounded", "W959", by_hand.rounded_error, {n: 3 * x for n, x in regression().items()})
    yield Bad("cut off", "W958", by_hand.cut_off, regression())
    yield Bad("ignores the prediction", "W959", by_hand.ignores, regression())
    b = regression()
    yield Bad("thousands", "W961", F.mse_loss, {**b, "target": 1000 * b["target"]})
    share = torch.rand(64, generator=_rng())
    yield Bad("per cent of a fraction", "W961", F.l1_loss, {"pred": share, "y": 100 * share + normal(64)})
    yield Bad("prices not standardised", "W961", wald.Squared(), {**b, "target": 2e5 + 3e4 * b["target"]})
    yield Bad("missing value", "W962", F.mse_loss, {**b, "target": with_(b["target"], -9999.0, 13)}, (13,))
    yield Bad("one huge target", "W962", wald.Squared(), {**b, "target": with_(b["target"], 3e6, 13)}, (13,))
    yield Bad("negative weight", "W946", by_hand.weighted_error, {**b, "weight": with_(torch.ones(64), -1.0, 3)})
    yield Bad("extreme pos_weight", "W947", torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(1e6)), binary())


BAD: list[Bad] = [
    bad
    for family in (_not_finite, _masks, _domains, _spaces, _shapes, _precision, _singular, _plateaus)
    for bad in family()
]
