"""All that a store keeps of a run beside its log, of one moment: to be compared with what the log says of it.

Only for care: no worker needs any of this. What a store derives from its own records (lists, sets of free work) it
compares and rebuilds by itself; it understands no event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from attrs import frozen

from yieldflow.core.times import Millis
from yieldflow.ports import Entry, Mark, Summary


@frozen
class Records:
    run_id: str
    head: Mark | None  # None: there is no log
    now: Millis
    summary: Summary | None  # None: it is not listed
    ended: bool
    alarm: Millis | None
    owed: Millis | None  # when its alarm would ring, by what the last commit said and by its leases
    payloads: int  # that are unread
    rings: int
    entries: tuple[Entry, ...]
    hooks: Mapping[str, str]  # token hash -> name, of its chain
    keys: frozenset[str]  # of deliveries
    loose: tuple[str, ...] = ()  # what of the store's own does not fit the rest of it, each a phrase


@frozen
class Stray:
    """A log that no record names. *place*: where the store has it."""

    place: int
    first: bytes  # its first event


class Keeper(Protocol):
    """The records of one store. Raises `StoreError`."""

    def settings(self) -> Mapping[str, Any]:
        """What the server or the file says of itself; empty: it does not tell."""

    def run_ids(self) -> Iterator[str]:
        """Of all runs of which anything is kept, some of them several times."""

    def records(self, run_ids: Sequence[str]) -> list[Records | str]:
        """Of each; a text: why they cannot be read."""

    def logs(self, heads: Sequence[tuple[str, Mark]]) -> list[tuple[bytes, ...]]:
        """Of each the events up to that head; fewer: its log does not go so far, or is another one by now."""

    def overdue(self, by: Millis) -> int:
        """How many alarms should have rung so long ago."""

    def strays(self) -> list[Stray]: ...

    def adopt(self, stray: Stray, summary: Summary) -> None:
        """Make a record for that log, if it has none; how the run stands is for a commit to say."""

    def reindex(self, run_id: str, head: Mark | None, *, ended: bool) -> bool:
        """Rebuild what is derived from the run's own records, if its log ends at *head*; without a log, forget what is
        left of it. Whether it was done.
        """

    def close(self) -> None: ...
