"""The verbs of a workflow: each makes a command, a value that does nothing until it is yielded.

What is wrong with an argument is said here, at the call; what may be asked at all is judged where it is yielded.
"""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any, Literal, TypeVar, overload
from uuid import UUID

from yieldflow.core.asks import (
    MISSING,
    NOW,
    RNG,
    UUID4,
    Ask,
    Command,
    Gather,
    Hook,
    OpenHookCommand,
    Race,
    ReceiveCommand,
    SleepCommand,
)
from yieldflow.core.times import When, end

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741 - the "otherwise" of a wait
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


def sleep(when: When) -> Command[None]:
    """Wait for a duration (seconds, "3 days", a timedelta) or until an aware datetime; the answer is None.

    Raises ValueError for anything else.

    >>> sleep("3 days")
    sleep('3 days')
    """
    return SleepCommand(when, end(when))


@overload
def hook(name: str, type: type[T], *, timeout: When | None = None) -> ReceiveCommand[T]: ...
@overload
def hook(name: str, type: type[T], *, timeout: When | None = None, default: O) -> ReceiveCommand[T | O]: ...
@overload
def hook(name: str, type: Any = ..., *, timeout: When | None = None, default: Any = ...) -> ReceiveCommand[Any]: ...
def hook(
    name: str,
    type: Any = Any,  # noqa: A002 - the word that users know
    *,
    timeout: When | None = None,
    default: Any = MISSING,
) -> ReceiveCommand[Any]:
    """Wait for one payload sent to this name from outside; asked again, the next one.

    Past *timeout* (a duration or an aware datetime; None: wait for ever) the answer is *default* if given, else
    `TimedOut` is raised. As a value it doubles as the typed declaration of the hook. Raises ValueError.

    >>> hook("approval", bool, timeout="2d", default=False)
    hook('approval', timeout='2d', default=False)
    """
    return ReceiveCommand[Any](hook_name(name), type).options(timeout=timeout, default=default)


@overload
def open_hook(name: str, type: type[T]) -> Command[Hook[T]]: ...
@overload
def open_hook(name: str, type: Any = ...) -> Command[Hook[Any]]: ...
def open_hook(name: str, type: Any = Any) -> Command[Hook[Any]]:  # noqa: A002 - the word that users know
    """Open a hook without waiting: the answer is a `Hook` with a secret token to pass on. Raises ValueError.

    >>> open_hook("approval", bool)
    open_hook('approval')
    """
    return OpenHookCommand(hook_name(name), type)


@overload
def gather(a: Ask[A], /, *, return_exceptions: Literal[False] = False) -> Command[tuple[A]]: ...
@overload
def gather(a: Ask[A], b: Ask[B], /, *, return_exceptions: Literal[False] = False) -> Command[tuple[A, B]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], /, *, return_exceptions: Literal[False] = False
) -> Command[tuple[A, B, C]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], /, *, return_exceptions: Literal[False] = False
) -> Command[tuple[A, B, C, D]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], /, *, return_exceptions: Literal[False] = False
) -> Command[tuple[A, B, C, D, E]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], f: Ask[F], /, *, return_exceptions: Literal[False] = False
) -> Command[tuple[A, B, C, D, E, F]]: ...
@overload
def gather(*asks: Ask[T], return_exceptions: Literal[False] = False) -> Command[tuple[T, ...]]: ...
@overload
def gather(a: Ask[A], /, *, return_exceptions: Literal[True]) -> Command[tuple[A | Exception]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], /, *, return_exceptions: Literal[True]
) -> Command[tuple[A | Exception, B | Exception]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], /, *, return_exceptions: Literal[True]
) -> Command[tuple[A | Exception, B | Exception, C | Exception]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], /, *, return_exceptions: Literal[True]
) -> Command[tuple[A | Exception, B | Exception, C | Exception, D | Exception]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], /, *, return_exceptions: Literal[True]
) -> Command[tuple[A | Exception, B | Exception, C | Exception, D | Exception, E | Exception]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], f: Ask[F], /, *, return_exceptions: Literal[True]
) -> Command[tuple[A | Exception, B | Exception, C | Exception, D | Exception, E | Exception, F | Exception]]: ...
@overload
def gather(*asks: Ask[T], return_exceptions: bool) -> Command[tuple[T | Exception, ...]]: ...
def gather(*asks: Ask[Any], return_exceptions: bool = False) -> Command[Any]:
    """Ask all at once, commands and generators; the answer is the tuple of their answers, in order.

    The first failure cancels the others, waits for their clean-up and is raised. With *return_exceptions* failures
    stand in the tuple instead. Of nothing the answer is `()`.

    >>> gather(sleep("1s"), hook("approval", bool))
    gather(sleep('1s'), hook('approval'))
    """
    return Gather(asks, return_exceptions)


@overload
def race(a: Ask[A], /) -> Command[tuple[Literal[0], A]]: ...
@overload
def race(a: Ask[A], b: Ask[B], /) -> Command[tuple[Literal[0], A] | tuple[Literal[1], B]]: ...
@overload
def race(
    a: Ask[A], b: Ask[B], c: Ask[C], /
) -> Command[tuple[Literal[0], A] | tuple[Literal[1], B] | tuple[Literal[2], C]]: ...
@overload
def race(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], /
) -> Command[tuple[Literal[0], A] | tuple[Literal[1], B] | tuple[Literal[2], C] | tuple[Literal[3], D]]: ...
@overload
def race(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], /
) -> Command[
    tuple[Literal[0], A] | tuple[Literal[1], B] | tuple[Literal[2], C] | tuple[Literal[3], D] | tuple[Literal[4], E]
]: ...
@overload
def race(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], f: Ask[F], /
) -> Command[
    tuple[Literal[0], A]
    | tuple[Literal[1], B]
    | tuple[Literal[2], C]
    | tuple[Literal[3], D]
    | tuple[Literal[4], E]
    | tuple[Literal[5], F]
]: ...
@overload
def race(*asks: Ask[T]) -> Command[tuple[int, T]]: ...
def race(*asks: Ask[Any]) -> Command[Any]:
    """Ask all at once; the answer is `(index, answer)` of the first to finish, the others are cancelled.

    Raises ValueError if nothing is asked.

    >>> race(hook("approval", bool), sleep("2 days"))
    race(hook('approval'), sleep('2 days'))
    """
    if not asks:
        raise ValueError("a race of nothing has no winner: give it at least one command or generator")
    return Race(asks)


def now() -> Command[datetime]:
    """The time of the run, an aware UTC datetime: that of the last fact it was told, the same on every replay.

    >>> now()
    now()
    """
    return NOW


def rng() -> Command[Random]:
    """A `random.Random` seeded by the run: the same numbers on every replay within one minor version of Python.

    >>> rng()
    rng()
    """
    return RNG


def uuid4() -> Command[UUID]:
    """A random UUID derived from the run: another one each time it is asked, the same on every replay.

    >>> uuid4()
    uuid4()
    """
    return UUID4


def hook_name(name: str) -> str:
    """Raises ValueError for what cannot be one."""
    if not isinstance(name, str) or not 1 <= len(name) <= 200 or not name.isprintable():
        raise ValueError(f"{name!r} cannot be the name of a hook: use 1 to 200 printable characters")
    return name
