"""What to write instead of a loss or a call whose arguments are not those that it takes: each replacement is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..cards.instead import fields_instead, input_instead, reduction_instead, written

if TYPE_CHECKING:
    from .loss import Loss

#: What a mask is called elsewhere, and how it becomes one that is true for what is kept.
_MASKS = {
    **{name: f"~{name}" for name in ("padding_mask", "key_padding_mask", "pad_mask", "src_key_padding_mask")},
    **{name: name for name in ("attention_mask", "loss_mask", "masks", "keep_mask", "valid_mask")},
    "lengths": "torch.arange(steps) < lengths[:, None]",
}
#: What modules have and a loss has not, as it holds no tensors, and what is written instead.
_OF_MODULES = {
    **dict.fromkeys(
        ("cuda", "cpu", "half", "float", "double", "bfloat16", "train", "eval", "requires_grad_", "zero_grad"),
        "It computes where its inputs are, in fp32 or wider, and has no modes: leave the call out",
    ),
    "forward": "Call it: {call}",
    "backward": "Call it, and go back from what it gives: {call}.backward()",
    "item": "Call it, and take what it gives: {call}.item()",
    **dict.fromkeys(
        ("parameters", "named_parameters", "modules", "children", "buffers"),
        "It has nothing to optimise; what is learned is a head beside it, such as wald.LearnedScale or wald.Proxies. "
        "Put losses in a plain list or dict, not in nn.ModuleList",
    ),
    **dict.fromkeys(("state_dict", "load_state_dict"), "Save loss.to_dict(); wald.from_dict makes it again"),
    "reduction": 'It is said in the call: {call}, as reduction="none"',
    "weight": "It is said in the call: {call}, as weight=",
    "mask": "It is said in the call: {call}, as mask=",
}
_WEIGHTS = ("weights", "sample_weight", "sample_weights", "example_weight")


def refused_fields(kind: type[Loss], args: tuple[Any, ...], given: Mapping[str, Any]) -> TypeError | None:
    """The error for fields that a loss cannot be made of, with those to write instead; None for fields that it has."""
    declared = _declared(kind)
    placed = [name for name, field in declared.items() if not field.kw_only]
    name = kind.__name__
    if len(args) > len(placed):
        if any(isinstance(each, Tensor) for each in args):
            inputs = ", ".join(_inputs(kind))
            return TypeError(f"{name} is made first, and then called. Use {name}()({inputs}).")
        if not declared:
            return TypeError(f"{name} has no fields, got {args[0]!r}. Use {name}().")
        fix = written(name, dict(zip(declared, args, strict=False)) | dict(given))
        return TypeError(f"{name}: fields are given by name. Use {fix}.")
    if not given.keys() <= declared.keys():
        told = fields_instead(
            name, declared, given, inputs=_inputs(kind), allows=lambda kept: _can_be_made(kind, args, kept)
        )
        unknown = [each for each in given if each not in declared]
        return TypeError(told if " Use " in told else told + _elsewhere(kind, unknown))
    known = {*placed[: len(args)], *given}
    for field in declared.values():
        if field.name not in known and field.default is MISSING and field.default_factory is MISSING:
            meta = field.metadata
            likely = [*meta.get("choices", ()), *meta.get("typical", ())]
            fix = f" Use {written(name, {**given, field.name: likely[0]})}, say." if likely else ""
            return TypeError(f"{name}: {field.name} has no default ({meta.get('help', '')}).{fix}")
    return None


def refused_call(loss: Loss, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> TypeError:
    """The error for a call with other inputs than a loss takes, with the call to write instead."""
    who = type(loss).__name__
    names = tuple(name for name, _ in loss.named_domains)
    takes = f"{who} takes {', '.join(names)}"
    known, also, puzzling = {*names[: len(inputs)]}, list[str](), False
    notes: list[str] = []
    unknown = [name for name in named if name not in names]
    for name in named:
        if name in names:
            known.add(name)
        elif name in _declared(type(loss)):
            notes.append(f"{name} is a field: {who}({name}=...)")
        elif name in _WEIGHTS:
            also.append("weight=...")
            notes.append(f"{name} is weight= here")
        elif name in _MASKS:
            also.append(f"mask={_MASKS[name]}")
            notes.append("mask is True for what is kept")
        elif (meant := input_instead(name, names)) is not None:
            known.add(meant)
            notes.append(f"{name} is {meant} here")
        else:
            puzzling = True
    apart = len(inputs) > len(names) and loss.named_domains[0][1].axes == ("parameters",)
    if apart:
        notes.append(f"the parameters lie side by side, {names[0]} = torch.stack([...], -1), as help(wald.{who}) says")
    for extra in () if apart else inputs[len(names) :]:
        word = _mask_or_weight(extra, inputs[0])
        also += [f"{word}=..."] if word else []
        notes += [f"a {word} goes by its name"] if word else []
        puzzling = puzzling or word is None
    missing = [name for name in names if name not in known]
    if unknown:
        said = f"it has no input {', '.join(sorted(unknown))}"
    elif missing:
        listed = " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)
        said = f"{listed} {'are' if len(missing) > 1 else 'is'} missing"
    else:
        said = f"got {len(inputs) + len(named)} inputs"
    told = f": {'; '.join(notes)}" if notes else ""
    if apart:
        use = ""
    elif puzzling or missing:
        # What is missing cannot be made up.
        use = fitting_text(loss, inputs) if not named else ""
        use = use or f" help(wald.{who}) says what each is."
    else:
        use = f" Use {as_written(loss)}({', '.join([*names, *also])})."
    return TypeError(f"{takes}; {said}{told}.{use}")


def no_attribute(loss: Loss, name: str) -> AttributeError:
    """The error for an attribute that a loss has not, with what to write where modules have it."""
    who = type(loss).__name__
    told = f"{who} has no attribute {name!r}"
    if name in _OF_MODULES:
        call = f"{as_written(loss)}({', '.join(each for each, _ in loss.named_domains)})"
        told += f": a loss is a value, not a module. {_OF_MODULES[name].format(call=call)}."
    else:
        declared = _declared(type(loss))
        told += f". Its fields are {', '.join(declared)}." if declared else ", and it has no fields."
    return AttributeError(told, name=name, obj=loss)


def refused_sum(loss: Loss) -> TypeError:
    """The error for arithmetic with losses, with the two ways to add what they give."""
    made = as_written(loss)
    call = f"{made}({', '.join(name for name, _ in loss.named_domains)})"
    return TypeError(
        f"{type(loss).__name__} is a loss, and not yet a number. Add what losses give, 0.5 * {call} + ..., or make "
        f"them terms that are seen one by one: wald.Objective(first=wald.Term({made}, weight=0.5), second=...)."
    )


def fitting_text(loss: Loss, inputs: tuple[Any, ...]) -> str:
    """A sentence on the losses nearby that take these inputs; "" where none is found."""
    from .mending import fitting

    found = fitting(loss, inputs)
    return f" These inputs fit {' or '.join(found)}." if found else ""


def refused_reduction(reduction: Any) -> ValueError:
    """The error for a reduction that is not known, with the one to use."""
    use = "" if callable(reduction) else f' Use reduction="{reduction_instead("reduction", reduction)}".'
    return ValueError(
        f'reduction must be "mean", "sum", "none" or a functional such as wald.CVaR(0.1), got {reduction!r}.{use}'
    )


def refused_counts(name: str, given: Any) -> str:
    """Why a mask or weights that are no tensor are refused, and what to write."""
    if isinstance(given, (int, float)):
        return (
            f"{name} is the number {given!r}, and a {name} has one entry for each example. To count all of them "
            f"alike, multiply the result: {given!r} * loss(...)."
        )
    return f"{name} is a {type(given).__name__}, not a tensor. Use torch.as_tensor({name})."


def misfit_counts(loss: Loss, name: str, given: Tensor, batch: tuple[int, ...]) -> str:
    """Why a mask or weights of another shape than the batch are refused, and what may have been meant."""
    from .loss import Listwise

    shape, batch = tuple(given.shape), tuple(batch)
    told = f"{name} {shape} must have the shape of the batch, {batch}."
    declared = _declared(type(loss))
    last = loss.named_domains[-1][0]
    if name == "mask" and len(shape) > len(batch) and shape[: len(batch)] == batch:
        # It speaks of parts of an example, and a mask leaves out whole ones.
        if isinstance(loss, Listwise):
            return f"{told} A place of a list is empty where its {last} is -inf: {last}.masked_fill(~mask, -torch.inf)."
        if "ignore_index" in declared:
            mark = f"{type(loss).__name__}(ignore_index=255) with {last}.masked_fill(~mask, 255)"
            return f"{told} To leave out parts of an example, mark them: {mark}."
        return f"{told} Use mask.flatten({len(batch)}).any(-1), which keeps an example if any part of it is kept."
    if name == "weight" and "class_weight" in declared and len(shape) == 1:
        return (
            f"{told} For one number for each class, use {type(loss).__name__}(class_weight={name}); for each example, "
            f"class_weight[{last}]."
        )
    if given.ndim and shape == batch[: len(shape)] and len(shape) < len(batch):
        inner = ", ".join([":"] * len(shape) + ["None"] * (len(batch) - len(shape)))
        short = "..., None" if len(batch) - len(shape) == 1 else inner
        return f"{told} Use {name}[{short}].expand{batch}."
    if shape == batch[len(batch) - len(shape) :] and batch:
        return f"{told} Use {name}.expand{batch}."
    return f"{told} Use one {name} an example."


def _declared(kind: type[Loss]) -> dict[str, Field[Any]]:
    return {field.name: field for field in fields(kind)}  # pyright: ignore[reportArgumentType]


def _inputs(kind: type[Loss]) -> tuple[str, ...]:
    """What a loss is called with, as far as its class says it."""
    try:
        return tuple(name for name, _ in kind().named_domains)
    except (TypeError, ValueError):
        inputs = kind.card.inputs
        return tuple(inputs) if isinstance(inputs, Mapping) else ("...",)


def _can_be_made(kind: type[Loss], args: tuple[Any, ...], given: Mapping[str, Any]) -> bool:
    try:
        kind(*args, **given)
    except (TypeError, ValueError, AttributeError):
        return False
    return True


def _elsewhere(kind: type[Loss], unknown: list[str]) -> str:
    """Which other losses of the catalogue have a field of this name, where they are few."""
    from .loss import KINDS

    told: list[str] = []
    for name in unknown:
        have = [
            each.__name__
            for each in KINDS.values()
            if each is not kind and each.__module__.startswith("wald.") and name in _declared(each)
        ]
        if 0 < len(have) <= 3:
            told.append(f" {name} is a field of {' and '.join(have)}.")
    return "".join(told)


def as_written(loss: Loss) -> str:
    """A loss as it is written, without the fields that are at their defaults."""
    declared = _declared(type(loss)).items()
    away = {name: value for name, field in declared if (value := getattr(loss, name)) != field.default}
    return written(type(loss).__name__, away)


def _mask_or_weight(extra: Any, first: Any) -> str | None:
    """Whether a surplus input looks like a mask or like weights of the examples of the first; None for neither."""
    if not isinstance(extra, Tensor) or not isinstance(first, Tensor) or extra.shape != first.shape[: extra.ndim]:
        return None
    if extra.dtype == torch.bool:
        return "mask"
    return "weight" if extra.is_floating_point() and extra.ndim < max(first.ndim, 2) else None
