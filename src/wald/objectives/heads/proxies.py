"""Learned vectors for classes, of which embeddings are compared by cosine."""

from __future__ import annotations

from torch import Tensor, nn

from .rows import directions_at_random, products, refuse_count, refuse_vectors, unit


class Proxies(nn.Module):
    """One learned vector a class, or several: gives the cosines of embeddings with them.

    For losses that take cosines with classes: ProxySoftmax, ProxyAnchor, ProxyNCA, ArcFace, SphereFace; with
    `each` more than 1 SoftTriple, and ArcFace by the largest of a class, `proxies(embedding).amax(-1)`. Neither
    embeddings nor vectors need length 1; it is seen to here. Cosines of half precision are computed in single.

    **The vectors are parameters of their own.** Put them into the optimiser, with a larger learning rate than the
    network (100 times in the paper of ProxyAnchor). With very many classes
    `wald.linear_proxy(loss, embedding, proxies.vectors, label)` never makes the matrix of cosines.

    They begin as random directions, the same in every process of a run.

    Args:
        classes: how many.
        features: the length of an embedding.
        each: how many vectors a class has.
        seed: of the random directions.

    Attributes:
        vectors: (classes, features), or (classes, each, features) with more than one each.

    Raises:
        ValueError: a count is not a whole number from 1 on.

    >>> import torch, wald
    >>> proxies = wald.Proxies(classes=3, features=4)
    >>> embedding, label = torch.randn(8, 4), torch.randint(3, (8,))
    >>> proxies(embedding).shape
    torch.Size([8, 3])
    >>> wald.ProxyAnchor()(proxies(embedding), label).backward()
    >>> proxies.vectors.grad.shape
    torch.Size([3, 4])
    """

    def __init__(self, classes: int, features: int, *, each: int = 1, seed: int = 0) -> None:
        super().__init__()
        refuse_count("Proxies", classes=classes, features=features, each=each)
        shape = (classes, features) if each == 1 else (classes, each, features)
        self.vectors = nn.Parameter(directions_at_random(*shape, seed=seed))

    def forward(self, embedding: Tensor) -> Tensor:
        """The cosines: (*batch, classes), or (*batch, classes, each) with more than one vector each.

        Raises:
            DtypeError: `embedding` is not of floats.
            ShapeError: it has another number of features.
        """
        refuse_vectors("Proxies", "embedding", embedding, self.vectors.shape[-1])
        cosine = products(unit(embedding), unit(self.vectors).flatten(0, -2))
        return cosine.unflatten(-1, self.vectors.shape[:-1])

    def extra_repr(self) -> str:
        """The sizes, for `print`."""
        return ", ".join(map(str, self.vectors.shape))
