"""The small errors: every way in which one expression of a definition can be written wrongly."""

from __future__ import annotations

import ast
from collections.abc import Iterator
import copy
from dataclasses import dataclass
from typing import Any, Final

#: An operator, and what a tired author types in its place.
_BINARY: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.Gt,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
#: A function or method, and its neighbour.
_RENAMED: Final[dict[str, tuple[str, ...]]] = {
    "minimum": ("maximum",),
    "maximum": ("minimum",),
    "amax": ("amin",),
    "sum": ("mean",),
    "mean": ("sum",),
    "log1p": ("log",),
    "log": ("log1p",),
    "logsumexp": ("amax",),
    "log_softmax": ("softmax",),
    "softplus": ("relu",),
    "relu": ("softplus",),
    "square": ("abs",),
    "abs": ("square",),
    "exp": ("sigmoid",),
}
#: Methods and functions of one tensor that an author may forget.
_FORGOTTEN: Final = {
    "abs",
    "square",
    "sqrt",
    "exp",
    "log",
    "log1p",
    "relu",
    "clamp",
    "log_softmax",
    "masked_fill",
    "softplus",
    "spared",
    "direction",
    "log_odds",
}


@dataclass(frozen=True)
class Change:
    """One error in one place.

    Attributes:
        line: of the source.
        says: what was written and what stands there now.
        tree: the definition with the error.
    """

    line: int
    says: str
    tree: ast.FunctionDef


def changes(function: ast.FunctionDef) -> Iterator[Change]:
    """Every error that can be made in this function, in the order of its source."""
    hints = {id(node) for hint in _hints(function) for node in ast.walk(hint)}
    for place, node in enumerate(ast.walk(function)):
        if not isinstance(node, ast.expr) or id(node) in hints:
            continue
        for replacement in _replacements(node):
            tree = _replaced(function, place, replacement)
            old, new = ast.unparse(node), ast.unparse(replacement)
            if old != new:
                yield Change(node.lineno, f"{old} -> {new}", tree)


def _hints(function: ast.FunctionDef) -> list[ast.expr]:
    """What is said of types, which nothing runs."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [hint for hint in (function.returns, *(one.annotation for one in arguments)) if hint is not None]


def _replaced(function: ast.FunctionDef, place: int, replacement: ast.expr) -> ast.FunctionDef:
    tree = copy.deepcopy(function)
    found = next(node for i, node in enumerate(ast.walk(tree)) if i == place)

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return ast.copy_location(copy.deepcopy(replacement), node) if node is found else self.generic_visit(node)

    return ast.fix_missing_locations(Put().visit(tree))


def _replacements(node: ast.expr) -> Iterator[ast.expr]:
    """What may stand in the place of this expression by mistake."""
    for of in (_operators, _comparisons, _numbers, _names_of_calls, _arguments, _forgotten, _branches, _gradients):
        yield from of(node)


def _changed(node: Any, **parts: Any) -> Any:
    new = copy.deepcopy(node)
    for name, value in parts.items():
        setattr(new, name, value)
    return new


def _operators(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp):
        if other := _BINARY.get(type(node.op)):
            yield _changed(node, op=other())
        # One of the two terms is dropped.
        yield node.left
        yield node.right
        if isinstance(node.op, (ast.Sub, ast.Div)):
            yield _changed(node, left=node.right, right=node.left)
    if isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
        yield node.operand


def _comparisons(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and (other := _COMPARED.get(type(node.ops[0]))):
        yield _changed(node, ops=[other()])


def _numbers(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant) and isinstance(node.op, ast.USub):
        # An axis counted from the end becomes the axis of the batch.
        yield ast.Constant(0)
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        if node.value:
            yield ast.Constant(node.value / 2 if isinstance(node.value, float) else 0)


def _names_of_calls(node: ast.expr) -> Iterator[ast.expr]:
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Attribute):
        for other in _RENAMED.get(node.func.attr, ()):
            yield _changed(node, func=_changed(node.func, attr=other))
    for i, keyword in enumerate(node.keywords):
        if (other := {"min": "max", "max": "min"}.get(keyword.arg or "")) and len(node.keywords) == 1:
            yield _changed(node, keywords=[*node.keywords[:i], _changed(keyword, arg=other)])


def _arguments(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        *first, one, other = node.args
        yield _changed(node, args=[*first, other, one])


def _forgotten(node: ast.expr) -> Iterator[ast.expr]:
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name not in _FORGOTTEN:
        return
    method = isinstance(node.func, ast.Attribute) and not _is_torch(node.func.value)
    if method:
        yield node.func.value  # pyright: ignore[reportAttributeAccessIssue]
    elif node.args:
        yield node.args[0]


def _branches(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.IfExp):
        yield _changed(node, body=node.orelse, orelse=node.body)


def _gradients(node: ast.expr) -> Iterator[ast.expr]:
    """Cut the graph behind a step of the formula."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield ast.Call(ast.Attribute(copy.deepcopy(node), "detach", ast.Load()), [], [])


def _is_torch(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("torch", "F", "math", "self")
