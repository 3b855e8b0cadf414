"""What a person means by a target: a loss, a callable, a class, an expression, `file.py:name`, `module:name`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module, util
import inspect
from pathlib import Path
import sys
from types import ModuleType
from typing import Any

# Losses and wrappers make their names known to `parse` by being loaded.
# By their full names: `from .. import losses` would ask the lazy door, which loads everything above this room too.
import wald.losses as _losses  # noqa: F401  # pyright: ignore[reportUnusedImport]
import wald.wrappers as _wrappers  # noqa: F401  # pyright: ignore[reportUnusedImport]

from ...core import Loss, get, parse


class TargetError(ValueError):
    """What was named is no loss; the message says what was seen and what to write instead."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A loss that was asked for.

    Attributes:
        loss: what is called as `loss(prediction, target)`: a `Loss`, or any callable.
        name: what a report calls it.
        recipe: a line of Python that makes it, under the name `loss`; empty where only the caller can.
    """

    loss: Callable[..., Any]
    name: str
    recipe: str


def resolve(target: object, *, pairs: bool = False) -> Target:
    """The loss that `target` means.

    Args:
        target: a `Loss`; any callable (prediction, target); a class that makes one when it is called with no
            argument; a catalogue expression such as "Focal(gamma=2)"; "file.py:name"; "package.module:name", both also
            with arguments, as in "file.py:name(gamma=2.0)".
        pairs: whether a callable must take (prediction, target) and need nothing else.

    Raises:
        TargetError: it is none of these; the message names the nearest thing that is.

    >>> from wald.checks import resolve
    >>> resolve("huber(delta=2)").loss
    Huber(delta=2.0)
    """
    if isinstance(target, Target):
        return target
    if isinstance(target, str):
        place, call, arguments = target.strip().partition("(")
        path, colon, name = place.rpartition(":")
        if _is_place(path, colon, name):
            thing, recipe = _found(path, name), _located(path, name)
            if call:
                thing, recipe = _called(thing, target.strip(), arguments), f"{recipe}({arguments}"
            return _made(thing, name=target.strip(), recipe=recipe, pairs=pairs)
        if name.endswith(".py"):
            raise TargetError(_which_of(Path(target.strip())))
        return _parsed(target)
    return _made(target, name=_name(target), recipe=_recipe(target), pairs=pairs)


def named_thing(target: str) -> Any:
    """Whatever "file.py:name" or "package.module:name" names.

    Raises:
        TargetError: there is no such file, module or name.
    """
    path, _, name = target.strip().rpartition(":")
    return _found(path, name)


def _is_place(path: str, colon: str, name: str) -> bool:
    # "reg:squarederror" is a name of the catalogue too, and so a module must be one that exists.
    if not colon or not all(part.isidentifier() for part in name.split(".")):
        return False
    return path.endswith(".py") or (all(part.isidentifier() for part in path.split(".")) and _importable(path))


def _importable(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _called(thing: Any, name: str, arguments: str) -> object:
    """What a class or function makes of arguments that are written out."""
    try:
        call = ast.parse(f"made({arguments}", mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError
        given = [ast.literal_eval(one) for one in call.args]
        named = {one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg}
    except (SyntaxError, ValueError):
        raise TargetError(
            f"{name!r}: its arguments must be plain numbers, words and lists, as in (gamma=2.0)."
        ) from None
    try:
        return thing(*given, **named)
    except Exception as error:
        raise TargetError(f"{name!r} cannot be made: {type(error).__name__}: {error}") from error


def _made(thing: object, *, name: str, recipe: str, pairs: bool) -> Target:
    """The target itself, or what its class makes, once it is sure that it can be called with two tensors."""
    if isinstance(thing, type):
        try:
            made: Any = thing()
        except TypeError as error:
            raise TargetError(
                f"{name} is a class that cannot be made without arguments: {error}. Give what it makes, as in "
                f"{_example(thing)}."
            ) from None
        # A recipe that ends with `.loss` has already made it.
        call = "" if not recipe or recipe.endswith(".loss") else "()"
        return _made(made, name=repr(made) if isinstance(made, Loss) else name, recipe=recipe + call, pairs=pairs)
    if isinstance(thing, Loss):
        if type(thing).__module__.startswith("wald."):
            return Target(loss=thing, name=repr(thing), recipe=_written(thing))
        return Target(loss=thing, name=repr(thing), recipe=recipe)
    if not callable(thing):
        raise TargetError(
            f"{name} is a {type(thing).__name__}, and a loss is something to call with (prediction, target). "
            "Give a function, a module such as torch.nn.MSELoss(), or an expression such as 'Huber(delta=1.0)'."
        )
    if pairs:
        _refuse_other_arguments(thing, name)
    return Target(loss=thing, name=name, recipe=recipe)


def _refuse_other_arguments(loss: Callable[..., Any], name: str) -> None:
    try:
        signature = inspect.signature(getattr(loss, "forward", loss))
    except (TypeError, ValueError):
        return  # a built-in, which does not say what it takes
    try:
        signature.bind(None, None)
    except TypeError:
        needed = [one.name for one in signature.parameters.values() if one.default is one.empty]
        raise TargetError(
            f"{name} takes ({', '.join(needed)}), and a loss is called as loss(prediction, target). Write a function "
            "of two arguments that calls it, or bind the others with functools.partial."
        ) from None


def _parsed(expression: str) -> Target:
    try:
        loss = parse(expression) if _is_python(expression) else get(expression.strip())()
    except KeyError as error:
        module, colon, _ = expression.rpartition(":")
        absent = f"There is no module {module!r} here either." if colon else _OTHER_WAYS
        raise TargetError(f"{error.args[0]} {absent}") from None
    except TypeError as error:
        name = expression.partition("(")[0]
        raise TargetError(f"{expression!r}: {error}. `wald show {name}` lists its fields.") from None
    except ValueError as error:
        module, dot, name = expression.strip().rpartition(".")
        if dot and name.isidentifier() and _importable(module):
            raise TargetError(
                f"{expression!r}: a module and its loss are told apart by a colon: {module}:{name}."
            ) from None
        told = str(error).removeprefix(f"{expression!r} ").rstrip(".")
        raise TargetError(f"{expression!r}{':' if told == str(error).rstrip('.') else ''} {told}.") from None
    return Target(loss=loss, name=repr(loss), recipe=_written(loss))


_OTHER_WAYS = "A loss of your own is named by where it is: file.py:name, or package.module:name."


def _is_python(expression: str) -> bool:
    """Whether it can be read as an expression; names that other libraries give, such as reg:gamma, cannot."""
    try:
        ast.parse(expression.strip(), mode="eval")
    except SyntaxError:
        return "(" in expression
    return True


def _found(path: str, name: str) -> object:
    where: Any = file_of(Path(path)) if path.endswith(".py") else _module(path)
    for part in name.split("."):
        if not hasattr(where, part):
            near = _near(part, [one for one in dir(where) if callable(getattr(where, one))])
            raise TargetError(f"{path} has no {part!r}. {near}")
        where = getattr(where, part)
    return where


def _which_of(path: Path) -> str:
    where = file_of(path)
    own = [name for name, x in vars(where).items() if callable(x) and x.__module__ == where.__name__]
    named = " or ".join(f"{path}:{name}" for name in own[:3]) or f"{path}:name"
    return f"{path} is a file; say which of its losses is meant: {named}."


def file_of(path: Path) -> ModuleType:
    """A Python file, run.

    Raises:
        TargetError: there is none, or it cannot be imported.
    """
    if not path.is_file():
        near = _near(path.name, [one.name for one in path.parent.glob("*.py")] if path.parent.is_dir() else [])
        raise TargetError(f"there is no file {str(path)!r} here. {near}")
    # Its own name, so that what it defines can be pickled and looked up; a marker, so that it shadows nothing.
    name = f"wald_target_{path.stem}"
    spec = util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{str(path)!r} cannot be read as Python.")
    module = sys.modules[name] = util.module_from_spec(spec)
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise TargetError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    return module


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:
        raise TargetError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error


def _near(name: str, known: Iterable[str]) -> str:
    public = [one for one in known if not one.startswith("_")]
    near = get_close_matches(name, public, n=3, cutoff=0.5)
    if near:
        return f"The nearest {'is' if len(near) == 1 else 'are'} {', '.join(near)}."
    return f"There are {', '.join(public[:6])}{', ...' * (len(public) > 6)}." if public else "There is nothing like it."


def _written(loss: Loss) -> str:
    """A loss of wald as Python; one that holds losses is read from its text, which needs no further names."""
    holds = any(isinstance(value, Loss) for value in vars(loss).values())
    return f"import wald; loss = wald.{f'parse({str(loss)!r})' if holds else loss}"


def _located(path: str, name: str) -> str:
    if path.endswith(".py"):
        return f'from wald.checks import resolve; loss = resolve("{Path(path).resolve()}:{name}").loss'
    outer, *inner = name.split(".")
    rest = "".join(f".{part}" for part in inner)
    return f"from {path} import {outer}; loss = {outer}{rest}"


def _name(thing: object) -> str:
    module = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None)
    if name is None:
        said = repr(thing)
        return said if len(said) < 80 and " at 0x" not in said else type(thing).__name__
    return name if module in (None, "__main__", "builtins") or "<" in name else f"{module}.{name}"


def _recipe(thing: object) -> str:
    """How to import a function or class that has a place; nothing for what only the caller holds."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if module is None or name is None or module == "__main__" or "<" in name or "." in name:
        return ""
    held = getattr(sys.modules.get(module), name, None)
    return f"from {module} import {name}; loss = {name}" if held is thing else ""


def _example(kind: type) -> str:
    try:
        needed = [
            one.name
            for one in inspect.signature(kind).parameters.values()
            if one.default is one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        ]
    except (TypeError, ValueError):
        needed = []
    return f"{kind.__name__}({', '.join(f'{name}=...' for name in needed)})"
