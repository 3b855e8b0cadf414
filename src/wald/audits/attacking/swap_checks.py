"""Can an attack on tokens be trusted?"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from ...findings import Controls
from ..costing.space import Regression
from .record import Record
from .selfchecks import BLIND, Check
from .swaps import Text, greedy
from .victim import Victim

_ROWS = 100

#: How near to the worst possible the control must come: by slopes, and by chance.
_NEAR, _BY_CHANCE = 0.99, 0.25


def swap_checks(victim: Victim, text: Text, source: torch.Generator) -> list[Check]:
    """Swaps at random must not break more rows than swaps that follow the slope; none where no slope is followed."""
    if text.embedding is None:
        return []
    few = victim.part(victim.everyone[:_ROWS])
    within = text.part(victim.everyone[:_ROWS])
    seeing, blind = Record(few), Record(few)
    lead = few.lead
    greedy(few, within, lead, {text.swaps: seeing}, source)
    greedy(few, within, lead, {text.swaps: blind}, source, blind=True)
    start = Record(few)
    gained, by_chance = (float((one.harm - start.harm).mean()) for one in (seeing, blind))
    value = (by_chance - gained) / max(abs(gained), 1e-9)
    more = int((blind.harm > seeing.harm).sum())
    return [
        Check(
            "harm that only random swaps do",
            value if more > 1 else min(value, 0.0),
            max(BLIND, 0.05),
            f"random swaps do more harm ({by_chance:.3g}) than swaps that follow the slope ({gained:.3g})",
        )
    ]


def swap_controls(victim: Victim, text: Text, source: torch.Generator) -> Controls:
    """A sum of values of tokens, whose worst swaps are known, and a model that does not look at them."""
    few = victim.part(victim.everyone[:_ROWS])
    within = text.part(victim.everyone[:_ROWS])
    size = int(max(int(within.vocabulary.max()), int(few.inputs.max()))) + 1
    table = torch.randn(size, 1, generator=source)
    layer = nn.Embedding.from_pretrained(table.to(few.inputs.device))
    target = torch.zeros(len(few.inputs), device=few.inputs.device)
    within = replace(within, embedding=None if text.embedding is None else layer)

    def total(tokens: Tensor) -> Tensor:
        return layer(tokens)[..., 0].sum(-1)

    def constant(tokens: Tensor) -> Tensor:
        return layer(tokens)[..., 0].sum(-1) * 0

    def above(score: Tensor, target: Tensor) -> Tensor:
        return score - target

    def gained(model: Victim) -> float:
        record, before = Record(model), Record(model)
        greedy(model, within, model.loss, {text.swaps: record}, source)
        return float((record.most - before.most).mean())

    best = table[within.vocabulary.cpu()].max()
    gains = torch.where(within.movable.cpu(), best - table[few.inputs.cpu()][..., 0], 0.0).clamp_min(0)
    exact = float(gains.topk(min(text.swaps, gains.shape[-1])).values.sum(-1).double().mean())
    near = _BY_CHANCE if text.embedding is None else _NEAR
    return Controls(
        positive=gained(Victim(total, few.inputs, target, above, Regression())) >= near * exact,
        negative=gained(Victim(constant, few.inputs, target, above, Regression())) == 0,
    )
