"""Commands that are made and not asked, and what is yielded and is no command."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from yieldflow.authoring.source import Source
from yieldflow.authoring.source_check import is_saga, never_yielded


def unasked(source: Source) -> Iterator[tuple[ast.expr, str]]:
    """Commands whose answer is meant."""
    loaded = Counter(
        node.id for node in ast.walk(source.definition) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )
    for node in source.nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if (
                not loaded[name] and source.given[name] == 1 and (keyword := never_yielded(call, source))
            ):
                shown = f"{ast.unparse(call.func)}(...)"
                yield call, f"{shown} is never yielded: write `{name} = {keyword} {shown}`"
            case _:
                yield from _taken_for_answers(node, source)


def _taken_for_answers(node: ast.AST, source: Source) -> Iterator[tuple[ast.expr, str]]:
    for operand in _operands(node):
        if not isinstance(operand, ast.Call):
            continue
        keyword, shown = never_yielded(operand, source), f"{ast.unparse(operand.func)}(...)"
        if keyword == "yield":
            yield operand, f"{shown} is a command, no answer: write `(yield {shown})`"
        elif keyword and isinstance(operand.func, ast.Attribute) and is_saga(operand.func.value, source):
            yield operand, f"{shown} is a generator, no answer: write `(yield from {shown})`"


def _operands(node: ast.AST) -> list[ast.expr]:
    """What is looked at right here."""
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
            return [test]
        case ast.BoolOp(values=values):
            return values
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Compare(left=left, comparators=rest):
            return [left, *rest]
        case ast.Subscript(value=value) | ast.FormattedValue(value=value) | ast.For(iter=value):
            return [value]
        case _:
            return []


def no_commands(source: Source) -> Iterator[tuple[ast.expr, str]]:
    """Of a workflow, or a helper that it asks with `yield from`."""
    for node in source.nodes:
        match node:
            case ast.Yield(value=None):
                yield node, "`yield` asks nothing: yield a command, such as `yield sleep(...)`"
            case ast.Yield(value=ast.Tuple() | ast.List() | ast.Set() as several):
                yield node, f"{ast.unparse(several)} is no command: write `yield gather(...)`"
            case ast.Yield(value=ast.Constant() | ast.JoinedStr() | ast.Dict() as value):
                yield node, f"{ast.unparse(value)} is no command: `return` it, or `yield set_data(...)`"
            case _:
                pass
