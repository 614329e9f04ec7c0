"""Sets, as far as the source shows them: two processes go through one in different orders.

What does not depend on the order (`sorted`, `sum`, `len`, `in`, another set) may take one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from attrs import frozen

from yieldflow.authoring.combining import gather, race
from yieldflow.authoring.source import UNKNOWN, Source

_SETS = (set, frozenset)
_METHODS = {"union", "intersection", "difference", "symmetric_difference", "copy"}
_ANY_ORDER = (all, any, frozenset, len, max, min, set, sorted, sum)
_KEEPS_ORDER = (enumerate, iter, list, tuple, zip)


def unordered(source: Source) -> Iterator[tuple[ast.expr, str]]:
    """Where the order of a set decides about something."""
    sets = _Sets(source, frozenset(_local_sets(source)))
    calm = {argument for node in source.nodes for argument in _any_order(node, source)}
    for node in source.nodes:
        for found in _gone_through(node, source) if node not in calm else ():
            if sets.has(found):
                shown = ast.unparse(found)
                yield found, f"the order of {shown} differs between processes: go through `sorted({shown})`"


def _any_order(node: ast.AST, source: Source) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call) and _is_one_of(source.meant(node.func), _ANY_ORDER):
        yield from node.args


def _gone_through(node: ast.AST, source: Source) -> Iterator[ast.expr]:
    match node:
        case ast.For(iter=found):
            yield found
        case ast.ListComp(generators=parts) | ast.GeneratorExp(generators=parts):
            yield from (part.iter for part in parts)
        case ast.Call(func=ast.Attribute(value=found, attr="pop"), args=[]):
            yield found
        case ast.Call(func=ast.Attribute(attr="join"), args=[found]):
            yield found
        case ast.Call(func=func, args=arguments):
            target = source.meant(func)
            if _is_one_of(target, _KEEPS_ORDER):
                yield from arguments
            if _is_one_of(target, (gather, race)):
                yield from (part.value for part in arguments if isinstance(part, ast.Starred))
        case _:
            pass


@frozen
class _Sets:
    """What is a set in a function: *names* of its own are known to be."""

    source: Source
    names: frozenset[str]

    def has(self, node: ast.expr) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
                return any(self.has(side) or _is_keys(side) for side in (left, right))
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in _METHODS:
                return self.has(owner)
            case ast.Call(func=func):
                return _is_one_of(self.source.meant(func), _SETS)
            case ast.Name(id=name) if self.source.meant(node) is UNKNOWN:
                return name in self.names
            case _:
                return isinstance(self.source.meant(node), _SETS)


def _local_sets(source: Source) -> Iterator[str]:
    """Names that are given a value once, and that is a set; parameters that say so."""
    known: set[str] = set()
    for node in (*_parameters(source.definition), *source.nodes):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found = _Sets(source, frozenset(known)).has(value)
            case (
                ast.AnnAssign(target=ast.Name(id=name), annotation=kind)
                | ast.arg(arg=name, annotation=ast.expr() as kind)
            ):
                found = _is_one_of(source.meant(kind.value if isinstance(kind, ast.Subscript) else kind), _SETS)
            case _:
                continue
        if found and source.given[name] == 1:
            known.add(name)
            yield name


def _parameters(definition: ast.FunctionDef) -> list[ast.arg]:
    return [*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs]


def _is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "keys"


def _is_one_of(target: object, those: tuple[object, ...]) -> bool:
    return any(target is one for one in those)
