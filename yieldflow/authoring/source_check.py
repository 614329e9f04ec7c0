"""What the source of a workflow shows to be a mistake: commands never yielded, and the world outside.

There are no false alarms: a name counts only for what it is bound to when the check runs, so what is local,
defined later or built at run time is not judged. `# yieldflow: ok` on a line silences it.
"""

from __future__ import annotations

import ast
import builtins
import datetime as dt
import inspect
import os
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from attrs import frozen

from yieldflow.authoring import verbs
from yieldflow.authoring.step import step
from yieldflow.core.asks import StepDefinition, WorkflowDefinition

_SILENCED = re.compile(r"#\s*yieldflow:\s*ok\b")
_UNKNOWN = object()
_REPEATED = "it would be done again on every replay"

_CALLS: tuple[tuple[Any, str, str], ...] = (
    (time.sleep, "time.sleep()", "`yield sleep(...)` instead"),
    (time.time, "time.time()", "`yield from now()` instead"),
    (os.getenv, "os.getenv()", "pass the value as an argument, or read it in a step"),
    (open, "open()", f"open files in a step: {_REPEATED}"),
    (print, "print()", f"print in a step: {_REPEATED}"),
)
_CLOCKS = {(dt.datetime, "now"), (dt.datetime, "utcnow")}
_IDS = ("uuid1", "uuid4", "uuid6", "uuid7", "uuid8")  # the others are functions of their arguments


@frozen
class Finding:
    """One line of a workflow that cannot be meant."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def check(fn: Callable[..., Any]) -> list[Finding]:
    """The findings in a workflow and in the helper generators of its module that it calls; none without source."""
    found: list[Finding] = []
    seen: set[Callable[..., Any]] = set()
    waiting = [inspect.unwrap(fn)]
    while waiting:
        source = None if waiting[-1] in seen else _read(waiting[-1])
        seen.add(one := waiting.pop())
        if source is not None:
            found += [
                Finding(source.file, at.lineno, says) for at, says in _mistakes(source) if not source.silences(at)
            ]
            waiting += [helper for helper in _helpers(source) if helper.__module__ == one.__module__]
    return found


@frozen
class _Source:
    """The body of a function, and what the names in it stand for."""

    file: str
    lines: Mapping[int, str]
    nodes: tuple[ast.AST, ...]
    names: Mapping[str, Any]

    def silences(self, node: ast.expr) -> bool:
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        return any(_SILENCED.search(self.lines.get(line, "")) for line in lines)

    def meant(self, node: ast.expr) -> Any:
        """What an expression stands for, by looking only: attributes of modules and classes, nothing computed."""
        match node:
            case ast.Name(id=name):
                return self.names.get(name, _UNKNOWN)
            case ast.Attribute(value=owner, attr=name):
                held = self.meant(owner)
                return vars(held).get(name, _UNKNOWN) if isinstance(held, ModuleType) else _UNKNOWN
            case _:
                return _UNKNOWN


def _read(fn: Callable[..., Any]) -> _Source | None:
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
    nodes = tuple(_own(definition.body))
    file = inspect.getsourcefile(fn) or "?"
    return _Source(file, dict(enumerate(lines, first)), nodes, _names(fn, nodes))


def _own(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """What the function itself does; functions and classes inside it run elsewhere or not at all."""
    waiting: list[ast.AST] = [*reversed(body)]
    while waiting:
        yield (node := waiting.pop())
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _names(fn: Callable[..., Any], nodes: tuple[ast.AST, ...]) -> Mapping[str, Any]:
    code = fn.__code__
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    names = {**vars(builtins), **fn.__globals__}
    for name, cell in zip(code.co_freevars, fn.__closure__ or (), strict=True):
        names[name] = _content(cell)
    for name in stored.union(code.co_varnames, code.co_cellvars):
        names.pop(name, None)
    return names


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not defined yet
        return _UNKNOWN


def _helpers(source: _Source) -> Iterator[Callable[..., Any]]:
    for node in source.nodes:
        if isinstance(node, ast.Call) and inspect.isgeneratorfunction(helper := source.meant(node.func)):
            yield inspect.unwrap(helper)


def _mistakes(source: _Source) -> Iterator[tuple[ast.expr, str]]:
    for node in source.nodes:
        match node:
            case ast.Expr(value=ast.Call() as call) if keyword := _never_yielded(call, source):
                shown = f"{ast.unparse(call.func)}(...)"
                yield call, f"{shown} is never yielded: write `{keyword} {shown}`"
            case ast.Call(func=func) if says := _outside(func, source):
                yield node, says
            case ast.Name() | ast.Attribute() if source.meant(node) is os.environ:
                yield node, "os.environ may differ on replay: pass the value as an argument, or read it in a step"
            case _:
                pass


def _never_yielded(call: ast.Call, source: _Source) -> str | None:
    """The keyword that is missing before a call whose value is dropped."""
    match call.func:
        case ast.Attribute(value=ast.Call() as inner, attr="options"):
            return _never_yielded(inner, source)
        case func:
            target = source.meant(func)
    if inspect.isgeneratorfunction(target):
        return "yield from"
    is_command = isinstance(getattr(target, "definition", None), StepDefinition | WorkflowDefinition)
    is_verb = inspect.isfunction(target) and target.__module__ == verbs.__name__
    return "yield" if is_command or is_verb or target is step else None


def _outside(func: ast.expr, source: _Source) -> str | None:
    target = source.meant(func)
    for known, shown, advice in _CALLS:
        if target is known:
            return f"{shown} in a workflow: {advice}"
    if isinstance(func, ast.Attribute) and any(source.meant(func.value) is c and func.attr == n for c, n in _CLOCKS):
        return f"datetime.{func.attr}() in a workflow: `yield from now()` instead"
    name = getattr(target, "__name__", "")
    if inspect.isroutine(target) and name in vars(random) and vars(random)[name] == target:
        return f"random.{name}() in a workflow: `(yield from rng()).{name}(...)` instead"
    if inspect.isfunction(target) and target.__module__ == uuid.__name__ and name in _IDS:
        return f"uuid.{name}() in a workflow: `yield from uuid4()` instead"
    return None
