"""Local variables as short texts. No code of a user runs for it: no `__repr__`, no property, no `__getattr__`.

What is shown of a value is bounded, however large it is; names that look like secrets keep theirs.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from types import (
    BuiltinFunctionType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from yieldflow.authoring.step import Step
from yieldflow.authoring.workflow import Workflow
from yieldflow.core.answers import LONGEST_TOKEN
from yieldflow.core.asks import Command, Hook, OpenHookCommand, ReceiveCommand, SleepCommand, StepCall, WorkflowCall
from yieldflow.core.combinators import Gather, Race, Task
from yieldflow.core.path import show
from yieldflow.inspection.phrases import clipped
from yieldflow.inspection.tokens import without_tokens

MASKED = "•••"
_SECRETS = {
    *("apikey", "auth", "authorization", "cookie", "credential", "credentials", "cvc", "cvv", "key", "keys", "passwd"),
    *("passphrase", "password", "passwords", "pin", "pwd", "secret", "secrets", "token", "tokens"),
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_MOST_VARIABLES = 20  # of a frame
_PLAIN = (bool, type(None), float, complex, Decimal, type(Ellipsis))
_AS_TEXT = (UUID, date, timedelta, PosixPath, PurePosixPath, WindowsPath, PureWindowsPath)
_BRACKETS: Mapping[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
}
_mro = type.__dict__["__mro__"].__get__  # not what a metaclass makes of them
_namespace = type.__dict__["__dict__"].__get__
_name = type.__dict__["__qualname__"].__get__
_attributes = vars(ModuleType)["__dict__"].__get__
_LONGEST_TOKEN = 4 * LONGEST_TOKEN  # bytes of one
_READ = 100_000  # characters of a text in which tokens are looked for


@frozen
class Veil:
    """What is left out: values whose name fits one of the patterns *masks*, or (*secrets*) looks like that of a
    secret; derived tokens of hooks and these *tokens*, wherever they stand; of long values, all but their beginning.
    """

    masks: tuple[str, ...] = ()  # as of a shell, such as `card*`; upper and lower case are the same
    secrets: bool = True
    hooks: bool = False  # the tokens of hooks are shown
    tokens: tuple[str, ...] = ()
    longest: int = 200  # characters of a value
    longest_text: int = 60  # of a text in it
    items: int = 6  # of a list or mapping in it
    depth: int = 3

    def hides(self, name: str) -> bool:
        return any(fnmatchcase(name.lower(), mask.lower()) for mask in self.masks) or (
            self.secrets and not _SECRETS.isdisjoint(word.lower() for word in _WORDS.findall(name))
        )


PLAIN = Veil()
OPEN = Veil(secrets=False, longest=2_000, longest_text=500, items=20, depth=4)
"""With the values of secrets, and more of long ones."""


@frozen
class Variable:
    name: str
    text: str


def variables(namespace: Mapping[str, Any], veil: Veil) -> tuple[Variable, ...]:
    """The local variables of a frame, in the order in which its code names them."""
    named = [(name, value) for name, value in namespace.items() if not name.startswith((".", "__"))]
    found = [Variable(name, _of(name, value, veil)) for name, value in named[:_MOST_VARIABLES]]
    more = len(named) - len(found)
    return (*found, Variable("…", f"and {more:,} more")) if more else tuple(found)


def text(value: Any, veil: Veil) -> str:
    """A value, as its source would be written, as far as it is known without running code.

    >>> text({"to": ("Ann", 2), "password": "x"}, Veil())
    "{'to': ('Ann', 2), 'password': •••}"
    """
    return clipped(_text(value, veil, veil.depth), veil.longest)


def _of(name: str, value: Any, veil: Veil) -> str:
    return MASKED if veil.hides(name) else text(value, veil)


def _text(value: Any, veil: Veil, depth: int) -> str:
    kind = type(value)
    if _is(kind, _PLAIN):
        return repr(value)
    if kind is int:
        return _int(value)
    if kind is range:
        step = () if value.step == 1 else (value.step,)
        return f"range({', '.join(map(_int, (value.start, value.stop, *step)))})"
    if kind is str:
        return _quoted(value, veil)
    if _is(kind, (bytes, bytearray)):
        return _bytes(bytes(value[: veil.longest_text + _LONGEST_TOKEN]), len(value), veil)
    if _is(kind, (datetime, time)):
        return str(value) if _is(type(value.tzinfo), (timezone, ZoneInfo, type(None))) else f"<{_name(kind)}>"
    if _is(kind, _AS_TEXT):
        return _without(str(value), veil)
    if kind is ModuleType:
        name = _attributes(value).get("__name__")  # a module may have a `__getattr__` of its own
        return f"<module {name}>" if type(name) is str else "<module>"
    if _is(kind, (FunctionType, BuiltinFunctionType, GeneratorType)):
        return f"<{kind.__name__} {value.__qualname__}>"
    if issubclass(kind, type):
        return f"<class {_name(value)}>"
    if depth == 0:
        return "…"
    return _nested(value, kind, veil, depth - 1)


def _nested(value: Any, kind: type, veil: Veil, depth: int) -> str:
    if _is(kind, _BRACKETS) and not value and kind is not list and kind is not tuple:
        return f"{kind.__name__}()"
    if kind is dict:
        return "{" + _listed(_pairs(value.items(), veil, depth), len(value), veil) + "}"
    if _is(kind, _BRACKETS):
        first, last = _BRACKETS[kind]
        listed = _listed((_text(one, veil, depth) for one in value), len(value), veil)
        return f"{first}{listed}{',' if kind is tuple and len(value) == 1 else ''}{last}"
    ours = _command(value, kind, veil, depth) if issubclass(kind, Command) else None
    return _object(value, kind, veil, depth) if ours is None else ours


def _command(value: Any, kind: type, veil: Veil, depth: int) -> str | None:
    """As it is asked; a hook without its token and its address, which holds the token."""
    if issubclass(kind, Step):
        return f"<step {value.definition.fn.__qualname__}>"
    if issubclass(kind, StepCall | WorkflowCall):
        return _call(value.definition.fn.__qualname__, value.args, value.kwargs, veil, depth)
    if issubclass(kind, Hook | OpenHookCommand):
        return f"hook({value.name!r})"
    if issubclass(kind, ReceiveCommand):
        return f"hook({value.hook!r})"
    if issubclass(kind, SleepCommand):
        return f"sleep({_text(value.when, veil, depth)})"
    if issubclass(kind, Gather | Race):
        return _call(kind.__name__.lower(), value.asks, {}, veil, depth)
    if issubclass(kind, Task):
        return f"task({show(value.path)})"
    return None


def _object(value: Any, kind: type, veil: Veil, depth: int) -> str:
    if issubclass(kind, BaseException):
        return _call(_name(kind), BaseException.__dict__["args"].__get__(value), {}, veil, depth)
    if issubclass(kind, Workflow):
        return f"<workflow {value.definition.fn.__qualname__}>"
    if issubclass(kind, dict):
        shown = _listed(_pairs(dict.items(value), veil, depth), dict.__len__(value), veil)
        return f"{_name(kind)}({{{shown}}})"
    fields = dict(_fields(value, kind))
    if "_name_" in fields and type(fields["_name_"]) is str:  # an Enum
        return f"{_name(kind)}.{fields['_name_']}"
    if issubclass(kind, str):
        return f"{_name(kind)}({_quoted(str.__str__(value), veil)})"
    if issubclass(kind, tuple):
        names = _names(_namespace(kind).get("_fields"))
        return _call(_name(kind), (), dict(zip(names, tuple.__iter__(value), strict=False)), veil, depth)
    public = {name: one for name, one in fields.items() if not name.startswith("_")}
    return _call(_name(kind), (), public, veil, depth)


def _call(name: str, args: Iterable[Any], fields: Mapping[str, Any], veil: Veil, depth: int) -> str:
    given = [_text(one, veil, depth) for one in islice(args, veil.items)]
    room = veil.items - len(given)
    given += [f"{key}={_within(key, one, veil, depth)}" for key, one in islice(fields.items(), room)]
    more = ", …" if len(fields) > room else ""
    return f"{name}({', '.join(given)}{more})"


def _within(name: str, value: Any, veil: Veil, depth: int) -> str:
    return MASKED if veil.hides(name) else _text(value, veil, depth)


def _pairs(items: Iterable[tuple[Any, Any]], veil: Veil, depth: int) -> Iterator[str]:
    for key, one in items:
        shown = _within(key, one, veil, depth) if type(key) is str else _text(one, veil, depth)
        yield f"{_text(key, veil, depth)}: {shown}"


def _listed(texts: Iterator[str], count: int, veil: Veil) -> str:
    more = f", … {count - veil.items:,} more" if count > veil.items else ""
    return ", ".join(islice(texts, veil.items)) + more


def _quoted(value: str, veil: Veil) -> str:
    """Tokens are looked for before the text is cut: half of one is still something. With each that goes more of the
    text has its place in what is shown, and at the end of what was read half of one may stand.
    """
    read, longest = veil.longest_text + _LONGEST_TOKEN, veil.longest_text
    shown = _without(value[:read], veil)
    while read < min(len(value), _READ) and len(shown) < longest + _LONGEST_TOKEN:
        read *= 2
        shown = _without(value[:read], veil)
    is_cut = read < len(value)
    if is_cut:
        shown = shown[:-_LONGEST_TOKEN] or MASKED
    return repr(shown[:longest]) + ("…" if is_cut or len(shown) > longest else "")


def _bytes(beginning: bytes, length: int, veil: Veil) -> str:
    """As a whole, or not at all: what stands for a token is no byte."""
    text = beginning.decode("latin-1")
    if _without(text, veil) != text or any(token.encode() in beginning for token in veil.tokens):
        return MASKED
    return repr(beginning[: veil.longest_text]) + ("…" if length > veil.longest_text else "")


def _without(text: str, veil: Veil) -> str:
    if veil.hooks:
        return text
    for token in veil.tokens:
        text = text.replace(token, MASKED)
    return without_tokens(text, MASKED)


def _int(value: int) -> str:
    return repr(value) if value.bit_length() <= 1_000 else f"<int of {value.bit_length():,} bits>"


def _fields(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """What the instance itself holds: in its slots, and in its `__dict__`."""
    for one in reversed(_mro(kind)):
        namespace = _namespace(one)
        for name in _names(namespace.get("__slots__")):
            slot = namespace.get(name)
            if type(slot) is MemberDescriptorType:
                try:
                    yield name, slot.__get__(value)
                except AttributeError:
                    continue  # nothing is in it
        own = namespace.get("__dict__")
        if type(own) is GetSetDescriptorType:
            attributes = islice(own.__get__(value).items(), 100)
            yield from ((name, held) for name, held in attributes if type(name) is str)


def _is(kind: type, kinds: Iterable[type]) -> bool:
    """By identity: a metaclass may say what it likes of equality."""
    return any(kind is one for one in kinds)


def _names(given: Any) -> tuple[str, ...]:
    names = (given,) if type(given) is str else given if type(given) in (tuple, list) else ()
    return tuple(name for name in names if type(name) is str)


def veiled(veil: Veil, tokens: Iterable[str]) -> Veil:
    """With these tokens of hooks, also as they stand in addresses."""
    spelled = (form for token in tokens for form in (token, quote(token, safe="")))
    return veil if veil.hooks else evolve(veil, tokens=tuple(dict.fromkeys(spelled)))
