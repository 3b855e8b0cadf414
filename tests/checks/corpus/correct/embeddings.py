"""Losses of vectors, of preferences and of two players, written in many ways."""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("embeddings and pairs")
right, add = SHELF.right, SHELF.add


@right("Triplet(margin=0.5)")
def triplet_by_pairwise_distance(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    near = F.pairwise_distance(a, p, eps=0)
    far = F.pairwise_distance(a, n, eps=0)
    return F.relu(near - far + 0.5).mean()


@right("Triplet(margin=0.5)")
class TripletByNorm(nn.Module):
    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        near = torch.linalg.vector_norm(anchor - positive, dim=-1)
        far = torch.linalg.vector_norm(anchor - negative, dim=-1)
        return torch.clamp(0.5 + near - far, min=0).mean()


@right("Triplet(margin=0.2, squared=True)")
def triplet_of_squared_distances(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.relu((a - p).square().sum(-1) - (a - n).square().sum(-1) + 0.2).mean()


@right("Triplet(margin='soft')")
def soft_triplet(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    return F.softplus((a - p).norm(dim=-1) - (a - n).norm(dim=-1)).mean()


@right("ContrastivePair(margin=1.0)")
def contrastive_pair(a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    d = torch.linalg.vector_norm(a - b, dim=-1)
    return (same * d.square() + (1 - same) * F.relu(1 - d).square()).mean()


@right("InfoNCE(temperature=0.2)")
def info_nce(q: Tensor, k: Tensor) -> Tensor:
    scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T / 0.2
    return F.cross_entropy(scores, torch.arange(len(q)))


@right("InfoNCE(temperature=0.2)")
def info_nce_by_cosine_similarity(q: Tensor, k: Tensor) -> Tensor:
    scores = F.cosine_similarity(q[:, None], k[None], dim=-1) / 0.2
    return (torch.logsumexp(scores, 1) - scores.diagonal()).mean()


@right("InfoNCE(temperature=0.5, normalise=False)")
def info_nce_by_einsum(q: Tensor, k: Tensor) -> Tensor:
    scores = torch.einsum("nd,md->nm", q, k) / 0.5
    return -scores.log_softmax(-1).diagonal().mean()


@right("InfoNCE(temperature=0.2, symmetric=True)")
def clip(q: Tensor, k: Tensor) -> Tensor:
    scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T / 0.2
    own = torch.arange(len(q))
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


add("reward model by logsigmoid", lambda c, r: -F.logsigmoid(c - r).mean(), claims="BradleyTerry")
add("reward model by softplus", lambda c, r: F.softplus(r - c).mean(), claims="BradleyTerry")
add("reward model with a margin", lambda c, r: F.softplus(r - c + 1.0).mean(), claims="BradleyTerry(margin=1.0)")


@right("DPO(beta=0.1)")
def direct_preference(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return -F.logsigmoid(0.1 * ((c - rc) - (r - rr))).mean()


@right("DPO(beta=0.1)")
def direct_preference_by_ratios(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    policy, reference = c - r, rc - rr
    return F.softplus(-0.1 * (policy - reference)).mean()


@right("DPO(beta=0.1, label_smoothing=0.2)")
def conservative_direct_preference(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    h = 0.1 * ((c - rc) - (r - rr))
    return -(0.8 * F.logsigmoid(h) + 0.2 * F.logsigmoid(-h)).mean()


@right("GANDiscriminator(kind='non_saturating')")
def discriminator(real: Tensor, fake: Tensor) -> Tensor:
    yes = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    no = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return yes + no


@right("GANDiscriminator(kind='least_squares')")
def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean()


@right("GANDiscriminator(kind='hinge')")
def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
