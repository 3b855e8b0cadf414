"""The mutation run: mutants of every loss of the catalogue, each checked once."""

from __future__ import annotations

from dataclasses import dataclass

import torch

import wald

from .sowing import mutants, shows

#: How many living mutants of each loss are checked.
EACH = 2
#: The code of the formula on the card, which is the loss written a second time.
FORMULA = "W311"


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """What became of the mutants of one loss.

    Attributes:
        loss: its name.
        alive: how many differ from the original, and were checked.
        killed: how many of them the check failed, or could not measure.
        unaided: how many of them it would have failed without the formula on the card.
        survivors: the others: what was done, and to which loss.
        equal: how many were set aside as they give the same value and gradient wherever was looked.
        stillborn: how many were set aside as they raise on any call.
    """

    loss: str
    alive: int
    killed: int
    unaided: int
    survivors: tuple[tuple[str, str], ...]
    equal: int
    stillborn: int


def harvest_of(name: str, each: int = EACH) -> Harvest:
    """Sow and check the mutants of one loss."""
    torch.set_num_threads(1)
    counts = {"alive": 0, "equal": 0, "stillborn": 0}
    killed = unaided = 0
    survivors: list[tuple[str, str]] = []
    for mutant in mutants(wald.get(name)):
        if counts["alive"] == each:
            break
        state, loss = shows(mutant)
        counts[state] += 1
        if loss is None:
            continue
        report = wald.check(loss)
        codes = {one.code for one in report.findings if one.state in ("fail", "error")}
        killed += bool(codes)
        unaided += bool(codes - {FORMULA})
        if not codes:
            survivors.append((mutant.id, repr(loss)))
    return Harvest(loss=name, killed=killed, unaided=unaided, survivors=tuple(survivors), **counts)
