"""Healthy batches: what comes out of ordinary training, odd but innocent ones among them. Seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
import math

import torch
from torch import Generator, Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.subjects.draw import draw, variants

from .. import known
from . import by_hand

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Healthy:
    """A batch with which nothing is wrong, and its loss."""

    name: str
    loss: object
    batch: Batch


SIZES = (1, 2, 3, 4, 7, 16, 33, 64, 200)
CLASSES = (2, 3, 5, 10, 100)
#: What `wald why` may rightly say of batches of these losses that are drawn anyhow. All else is a false alarm, and so
#: is this of any other loss.
RIGHT: dict[str, frozenset[str]] = {
    # Angles to the power of the classes' scale: where all rows are sure, half precision has no gradient.
    **{name: frozenset({"W913"}) for name in ("ArcFace", "PNP", "SphereFace")},
    # No slope at all: an empty mask, noise in place of an image, views of which none is sure, nothing but outliers.
    **{name: frozenset({"W959", "W960"}) for name in ("Dice", "MultiScaleSSIM", "PseudoLabel", "Tukey")},
}
DTYPES = (torch.float32, torch.float32, torch.float32, torch.float64, torch.bfloat16, torch.float16)


def pick(options: tuple, rng: Generator):
    return options[int(torch.randint(len(options), (1,), generator=rng))]


def normal(*shape: int, rng: Generator) -> Tensor:
    return torch.randn(shape, generator=rng)


def uniform(*shape: int, rng: Generator) -> Tensor:
    return torch.rand(shape, generator=rng)


def heavy(n: int, rng: Generator) -> Tensor:
    """Numbers with tails: normal, Student (3 and 2 degrees), Laplace, log-normal, Cauchy."""
    kind = int(torch.randint(6, (1,), generator=rng))
    z, u = normal(n, rng=rng), uniform(n, rng=rng).clamp(1e-6, 1 - 1e-6)
    if kind in (1, 2):
        freedom = (3, 2)[kind - 1]
        return z / (normal(n, freedom, rng=rng).square().sum(-1) / freedom).sqrt().clamp(min=1e-3)
    return {0: z, 3: (u - 0.5).sign() * (1 - 2 * (u - 0.5).abs()).log(), 4: (1.5 * z).exp(),
            5: torch.tan(math.pi * (u - 0.5))}[kind]  # fmt: skip


# One batch of a kind each.


def of_catalogue(loss: wald.Loss, rng: Generator) -> Healthy:
    labelled = isinstance(loss, wald.Contrastive) and any(domain.integer for _, domain in loss.named_domains)
    # One example alone has nobody to meet, and a triplet is three.
    n = max(pick(SIZES, rng), 8 if loss.card.coupling == "coupled" else 3 if labelled else 1)
    soft = bool(torch.rand((), generator=rng) < 0.3)
    inputs = draw(loss, n, rng, classes=pick((3, 4, 10), rng), soft=soft)
    for x, (_, domain) in zip(inputs, loss.named_domains, strict=True):
        # A loss of pairs has nothing to say of one label alone.
        if domain.integer and domain.high == 1 and not domain.axes:
            x[:2] = torch.arange(2)[: len(x)]
        if labelled and domain.integer:
            x[:3] = torch.tensor([0, 0, 1])
        elif loss.card.coupling == "coupled" and domain.integer and not domain.axes:
            # Rates, groups and correlations need every kind, in every group.
            x[:8] = torch.arange(8) // (2 if domain.high == 1 else 1) % (int(domain.high) + 1 if domain.high < 8 else 2)
    dtype = pick(DTYPES, rng)
    names = [name for name, _ in loss.named_domains]
    batch = {name: x.to(dtype) if x.is_floating_point() else x for name, x in zip(names, inputs, strict=True)}
    for name, (_, domain) in zip(names, loss.named_domains, strict=True):
        if domain.normalised == "linear" or (domain.soft and batch[name].is_floating_point()):
            batch[name] = inputs[names.index(name)].float()
    examples = next(iter(batch.values())).shape[0]
    plain = type(loss).__name__ not in ("NextToken",) and getattr(loss, "axis", -1) == -1
    if plain and n > 3:
        chance = float(torch.rand((), generator=rng))
        if chance < 0.2:
            batch["weight"] = uniform(examples, rng=rng) * (uniform(examples, rng=rng) < 0.8).float() + 1e-3
        elif chance < 0.4:
            mask = uniform(examples, rng=rng) < 0.7
            mask[:3] = True
            batch["mask"] = mask
            for name, x in list(batch.items()):
                # What is masked may be anything.
                if name != "mask" and x.is_floating_point() and x.shape[0] == examples:
                    batch[name] = torch.where(mask.reshape(-1, *[1] * (x.ndim - 1)), x, torch.full_like(x, math.nan))
    return Healthy(repr(loss), loss, batch)


def of_numbers(loss: object, rng: Generator) -> Healthy:
    n = pick(SIZES, rng)
    y = heavy(n, rng)
    # A loss that is flat beyond a few units really is stuck with targets of another size.
    scale = 0.5 if loss is known.STATISTICS["Welsch"][0] else pick((1.0, 1.0, 100.0, 1e4), rng)
    shift = 0.0 if scale == 0.5 else pick((0.0, 5.0, 300.0), rng)
    y = scale * (y + shift)
    kind = pick(("start", "near", "hit"), rng)
    x = {"start": scale * shift + 0.1 * scale * normal(n, rng=rng), "near": y + 0.3 * scale * normal(n, rng=rng),
         "hit": torch.where(uniform(n, rng=rng) < 0.2, y, y + 0.01 * scale * normal(n, rng=rng))}[kind]  # fmt: skip
    if pick((True, False), rng):
        x, y = x[:, None], y[:, None]
    dtype = torch.float64 if pick((True, False, False), rng) else torch.float32
    return Healthy(f"numbers {kind}", loss, {"prediction": x.to(dtype), "target": y.to(dtype)})


def of_classes(loss: object, rng: Generator, ignores: bool = True, logs: bool = False) -> Healthy:
    n, c = pick(SIZES, rng), pick(CLASSES, rng)
    prior = (-1.5 * uniform(1, rng=rng) * torch.arange(c)).softmax(0)
    t = torch.multinomial(prior, n, replacement=True, generator=rng)
    z = pick((1e-3, 0.05, 1.0, 3.0), rng) * normal(n, c, rng=rng) + pick((0.0, 2.0), rng) * F.one_hot(t, c)
    odd = float(torch.rand((), generator=rng))
    dtype = pick(DTYPES, rng)
    if odd < 0.15 and ignores and n > 2:
        t = torch.where(uniform(n, rng=rng) < 0.4, torch.full_like(t, -100), t)
        t[0] = 0
    elif odd < 0.3 and not logs:
        closed = uniform(n, c, rng=rng) < 0.2
        z = torch.where(closed & (F.one_hot(t, c) == 0), torch.full_like(z, -math.inf), z)
    elif odd < 0.4 and n < 4 and not logs and not isinstance(loss, wald.Loss):  # wald's losses refuse such rows
        z = z.softmax(-1) if n == 1 else z - z.mean(-1, keepdim=True) + 1 / c  # rows that happen to add up to one
    z = z.log_softmax(-1) if logs else z
    return Healthy("classes", loss, {"logits": z.to(dtype), "labels": t})


def of_images(loss: object, rng: Generator) -> Healthy:
    n, c, h = pick((1, 2, 4), rng), pick((2, 3, 5), rng), pick((1, 4, 9), rng)
    t = torch.randint(c, (n, h, h), generator=rng)
    return Healthy("images", loss, {"out": 2 * normal(n, c, h, h, rng=rng), "target": t})


def of_soft_classes(loss: object, rng: Generator, logs: bool = False) -> Healthy:
    n, c = pick(SIZES, rng), pick((2, 3, 10), rng)
    z, t = 2 * normal(n, c, rng=rng), (2 * normal(n, c, rng=rng)).softmax(-1)
    if pick((True, False), rng):
        t = 0.9 * F.one_hot(t.argmax(-1), c).float() + 0.1 / c
    return Healthy("soft classes", loss, {"input": z.log_softmax(-1) if logs else z, "target": t})


def of_labels(loss: object, rng: Generator, no: float = 0.0, probability: bool = False, soft: bool = True) -> Healthy:
    n = pick(SIZES, rng)
    rate = pick((0.5, 0.2, 0.02, 0.001), rng)
    t = (uniform(n, rng=rng) < rate).float()
    z = pick((1e-3, 0.1, 1.0, 4.0), rng) * normal(n, rng=rng) + pick((0.0, 1.5), rng) * (2 * t - 1)
    z = z + pick((0.0, 0.5, -2.0), rng)
    if soft and pick((True, False, False), rng):
        t = 0.05 + 0.9 * t
    shape = pick(((n,), (n, 1)), rng)
    dtype = pick(DTYPES[:4] if probability else DTYPES, rng)
    x = torch.sigmoid(z.clamp(-8, 8)) if probability else z
    return Healthy(
        "labels", loss, {"logits": x.reshape(shape).to(dtype), "labels": (no + (1 - no) * t).reshape(shape).to(dtype)}
    )


def of_counts(loss: object, rng: Generator) -> Healthy:
    n = pick(SIZES, rng)
    rate = normal(n, rng=rng) + pick((0.0, 3.0, 9.0), rng)
    y = torch.poisson(rate.exp(), generator=rng)
    return Healthy("counts", loss, {"pred": rate + 0.3 * normal(n, rng=rng), "counts": y})


def of_vectors(loss: object, names: tuple[str, ...], rng: Generator, sign: str = "", whole: bool = False) -> Healthy:
    n, d = pick(SIZES, rng), pick((2, 8, 64), rng)
    common = pick((0.0, 1.0, 3.0), rng) * normal(d, rng=rng)
    own = normal(n, d, rng=rng)
    batch = {name: common + own + 0.5 * normal(n, d, rng=rng) for name in names}
    if sign:
        batch[sign] = (2 * torch.randint(2, (n,), generator=rng) - 1).float()
    if pick((True, False), rng):
        batch = {name: F.normalize(x, dim=-1) if x.ndim == 2 else x for name, x in batch.items()}
    return Healthy("vectors", loss, batch)


def of_pairs(loss: object, rng: Generator) -> Healthy:
    n = pick(SIZES, rng)
    chosen, rejected = normal(n, rng=rng) + 0.3, normal(n, rng=rng)
    return Healthy("pairs", loss, {"chosen_rewards": chosen, "rejected_rewards": rejected})


def of_policies(rng: Generator) -> Healthy:
    n = pick(SIZES, rng)
    reference = -5 * normal(n, rng=rng).abs() - 20, -5 * normal(n, rng=rng).abs() - 20
    moved = pick((1e-3, 0.1, 2.0), rng)
    return Healthy("policies", wald.DPO(), {
        "policy_chosen_logps": reference[0] + moved * normal(n, rng=rng),
        "policy_rejected_logps": reference[1] + moved * normal(n, rng=rng),
        "ref_chosen_logps": reference[0], "ref_rejected_logps": reference[1],
    })  # fmt: skip


def of_gaussians(rng: Generator) -> Healthy:
    n = pick(SIZES, rng)
    batch = {"input": normal(n, rng=rng), "target": normal(n, rng=rng), "var": normal(n, rng=rng).exp()}
    if pick((True, False), rng):
        batch["var"] = torch.ones(n)
    return Healthy("gaussians", F.gaussian_nll_loss, batch)


def of_sequences(rng: Generator) -> Healthy:
    n, t, c, s = pick((1, 2, 5), rng), 20, 6, 5
    targets = torch.randint(1, c, (n, s), generator=rng)
    return Healthy("sequences", F.ctc_loss, {
        "log_probs": normal(t, n, c, rng=rng).log_softmax(-1), "targets": targets,
        "input_lengths": torch.full((n,), t), "target_lengths": torch.randint(1, s + 1, (n,), generator=rng),
    })  # fmt: skip


def of_margins(rng: Generator) -> Healthy:
    """Every margin is reached, or only some: no gradient, and no fault."""
    n = pick(SIZES, rng)
    loss, batch = pick((
        (wald.Hinge(), {"prediction": 2 + normal(n, rng=rng).abs(), "target": torch.ones(n)}),
        (F.hinge_embedding_loss, {"input": 2 + normal(n, rng=rng).abs(), "target": -torch.ones(n)}),
        (F.margin_ranking_loss, {"input1": 1 + uniform(n, rng=rng), "input2": -uniform(n, rng=rng),
                                 "target": torch.ones(n)}),
        (wald.Triplet(), {"anchor": torch.zeros(n, 2) + 0.1 * normal(n, 2, rng=rng),
                          "positive": 0.1 * normal(n, 2, rng=rng), "negative": 5 + normal(n, 2, rng=rng)}),
    ), rng)  # fmt: skip
    return Healthy("margins", loss, batch)


def of_probabilities_that_are_right(rng: Generator) -> Healthy:
    n = pick(SIZES, rng)
    t = (uniform(n, rng=rng) < 0.5).float()
    p = torch.where(uniform(n, rng=rng) < 0.3, t, torch.sigmoid(2 * normal(n, rng=rng)))
    return Healthy("exactly right", F.binary_cross_entropy, {"probs": p, "labels": t})


def of_weighted(rng: Generator) -> Healthy:
    n = pick(SIZES, rng)
    weight = uniform(n, rng=rng) * (uniform(n, rng=rng) < 0.7).float()
    weight[0] = 1
    y = heavy(n, rng)
    return Healthy(
        "weighted", by_hand.weighted_error, {"y_pred": y + normal(n, rng=rng), "y_true": y, "weight": weight}
    )


def of_masked(rng: Generator) -> Healthy:
    n = pick(SIZES, rng)
    mask = (uniform(n, rng=rng) < 0.5).float()
    mask[0] = 1
    return Healthy(
        "masked", by_hand.masked_error, {"pred": normal(n, rng=rng), "target": normal(n, rng=rng), "mask": mask}
    )


def of_marked(rng: Generator) -> Healthy:
    n, c = pick(SIZES, rng), 5
    mark = pick((255, -1, 0), rng)
    t = torch.randint(1, c, (n,), generator=rng)
    t[1::3] = mark
    return Healthy("marked", torch.nn.CrossEntropyLoss(ignore_index=mark), {"logits": normal(n, c, rng=rng), "y": t})


def of_tokens(rng: Generator) -> Healthy:
    n, t, c = pick((1, 2, 4), rng), pick((4, 9), rng), 11
    y = torch.randint(c, (n, t), generator=rng)
    y[:, : t // 2] = -100
    return Healthy("tokens", wald.NextToken(shift=True), {"logits": normal(n, t, c, rng=rng), "labels": y})


def of_positive(loss: object, rng: Generator) -> Healthy:
    n = pick(SIZES, rng)
    y = (heavy(n, rng).clamp(-3, 3)).exp()
    return Healthy("positive", loss, {"prediction": y * (0.3 * normal(n, rng=rng)).exp(), "target": y})


_NUMBERS = (F.mse_loss, F.l1_loss, F.huber_loss, F.smooth_l1_loss, torch.nn.MSELoss(reduction="sum"),
            torch.nn.L1Loss(reduction="none"), by_hand.squared_error, by_hand.absolute_error)  # fmt: skip
_POSITIVE = ("Poisson, rate", "gamma", "QLIKE", "Tweedie 1.5", "inverse Gaussian", "squared error of logs", "MSLE",
             "squared error of roots", "absolute error of logs", "sMAPE")  # fmt: skip
_ANY = ("squared error", "pinball 0.9", "expectile 0.8", "Huber, wide", "log-cosh", "epsilon-insensitive", "Welsch",
        "Cauchy", "newsvendor 3:1", "root mean squared error", "quantile Huber")  # fmt: skip
_LABELS = ("logistic", "Brier", "focal", "focal, alpha 0.25", "pos_weight 3", "label smoothing",
           "generalised cross-entropy", "poly-1", "weighted mean, 1:3", "absolute error of a sigmoid")  # fmt: skip
_SIGNS = ("soft margin", "squared margin", "squared hinge", "hinge", "smoothed hinge", "sigmoid", "ramp", "tangent",
          "modified Huber")  # fmt: skip


def kinds() -> list[Callable[[Generator], Healthy]]:
    """Every kind of healthy batch."""
    found: list[Callable[[Generator], Healthy]] = [
        partial(of_catalogue, loss) for kind in wald.catalogue() for loss in variants(kind)
    ]
    found += [partial(of_numbers, loss) for loss in _NUMBERS]
    found += [partial(of_numbers, known.STATISTICS[name][0]) for name in _ANY if name != "root mean squared error"]
    found += [partial(of_positive, known.STATISTICS[name][0]) for name in _POSITIVE]
    found += [partial(of_classes, loss) for loss in (
        F.cross_entropy, torch.nn.CrossEntropyLoss(), wald.CrossEntropy(), wald.CrossEntropy(label_smoothing=0.1),
    )]  # fmt: skip
    found += [partial(of_classes, loss, ignores=False) for loss in (by_hand.softmax_loss, by_hand.picked)]
    found += [partial(of_classes, F.nll_loss, logs=True), partial(of_classes, by_hand.masked_tokens)]
    found += [partial(of_classes, known.CLASSES["Brier"][0], ignores=False)]
    found += [partial(of_images, torch.nn.CrossEntropyLoss()), partial(of_images, F.cross_entropy)]
    found += [partial(of_soft_classes, loss) for loss in (F.cross_entropy, wald.CrossEntropy(), wald.KLDivergence())]
    found += [partial(of_soft_classes, torch.nn.KLDivLoss(reduction="batchmean"), logs=True)]
    found += [partial(of_labels, loss) for loss in (
        F.binary_cross_entropy_with_logits, torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(20.0)),
        wald.BinaryCrossEntropy(), wald.Focal(), by_hand.logistic,
    )]  # fmt: skip
    found += [partial(of_labels, known.LABELS[name][0]) for name in _LABELS]
    found += [partial(of_labels, known.LABELS[name][0], no=-1.0, soft=False) for name in _SIGNS]
    found += [partial(of_labels, F.soft_margin_loss, no=-1.0, soft=False)]
    found += [partial(of_labels, F.binary_cross_entropy, probability=True)]
    found += [partial(of_labels, by_hand.entropy, probability=True)]
    found += [partial(of_counts, loss) for loss in (F.poisson_nll_loss, wald.Poisson())]
    found += [
        partial(of_vectors, F.triplet_margin_loss, ("anchor", "positive", "negative")),
        partial(of_vectors, by_hand.triplet, ("anchor", "positive", "negative")),
        partial(of_vectors, F.cosine_embedding_loss, ("input1", "input2"), sign="target"),
        partial(of_vectors, wald.InfoNCE(), ("image_embeds", "text_embeds")),
        partial(of_vectors, by_hand.cosine, ("prediction", "target")),
        partial(of_vectors, by_hand.contrast, ("q", "k")),
        partial(of_pairs, wald.BradleyTerry()),
    ]
    found += [of_policies, of_gaussians, of_sequences, of_margins, of_probabilities_that_are_right, of_weighted,
              of_masked, of_marked, of_tokens]  # fmt: skip
    return found


def healthy(count: int, seed: int = 0) -> Iterator[Healthy]:
    """So many healthy batches, every kind in turn."""
    every = kinds()
    for place in range(count):
        yield every[place % len(every)](torch.Generator().manual_seed(1_000_003 * seed + place))
