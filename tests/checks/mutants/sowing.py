"""Making a loss of the catalogue again with one error in it, and telling whether the error shows at all."""

from __future__ import annotations
import __future__

import ast
from collections.abc import Iterator, Mapping
import dataclasses
from dataclasses import dataclass
from functools import cache
from importlib import import_module
import inspect
from itertools import zip_longest
import random
import sys
from types import FunctionType, ModuleType
from typing import Any, Final

import torch
from torch import Tensor

import wald
from wald.checks.subjects.draw import draw, variants
from wald.core import value_checks

from .operators import Change, changes

#: Files whose functions several losses share.
_SHARED: Final = ("_softmax", "_distance", "_softplus")
#: Functions of layout and of refusals, which are no part of the formula.
_NOT_FORMULA: Final = {"__post_init__", "arranged", "_arranged", "in_plain_layout", "refuse", "classes_last"}
SEED: Final = 3


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One error in one loss.

    Attributes:
        of: the loss.
        where: the file and line of the error.
        function: which it is in.
        change: the error.
    """

    of: type[wald.Loss]
    module: str
    function: str
    change: Change

    @property
    def id(self) -> str:
        """Where it is and what was done."""
        return f"{self.of.__name__}, {self.function}: {self.change.says}"


def mutants(of: type[wald.Loss]) -> list[Mutant]:
    """Every mutant of a loss, in an order that the seed decides."""
    found = [
        Mutant(of=of, module=module, function=tree.name, change=change)
        for module in _modules(of)
        for tree in _functions(of, module).values()
        for change in changes(tree)
    ]
    random.Random(f"{SEED} {of.__name__}").shuffle(found)
    return found


def built(mutant: Mutant) -> type[wald.Loss]:
    """The loss with the error: a class with the fields and the card of the original."""
    spaces = {module: dict(vars(import_module(module))) for module in _modules(mutant.of)}
    methods: dict[str, Any] = {}
    again: dict[object, Any] = {}
    for module, space in spaces.items():
        for name, tree in _functions(mutant.of, module).items():
            wrong = (module, name) == (mutant.module, mutant.function)
            made = _compiled(mutant.change.tree if wrong else tree, space)
            if name in vars(mutant.of):
                methods[name] = made
            else:
                again[space[name]] = made
    for space in spaces.values():
        # Each file sees the functions of the others as they are now.
        space |= {name: again[x] for name, x in space.items() if isinstance(x, FunctionType) and x in again}
    return type(mutant.of.__name__, (mutant.of,), {**methods, "__module__": mutant.of.__module__})


def shows(mutant: Mutant) -> tuple[str, wald.Loss | None]:
    """Whether it can be told from the original, and at which typical values of its fields.

    Returns:
        "alive" and the first loss that differs; "equal" where value, mean and gradient are the same wherever was
        looked; "stillborn" where typical inputs make it raise, which whoever runs it once sees.
    """
    kind = built(mutant)
    # A faster implementation of the original rounds otherwise, which is no error of the mutant.
    originals = list(variants(_plain(mutant.of)))
    losses = [kind(**{field.name: getattr(one, field.name) for field in dataclasses.fields(one)}) for one in originals]
    # Typical inputs of every variant come first, so that an error is looked for where it shows best.
    broken = None
    for place, row in enumerate(zip_longest(*(_places(original) for original in originals))):
        for original, loss, inputs in zip(originals, losses, row, strict=True):
            if inputs is None:
                continue
            try:
                found = _told(loss, inputs)
            except Exception:
                if place == 0:
                    return "stillborn", None
                broken = broken or loss
                continue
            if not _same(_told(original, inputs), found):
                return "alive", loss
    return ("equal", None) if broken is None else ("alive", broken)


def _told(loss: wald.Loss, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Values and their gradient; and the mean where some examples weigh more and others are left out."""
    leaf = inputs[0].detach().clone().requires_grad_()
    rows = torch.arange(len(leaf))
    with value_checks(False):
        values = loss(leaf, *inputs[1:], reduction="none")
        mean = loss(leaf, *inputs[1:], weight=1.0 + rows % 3, mask=rows % 4 != 1)
    told = [values.detach(), mean.detach()]
    for value in (values.sum(), mean):
        slope = torch.zeros_like(leaf)
        if value.requires_grad:
            (slope,) = torch.autograd.grad(value, leaf, materialize_grads=True, retain_graph=True)
        told.append(slope)
    return tuple(told)


