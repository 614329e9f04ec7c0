"""Where an app's records and hints are, by the scheme of its store; what that needs is imported when it is used."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from yieldflow.app import App
from yieldflow.connect import file_of, fleet, found_in, scheme_of
from yieldflow.core.times import Millis
from yieldflow.errors import UsageError
from yieldflow.presence import Failures, Member
from yieldflow.stores.records import Keeper


class Hints(Protocol):
    """What lies in a queue server. Raises `StoreError`."""

    def members(self) -> list[Member]: ...
    def noted(self, queue: str, longer_than: Millis) -> list[str]: ...
    def is_noted(self, queue: str, run_ids: Sequence[str]) -> list[bool]: ...
    def forget(self, queue: str, run_ids: Collection[str]) -> None: ...
    def failures(self, queue: str) -> Failures: ...


def keeper_of(app: App) -> Keeper:
    """Raises `UsageError` for a store that is gone with its process, and what opening it raises."""
    url = app.settings.url
    if scheme_of(url) == "memory":
        raise UsageError("a memory: store is gone with its process: there is nothing to examine")
    if app.embedded:
        made: Keeper = found_in("yieldflow.stores.sqlite.keeper", "SqliteKeeper")(file_of(url))
    else:
        made = found_in("yieldflow.stores.redis.keeper", "RedisKeeper")(app.client, app.settings.prefix)
    return made


def hints_of(app: App) -> Hints | None:
    """None: an embedded store has no queue but the threads of its processes."""
    if app.embedded:
        return None
    hints: Hints = fleet(app.client)
    return hints
