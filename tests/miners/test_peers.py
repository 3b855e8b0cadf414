"""Each miner against that of pytorch-metric-learning: what it returns is what has a weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

pytestmark = pytest.mark.peers


def theirs(name: str, **fields: Any) -> Any:
    return getattr(pytest.importorskip("pytorch_metric_learning.miners", reason="compares with it"), name)(**fields)


def batch(rng: torch.Generator, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Vectors of length 1, as the miners there make them, of four labels, one of them alone."""
    label = torch.tensor([0, 1, 0, 2, 1, 0, 3, 2, 1, 2, 0]) if label is None else label
    return F.normalize(torch.randn(len(label), 4, generator=rng, dtype=torch.float64)), label


def as_weights(found: tuple[Tensor, ...], n: int) -> Tensor:
    """Triplets, or positive and negative pairs, as a tensor of how often each was returned."""
    if len(found) == 3:
        return torch.zeros(n, n, n).index_put(found, torch.ones(len(found[0])), accumulate=True)
    a, p, b, other = found
    place = torch.cat([a, b]), torch.cat([p, other])
    return torch.zeros(n, n).index_put(place, torch.ones(len(place[0])), accumulate=True)


#: The name there, its fields, and ours.
TABLE: list[tuple[str, dict[str, Any], Callable[[Tensor, Tensor], Tensor]]] = [
    ("BatchHardMiner", {}, wald.miners.hard_pairs),
    *(
        (
            "BatchEasyHardMiner",
            {"pos_strategy": positive.replace("-", ""), "neg_strategy": negative.replace("-", "")},
            lambda x, y, p=positive, n=negative: wald.miners.hard_pairs(x, y, positive=p, negative=n),
        )
        for positive, negative in [
            ("easy", "semi-hard"), ("hard", "semi-hard"), ("semi-hard", "hard"), ("semi-hard", "easy"),
            ("easy", "easy"), ("easy", "hard"), ("hard", "easy"),
        ]
    ),
    ("MultiSimilarityMiner", {"epsilon": 0.1}, wald.miners.informative_pairs),
    ("PairMarginMiner", {"pos_margin": 1.0, "neg_margin": 1.3},
     lambda x, y: wald.miners.margin_pairs(x, y, inner=1.0, outer=1.3)),
    *(
        ("TripletMarginMiner", {"margin": 0.3, "type_of_triplets": kind},
         lambda x, y, k=ours: wald.miners.margin_triplets(x, y, margin=0.3, kind=k))
        for kind, ours in [("all", "violating"), ("hard", "hard"), ("semihard", "semi-hard"), ("easy", "easy")]
    ),
    ("AngularMiner", {"angle": 40}, lambda x, y: wald.miners.angular_triplets(x, y, angle=40.0)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fields", "ours"), TABLE, ids=[f"{name}({', '.join(map(str, f.values()))})" for name, f, _ in TABLE]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_mined_is_what_has_a_weight(name: str, fields: Any, ours: Any, seed: int) -> None:
    x, label = batch(torch.Generator().manual_seed(seed))
    mined = theirs(name, **fields)(x, label)
    found = ours(x, label)
    if found.ndim == 2 and len(mined) == 3:  # one triplet an anchor, which is a pair of each kind
        a, p, n = mined
        mined = (a, p, a, n)
    wanted = as_weights(mined, len(x))
    assert wanted.sum() > 0
    assert torch.equal(found.float(), wanted)


@pytest.mark.parametrize("positive", ["hard", "easy", "all"])
def test_all_of_one_kind(positive: str, rng: torch.Generator) -> None:
    """Where every pair of a kind counts, anchors that lack the other kind count there too; here none of theirs do."""
    x, label = batch(rng)
    miner = theirs("BatchEasyHardMiner", pos_strategy=positive, neg_strategy="all")
    wanted = as_weights(miner(x, label), len(x))
    alone = ~(label == label.unsqueeze(-1)).fill_diagonal_(False).any(-1)
    wanted[alone] = 0
    found = wald.miners.hard_pairs(x, label, positive=positive, negative="all")
    assert torch.equal(found.float(), wanted)


def test_the_hardest_half(rng: torch.Generator) -> None:
    """A pair and its reverse are at one distance; where the half ends between them, both count here."""
    x, label = batch(rng, torch.arange(3).repeat(3))
    wanted = as_weights(theirs("HDCMiner", filter_percentage=0.5)(x, label), len(x))
    found = wald.miners.hardest_share(x, label, share=0.5).float()
    assert torch.equal(found, ((wanted + wanted.mT) > 0).float())
    assert 0 <= (found - wanted).sum() <= 2


def test_even_pairs_are_what_is_drawn_on_the_mean(rng: torch.Generator) -> None:
    x, label = batch(rng)
    torch.manual_seed(0)
    miner = theirs("UniformHistogramMiner", num_bins=5, pos_per_bin=4000, neg_per_bin=4000)
    drawn = as_weights(miner(x, label), len(x)) / 4000
    found = wald.miners.even_pairs(x, label, bins=5).float()
    # A share w of 4000 draws has a deviation of √(w (1 - w) / 4000), at most 0.008.
    torch.testing.assert_close(found, drawn, rtol=0, atol=0.04)
    assert torch.equal(found > 0, drawn > 0)


@pytest.mark.filterwarnings("ignore")
def test_negatives_are_drawn_with_the_same_probabilities(rng: torch.Generator, monkeypatch: Any) -> None:
    x, label = batch(rng)
    utils = pytest.importorskip("pytorch_metric_learning.utils.loss_and_miner_utils", reason="compares with it")
    seen: list[Tensor] = []

    def catch(labels: Tensor, ref_labels: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
        seen.append(weights)
        nothing = labels[:0]
        return nothing, nothing, nothing

    monkeypatch.setattr(utils, "get_random_triplet_indices", catch)
    theirs("DistanceWeightedMiner", cutoff=0.5, nonzero_loss_cutoff=1.4)(x, label)
    torch.testing.assert_close(wald.miners.distance_weights(x, label), seen[0])
