"""The verbs that ask other commands: several at once, or one in another way. See `verbs` for the plain ones.

They are found by `verbs` and the package; a module of their own keeps the many signatures of types in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeVar, overload

from yieldflow.core.asks import MISSING, Ask, Command
from yieldflow.core.combinators import Gather, Race, Shield, Spawn, Task, Timeout, Until
from yieldflow.core.times import When, end

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741 - the "otherwise" of a wait
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")

_No: TypeAlias = Literal[False]
_Yes: TypeAlias = Literal[True]
_Limit: TypeAlias = int | None


@overload
def gather(a: Ask[A], /, *, return_exceptions: _No = False, limit: _Limit = None) -> Command[tuple[A]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], /, *, return_exceptions: _No = False, limit: _Limit = None
) -> Command[tuple[A, B]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], /, *, return_exceptions: _No = False, limit: _Limit = None
) -> Command[tuple[A, B, C]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], /, *, return_exceptions: _No = False, limit: _Limit = None
) -> Command[tuple[A, B, C, D]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], /, *, return_exceptions: _No = False, limit: _Limit = None
) -> Command[tuple[A, B, C, D, E]]: ...
@overload
def gather(
    a: Ask[A],
    b: Ask[B],
    c: Ask[C],
    d: Ask[D],
    e: Ask[E],
    f: Ask[F],
    /,
    *,
    return_exceptions: _No = False,
    limit: _Limit = None,
) -> Command[tuple[A, B, C, D, E, F]]: ...
@overload
def gather(*asks: Ask[T], return_exceptions: _No = False, limit: _Limit = None) -> Command[tuple[T, ...]]: ...
@overload
def gather(a: Ask[A], /, *, return_exceptions: _Yes, limit: _Limit = None) -> Command[tuple[A | Exception]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], /, *, return_exceptions: _Yes, limit: _Limit = None
) -> Command[tuple[A | Exception, B | Exception]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], /, *, return_exceptions: _Yes, limit: _Limit = None
) -> Command[tuple[A | Exception, B | Exception, C | Exception]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], /, *, return_exceptions: _Yes, limit: _Limit = None
) -> Command[tuple[A | Exception, B | Exception, C | Exception, D | Exception]]: ...
@overload
def gather(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], /, *, return_exceptions: _Yes, limit: _Limit = None
) -> Command[tuple[A | Exception, B | Exception, C | Exception, D | Exception, E | Exception]]: ...
@overload
def gather(
    a: Ask[A],
    b: Ask[B],
    c: Ask[C],
    d: Ask[D],
    e: Ask[E],
    f: Ask[F],
    /,
    *,
    return_exceptions: _Yes,
    limit: _Limit = None,
) -> Command[tuple[A | Exception, B | Exception, C | Exception, D | Exception, E | Exception, F | Exception]]: ...
@overload
def gather(*asks: Ask[T], return_exceptions: bool, limit: _Limit = None) -> Command[tuple[T | Exception, ...]]: ...
def gather(*asks: Ask[Any], return_exceptions: bool = False, limit: int | None = None) -> Command[Any]:
    """Ask all at once, commands and generators; the answer is the tuple of their answers, in order.

    The first failure cancels the others, waits for their clean-up and is raised. With *return_exceptions* failures
    stand in the tuple instead. At most *limit* branches run at a time (default: all). Of nothing the answer is `()`.
    Raises ValueError for a limit below one.

    >>> from yieldflow.authoring.verbs import hook, sleep
    >>> gather(sleep("1s"), hook("approval", bool))
    gather(sleep('1s'), hook('approval'))
    """
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise ValueError(f"limit={limit!r} must be a whole number from 1, or None for no limit")
    return Gather(asks, return_exceptions, limit)


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

    >>> from yieldflow.authoring.verbs import hook, sleep
    >>> race(hook("approval", bool), sleep("2 days"))
    race(hook('approval'), sleep('2 days'))
    """
    if not asks:
        raise ValueError("a race of nothing has no winner: give it at least one command or generator")
    return Race(asks)


def spawn(ask: Ask[T]) -> Command[Task[T]]:
    """Begin a command or generator beside this branch; the answer is its `Task`, at once.

    `yield task` is its answer, `yield task.cancel()` cancels it. When the branch that spawned it ends, a task that is
    still open is cancelled and waited for; a failure that nobody has awaited fails the branch.

    >>> from yieldflow.authoring.verbs import sleep
    >>> spawn(sleep("1h"))
    spawn(sleep('1h'))
    """
    return Spawn(ask)


@overload
def timeout(ask: Ask[T], when: When) -> Command[T]: ...
@overload
def timeout(ask: Ask[T], when: When, *, default: O) -> Command[T | O]: ...
def timeout(ask: Ask[Any], when: When, *, default: Any = MISSING) -> Command[Any]:
    """The answer of a command or generator; past *when* (a duration or an aware datetime) it is cancelled.

    Then the answer is *default* if given, else `TimedOut` is raised, once the clean-up is over. Raises ValueError.

    >>> from yieldflow.authoring.verbs import hook
    >>> timeout(hook("approval", bool), "2 days", default=False)
    timeout(hook('approval'), '2 days', default=False)
    """
    return Timeout(ask, when, end(when), default)


def shield(ask: Ask[T]) -> Command[T]:
    """The answer of a command or generator; a cancellation waits until it is there.

    What must be undone is asked in a shield, so that its receipt is not lost: `ref = yield from shield(book(trip))`.

    >>> from yieldflow.authoring.verbs import sleep
    >>> shield(sleep("1s"))
    shield(sleep('1s'))
    """
    return Shield(ask)


def until(condition: Callable[[], object]) -> Command[None]:
    """Wait until *condition()* is true: asked when yielded, then after each fact, once every branch waits.

    It may read only what the workflow can read, such as variables that branches share; what it raises is raised at the
    yield. `Deadlock` is raised where nothing is under way that could make it true. Raises TypeError.

    >>> done = ["a", "b"]
    >>> command = until(lambda: len(done) >= 2)
    """
    if not callable(condition):
        raise TypeError(f"until() takes a function, such as `lambda: len(done) >= 2`, not {condition!r}")
    return Until(condition)
