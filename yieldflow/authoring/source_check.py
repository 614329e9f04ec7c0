"""What the source of a workflow shows to be a mistake: commands never yielded, and the world outside.

There are no false alarms: a name counts only for what it is bound to when the check runs, so what is local,
defined later or built at run time is not judged. `# yieldflow: ok` on a line silences it.
"""

from __future__ import annotations

import ast
import datetime as dt
import inspect
import os
import random
import re
import sys
import uuid
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from attrs import frozen

from yieldflow.authoring import combining, verbs
from yieldflow.authoring.compensating import Compensations, compensations
from yieldflow.authoring.source import Source, read
from yieldflow.authoring.step import step
from yieldflow.core.asks import StepDefinition, WorkflowDefinition

SILENCED = re.compile(r"#\s*yieldflow:\s*ok\b")
all_at_once: ContextVar[bool] = ContextVar("all_at_once", default=False)
"""Nothing is refused, for somebody looks at all workflows together."""

_NOT_LOADED = object()
_NOW = "`yield from now()` instead"
_AS_ARGUMENT = "pass the value as an argument, or read it in a step"
_IN_A_STEP = "do it in a step: it would be done again on every replay"

_CALLS: tuple[tuple[str, str, str], ...] = (  # module, its functions, what to do
    ("time", "sleep", "`yield sleep(...)` instead"),
    ("time", "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns", _NOW),
    ("os", "getenv", _AS_ARGUMENT),
    ("os", "urandom", "`yield from rng()`, or for secrets a step"),
    ("secrets", "choice randbelow randbits token_bytes token_hex token_urlsafe", "make secrets in a step"),
    ("builtins", "open print input", _IN_A_STEP),
    ("os", "system popen", _IN_A_STEP),
    ("subprocess", "run call check_call check_output Popen", _IN_A_STEP),
    ("socket", "socket create_connection", _IN_A_STEP),
    ("urllib.request", "urlopen", _IN_A_STEP),
)
_CLOCKS = {(dt.datetime, "now"), (dt.datetime, "utcnow"), (dt.datetime, "today"), (dt.date, "today")}
_IDS = ("uuid1", "uuid4", "uuid6", "uuid7", "uuid8")  # the others are functions of their arguments
_METHODS: tuple[tuple[Any, str], ...] = ((verbs.open_hook, "receive"), (combining.spawn, "cancel"))


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
        source = None if waiting[-1] in seen else read(waiting[-1])
        seen.add(one := waiting.pop())
        if source is not None:
            found += [
                Finding(source.file, at.lineno, says)
                for at, says in mistakes(source)
                if not any(SILENCED.search(line) for line in spanned(source, at))
            ]
            waiting += [helper for helper in _helpers(source) if helper.__module__ == one.__module__]
    return found


def spanned(source: Source, node: ast.expr | ast.stmt) -> Iterator[str]:
    """The lines that it stands on."""
    for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
        yield source.lines.get(line, "")


def _helpers(source: Source) -> Iterator[Callable[..., Any]]:
    for node in source.nodes:
        if isinstance(node, ast.Call) and inspect.isgeneratorfunction(helper := source.meant(node.func)):
            yield inspect.unwrap(helper)


def mistakes(source: Source) -> Iterator[tuple[ast.expr, str]]:
    for node in source.nodes:
        match node:
            case ast.Expr(value=ast.Call() as call) if keyword := never_yielded(call, source):
                shown = f"{ast.unparse(call.func)}(...)"
                yield call, f"{shown} is never yielded: write `{keyword} {shown}`"
            case ast.Yield(value=ast.Call() as call) if never_yielded(call, source) == "yield from":
                shown = f"{ast.unparse(call.func)}(...)"
                yield call, f"{shown} is a generator: write `yield from {shown}`"
            case ast.Return(value=ast.Call(func=func) as call) if (
                source.is_generator and source.meant(func) is verbs.continue_as_new
            ):
                yield call, "continue_as_new(...) is never yielded: write `return (yield from continue_as_new(...))`"
            case ast.Call(func=func) if says := _outside(func, source):
                yield node, says
            case ast.Name() | ast.Attribute() if source.meant(node) is os.environ:
                yield node, "os.environ may differ on replay: pass the value as an argument, or read it in a step"
            case _:
                pass


def never_yielded(call: ast.Call, source: Source) -> str | None:
    """The keyword that is missing before a call whose value is dropped."""
    match call.func:
        case ast.Attribute(value=ast.Call() as inner, attr="options"):
            return never_yielded(inner, source)
        case ast.Attribute(value=ast.Name(id=name), attr=method) if name in source.answers:
            known = any(source.answers[name] is verb and method == called for verb, called in _METHODS)
            return "yield" if known else None
        case ast.Attribute(value=owner, attr="do" | "undo") if is_saga(owner, source):
            return "yield from"
        case func:
            target = source.meant(func)
    if inspect.isgeneratorfunction(target):
        return "yield from"
    is_command = isinstance(getattr(target, "definition", None), StepDefinition | WorkflowDefinition)
    is_verb = inspect.isfunction(target) and target.__module__ in (verbs.__name__, combining.__name__)
    return "yield" if is_command or is_verb or target is step else None


def is_saga(node: ast.expr, source: Source) -> bool:
    """What `compensations()` has made, under a name of the function's own, or of one that it is inside of."""
    if isinstance(node, ast.Name) and node.id in source.made:
        return any(source.made[node.id] is maker for maker in (compensations, Compensations))
    return isinstance(source.meant(node), Compensations)


def _outside(func: ast.expr, source: Source) -> str | None:
    target = source.meant(func)
    for module, functions, advice in _CALLS:
        for name in functions.split():
            if target is _loaded(module, name):
                shown = name if module == "builtins" else f"{module}.{name}"
                return f"{shown}() in a workflow: {advice}"
    if isinstance(func, ast.Attribute) and any(source.meant(func.value) is c and func.attr == n for c, n in _CLOCKS):
        return f"{ast.unparse(func)}() in a workflow: {_NOW}"
    name = getattr(target, "__name__", "")
    if inspect.isroutine(target) and name in vars(random) and vars(random)[name] == target:
        return f"random.{name}() in a workflow: `(yield from rng()).{name}(...)` instead"
    if inspect.isfunction(target) and target.__module__ == uuid.__name__ and name in _IDS:
        return f"uuid.{name}() in a workflow: `yield from uuid4()` instead"
    return None


def _loaded(module: str, name: str) -> Any:
    """Looked up, never imported: who has not loaded a module does not call it."""
    return vars(sys.modules[module]).get(name, _NOT_LOADED) if module in sys.modules else _NOT_LOADED
