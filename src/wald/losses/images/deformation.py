"""Deformation: how unevenly a field of displacements moves what lies side by side."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Loss, ShapeError, constant


class DeformationEnergy(Loss):
    """How unevenly a field of displacements moves its surroundings: a penalty for registration.

    kind="bending" is Σ over pairs of axes of (∂²u / ∂x_i ∂x_j)², which leaves shifts, rotations, scales and shears
    alone and asks what is left to be smooth, as a thin plate would; "diffusion" is Σ over axes of (∂u / ∂x_i)², which
    leaves shifts alone. Each is the mean over the components of the displacement and over the places that have
    neighbours on both sides; slopes are (u_(i+1) - u_(i-1)) / 2, curvatures u_(i+1) - 2 u_i + u_(i-1).

    Everything is counted in voxels: where these are no cubes, or images of several sizes are to cost alike, use
    `relative=True`, by which axes and displacements are shares of the image. Neither forbids folds. Older versions of
    MONAI took slopes of slopes for the bending energy, which do not see a field that changes at every second voxel.

    Shapes: displacement (*batch, *axes, components), one component for each of the `space` axes, in their order:
    (N, H, W, 2), or (N, D, H, W, 3) for space=3. With axis=1 the components come behind one batch axis, (N, 2, H, W).

    Raises:
        ShapeError: there are not as many components as axes, or an axis is shorter than three.

    >>> import torch, wald
    >>> down = torch.arange(5.0).reshape(5, 1).expand(5, 5)
    >>> stretched, bent = torch.stack([down, 0 * down], -1), torch.stack([down**2, 0 * down], -1)
    >>> wald.DeformationEnergy()(stretched), wald.DeformationEnergy()(bent)  # 2² of one component, of two
    (tensor(0.), tensor(2.))
    >>> wald.DeformationEnergy(kind="diffusion")(stretched)
    tensor(0.5000)
    """

    kind: Literal["bending", "diffusion"] = param(
        default="bending", choices=("bending", "diffusion"), help="whether curvatures are squared, or slopes"
    )
    space: int = param(default=2, choices=(1, 2, 3), help="how many axes the image has")
    relative: bool = param(
        default=False, choices=(False, True), quiet=True, help="count in shares of the image in place of voxels"
    )
    axis: int = param(default=-1, quiet=True, help="1 if the components come behind the batch axis, -1 if last")

    card = Card(
        task="other",
        inputs=lambda loss: {
            "displacement": Real.of(*("depth", "height", "width")[-loss.space :], "components", size=loss.space)
        },
        formula=lambda loss: (
            Formula(
                "mean([bent(w, size) if kind == 'bending' else drawn(w, size) for c, size in zip(field, sizes)"
                " for row in windows(c, 3, 3) for w in row])",
                field="[[[u[k] for u in row] for row in displacement] for k in (0, 1)]",
                h="len(displacement)",
                v="len(displacement[0])",
                sizes="[h, v] if relative else [1, 1]",
                per="lambda a, b, size: (a * b / size if relative else 1)",
                bent="lambda w, size: ((w[7] - 2 * w[4] + w[1]) * per(h, h, size))**2"
                " + ((w[5] - 2 * w[4] + w[3]) * per(v, v, size))**2"
                " + 2 * ((w[8] - w[6] - w[2] + w[0]) / 4 * per(h, v, size))**2",
                drawn="lambda w, size: ((w[7] - w[1]) / 2 * per(h, 1, size))**2"
                " + ((w[5] - w[3]) / 2 * per(v, 1, size))**2",
            )
            if loss.space == 2
            else "mean over components and places of the sum over axes of squared curvatures, or of squared slopes"
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="linear",
        denominator="the unmasked fields, each counted by its weight; not the voxels",
        when="Beside a loss that compares images, where one is moved to lie on the other.",
        when_not="Organs slide along each other, or folds must be forbidden.",
        points={"floor": 0},
        aliases=(
            "BendingEnergyLoss",
            "bending energy",
            "diffusion regulariser",
            "diffusion regularizer",
            "thin plate energy",
        ),
        ports={
            "monai.losses.BendingEnergyLoss": {"axis": 1},
            "monai.losses.DiffusionLoss": {"kind": "diffusion", "axis": 1},
        },
        tags=("image", "registration", "medical", "penalty", "smoothness", "deformation"),
        cite=("Rueckert et al. 1999, doi:10.1109/42.796284", "Balakrishnan et al. 2019, arXiv:1809.05231"),
    )

    def in_plain_layout(self) -> Loss:
        return self if self.axis == -1 else self.replace(axis=-1)

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        if self.axis not in (-1, 1):
            raise ValueError(f"{self}: axis is 1 for fields (N, components, *axes), or -1 for components last.")
        if self.axis == 1 and len(inputs) == 1 and inputs[0].ndim == self.space + 2:
            inputs = (inputs[0].movedim(1, -1),)
        return self.plain, inputs, weight, mask

    def per_example(self, displacement: Tensor) -> Tensor:
        field = displacement.movedim(-1, -self.space - 1)
        sizes = list(field.shape[-self.space :])
        if min(sizes) < 3:
            raise ShapeError(
                f"DeformationEnergy: displacement {tuple(displacement.shape)} has axes of {sizes} places, and three of "
                "each are needed to have a curvature. Use space= for the number of axes, beside the components."
            )
        energy = torch.zeros_like(_moved(field, {}, self.space))
        for axes in _derivatives(self.kind, self.space):
            change = _derivative(field, axes, self.space)
            if self.relative:
                across = constant(tuple(_product(sizes, axes) / size for size in sizes), field)
                change = change * across.reshape(-1, *[1] * self.space)
            # Two different axes stand for both of their orders.
            energy = energy + len(set(axes)) * change.square()
        return energy.mean(tuple(range(-self.space - 1, 0)))


def _derivatives(kind: str, space: int) -> list[tuple[int, ...]]:
    """The axes along which each derivative is taken."""
    if kind == "diffusion":
        return [(i,) for i in range(space)]
    return [(i, j) for i in range(space) for j in range(i, space)]


def _derivative(u: Tensor, axes: tuple[int, ...], space: int) -> Tensor:
    """The derivative along one axis, or along two, at the places that have neighbours on every side."""
    if len(set(axes)) < len(axes):
        return _moved(u, {axes[0]: 1}, space) - 2 * _moved(u, {}, space) + _moved(u, {axes[0]: -1}, space)
    if len(axes) == 1:
        return (_moved(u, {axes[0]: 1}, space) - _moved(u, {axes[0]: -1}, space)) / 2
    i, j = axes
    ahead = _moved(u, {i: 1, j: 1}, space) - _moved(u, {i: 1, j: -1}, space)
    return (ahead - _moved(u, {i: -1, j: 1}, space) + _moved(u, {i: -1, j: -1}, space)) / 4


def _moved(u: Tensor, by: dict[int, int], space: int) -> Tensor:
    """The inner places, or their neighbours that many steps along some axes."""
    ends = {0: slice(1, -1), 1: slice(2, None), -1: slice(None, -2)}
    return u[(..., *(ends[by.get(axis, 0)] for axis in range(space)))]


def _product(sizes: list[int], axes: tuple[int, ...]) -> int:
    return sizes[axes[0]] * (sizes[axes[1]] if len(axes) == 2 else 1)
