"""Random programs as values, so that what fails shrinks and prints. They are performed in `performing`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal, TypeAlias
from zlib import crc32

from attrs import define, field, frozen

from yieldflow import Flow, Task, sleep, workflow
from yieldflow.errors import Cancelled, FatalError, StepTimeout


class Declined(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(f"declined with {code}")
        self.code = code


@frozen
class Receipt:
    number: int
    at: datetime
    tags: frozenset[str] = frozenset()


def number(label: int, seen: str) -> int: ...
def pair(label: int, seen: str) -> tuple[int, str]: ...
def receipt(label: int, seen: str) -> Receipt: ...
def anything(label, seen): ...


STEPS = {step.__name__: step for step in (number, pair, receipt, anything)}
ANSWERS: dict[str, tuple[Any, ...]] = {
    "number": (1, 2**70),
    "pair": ((1, "one"),),
    "receipt": (Receipt(1, datetime(2026, 1, 1, tzinfo=UTC), frozenset("ab")),),
    "anything": (None, (1, [2]), {1: {2}}),
}
ERRORS: tuple[BaseException, ...] = (
    *(ValueError("no"), Declined(code=3), KeyError("k"), OSError(2, "gone", "file")),
    *(FatalError("never"), StepTimeout("slow"), StopIteration(1), RecursionError("deep in a step"), Cancelled()),
)
HOOKS = {"anything": Any, "flag": bool, "list": list[int]}
CLASHING = bytes  # no hook's own type
PAYLOADS: dict[str, tuple[Any, ...]] = {"anything": ("x", {"a": 1}), "flag": (True, "yes", 1), "list": ([1], ["a"])}

Verb: TypeAlias = Literal["gather", "settle", "race"]


@workflow(name="programs:child")
def child(label: int, seen: str) -> Flow[Receipt]:
    """Only ever started: what becomes of it is the schedule's choice."""
    yield sleep(label)
    return Receipt(label, datetime(2026, 1, 1, tzinfo=UTC))


@frozen
class Step:
    kind: str
    label: int
    local: bool = False


@frozen
class Child:
    label: int
    close: Literal["cancel", "abandon", "detach"] = "cancel"


@frozen
class Send:
    hook: str


@frozen
class Put:
    key: str


@frozen
class Nap:
    seconds: int


@frozen
class Wait:
    hook: str
    timeout: int | None = None
    default: bool = False
    clash: bool = False  # asks for another type than the others do


@frozen
class Open:
    hook: str


@frozen
class Question:
    kind: Literal["now", "rng", "uuid4", "run_info", "data"]


@frozen
class Patch:
    change_id: str


@frozen
class Condition:
    """Until so many things more have been seen; *raises* then."""

    more: int
    raises: bool = False


@frozen
class Spawned:
    branch: Branch
    then: Literal["await", "cancel", "leave"]


@frozen
class Await:
    """Whichever task there is by then, of whatever branch."""

    which: int
    how: Literal["await", "race", "timeout", "cancel", "both"]


@frozen
class Continue:
    pass


@frozen
class Fail:
    cancelled: bool = False


@frozen
class Broken:
    """What no program may do, and no fact repairs."""

    kind: Literal["value", "generator", "argument", "recursion", "twice", "continue", "foreign", "condition"]


@frozen
class Group:
    verb: Verb
    branches: tuple[Branch, ...]
    limit: int | None = None


@frozen
class Timed:
    branch: Branch
    seconds: int
    default: bool


@frozen
class Shielded:
    branch: Branch


@frozen
class Guard:
    body: Body
    on: Literal["error", "cancelled", "finally"]
    clean: Body
    again: bool = True  # re-raises


@frozen
class Body:
    ops: tuple[Op, ...]


Leaf: TypeAlias = Step | Nap | Wait | Open | Child | Send | Put | Condition
Branch: TypeAlias = Leaf | Group | Timed | Shielded | Body
Op: TypeAlias = Branch | Question | Patch | Spawned | Await | Fail | Broken | Guard | Continue


@define
class Trace:
    """What a program has seen, in the order of seeing."""

    seen: list[tuple[str, str]] = field(factory=list)
    digest: int = 0  # of all that was seen, so that what is asked can depend on it
    guarding: int = 0  # branches that would clean up if they were cancelled now
    cleaning: int = 0  # branches that clean up right now
    tasks: list[Task[Any]] = field(factory=list)  # all that were spawned

    def note(self, value: object) -> None:
        kind, text = type(value).__qualname__, shown(value)
        self.seen.append((kind, text))
        self.digest = crc32(f"{kind} {text}".encode(), self.digest)

    @contextmanager
    def guard(self) -> Iterator[None]:
        self.guarding += 1
        try:
            yield
        finally:
            self.guarding -= 1

    @contextmanager
    def clean_up(self) -> Iterator[None]:
        self.cleaning += 1
        try:
            yield
        finally:
            self.cleaning -= 1


def shown(value: object) -> str:
    match value:
        case Random():
            return repr(value.random())
        case BaseException():
            cause = type(value.__cause__).__name__
            return f"{value!r} {getattr(value, '__notes__', [])} {cause} {getattr(value, 'code', None)}"
        case tuple():
            return f"({', '.join(map(shown, value))})"
        case _:
            return repr(value) + getattr(value, "token", "")
