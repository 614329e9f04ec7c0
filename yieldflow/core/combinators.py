"""Commands that ask other commands: the program waits for several things, or for one in another way.

They take a number and are not written to the log; what they ask is. Awaiting a task or a condition takes none.
"""

from __future__ import annotations

from collections.abc import Callable
from types import GeneratorType
from typing import Any, TypeAlias, TypeVar

from attrs import frozen

from yieldflow.core.asks import MISSING, Ask, Command
from yieldflow.core.path import Path, show
from yieldflow.core.times import End, When

T_co = TypeVar("T_co", covariant=True)


@frozen(repr=False)
class Gather(Command[T_co]):
    asks: tuple[Ask[Any], ...]
    return_exceptions: bool = False
    limit: int | None = None  # branches at a time

    def __repr__(self) -> str:
        return f"gather({', '.join(map(_source, self.asks))})"


@frozen(repr=False)
class Race(Command[T_co]):
    asks: tuple[Ask[Any], ...]

    def __repr__(self) -> str:
        return f"race({', '.join(map(_source, self.asks))})"


@frozen(repr=False)
class Timeout(Command[T_co]):
    """The answer of *ask*; past *when* it is cancelled."""

    ask: Ask[Any]
    when: When
    end: End
    default: Any = MISSING

    def __repr__(self) -> str:
        rest = "" if self.default is MISSING else f", default={self.default!r}"
        return f"timeout({_source(self.ask)}, {self.when!r}{rest})"


@frozen(repr=False)
class Shield(Command[T_co]):
    """The answer of *ask*; a cancellation waits until it is there."""

    ask: Ask[Any]

    def __repr__(self) -> str:
        return f"shield({_source(self.ask)})"


Combinator: TypeAlias = Gather[Any] | Race[Any] | Timeout[Any] | Shield[Any]


@frozen(repr=False)
class Spawn(Command[T_co]):
    """Answered at once with a `Task`."""

    ask: Ask[Any]

    def __repr__(self) -> str:
        return f"spawn({_source(self.ask)})"


@frozen(repr=False)
class CancelTask(Command[None]):
    path: Path

    def __repr__(self) -> str:
        return f"task({show(self.path)}).cancel()"


@frozen(repr=False)
class Task(Command[T_co]):
    """What `spawn` answers: `yield task` is its answer, `yield task.cancel()` cancels it.

    A failed task raises its own exception where it is awaited, a cancelled one `TaskCancelled`. It belongs to the
    branch that spawned it and is cancelled when that ends; a failure that nobody awaited fails the branch.
    """

    path: Path

    def cancel(self) -> Command[None]:
        """Ask it to stop, without waiting for its clean-up; nothing happens if it has ended."""
        return CancelTask(self.path)

    def __repr__(self) -> str:
        return f"task({show(self.path)})"


@frozen(repr=False)
class Until(Command[None]):
    """Answered once *condition* is true: asked when yielded, then after each fact, once every branch waits."""

    condition: Callable[[], object]

    def __repr__(self) -> str:
        return f"until({getattr(self.condition, '__qualname__', type(self.condition).__qualname__)})"


def _source(ask: Ask[Any]) -> str:
    """Without addresses: it may come into a text that the log keeps."""
    return f"{ask.__name__}(…)" if isinstance(ask, GeneratorType) else repr(ask)
