"""Defects of growing size: how small a one does each probe see?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

import wald
from wald.audits import Candidates, Case, metrics

from ..audits.samples import Column, binary, labels, source
from ..audits.test_trading import heavy, sold_puts, strategy
from .innocent import Cell, innocent

ROWS = 1_000


@dataclass(frozen=True)
class Graded:
    """A defect, from hardly there to plain.

    Attributes:
        probe: that should see it.
        code: of the finding.
        what: the defect in words, with the unit of its size.
        sizes: from small to large; 0 is none.
        make: (size, seed) → the case.
    """

    probe: str
    code: str
    what: str
    sizes: tuple[float, ...]
    make: Callable[[float, int], Case]


def too_sure(size: float, seed: int) -> Case:
    return binary(ROWS, seed=3 * seed, factor=1 + size)


def too_high(size: float, seed: int) -> Case:
    return binary(ROWS, seed=3 * seed, shift=size)


def gap(size: float, seed: int) -> Case:
    """One group of four is served worse: its forecasts lose so much of the spread."""
    state = source(seed)
    inputs = torch.randn(ROWS, 2, generator=state)
    group = torch.randint(0, 4, (ROWS,), generator=state)
    inputs[:, 1] = size * (group == 3) * torch.randn(ROWS, generator=state)
    return Case(
        model=lambda x: x[:, 0] + x[:, 1],
        loss=wald.Squared(),
        test=(inputs, inputs[:, 0] + torch.randn(ROWS, generator=state)),
        metric=metrics.squared_error(),
        groups={"group": group.tolist()},
    )


def slice_of(size: float, seed: int) -> Case:
    """A quarter of the rows has so much more noise."""
    state = source(seed)
    inputs = torch.randn(ROWS, 6, generator=state)
    hard = inputs[:, 3] > 0.67
    noise = torch.randn(ROWS, generator=state) * (1 + size * hard)
    return Case(
        model=lambda x: x[:, 0],
        loss=wald.Squared(),
        test=(inputs, inputs[:, 0] + noise),
        metric=metrics.squared_error(),
    )


def copies(size: float, seed: int) -> Case:
    """Such a share of the test rows are training rows."""
    state = source(seed)
    inputs = torch.randn(2 * ROWS, 3, generator=state)
    target = labels(inputs[:, 0], seed + 1)
    rows = int(size * ROWS)
    test = (inputs[ROWS:].clone(), target[ROWS:].clone())
    test[0][:rows], test[1][:rows] = inputs[:rows], target[:rows]
    return Case(
        model=Column(),
        loss=wald.BinaryCrossEntropy(),
        train=(inputs[:ROWS], target[:ROWS]),
        test=test,
        metric=metrics.brier(),
    )


def wrong_labels(size: float, seed: int) -> Case:
    """Such a share of the training labels of three well separated classes is wrong."""
    state = source(seed)
    target = torch.randint(0, 3, (2 * ROWS,), generator=state)
    inputs = 3 * torch.eye(3)[target] + torch.randn(2 * ROWS, 3, generator=state)
    given = target.clone()
    wrong = torch.randperm(ROWS, generator=state)[: int(size * ROWS)]
    given[wrong] = (given[wrong] + torch.randint(1, 3, (len(wrong),), generator=state)) % 3
    return Case(
        model=lambda x: 3 * x,
        loss=wald.CrossEntropy(),
        train=(inputs[:ROWS], given[:ROWS]),
        test=(inputs[ROWS:], target[ROWS:]),
        metric=metrics.error_rate(),
    )


def moved(size: float, seed: int) -> Case:
    """The test rows lie so many standard deviations from the training rows, in one feature of five."""
    case = innocent(Cell(ROWS, weights=False, clusters=False, task="regression"), seed)
    inputs, target = case.test
    there = inputs.clone()
    there[:, 0] += size
    with torch.no_grad():
        target = target + case.model(there) - case.model(inputs)  # type: ignore[misc]
    return Case(model=case.model, loss=case.loss, metric=case.metric, train=case.train, test=(there, target))


def hacked(size: float, seed: int) -> Case:
    """What the proxy likes takes so much from what is meant, growing with its square."""
    state = source(seed)
    quality, length = (torch.randn(100, 128, generator=state) for _ in range(2))
    gold = quality - size * length.clamp_min(0).square()
    return binary(300, candidates=Candidates(proxy=quality + 2 * length, gold=gold))


def parted(size: float, seed: int) -> Case:
    """The metric turns while the loss goes on falling: so much a hundred epochs."""
    epoch = torch.arange(120.0)
    state = source(seed)
    loss = 2 * torch.exp(-epoch / 40) + 0.01 * torch.randn(120, generator=state)
    metric = 0.2 + 0.01 * size * (epoch - 40).clamp_min(0) + 0.1 * torch.exp(-epoch / 15)
    metric = metric + 0.005 * torch.randn(120, generator=state)
    return binary(300, history={"loss": loss.tolist(), "metric": metric.tolist()})


def unlike(size: float, seed: int) -> Case:
    """Runs in which the metric follows the loss less and less: so much noise, in units of what it follows."""
    state = source(seed)
    loss = torch.rand(40, generator=state)
    metric = loss - size * 2 * loss
    metric = metric + 0.02 * torch.randn(40, generator=state)
    return binary(300, runs=[{"loss": a, "metric": b} for a, b in zip(loss.tolist(), metric.tolist(), strict=True)])


def insurance(size: float, seed: int) -> Case:
    """So many puts are sold a day."""
    returns = heavy(ROWS, seed)
    return strategy(returns, torch.full_like(returns, size / 10), payoff=sold_puts)


def foresight(size: float, seed: int) -> Case:
    """The signal knows the period's own return on such a share of the periods."""
    returns = heavy(ROWS, seed)
    known = torch.rand(ROWS, generator=source(seed)) < size
    guess = torch.randn(ROWS, generator=source(seed + 1)).sign().double()
    return strategy(returns, torch.where(known, returns.sign(), guess))


