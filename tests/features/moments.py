"""Moments in the life of a run that a test waits for: never a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from yieldflow import App, Handle, RunFailed
from yieldflow.core.commands import CallStep, Receive, Sleep, StartChild
from yieldflow.core.events import CommandIssued, Event
from yieldflow.core.run import Run, fold

SOON = 15.0  # seconds within which everything here must have happened
T = TypeVar("T")


def eventually(asked: Callable[[], T]) -> T:
    """The first answer that is true."""
    end = time.monotonic() + SOON
    while not (answer := asked()):
        assert time.monotonic() < end, "it has not come to that"
        time.sleep(0.002)
    return answer


def fold_of(handle: Handle[Any]) -> Run:
    return fold(handle.history())


def pending(handle: Handle[Any], kind: type) -> list[Any]:
    """What of that kind the run has asked and not yet been answered, by the log."""
    commands = [pending.issued.command for pending in fold_of(handle).open.values()]
    return [command for command in commands if isinstance(command, kind)]


def until_it_waits(handle: Handle[Any], hook: str, count: int = 1) -> None:
    """For payloads of that hook, in so many branches."""
    eventually(lambda: [command.hook for command in pending(handle, Receive)].count(hook) >= count)


def until_it_has_slept(handle: Handle[Any]) -> None:
    eventually(lambda: any(_is_sleep(event) for event in handle.history()) and not pending(handle, Sleep))


def until_it_has_children(handle: Handle[Any], count: int = 1) -> None:
    eventually(lambda: len(pending(handle, StartChild)) >= count)


def until_a_step_is_open(handle: Handle[Any]) -> None:
    eventually(lambda: pending(handle, CallStep))


def until_it_is(handle: Handle[Any], status: str) -> None:
    eventually(lambda: handle.status() == status)


def failure(handle: Handle[Any]) -> BaseException:
    """What its workflow raised."""
    with pytest.raises(RunFailed) as failed:
        handle.result(timeout=SOON)
    assert failed.value.__cause__ is not None
    return failed.value.__cause__


def why_blocked(handle: Handle[Any]) -> str:
    until_it_is(handle, "blocked")
    return handle.summary().note.reason


def _is_sleep(event: Event) -> bool:
    return isinstance(event, CommandIssued) and isinstance(event.command, Sleep)


def forgotten(app: App, handle: Handle[Any]) -> None:
    """Who tends it next replays it: the execution that somebody has at this moment is waited for."""
    app.runtime.cache.take(handle.run_id)
    app.runtime.cache.drop(handle.run_id)
