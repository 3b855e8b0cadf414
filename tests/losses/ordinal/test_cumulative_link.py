"""Cumulative link: against plain probabilities in many digits, statsmodels, mord, and at its ends."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor

import wald

from ..classification.agreeing import agree, ids, near, scores
from ..parity.case import Case, attribute, of_port, total

LINKS = ("logit", "probit", "cloglog")


def plain(s: Tensor, y: Tensor, thresholds: Tensor, link: str) -> Tensor:
    """-log of the difference of two shares, as the textbook writes it."""
    edges = torch.cat([thresholds[:, :1], thresholds[:, 1:].exp().log1p()], -1).cumsum(-1) - s[:, None]
    share = {
        "logit": torch.sigmoid,
        "probit": lambda x: 0.5 * torch.erfc(-x * 0.5**0.5),
        "cloglog": lambda x: 1 - (-x.exp()).exp(),
    }[link](edges)
    ends = torch.cat([torch.zeros_like(share[:, :1]), share, torch.ones_like(share[:, :1])], -1)
    return -ends.diff(dim=-1).gather(-1, y[:, None])[:, 0].log()


def drawn(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    z = (scores(seed) / 6).clamp(-1, 1)  # near enough that a plain difference keeps its digits
    return z[:, 0].contiguous(), ids(seed), z[:, 1:].contiguous()


@pytest.mark.parametrize("link", LINKS)
def test_it_is_the_share_of_a_stretch(link: str) -> None:
    loss = wald.CumulativeLink(levels=4, link=link)
    for seed in (0, 1):
        s, y, thresholds = drawn(seed)
        agree(loss.per_example, lambda *x: plain(*x, link), s, y, thresholds, relative=1e-6)
        agree(
            lambda t, s, y: loss.per_example(s, y, t),
            lambda t, s, y: plain(s, y, t, link),
            thresholds,
            s,
            y,
            relative=1e-6,
        )


@pytest.mark.parametrize("link", LINKS)
def test_narrow_and_far_stretches_keep_their_digits(link: str) -> None:
    """In single precision, against fifty digits: gaps down to exp(-90), scores up to 30 away."""
    law = {
        "logit": lambda x: 1 / (1 + mpmath.exp(-x)),
        "probit": mpmath.ncdf,
        "cloglog": lambda x: 1 - mpmath.exp(-mpmath.exp(x)),
    }
    far = 4.0 if link == "cloglog" else 30.0
    loss = wald.CumulativeLink(levels=3, link=link)
    with mpmath.workdps(250):
        for score in (-far, 0.0, 2.0, far):
            for gap in (-90.0, -1.25, 0.5):
                low = mpmath.mpf(-score)
                wanted = -mpmath.log(law[link](low + mpmath.log1p(mpmath.exp(gap))) - law[link](low))
                s, thresholds = torch.tensor([score]), torch.tensor([[0.0, gap]])
                near(loss(s, torch.tensor([1]), thresholds), float(wanted), 2e-6)


@pytest.mark.parametrize("link", LINKS)
def test_probabilities_add_to_1_and_gaps_are_those_of_thresholds(link: str) -> None:
    loss = wald.CumulativeLink(levels=4, link=link)
    s, _, thresholds = drawn()
    p = loss.probabilities(s, thresholds[0])
    near(p.sum(-1), torch.ones(31))
    rising = torch.tensor([-1.0, 0.2, 3.0], dtype=torch.float64)
    made = loss.gaps(rising)
    near(torch.cat([made[:1], made[1:].exp().log1p()]).cumsum(0), rising)


def test_two_levels_are_binary_cross_entropy() -> None:
    s, y, thresholds = drawn()
    agree(
        lambda s, y: wald.CumulativeLink(levels=2).per_example(s, y, thresholds[:, :1]),
        lambda s, y: wald.BinaryCrossEntropy().per_example(s - thresholds[:, 0], y.double()),
        s,
        (y > 1).long(),
    )


def test_the_last_of_two_questions_is_ordinal_s() -> None:
    """At the first and the last class one share is all there is: what Ordinal asks at that threshold."""
    s, _, thresholds = drawn()
    logits = (s - thresholds[:, 0]).unsqueeze(-1)
    for k in (0, 1):
        y = torch.full((31,), k)
        near(
            wald.CumulativeLink(levels=2).per_example(s, y, thresholds[:, :1]),
            wald.Ordinal(levels=2).per_example(logits, y),
        )


@pytest.mark.parametrize("link", LINKS)
def test_far_out_what_is_finite_has_a_finite_slope(link: str) -> None:
    loss = wald.CumulativeLink(levels=4, link=link)
    for score in (0.0, 50.0, -50.0, 1e4, -1e4):
        for gap in (0.0, 1e4, -1e4):
            s = torch.full((4,), score, requires_grad=True)
            thresholds = torch.tensor([0.0, gap, gap]).expand(4, -1).clone().requires_grad_()
            value = loss(s, torch.arange(4), thresholds, reduction="none")
            finite = value.isfinite()
            assert finite.any()
            assert finite.all() or link == "cloglog"  # exp(score) is the cost itself
            for slope in torch.autograd.grad(value[finite].sum(), (s, thresholds)):
                assert slope[finite].isfinite().all()


def test_an_id_beyond_the_last_level_and_thresholds_of_other_levels() -> None:
    with pytest.raises(wald.DomainError):
        wald.CumulativeLink(levels=3)(torch.zeros(1), torch.tensor([3]), torch.zeros(1, 2))
    with pytest.raises(wald.ShapeError):
        wald.CumulativeLink(levels=3)(torch.zeros(1), torch.tensor([0]), torch.zeros(1, 3))


def _statsmodels(link: str) -> Case:
    """The likelihood of a table, by its coefficients, first threshold and logs of gaps, of which it knows the slope."""
    name, rows = "statsmodels.miscmodels.ordinal_model.OrderedModel", 40
    y, x = np.arange(rows) % 4, scores(rows=rows)[:, :2] / 3  # near: it adds 1e-20 to a probability

    def theirs(given: Tensor) -> tuple[float, np.ndarray]:
        model = attribute(name)(y, x.numpy(), distr=link)
        at = given.detach().numpy()
        return -model.loglike(at), -model.score(at)

    def ours(loss: wald.Loss, given: Tensor) -> Tensor:
        edges = torch.cat([given[2:3], given[3:].exp()]).cumsum(0)
        thresholds = wald.CumulativeLink.gaps(edges).expand(rows, -1)
        return total(loss, x @ given[:2], torch.tensor(y), thresholds)

    at = torch.tensor([0.4, -0.7, -1.0, 0.2, -0.3], dtype=torch.float64)
    return of_port(name, theirs, at, how=ours, levels=4, link=link)


def _mord() -> Case:
    """Its LogisticAT asks every threshold, which is Ordinal, of one score and thresholds that it adds up."""
    name, x, y = "mord.LogisticAT", scores()[:, :2], ids()

    def theirs(given: Tensor) -> tuple[float, np.ndarray]:
        running = np.tril(np.ones((3, 3)))
        told = (given.detach().numpy(), x.numpy(), y.numpy(), 0.0, 4, np.ones((4, 3)), running, None)
        return attribute("mord.threshold_based.obj_margin")(*told), attribute("mord.threshold_based.grad_margin")(*told)

    def ours(loss: wald.Loss, given: Tensor) -> Tensor:
        return total(loss, (x @ given[:2]).unsqueeze(-1) - given[2:].cumsum(0), y)

    at = torch.tensor([0.3, -0.5, -1.0, 0.7, 1.1], dtype=torch.float64)
    return of_port(name, theirs, at, how=ours, levels=4)


CASES: list[Case] = [*(_statsmodels(link) for link in ("logit", "probit")), _mord()]