GRADED = (
    Graded("calibration", "C601", "log-odds too large by a share", (0.0, 0.1, 0.25, 0.5, 1.0), too_sure),
    Graded("calibration", "C602", "log-odds too high", (0.0, 0.1, 0.25, 0.5, 1.0), too_high),
    Graded("alignment", "A102", "log-odds too high, judged by the Brier score", (0.0, 0.25, 0.5, 1.0, 2.0), too_high),
    Graded("groups", "F701", "more error in one group of four, in units of the noise", (0.0, 0.25, 0.5, 1.0, 2.0), gap),
    Graded("slices", "F705", "more noise in a quarter of the rows", (0.0, 0.25, 0.5, 1.0, 2.0), slice_of),
    Graded("leakage", "P002", "share of the test rows that are copies", (0.0, 0.01, 0.02, 0.05, 0.1), copies),
    Graded("labels", "D901", "share of wrong training labels", (0.0, 0.02, 0.05, 0.1, 0.2), wrong_labels),
    Graded("shift", "R211", "one feature of five moved, in standard deviations", (0.0, 0.1, 0.2, 0.5, 1.0), moved),
    Graded("over-optimisation", "G305", "harm of what the proxy likes", (0.0, 0.1, 0.2, 0.4, 0.6), hacked),
    Graded("history", "M406", "rise of the metric in a hundred epochs", (0.0, 0.02, 0.05, 0.1, 0.2), parted),
    Graded("runs", "M404", "share of the loss's sense that is turned", (0.0, 0.25, 0.5, 0.75, 1.0), unlike),
    Graded("scenarios", "X101", "puts sold a day, 5 % below the market", (0.0, 1.0, 2.0, 5.0, 10.0), insurance),
    Graded("performance", "X103", "puts sold a day, 5 % below the market", (0.0, 1.0, 2.0, 5.0, 10.0), insurance),
    Graded("foresight", "X106", "share of the periods that the signal knows", (0.0, 0.1, 0.25, 0.5, 1.0), foresight),
)