def _same(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> bool:
    return all(
        a.shape == b.shape and torch.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def _places(loss: wald.Loss) -> Iterator[tuple[Tensor, ...]]:
    """Inputs over the domain: typical, large and infinite ones, zeros, hits, and examples that do not count."""
    generator = torch.Generator().manual_seed(SEED)
    yield draw(loss, 24, generator, classes=4)
    yield draw(loss, 5, generator, classes=4, soft=True)
    first, *rest = draw(loss, 24, generator, classes=4)
    domain = loss.named_domains[0][1]
    if domain.low < 0 and not domain.normalised:
        yield 30 * first, *rest
        yield 1e4 * first, *rest
        yield torch.zeros_like(first), *rest
        endless = first.clone()
        endless.flatten()[::5] = -torch.inf
        yield endless, *rest
    for place, x in enumerate(rest):
        if x.shape == first.shape and x.is_floating_point():
            yield x.clone(), *rest
        if x.is_floating_point() and not loss.named_domains[place + 1][1].normalised:
            some = x.clone()
            some.flatten()[::5] = 0.0
            yield first, *rest[:place], some, *rest[place + 1 :]
    ignored = getattr(loss, "ignore_index", None)
    if ignored is not None and rest and not rest[0].is_floating_point():
        ids = rest[0].clone()
        ids.flatten()[::3] = ignored
        yield first, ids, *rest[1:]


@cache
def _modules(of: type[wald.Loss]) -> tuple[str, ...]:
    """The file of the loss, and those of the shared ones that it takes from."""
    package = of.__module__.rpartition(".")[0]
    used = {getattr(value, "__module__", "") for value in vars(import_module(of.__module__)).values()}
    return (of.__module__, *(f"{package}.{name}" for name in _SHARED if f"{package}.{name}" in used))


@cache
def _functions(of: type[wald.Loss], module: str) -> Mapping[str, ast.FunctionDef]:
    """The functions of a file that make up the formula: methods of the loss, and what they call."""
    where: ModuleType = import_module(module)
    tree = ast.parse(inspect.getsource(where))
    held = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == of.__name__:
            held += [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name not in _NOT_FORMULA]
    every = {node.name: node for node in held if not node.decorator_list}
    return {name: node for name, node in every.items() if _is_used(of, name)}


def _is_used(of: type[wald.Loss], name: str) -> bool:
    """Whether the formula of this loss gets there: asked of the original, so that idle code is not sown."""
    return name in _reached(of)


@cache
def _reached(of: type[wald.Loss]) -> frozenset[str]:
    """The names of all functions that run when the loss is worked out at its typical fields."""
    seen: set[str] = set()

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call" and "/losses/" in frame.f_code.co_filename.replace("\\", "/"):
            seen.add(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        for loss in variants(_plain(of)):
            for inputs in _places(loss):
                _told(loss, inputs)
    finally:
        sys.setprofile(before)
    return frozenset(seen - _NOT_FORMULA)


def _plain(of: type[wald.Loss]) -> type[wald.Loss]:
    """The same loss as a class of its own, for which nothing faster is known."""
    return type(of.__name__, (of,), {"__module__": of.__module__})


def _compiled(tree: ast.FunctionDef, space: dict[str, Any]) -> Any:
    module = ast.Module(body=[tree], type_ignores=[])
    made: dict[str, Any] = {}
    code = compile(ast.fix_missing_locations(module), "<mutant>", "exec", flags=__future__.annotations.compiler_flag)
    exec(code, space, made)
    return made[tree.name]
