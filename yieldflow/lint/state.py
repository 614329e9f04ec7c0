"""What outlives a run: globals, and what hangs on them. A replay finds them as others have left them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from yieldflow.authoring.source import UNKNOWN, Source
from yieldflow.lint.world import A_STATE


def changed(source: Source) -> Iterator[tuple[ast.expr, str]]:
    """Where the function changes what is not its own."""
    shared = {name for node in source.nodes if isinstance(node, ast.Global) for name in node.names}
    for node in source.nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if name in shared:
                yield node, f"{name} is a global: {A_STATE}"
            case (
                ast.Subscript(value=owner, ctx=ast.Store() | ast.Del())
                | ast.Attribute(value=owner, ctx=ast.Store() | ast.Del())
            ) if source.meant(owner) is not UNKNOWN and not source.given[_root(owner)]:
                yield node, f"{ast.unparse(node)} is changed, which is no run's own: {A_STATE}"
            case _:
                pass


def _root(node: ast.expr) -> str:
    return ast.unparse(node).partition(".")[0]
