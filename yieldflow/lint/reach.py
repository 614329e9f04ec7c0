"""What a workflow runs: itself and the helpers that it calls, in whatever module, as far as names tell.

Not what it hands to steps, nor the standard library, nor packages that are installed; and never more than so many.
"""

from __future__ import annotations

import ast
import inspect
import sysconfig
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from yieldflow.authoring.combining import until
from yieldflow.authoring.compensating import compensations
from yieldflow.authoring.source import Source, own, read
from yieldflow.authoring.source_check import is_saga
from yieldflow.lint.world import meant

MOST_FUNCTIONS = 2_000
_YIELDFLOW = Path(__file__).parents[1]


@frozen(eq=False)
class Reached:
    """A function that runs in a workflow. *asks*: what it yields goes to the interpreter."""

    source: Source
    asks: bool


def reached(fn: Callable[..., Any]) -> Iterator[Reached]:
    home = _top(inspect.unwrap(fn))
    waiting: list[tuple[Callable[..., Any], bool]] = [(inspect.unwrap(fn), True)]
    seen = {waiting[0]}
    while waiting and len(seen) < MOST_FUNCTIONS:
        one, asks = waiting.pop()
        source = read(one)
        for part in () if source is None else _parts(Reached(_in_its_class(source, one), asks)):
            yield part
            found = dict.fromkeys((inspect.unwrap(helper), asked) for helper, asked in _called(part.source))
            new = [each for each in found if each not in seen and _is_theirs(each[0], home)]
            seen.update(new)
            waiting += new


def _parts(outer: Reached) -> Iterator[Reached]:
    """It, and of the functions in it those that it calls itself; conditions of `until` are asked in the workflow."""
    yield outer
    source = outer.source
    called = {_called_name(node) for node in source.nodes}
    asked = {_called_name(node.value) for node in source.nodes if isinstance(node, ast.YieldFrom)}
    called |= {one.id for one in _conditions(source) if isinstance(one, ast.Name)}
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef) and node.name in called:
            yield from _parts(Reached(_inner(source, node, node.args, node.body), node.name in asked))
    for one in _conditions(source):
        if isinstance(one, ast.Lambda):
            yield Reached(_inner(source, source.definition, one.args, [ast.Expr(one.body)]), asks=False)


def _called_name(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _conditions(source: Source) -> Iterator[ast.expr]:
    for node in source.nodes:
        if isinstance(node, ast.Call) and source.meant(node.func) is until:
            yield from node.args


def _inner(outer: Source, definition: ast.FunctionDef, given: ast.arguments, body: list[ast.stmt]) -> Source:
    nodes = tuple(own(body))
    sagas = [name for name in outer.made if is_saga(ast.Name(name), outer)]
    names = {**outer.names, **{name: compensations() for name in sagas}}
    hidden = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    for name in hidden.union(node.arg for node in ast.walk(given) if isinstance(node, ast.arg)):
        names.pop(name, None)
    return evolve(outer, definition=definition, nodes=nodes, names=names)


def _called(source: Source) -> Iterator[tuple[Callable[..., Any], bool]]:
    """Functions by their names, and whether what they yield is asked."""
    asked = {node.value for node in source.nodes if isinstance(node, ast.YieldFrom)}
    for node in source.nodes:
        if isinstance(node, ast.Call) and inspect.isfunction(target := meant(node.func, source)):
            yield target, node in asked
    for one in _conditions(source):
        if inspect.isfunction(target := meant(one, source)):
            yield target, False


def _in_its_class(source: Source, fn: Callable[..., Any]) -> Source:
    """The first argument of a method stands for its class."""
    parameters = source.definition.args.args
    owner: Any = fn.__globals__.get(fn.__qualname__.rpartition(".")[0])
    if not parameters or not isinstance(owner, type) or source.given[parameters[0].arg] != 1:
        return source
    return evolve(source, names={**source.names, parameters[0].arg: owner})


def _is_theirs(fn: Callable[..., Any], home: str) -> bool:
    try:
        file = Path(inspect.getsourcefile(fn) or "")
    except TypeError:
        return False
    if file.is_relative_to(_YIELDFLOW):
        return False
    return _top(fn) == home or not any(file.is_relative_to(place) for place in _installed())


def _top(fn: Callable[..., Any]) -> str:
    return (fn.__module__ or "").partition(".")[0]


@cache
def _installed() -> frozenset[Path]:
    paths = sysconfig.get_paths()
    return frozenset(Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
