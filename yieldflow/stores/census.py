"""How a store stands as a whole, at one moment: what one scrape of figures reads. Counted from indexes, in one call."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from yieldflow.core.times import Millis


@frozen
class Due:
    """Work of one queue that a worker may take now. *since*: of what had to wait for a time, when the oldest fell due;
    *issued*: of the rest, the event of the oldest.
    """

    count: int
    since: Millis | None = None
    issued: bytes | None = None


@frozen
class Census:
    """*runs*: by status. *overdue*: alarms that should have rung; *alarm*: the earliest of all. *claims* and *due*: by
    queue; None where the store has no index of them.
    """

    now: Millis
    runs: Mapping[str, int]
    overdue: int
    alarm: Millis | None
    hooks: int
    claims: Mapping[str, int] | None = None
    due: Mapping[str, Due] | None = None
