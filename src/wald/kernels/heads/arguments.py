"""What every loss of a linear head is given: checked, and in the dtype of the products."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...core import DomainError, DtypeError, Loss, ShapeError
from ...core.admission import refuse_weight, visible
from ...core.call import which_count
from .head import Head, LowRank


def refuse_head(
    who: str, hidden: Tensor, head: Head, names: tuple[str, str, str] = ("hidden", "weight", "bias")
) -> None:
    """Raise unless these are hidden states and a head for them.

    Args:
        who: who asks, for messages.
        hidden: (*batch, features).
        head: of classes and the same features.
        names: what the caller calls the states, the matrix and the bias.

    Raises:
        DtypeError: one of them is not a floating-point tensor.
        ShapeError: they do not go together.
    """
    weight, bias = head.weight, head.bias
    for name, x in zip(names, (hidden, weight, bias), strict=True):
        if x is None and name == names[2]:
            continue
        if not isinstance(x, Tensor):
            raise DtypeError(f"{who}: {name} is a {type(x).__name__}, not a tensor. Use torch.as_tensor({name}).")
        if not x.is_floating_point():
            raise DtypeError(f"{who}: {name} is {x.dtype}, and a linear head multiplies floats. Use {name}.float().")
    if weight.ndim != 2:
        raise ShapeError(
            f"{who}: {names[1]} {tuple(weight.shape)} must be (classes, features), as in torch.nn.Linear. "
            "Use lm_head.weight."
        )
    if hidden.ndim == 0 or hidden.shape[-1] != weight.shape[1]:
        turned = hidden.ndim > 0 and hidden.shape[-1] == weight.shape[0]
        fix = f"It looks transposed: use {names[1]}.T." if turned else "Was the head made for another model?"
        raise ShapeError(
            f"{who}: the last axis of {names[0]} {tuple(hidden.shape)} and of {names[1]} {tuple(weight.shape)} must "
            f"both hold the features. {fix}"
        )
    classes, features = weight.shape
    if bias is not None and bias.shape != (classes,):
        raise ShapeError(
            f"{who}: {names[2]} {tuple(bias.shape)} must hold one number for each of the {classes} rows of {names[1]}."
        )
    if (low := head.lora) is not None:
        down, up = tuple(low.down.shape), tuple(low.up.shape)
        if len(down) != 2 or len(up) != 2 or down[1] != features or up[0] != classes or down[0] != up[1]:
            raise ShapeError(
                f"{who}: lora is (A, B, scale) with A (rank, features) and B (classes, rank); got A {down} and B {up} "
                f"for {names[1]} {(classes, features)}."
            )


def refuse_ids(who: str, name: str, ids: Tensor, hidden: Tensor, hidden_name: str) -> None:
    """Raise unless these are class ids, one for each row of the hidden states.

    Raises:
        DtypeError: they are not whole numbers.
        ShapeError: their shape is not the batch of `hidden`.
    """
    if not isinstance(ids, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DtypeError(f"{who}: {name} is a {type(ids).__name__}, not a tensor. Use torch.as_tensor({name}).")
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise DtypeError(f"{who}: {name} is {ids.dtype}, and token ids are whole numbers. Use {name}.long().")
    if ids.shape != hidden.shape[:-1]:
        ahead = ids.ndim > 0 and hidden.ndim > 1 and ids.shape == (*hidden.shape[:-2], hidden.shape[-2] + 1)
        behind = ids.ndim > 0 and hidden.ndim > 1 and ids.shape == (*hidden.shape[:-2], hidden.shape[-2] - 1)
        fix = f"Use {name}[..., 1:]: a state predicts the token after it." if ahead else "One id for each state."
        fix = f"Use {hidden_name}[..., :-1, :]: the last state predicts no token." if behind else fix
        raise ShapeError(
            f"{who}: {name} {tuple(ids.shape)} must have the shape of the states, {tuple(hidden.shape[:-1])}. {fix}"
        )


def refuse_outside(who: str, name: str, ids: Tensor, keep: Tensor, classes: int, ignore_index: int) -> None:
    """Raise for ids that the head has no row for, where looking is free.

    Raises:
        DomainError: an id that counts is negative or too large.
    """
    if not visible(ids):
        return
    outside = keep & ((ids < 0) | (ids >= classes))
    if bool(outside.any()):
        seen = int(ids[outside][0])
        fix = "Leave such tokens out with ignore_index=" + str(seen) if seen < 0 else "Was the vocabulary extended?"
        raise DomainError(
            f"{who}: {name} contains {seen} ({int(outside.sum())} ids are outside); expected ids from 0 to "
            f"{classes - 1}, or ignore_index={ignore_index}. {fix}."
        )


def in_one_dtype(who: str, *tensors: Tensor) -> tuple[Tensor, ...]:
    """The same tensors in the dtype of their products: their own, or that of autocast, as in torch's linear.

    Raises:
        DtypeError: they have several.
    """
    kind, dtype = tensors[0].device.type, tensors[0].dtype
    if torch.is_autocast_enabled(kind) and dtype != torch.float64:
        return tuple(x.to(torch.get_autocast_dtype(kind)) for x in tensors)
    if any(x.dtype != dtype for x in tensors):
        found = ", ".join(str(x.dtype).removeprefix("torch.") for x in tensors)
        raise DtypeError(
            f"{who}: hidden states and head are {found}. Use one dtype, such as hidden.to(weight.dtype), or "
            "torch.autocast."
        )
    return tensors


def operands(who: str, hidden: Tensor, head: Head) -> tuple[Tensor, Head]:
    """Hidden states and head in the dtype of their products; the bias, which is only added, keeps its own.

    Raises:
        DtypeError: they have several.
    """
    hidden, weight, *low = in_one_dtype(who, hidden, *head.factors())
    return hidden, Head(weight, head.bias, None if head.lora is None else LowRank(low[0], low[1], head.lora.scale))


def kept(who: str, loss: Loss, keep: Tensor, weight: Tensor | None, mask: Tensor | None, weight_name: str) -> Tensor:
    """Which examples count: the inputs themselves (`keep`), the mask and the weights all have a say.

    Raises:
        ShapeError: mask or weight do not have the shape of the batch.
        TypeError: the mask is of floats.
        DomainError: a weight is negative or NaN.
    """
    counts = which_count(loss, keep, keep.shape, weight, mask, who=who, weight_name=weight_name)
    if weight is not None:
        refuse_weight(loss, weight, weight_name)
    return keep if counts is None else counts


def known(who: str, outputs: Sequence[str], names: tuple[str, ...]) -> tuple[str, ...]:
    """The outputs that are asked for.

    Raises:
        ValueError: there is no such output.
    """
    asked = (outputs,) if isinstance(outputs, str) else tuple(dict.fromkeys(outputs))
    if wrong := [name for name in asked if name not in names]:
        raise ValueError(f"{who}: outputs has {', '.join(map(repr, wrong))}; there are {', '.join(map(repr, names))}.")
    return asked
