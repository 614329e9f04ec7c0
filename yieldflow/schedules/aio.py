"""The same verbs as coroutines: `app.aio.schedule(...)` and `app.aio.schedules`. Each is asked in a thread.

A cancelled await may have done what it asked for; asked again, it is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from attrs import frozen

from yieldflow.schedules.verbs import Schedule, placed

if TYPE_CHECKING:
    from yieldflow.aio import AsyncApp
    from yieldflow.app import App

P = ParamSpec("P")
R = TypeVar("R")


def _verb(
    verb: Callable[Concatenate[Schedule, P], R],
) -> Callable[Concatenate[AsyncSchedule, P], Coroutine[Any, Any, R]]:
    @wraps(verb)
    async def asked(schedule: AsyncSchedule, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(verb, schedule.of, *args, **kwargs)

    return asked


def _placed(
    verb: Callable[Concatenate[App, P], Schedule],
) -> Callable[Concatenate[AsyncApp, P], Coroutine[Any, Any, AsyncSchedule]]:
    @wraps(verb)
    async def asked(aio: AsyncApp, /, *args: P.args, **kwargs: P.kwargs) -> AsyncSchedule:
        return AsyncSchedule(await asyncio.to_thread(verb, aio.schedules.app, *args, **kwargs))

    return asked


@frozen
class AsyncSchedule:
    """A schedule, as `Schedule` is one."""

    of: Schedule

    @property
    def schedule_id(self) -> str:
        return self.of.schedule_id

    show = _verb(Schedule.show)
    pause = _verb(Schedule.pause)
    resume = _verb(Schedule.resume)
    trigger = _verb(Schedule.trigger)
    backfill = _verb(Schedule.backfill)
    update = _verb(Schedule.update)
    delete = _verb(Schedule.delete)


@frozen
class AsyncSchedules:
    """The schedules of an app's store: `app.aio.schedules`."""

    app: App

    async def get(self, schedule_id: str) -> AsyncSchedule:
        """As `Schedules.get`."""
        return AsyncSchedule(await asyncio.to_thread(self.app.schedules.get, schedule_id))

    async def list(self, *, ended: bool = False) -> tuple[AsyncSchedule, ...]:
        """As `Schedules.list`."""
        return self._all(await asyncio.to_thread(self.app.schedules.list, ended=ended))

    async def declare(self) -> tuple[AsyncSchedule, ...]:
        """As `Schedules.declare`."""
        return self._all(await asyncio.to_thread(self.app.schedules.declare))

    def _all(self, found: tuple[Schedule, ...]) -> tuple[AsyncSchedule, ...]:
        return tuple(map(AsyncSchedule, found))


placed_later = _placed(placed)
