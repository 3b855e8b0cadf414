"""The damage grows with the reach, and what is found at one counts at another."""

from math import inf

import torch

from wald.audits.attacking import SHARES, Threat, Victim, draw, strongest

from ..samples import binary, evidence, source, three_classes
from .victims import EFFORT


def test_a_larger_reach_never_finds_less() -> None:
    for case in (binary(300), three_classes(300)):
        known = evidence(case)
        victim, threat = Victim.of(known, torch.arange(known.rows)), Threat.of(known)
        curve = draw(victim, threat, EFFORT, source(0))
        means = [float(curve.found[share].harm.mean()) for share in SHARES]
        assert means == sorted(means)
        assert means[-1] > means[0]
        for share in SHARES:
            assert bool(threat.region(victim.inputs, share).holds(curve.found[share].inputs).all())
        assert inf not in curve.chance


def test_the_cheaper_reaches_find_what_a_whole_attack_finds() -> None:
    known = evidence(three_classes(300))
    victim, threat = Victim.of(known, torch.arange(300)), Threat.of(known)
    curve = draw(victim, threat, EFFORT, source(0))
    for share in (0.25, 2.0):
        whole = strongest(victim, threat.region(victim.inputs, share), EFFORT, source(1))
        gained, most = (float((one.harm - curve_start(victim)).mean()) for one in (curve.found[share], whole))
        assert gained >= 0.97 * most


def curve_start(victim: Victim) -> torch.Tensor:
    return victim.harm(victim.plain, victim.everyone)


def test_without_a_limit_every_row_can_become_another() -> None:
    # No slope, and a score that only one rare value of a feature moves.
    inputs = torch.randn(200, 2, generator=source(0))
    case = binary(test=(inputs, (inputs[:, 0] > 1.5).float()), model=lambda x: (x[:, 0].detach() > 1.5).float() * 8 - 4)
    known = evidence(case)
    curve = draw(Victim.of(known, torch.arange(200)), Threat.of(known), EFFORT, source(0))
    assert float(curve.found[inf].right.double().mean()) == 0.0  # type: ignore[union-attr]
