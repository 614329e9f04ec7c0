"""The source of a function, and what the names in it stand for when one looks.

Nothing is imported, called or computed to find that out: what is local, defined later or built at run time is unknown.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import ModuleType
from typing import Any

from attrs import frozen

UNKNOWN = object()


@frozen
class Source:
    """The body of a function."""

    file: str
    lines: Mapping[int, str]
    definition: ast.FunctionDef
    nodes: tuple[ast.AST, ...]  # what the function itself does
    names: Mapping[str, Any]

    @cached_property
    def answers(self) -> Mapping[str, Any]:
        """Names that only ever hold what one verb answers (`name = yield from verb(...)`), and that verb."""
        found = {}
        for node in self.nodes:
            match node:
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Yield(value=ast.Call(func=ast.Name(id=verb)))
                    | ast.YieldFrom(value=ast.Call(func=ast.Name(id=verb))),
                ) if self.given[name] == 1:
                    found[name] = self.names.get(verb)
                case _:
                    pass
        return found

    @cached_property
    def made(self) -> Mapping[str, Any]:
        """Names that only ever hold what one call makes (`name = call(...)`), and what is called; of parameters, their
        type.
        """
        found = {}
        for node in (*ast.walk(self.definition.args), *self.nodes):
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=maker))
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(func=maker))
                    | ast.arg(arg=name, annotation=ast.expr() as maker)
                ) if self.given[name] == 1:
                    found[name] = self.meant(maker)
                case _:
                    pass
        return found

    @cached_property
    def is_generator(self) -> bool:
        return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in self.nodes)

    @cached_property
    def given(self) -> Counter[str]:
        """How often each name is given a value, by the function or by what is inside of it."""
        return Counter(_given(self.definition))

    def meant(self, node: ast.expr) -> Any:
        """What an expression stands for, by looking only: attributes of modules and classes, nothing computed."""
        match node:
            case ast.Name(id=name):
                return self.names.get(name, UNKNOWN)
            case ast.Attribute(value=owner, attr=name):
                held = self.meant(owner)
                return vars(held).get(name, UNKNOWN) if isinstance(held, ModuleType) else UNKNOWN
            case _:
                return UNKNOWN


def read(fn: Callable[..., Any]) -> Source | None:
    """None without source, and for what is no plain `def`."""
    try:
        lines, first = inspect.getsourcelines(fn)
        indented = "if True:\n" if lines[0][:1].isspace() else "\n"
        tree = ast.parse(indented + "".join(lines))
    except (OSError, TypeError, SyntaxError):
        return None
    ast.increment_lineno(tree, first - 2)
    definition = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)
    if definition is None or definition.name != fn.__name__:
        return None
    nodes = tuple(own(definition.body))
    file = inspect.getsourcefile(fn) or "?"
    return Source(file, dict(enumerate(lines, first)), definition, nodes, _names(fn, nodes))


def own(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """What the function itself does; functions and classes inside it run elsewhere or not at all."""
    waiting: list[ast.AST] = [*reversed(body)]
    while waiting:
        yield (node := waiting.pop())
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _given(definition: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(definition):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case _:  # an `except`, an import, a pattern
                yield from (getattr(node, part) or "" for part in ("name", "asname", "rest") if hasattr(node, part))


def _names(fn: Callable[..., Any], nodes: tuple[ast.AST, ...]) -> Mapping[str, Any]:
    code = fn.__code__
    names = {**vars(builtins), **fn.__globals__}
    for name, cell in zip(code.co_freevars, fn.__closure__ or (), strict=True):
        names[name] = _content(cell)
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    for name in stored.union(code.co_varnames, code.co_cellvars):
        names.pop(name, None)
    return names


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not defined yet
        return UNKNOWN
