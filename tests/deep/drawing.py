"""Random programs and their lives from a seed, of the same parts as `tests.core.strategies` makes them.

Nothing here shrinks, and so it takes a twentieth of the time. What it finds is printed as a value that one can paste.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from tests.core.programs import (
    HOOKS,
    STEPS,
    Await,
    Body,
    Branch,
    Child,
    Condition,
    Continue,
    Fail,
    Group,
    Guard,
    Nap,
    Op,
    Open,
    Patch,
    Put,
    Question,
    Send,
    Shielded,
    Spawned,
    Step,
    Timed,
    Verb,
    Wait,
)
from tests.core.schedules import MOVES

T = TypeVar("T")
NAMES = sorted(HOOKS)
KINDS = sorted(STEPS)
LONG, SMALL = 0.005, 0.6  # of all programs


def life(r: Random) -> tuple[Body, bytes]:
    """A program, and the bytes that choose what happens to it."""
    which = r.random()
    if which < LONG:
        return long_program(r), r.randbytes(2 + 2 * r.randint(0, 3 * MOVES))
    made = small_program(r) if which < LONG + SMALL else program(r)
    return made, r.randbytes(2 + 2 * r.choice((0, 3, 6, 12)))


def program(r: Random) -> Body:
    """Up to three groups within each other, and as many things to clean up."""
    last = _several(r, lambda: _op(r, 1), 0, 1) if r.random() < 0.8 else (Continue(),)
    return Body((*_several(r, lambda: _op(r, 1), 0, 2), *_chosen(r), *last))


def small_program(r: Random) -> Body:
    """A few things one after the other."""
    return Body((*_several(r, lambda: _op(r, 0), 0, 2), _op(r, 1)))


def long_program(r: Random) -> Body:
    """Mostly in sequence, as most programs that live long."""
    return Body(_several(r, lambda: _leaf(r) if r.random() < 0.6 else _op(r, 1), 12, 25))


def _chosen(r: Random) -> tuple[Op, ...]:
    match r.randrange(10):
        case 0 | 1:
            return (_nested(r),)
        case 2:
            return (Guard(_body(r, 2), _cancelled_or_finally(r), _cleaning(r), _maybe(r)),)
        case 3:
            return (Guard(Body((_nested(r),)), "finally", _cleaning(r), _maybe(r)),)
        case 4 | 5:
            return (_group(r, 2),)
        case 6 | 7:
            return (_spawned(r, 2), _op(r, 1))
        case 8:
            return (Nap(1), _crowd(r))
        case _:
            return (_spawned(r, 1), _spawned(r, 1), _op(r, 1), _await(r))


def _nested(r: Random) -> Group:
    def branch() -> Branch:
        match r.randrange(3):
            case 0:
                return Body((Guard(_body(r, 1), _cancelled_or_finally(r), _cleaning(r), _maybe(r)),))
            case 1:
                return _group(r, 1)
            case _:
                return _wrapped(r, 1)

    return Group(_verb(r), _several(r, branch, 1, 3), r.choice((None, 1)))


def _crowd(r: Random) -> Group:
    """Several that wait for payloads of one name, among others; some of them are there already."""

    def branch() -> Branch:
        wait = Wait("anything", r.choice((None, r.randint(0, 5))))
        return r.choice((wait, Body((wait,)), _leaf(r)))

    return Group(_verb(r), _several(r, branch, 2, 4))


# --- operations of a depth: how many combinators may lie within each other ----------------------------------------


def _body(r: Random, depth: int) -> Body:
    return Body(_several(r, lambda: _op(r, depth), 1, 3))


def _op(r: Random, depth: int) -> Op:
    match r.randrange(6 if depth == 0 else 12):
        case 0 | 1:
            return _leaf(r)
        case 2:
            return Question(r.choice(("now", "rng", "uuid4", "run_info", "data")))
        case 3:
            return Patch(r.choice("xy"))
        case 4:
            return _await(r)
        case 5:
            return Fail(_rarely(r)) if r.random() < 0.3 else _leaf(r)
        case 6 | 7:
            return _group(r, depth)
        case 8 | 9:
            return _guard(r, depth - 1)
        case 10:
            return _wrapped(r, depth)
        case _:
            return _spawned(r, depth)


def _branch(r: Random, depth: int) -> Branch:
    """What may be asked in a combinator of this depth."""
    match r.randrange(5 if depth > 1 else 3):
        case 0:
            return _leaf(r)
        case 1 | 2:
            return _body(r, depth - 1)
        case 3:
            return _group(r, depth - 1)
        case _:
            return _wrapped(r, depth - 1)


def _group(r: Random, depth: int) -> Group:
    branches = _several(r, lambda: _branch(r, depth), 0, 3)
    verb = _verb(r) if branches else "gather"  # a race of nothing is refused where it is made
    return Group(verb, branches, r.choice((None, None, 1, 2)))


def _wrapped(r: Random, depth: int) -> Branch:
    branch = _branch(r, depth)
    return Shielded(branch) if _maybe(r) else Timed(branch, r.randint(0, 5), _maybe(r))


def _spawned(r: Random, depth: int) -> Spawned:
    return Spawned(_branch(r, depth), r.choice(("await", "cancel", "leave", "leave")))


def _guard(r: Random, depth: int) -> Guard:
    cleaning = _body(r, min(depth, 1)) if depth and _maybe(r) else _cleaning(r)
    return Guard(_body(r, depth), r.choice(("cancelled", "finally", "error")), cleaning, _maybe(r))


def _await(r: Random) -> Await:
    return Await(r.randint(0, 3), r.choice(("await", "await", "race", "timeout", "timeout", "cancel", "both")))


# --- leaves -------------------------------------------------------------------------------------------------------


def _leaf(r: Random) -> Branch:
    match r.randrange(11):
        case 0 | 1 | 2:
            return _step(r)
        case 3:
            return _nap(r)
        case 4 | 5:
            return Wait(r.choice(NAMES), r.choice((None, r.randint(0, 5))), _maybe(r), _rarely(r))
        case 6:
            return _child(r)
        case 7:
            return Condition(r.randint(0, 4), _rarely(r))
        case 8:
            return Open(r.choice(NAMES))
        case 9:
            return Put(r.choice("ab"))
        case _:
            return Send(r.choice(NAMES))


def _cleaning(r: Random) -> Body:
    return Body(_several(r, lambda: r.choice((_step, _nap, _child))(r), 1, 2))


def _step(r: Random) -> Step:
    return Step(r.choice(KINDS), r.randint(0, 9), _rarely(r))


def _nap(r: Random) -> Nap:
    return Nap(r.randint(0, 5))


def _child(r: Random) -> Child:
    return Child(r.randint(0, 9), r.choice(("cancel", "cancel", "abandon", "detach")))


def _verb(r: Random) -> Verb:
    return r.choice(("gather", "race", "settle"))


def _cancelled_or_finally(r: Random) -> Any:
    return r.choice(("cancelled", "finally"))


def _maybe(r: Random) -> bool:
    return r.random() < 0.5


def _rarely(r: Random) -> bool:
    return r.random() < 0.1


def _several(r: Random, draw: Callable[[], T], least: int, most: int) -> tuple[T, ...]:
    return tuple(draw() for _ in range(r.randint(least, most)))
