"""L107 to L110: who pulls. The scale of gradients, sides of a quantile, weights of classes, terms of an objective."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...audits.probes.terms import SHARE
from ...audits.statistics import wilson
from ...core import Supervised
from ...findings import Controls, Finding
from ..correcting.priors import shift_of
from ..errors import ChoiceError
from .rows import Rows

#: A hundredth of the rows may have this much of the gradient of a regression.
_FEW = 0.6

#: A weighted class may count for this much.
_OVER = 0.9


def gradient_finding(rows: Rows) -> tuple[Finding, dict[str, object]]:
    """The scale of the gradients, and how much of them a hundredth of the rows has."""
    gradient = rows.slopes[0].reshape(len(rows.target), -1)
    bad = int((~gradient.isfinite()).any(-1).sum())
    if bad:
        return Finding(
            code="L107",
            state="fail",
            question="gradients",
            says=f"the gradient of {bad} of {len(gradient)} rows is NaN or infinite at these predictions",
            fix="start from smaller predictions, or ask `wald why` which rows these are",
            controls=Controls(positive=True, negative=True),
        ), {}
    size = gradient.square().sum(-1).sqrt() * rows.weight * len(rows.weight)
    top = _top(size)
    typical = float(size.square().mean().sqrt())
    few = rows.numbers and len(size) >= 200 and top > _FEW
    planted = torch.ones(1000, dtype=torch.float64)
    clean = _top(planted)
    planted[0] = 1e6
    return Finding(
        code="L107",
        state="warn" if few else "pass",
        question="gradients",
        says=f"1% of the rows have {top:.0%} of the gradient: a few errors decide what is learnt"
        if few
        else f"the gradient of a row is {typical:.3g} (root mean square), and 1% of the rows have {top:.0%} of it",
        fix="use a loss with a bounded slope, such as wald.Huber(), or look at those rows" if few else "",
        effect=top,
        unit="of the gradient",
        interval=(top, top),
        threshold=_FEW,
        controls=Controls(positive=_top(planted) > _FEW, negative=clean < _FEW),
        method="sizes of the gradients of the rows at these predictions; exact",
    ), {"gradient": typical, "gradient of the top 1%": top}


def _top(size: Tensor) -> float:
    count = max(1, round(len(size) / 100))
    return float(size.topk(count).values.sum() / size.sum().clamp_min(1e-300))


def level_finding(rows: Rows) -> Finding | None:
    """Whether the share of targets below a quantile is its level, or the level of the other side."""
    level = getattr(rows.loss, "level", None)
    said = str(rows.loss.card.elicits)
    if "quantile" not in said or rows.prediction is None or level is None:
        return None
    levels: tuple[float, ...] = tuple(level) if isinstance(level, tuple) else (float(level),)
    if len(levels) != (1 if rows.prediction.ndim == 1 else rows.prediction.shape[-1]):
        return None
    other = ", ".join(f"{1 - q:g}" for q in reversed(levels))
    other = f"({other})" if len(levels) > 1 else other
    columns = rows.prediction if rows.prediction.ndim == 2 else rows.prediction[:, None]
    size = 1 / float(rows.weight.square().sum())
    below = [float((rows.weight * (rows.target < column)).sum()) for column in columns.T]
    turned = _turned(below, levels, size)
    told = ", ".join(
        f"{share:.3g} of the targets are below the {q:g} quantile" for share, q in zip(below, levels, strict=True)
    )
    return Finding(
        code="L108",
        state="warn" if turned else "pass",
        question="levels",
        says=f"{told}: that is the level of the other side, so tau seems to be reversed" if turned else told,
        fix=f"use level={other} in training, or the other quantile in reading; here a level is the share of targets "
        "BELOW the prediction"
        if turned
        else "",
        effect=max(below, key=lambda share: abs(share - 0.5)),
        unit="of targets below",
        controls=Controls(
            positive=_turned([1 - q for q in levels], levels, max(size, 1e4))
            or all(abs(q - 0.5) < 0.05 for q in levels),
            negative=not _turned(list(levels), levels, max(size, 1e4)),
        ),
        method="shares of targets below each column, with Wilson's interval",
    )


def _turned(below: list[float], levels: tuple[float, ...], size: float) -> bool:
    """Whether every column but a middle one has the share of the other side, and not its own."""
    apart = [(share, q) for share, q in zip(below, levels, strict=True) if abs(q - 0.5) >= 0.05]

    def holds(share: float, q: float) -> bool:
        low, high = wilson(share * size, size, 0.999)
        return (q < low or q > high) and low - 0.02 <= 1 - q <= high + 0.02 and abs(share - q) > 2 * abs(share - 1 + q)

    return bool(apart) and all(holds(share, q) for share, q in apart)


def weight_finding(rows: Rows) -> tuple[Finding | None, dict[str, object]]:
    """Whether class weights go the right way, and how much they make of each class."""
    if rows.target.is_floating_point() and not rows.binary:
        return None, {}
    if not (rows.binary or rows.own == ("classes",)) or rows.target.ndim != 1:
        return None, {}
    try:
        shift = shift_of(rows.loss)
    except ChoiceError:
        return None, {}
    size = 1 / float(rows.weight.square().sum())
    share, mass = _shares(rows, torch.full_like(rows.weight, 1 / len(rows.weight))), _shares(rows, rows.weight)
    log_weight = (0.0, -shift[0]) if len(shift) == 1 and len(share) == 2 else tuple(-one for one in shift)
    if len(log_weight) != len(share) or max(map(abs, shift)) < 1e-9:
        return None, {}
    weight = torch.tensor(log_weight, dtype=torch.float64).exp()
    # Weights of rows and of classes multiply.
    weight = weight * mass / share.clamp_min(1e-300)
    effective = weight * share / (weight * share).sum()
    why = _wrong(weight, share, size)
    rare, common = int(share.argmin()), int(share.argmax())
    said = ", ".join(f"{one:.3g}" for one in effective[:6].tolist())
    planted = torch.tensor([0.9, 0.1], dtype=torch.float64)
    return Finding(
        code="L109",
        state="warn" if why else "pass",
        question="weights",
        says=why
        or f"the weights make class {rare}, {share[rare]:.3g} of the rows, count as {effective[rare]:.3g} of them "
        f"(all: {said}); probabilities move with it until wald.prior_correction(loss) takes that back",
        fix=""
        if not why
        else "weight the rarer class more: its weight is (rows of the other) / (rows of it), and for yes that is "
        f"pos_weight={float(share[common] / share[rare]):.3g}",
        effect=float(effective[rare]),
        unit="of the weight",
        controls=Controls(
            positive=bool(_wrong(1 / planted.flip(0), planted, 1e4)), negative=not _wrong(1 / planted, planted, 1e4)
        ),
        method="the shift that the loss makes in log-odds, measured from its slopes, against the shares of the classes",
    ), {"effective shares": effective.tolist(), "shares": share.tolist()}


def _wrong(weight: Tensor, share: Tensor, size: float) -> str:
    rare, common = int(share.argmin()), int(share.argmax())
    # Of a class that did not happen to occur nothing is known.
    if (
        rare == common
        or share[rare] == 0
        or wilson(float(share[rare]) * size, size, 0.999)[1] * 1.5 > float(share[common])
    ):
        return ""
    ratio = float(weight[rare] / weight[common])
    effective = float(weight[rare] * share[rare] / (weight * share).sum())
    if ratio < 0.9:
        return (
            f"class {rare} is the rarest ({float(share[rare]):.3g} of the rows) and is weighted {ratio:.3g} times "
            f"class {common}, the most frequent: the weights seem to be turned round"
        )
    if effective > _OVER:
        return (
            f"the weights make class {rare}, {float(share[rare]):.3g} of the rows, count as {effective:.3g} of them: "
            "more than the balance that weights are for. Are they applied twice?"
        )
    return ""


def _shares(rows: Rows, mass: Tensor) -> Tensor:
    if rows.binary:
        rate = (mass * rows.target.double()).sum()
        return torch.stack([1 - rate, rate])
    found = torch.zeros(rows.columns or 2, dtype=torch.float64)
    kept = (rows.target >= 0) & (rows.target < len(found))
    found = found.index_add(0, rows.target[kept], mass[kept])
    return found / found.sum()


def terms_finding(
    rows: Rows, terms: Mapping[str, tuple[Supervised, float, Tensor]]
) -> tuple[Finding, dict[str, object]]:
    """What share of the gradient each term of an objective has.

    Args:
        rows: of which the predictions are.
        terms: of each name its loss, its weight and its target.
    """
    if rows.prediction is None:
        said = "the balance of the terms: no predictions were given"
        return Finding(code="L110", state="not_run", question="terms", says=said, fix="give prediction=..."), {}
    sizes: dict[str, float] = {}
    for name, (loss, weight, target) in terms.items():
        one = Rows(loss=loss, target=target, prediction=rows.prediction, weight=rows.weight)
        gradient = one.slopes[0].reshape(len(target), -1)
        sizes[name] = weight * float((gradient.square().sum(-1) * rows.weight).sum().sqrt())
    total = sum(sizes.values())
    shares = {name: size / total if total > 0 else 0.0 for name, size in sizes.items()}
    counted = {name: share for name, share in shares.items() if terms[name][1] > 0}
    least = min(counted, key=lambda name: counted[name]) if counted else next(iter(shares))
    tiny = len(counted) > 1 and counted[least] < SHARE
    told = ", ".join(f"{name} {share:.2g}" for name, share in shares.items())
    times = 1 / (len(counted) or 1) / max(shares[least], 1e-12)
    return Finding(
        code="L110",
        state="warn" if tiny else "pass",
        question="terms",
        says=f"the term {least!r} has {shares[least]:.2g} of the gradient, so it hardly takes part ({told})"
        if tiny
        else f"shares of the gradient: {told}",
        fix=f"for an equal share weight {least!r} {times:.2g} times as much, or leave it out" if tiny else "",
        effect=shares[least],
        unit="of the gradient",
        interval=(shares[least], shares[least]),
        threshold=SHARE,
        controls=Controls(positive=True, negative=True),
        evidence={"shares": shares},
        method="root mean square gradient of each weighted term in the predictions, as a share of their sum; exact",
    ), {"terms": shares}
