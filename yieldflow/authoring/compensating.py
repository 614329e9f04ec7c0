"""`compensations`: what a workflow has done is undone when it does not come to its end, made of public verbs only.

It undoes nothing by itself: the workflow says where, in an `except` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from attrs import define, field

from yieldflow.authoring.combining import shield
from yieldflow.authoring.verbs import now
from yieldflow.core.asks import Ask, Command, Flow
from yieldflow.errors import UndoFailed, shortened, shown

T = TypeVar("T")

_LONGEST_ASK = 200  # characters of a call in a message


def compensations() -> Compensations:
    """What has to be undone, for one saga: nothing yet.

    >>> from yieldflow import Cancelled, Flow, step, workflow
    >>> def book(what: str) -> str: ...
    >>> def unbook(booking: str) -> None: ...
    >>> @workflow
    ... def trip() -> Flow[str]:
    ...     saga = compensations()
    ...     try:
    ...         yield from saga.do(step(book, "flight"), undo=lambda booking: step(unbook, booking))
    ...         return (yield from saga.do(step(book, "hotel"), undo=lambda booking: step(unbook, booking)))
    ...     except (Exception, Cancelled):
    ...         yield from saga.undo()
    ...         raise
    """
    return Compensations()


@define(eq=False)
class Compensations:
    """What has to be undone; `compensations()` makes one."""

    _undos: list[Ask[Any]] = field(factory=list, init=False)

    def do(self, ask: Ask[T], *, undo: Callable[[T], Ask[Any]]) -> Flow[T]:
        """Ask it, and note how to undo it: what *undo* makes of the answer. The answer of *ask*: `yield from` it.

        A cancellation waits until both are done, as in a `shield`, and is thrown before the next one begins. If *ask*
        fails there is nothing to undo; where it may have had its effect all the same (a time-out, a lost worker), `add`
        an undo that does not need the answer before you ask.
        """
        yield now()  # shields one after the other are all carried out: this is where a cancellation may come
        answer = yield from shield(ask)
        self.add(undo(answer))
        return answer

    def add(self, undo: Ask[Any]) -> None:
        """Note a command or a generator that undoes something. Nothing is asked yet. Raises TypeError."""
        if not isinstance(undo, Command | Generator):
            raise TypeError(f"an undo is a call such as release(booking), or a generator, not {shown(undo)}")
        self._undos.append(undo)

    def undo(self) -> Flow[None]:
        """Ask all that was noted, the last one first, one after the other: `yield from` it. None is asked twice.

        No cancellation cuts it off. One that fails does not keep the others from being asked: when all are done
        `UndoFailed` is raised, which says what is left.
        """
        undos, self._undos = self._undos[::-1], []
        failed = yield from shield(_asked(undos))
        if failed:
            left = tuple(f"{_said(undo)} raises {type(error).__name__}: {error}" for undo, error in failed)
            raise UndoFailed(left, len(undos))


def _asked(undos: list[Ask[Any]]) -> Flow[list[tuple[Ask[Any], Exception]]]:
    """Those that failed. Nothing is raised in here: in a shield a cancellation would take its place."""
    failed = []
    for undo in undos:
        try:
            yield from undo
        except Exception as error:  # noqa: BLE001 - whatever it raises, the others are asked
            failed.append((undo, error))
    return failed


def _said(undo: Ask[Any]) -> str:
    if isinstance(undo, Command):
        return shortened(repr(undo), _LONGEST_ASK)
    return f"{getattr(undo, '__name__', 'a generator')}(...)"
