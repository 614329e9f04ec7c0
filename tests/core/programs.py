"""Random programs as values, so that what fails shrinks and prints; and the generator that performs one.

A program notes the type and text of all that it sees, and what it asks depends on it: two executions that
were told different things cannot look alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen
from hypothesis import strategies as st

from yieldflow import Flow, gather, hook, now, open_hook, race, rng, sleep, step, uuid4
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


@frozen
class Step:
    kind: str
    label: int


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
    kind: Literal["now", "rng", "uuid4"]


@frozen
class Fail:
    cancelled: bool = False


@frozen
class Broken:
    """What no program may do, and no fact repairs."""

    kind: Literal["value", "generator", "argument", "recursion", "twice"]


@frozen
class Group:
    verb: Verb
    branches: tuple[Branch, ...]


@frozen
class Guard:
    body: Body
    on: Literal["error", "cancelled", "finally"]
    clean: Body
    again: bool = True  # re-raises


@frozen
class Body:
    ops: tuple[Op, ...]


Leaf: TypeAlias = Step | Nap | Wait | Open
Branch: TypeAlias = Leaf | Group | Body
Op: TypeAlias = Leaf | Question | Fail | Broken | Group | Guard


@define
class Trace:
    """What a program has seen, in the order of seeing."""

    seen: list[tuple[str, str]] = field(factory=list)
    guarding: int = 0  # branches that would clean up if they were cancelled now
    cleaning: int = 0  # branches that clean up right now

    def note(self, value: object) -> None:
        self.seen.append((type(value).__qualname__, shown(value)))

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


def perform(body: Body, trace: Trace) -> Flow[int]:
    for op in body.ops:
        match op:
            case Guard():
                yield from guarded(op, trace)
            case Fail(cancelled=False):
                raise RuntimeError(f"after {len(trace.seen)}")
            case Fail():
                raise Cancelled
            case Broken(kind):
                yield broken(kind, trace)
            case _:
                trace.note((yield asked(op, trace)))
    return len(trace.seen)


def guarded(guard: Guard, trace: Trace) -> Flow[None]:
    match guard.on:
        case "error":
            try:
                yield from perform(guard.body, trace)
            except Exception as error:
                trace.note(error)
                yield from perform(guard.clean, trace)
                if guard.again:
                    raise
        case "cancelled":
            try:
                with trace.guard():
                    yield from perform(guard.body, trace)
            except Cancelled as cancelled:
                trace.note(cancelled)
                with trace.clean_up():
                    yield from perform(guard.clean, trace)
                if guard.again:
                    raise
        case "finally":
            try:
                with trace.guard():
                    yield from perform(guard.body, trace)
            finally:
                with trace.clean_up():
                    yield from perform(guard.clean, trace)


def asked(op: Op | Body, trace: Trace) -> Any:
    match op:
        case Step(kind, label):
            return step(STEPS[kind], label, str(trace.seen)[-40:])
        case Nap(seconds):
            return sleep(seconds)
        case Wait(name, timeout, default, clash):
            given = {"default": f"default of {name}"} if default else {}
            return hook(name, CLASHING if clash else HOOKS[name], timeout=timeout, **given)
        case Open(name):
            return open_hook(name, HOOKS[name])
        case Question(kind):
            return {"now": now, "rng": rng, "uuid4": uuid4}[kind]()
        case Group(verb, branches):
            asks = [asked(branch, trace) for branch in branches]
            return race(*asks) if verb == "race" else gather(*asks, return_exceptions=verb == "settle")
        case Body():
            return perform(op, trace)
    raise AssertionError(op)


def broken(kind: str, trace: Trace) -> Any:
    again = perform(Body((Nap(1),)), trace)
    match kind:
        case "value":
            return 42
        case "generator":
            return again
        case "argument":
            return step(anything, object(), "")
        case "twice":
            return gather(again, again)
        case _:
            raise RecursionError("deeper than there is room")


# --- the strategy ------------------------------------------------------------------------------------------------

_names = st.sampled_from(sorted(HOOKS))
_steps = st.builds(Step, st.sampled_from(sorted(STEPS)), st.integers(0, 9))
_naps = st.builds(Nap, st.integers(0, 5))
_waits = st.builds(Wait, _names, st.none() | st.integers(0, 5), st.booleans(), st.integers(0, 9).map(lambda n: n == 9))
_more_steps = st.builds(Step, st.sampled_from(sorted(STEPS)), st.integers(0, 9))  # as likely as two of the others
_leaves = st.one_of(_steps, _more_steps, _naps, _waits, st.builds(Open, _names))
_questions = st.builds(Question, st.sampled_from(["now", "rng", "uuid4"]))
_fails = st.builds(Fail, st.integers(0, 9).map(lambda n: n == 9))
_cleaning = st.lists(st.one_of(_steps, _naps), min_size=1, max_size=2).map(tuple).map(Body)


@cache
def _bodies(depth: int) -> st.SearchStrategy[Body]:
    return st.lists(_ops(depth), min_size=1, max_size=3).map(tuple).map(Body)


@cache
def _groups(depth: int) -> st.SearchStrategy[Group]:
    branches = st.one_of(_leaves, _bodies(depth - 1), _bodies(depth - 1), *([_groups(depth - 1)] if depth > 1 else []))
    verbs = st.sampled_from(["gather", "race", "settle"])
    return st.builds(_group, verbs, st.lists(branches, max_size=3).map(tuple))


def _group(verb: Verb, branches: tuple[Branch, ...]) -> Group:
    return Group(verb if branches else "gather", branches)  # a race of nothing is refused where it is made


@cache
def _guards(depth: int) -> st.SearchStrategy[Guard]:
    whens = st.sampled_from(["cancelled", "finally", "error"])
    cleaning = st.one_of(_cleaning, _bodies(min(depth, 1))) if depth else _cleaning
    return st.builds(Guard, _bodies(depth), whens, cleaning, st.booleans())


@cache
def _ops(depth: int) -> st.SearchStrategy[Op]:
    flat = [_leaves, _questions, _fails]
    return st.one_of(*flat) if depth == 0 else st.one_of(*flat, _groups(depth), _guards(depth - 1), _groups(depth))


@cache
def programs() -> st.SearchStrategy[Body]:
    """Up to three groups within each other, and as many things to clean up."""
    guarded = st.builds(Guard, _bodies(2), st.sampled_from(["cancelled", "finally"]), _cleaning, st.booleans())
    branches = st.lists(guarded.map(lambda guard: Body((guard,))) | _groups(2), min_size=1, max_size=3)
    nested = st.builds(Group, st.sampled_from(["gather", "race", "settle"]), branches.map(tuple))
    guarded_group = st.builds(Guard, nested.map(lambda group: Body((group,))), st.just("finally"), _cleaning)
    first = st.lists(_ops(1), max_size=2)
    chosen = st.one_of(nested, guarded, guarded_group, _groups(3)).map(lambda op: (op,))
    crowded = _crowds().map(lambda group: (Nap(1), group))
    return st.tuples(first, st.one_of(chosen, chosen.map(tuple), crowded), first).map(
        lambda ops: Body((*ops[0], *ops[1], *ops[2]))
    )


def _crowds() -> st.SearchStrategy[Group]:
    """Several that wait for payloads of one name, among others; some of them are there already."""
    waits = st.builds(Wait, st.just("anything"), st.none() | st.integers(0, 5))
    branches = st.lists(st.one_of(waits, waits.map(lambda wait: Body((wait,))), _leaves), min_size=2, max_size=4)
    return st.builds(Group, st.sampled_from(["gather", "race", "settle"]), branches.map(tuple))


@st.composite
def broken_programs(draw: st.DrawFn) -> Body:
    """A program with one mistake, at some place of its own or in a branch beside it."""
    ops = draw(programs()).ops
    mistake = Broken(draw(st.sampled_from(["value", "generator", "argument", "recursion", "twice"])))
    at = draw(st.integers(0, len(ops)))
    if draw(st.booleans()):
        return Body((*ops[:at], mistake, *ops[at:]))
    return Body((Group("gather", (Body(ops), Body((Nap(1), Guard(Body((mistake,)), "finally", Body((Nap(1),))))))),))
