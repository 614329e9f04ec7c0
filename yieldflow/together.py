"""Performs what several outsiders ask of the engine: what they want to read or commit at one time is one call of the
store. What one of them raises stops none of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from attrs import define

from yieldflow.drive import Ports, insist, resume
from yieldflow.engine.requests import Offer, Read, Request, Save
from yieldflow.engine.state import Asking
from yieldflow.errors import StoreError, YieldflowError
from yieldflow.ports import Commit, Due, Look

T = TypeVar("T")


@define(eq=False)
class _Asker(Generic[T]):
    """*wants* is what was asked last; None: it has ended."""

    asking: Asking[T]
    wants: Request | None = None
    came: T | YieldflowError | None = None

    def go_on(self, reply: Any = None, lost: StoreError | None = None) -> None:
        self.wants = None
        try:
            self.wants = resume(self.asking, reply, lost)
        except StopIteration as ended:
            self.came = ended.value
        except YieldflowError as error:
            self.came = error


def together(askings: Sequence[Asking[T]], ports: Ports) -> list[T | YieldflowError | None]:
    """What each answers, or raises, in their order."""
    askers = [_Asker(asking) for asking in askings]
    try:
        for asker in askers:
            asker.go_on()
        while under_way := [asker for asker in askers if asker.wants is not None]:
            _round(under_way, ports)
    finally:
        for asker in askers:
            asker.asking.close()
    return [asker.came for asker in askers]


def _round(askers: Sequence[_Asker[T]], ports: Ports) -> None:
    """Each of them goes on once."""
    saving = [(asker, asker.wants.commit) for asker in askers if isinstance(asker.wants, Save)]
    reading = [(asker, _look(asker.wants)) for asker in askers if isinstance(asker.wants, Read)]
    offering = [(asker, asker.wants) for asker in askers if isinstance(asker.wants, Offer)]
    others = [(asker, asker.wants) for asker in askers if not isinstance(asker.wants, Save | Read | Offer | None)]
    if saving or reading:
        _exchange(saving, reading, ports)
    if offering:
        with suppress(StoreError):  # a hint may be lost: the alarm leaves another one
            ports.queue.offer_each([Due(offer.run_id, offer.queue) for _, offer in offering])
        for asker, _ in offering:
            asker.go_on()
    for asker, request in others:
        try:
            reply = insist(request, ports)
        except StoreError as error:
            asker.go_on(lost=error)
        else:
            asker.go_on(reply)


def _look(read: Read) -> Look:
    return Look(read.run_id, read.after, read.replaying)


def _exchange(
    saving: Sequence[tuple[_Asker[T], Commit]], reading: Sequence[tuple[_Asker[T], Look]], ports: Ports
) -> None:
    askers = [asker for asker, _ in (*saving, *reading)]
    try:
        replies, logs = ports.store.begin([commit for _, commit in saving], [look for _, look in reading])()
    except StoreError as error:
        for asker in askers:
            asker.go_on(lost=error)
        return
    for answer in (*replies, *logs):
        if answer is not None:
            ports.clock.heard(answer.now)
            break
    for asker, answer in zip(askers, (*replies, *logs), strict=True):
        asker.go_on(answer)
