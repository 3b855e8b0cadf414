"""Permutation-invariant training: the outputs of a separator have no order, so the best one counts."""

from __future__ import annotations

from itertools import permutations
import math

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import Loss, ShapeError


class PermutationInvariant(Loss):
    """The cost of the best assignment of outputs to sources: which output is which speaker does not matter.

    Given what each output costs as each source, the least mean cost over all assignments of one to one. Work the costs
    out with any loss and `reduction="none"`: for SI-SDR, `SISDR()(p, y, reduction="none")` with p and y
    expanded to (*batch, outputs, sources, samples). The assignment is found anew at each call and its gradient is that
    of the assignment that won; where two win together, of the first.

    One assignment holds for a whole example (utterance level). Costs of one frame each, with frames as a batch axis,
    choose anew at each frame, and a speaker may then jump between outputs.

    All assignments are tried: 2 for 2 sources, 24 for 4, 5040 for 7, which is the most. `soft` above 0 takes the soft
    minimum, -soft log mean exp(-cost / soft), so that early in training all assignments learn.

    Shapes: costs (*batch, sources, sources): the output in the row, the source in the column.

    Raises:
        ShapeError: costs are not square, or of more than 7 sources.

    >>> import torch, wald
    >>> wald.PermutationInvariant()(torch.tensor([[[5.0, 1.0], [2.0, 9.0]]]))  # (1 + 2) / 2, not (5 + 9) / 2
    tensor(1.5000)
    """

    soft: float = param(default=0.0, at_least=0, typical=(1.0,), help="how soft the minimum is, in units of the cost")

    card = Card(
        task="other",
        inputs={"costs": Domain(says="what an output costs as a source", axes=("sources", "sources"))},
        formula=Formula(
            "-soft * (logsumexp([-c / soft for c in ways]) - log(len(ways))) if soft else min(ways)",
            ways="[mean([row[k] for row, k in zip(costs, way)]) for way in permutations(range(len(costs)))]",
        ),
        bounded_below=False,
        slope="bounded",
        when="A model separates speakers or instruments and its outputs have no order.",
        when_not="There are many sources (scipy.optimize.linear_sum_assignment matches them), or they have an order.",
        sizes={"sources": 3},
        aliases=("PIT", "uPIT", "PITLossWrapper", "permutation invariant training", "PitWrapper"),
        tags=("speech", "separation", "audio", "assignment", "matching", "diarisation"),
        cite=("Yu et al. 2017, arXiv:1607.00325", "Kolbæk et al. 2017, arXiv:1703.06284 (utterance level)"),
    )

    def per_example(self, costs: Tensor) -> Tensor:
        rows, sources = costs.shape[-2:]
        if rows != sources or sources > 7:
            raise ShapeError(
                f"PermutationInvariant: costs {tuple(costs.shape)} must end in as many outputs as sources, at most "
                "7. For more, match them with scipy.optimize.linear_sum_assignment and index the costs."
            )
        ways = torch.tensor(list(permutations(range(sources))), device=costs.device).reshape(-1, sources)
        row = torch.arange(sources, device=costs.device)
        means = costs[..., row, ways].mean(-1)
        if not self.soft:
            return means.gather(-1, means.argmin(-1, keepdim=True)).squeeze(-1)
        return -self.soft * (torch.logsumexp(-means / self.soft, -1) - math.log(len(ways)))
