"""The shape of a loss around the parameters of a model: slope, curvature, and slices through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: No arguments → the loss at the parameters as they are.
Value = Callable[[], Tensor]


@dataclass(frozen=True, eq=False)
class Surface:
    """A loss as a function of a module's trained parameters, all in one vector.

    The module is moved about while it is looked at; give a copy.

    Attributes:
        module: whose parameters are moved.
        value: the loss at the parameters as they are.
    """

    module: nn.Module
    value: Value

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Those that are trained."""
        return [one for one in self.module.parameters() if one.requires_grad]

    @property
    def point(self) -> Tensor:
        """Where the module is."""
        return torch.cat([one.detach().flatten() for one in self.parameters])

    def move(self, point: Tensor) -> None:
        """Put the module there."""
        at = 0
        with torch.no_grad():
            for one in self.parameters:
                one.copy_(point[at : at + one.numel()].reshape(one.shape))
                at += one.numel()

    def gradient(self) -> Tensor:
        """The slope where the module is."""
        found = torch.autograd.grad(self.value(), self.parameters, materialize_grads=True)
        return torch.cat([one.detach().flatten() for one in found])

    def bend(self) -> Callable[[Tensor], Tensor]:
        """The Hessian where the module is, as a product with vectors.

        Raises:
            RuntimeError: something in the model has no second derivative.
        """
        parameters = self.parameters
        slopes = torch.autograd.grad(self.value(), parameters, create_graph=True, materialize_grads=True)
        slope = torch.cat([one.flatten() for one in slopes])

        def product(vector: Tensor) -> Tensor:
            if not slope.requires_grad:
                return torch.zeros_like(vector)
            found = torch.autograd.grad(
                slope, parameters, grad_outputs=vector, retain_graph=True, materialize_grads=True
            )
            return torch.cat([one.detach().flatten() for one in found])

        return product

    def along(self, direction: Tensor, steps: Sequence[float]) -> list[float]:
        """The loss at steps along a direction; the module ends where it began."""
        start = self.point
        found: list[float] = []
        with torch.no_grad():
            for step in steps:
                self.move(start + step * direction)
                found.append(float(self.value()))
        self.move(start)
        return found

    def filtered(self, source: torch.Generator) -> Tensor:
        """A random direction, each filter of which is as long as the module's own.

        So it means the same for a network whose layers are scaled against each other. Li et al. 2018,
        arXiv:1712.09913.
        """
        parts: list[Tensor] = []
        for one in self.parameters:
            drawn = torch.randn(one.shape, generator=source, dtype=torch.float64).to(one)
            # A filter is what leads to one output; of a vector (a bias, a scale) the whole is one.
            rows, own = (
                (drawn.flatten(1), one.detach().flatten(1)) if one.ndim > 1 else (drawn[None], one.detach()[None])
            )
            rows = rows.reshape(len(own), -1)
            own = own.reshape(len(rows), -1)
            length = own.norm(dim=-1, keepdim=True) / rows.norm(dim=-1, keepdim=True).clamp_min(1e-12)
            parts.append((rows * length).flatten())
        return torch.cat(parts)


@dataclass(frozen=True, eq=False)
class Extremes:
    """The ends of a spectrum.

    Attributes:
        least: the smallest eigenvalue that was found.
        most: the largest.
        residuals: how far each may be from a true eigenvalue: some eigenvalue lies within.
        direction: the eigenvector of the least.
    """

    least: float
    most: float
    residuals: tuple[float, float]
    direction: Tensor


def lanczos(product: Callable[[Tensor], Tensor], start: Tensor, steps: int) -> Extremes:
    """Both ends of the spectrum of a symmetric matrix that is known by its products with vectors.

    Args:
        product: vector → matrix times vector.
        start: any vector, not 0.
        steps: how many products; all vectors are kept and held orthogonal.

    Lanczos 1950, doi:10.6028/jres.045.026.
    """
    basis: list[Tensor] = [start / start.norm()]
    diagonal: list[float] = []
    beside: list[float] = []
    last = 0.0
    for step in range(min(steps, start.numel())):
        vector = product(basis[step])
        diagonal.append(float(torch.dot(vector.double(), basis[step].double())))
        held = torch.stack(basis)
        for _ in range(2):
            # Once is not enough in single precision.
            vector = vector - held.T @ (held @ vector)
        last = float(vector.norm())
        if last <= 1e-6 * max(1e-12, max(abs(one) for one in diagonal)):
            break
        if step + 1 < min(steps, start.numel()):
            beside.append(last)
            basis.append(vector / last)
    size = len(diagonal)
    tridiagonal = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    if size > 1:
        off = torch.tensor(beside[: size - 1], dtype=torch.float64)
        tridiagonal += torch.diag(off, 1) + torch.diag(off, -1)
    values, vectors = torch.linalg.eigh(tridiagonal)
    return Extremes(
        least=float(values[0]),
        most=float(values[-1]),
        residuals=(last * abs(float(vectors[-1, 0])), last * abs(float(vectors[-1, -1]))),
        direction=torch.stack(basis[:size]).T @ vectors[:, 0].to(start.dtype),
    )


def trace(product: Callable[[Tensor], Tensor], like: Tensor, probes: int, source: torch.Generator) -> Tensor:
    """Estimates of the trace, one for each random vector of signs. Hutchinson 1990, doi:10.1080/03610919008812866."""
    found: list[Tensor] = []
    for _ in range(probes):
        signs = (2 * torch.randint(2, like.shape, generator=source) - 1).to(like)
        found.append(torch.dot(signs.double(), product(signs).double()))
    return torch.stack(found)
