"""What a worker process says of itself, for whoever asks why a run is not worked on, and what RQ says of it. Values.

It is small whatever is loaded: names beyond `MOST_NAMES` are left out, and it says so. Nothing is decided by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from yieldflow.core.record import record
from yieldflow.core.times import Millis

MOST_NAMES = 1_000  # of workflows, and of steps
LONGEST_NAME = 300  # characters
SILENT: Millis = 60_000  # four signs of life


@record
class Presence:
    """*at*: when it said so, by the server's time. *rings*: it is a timer service, too. *stuck*: threads that do not
    come back from a body. *whole*: no name is left out.
    """

    at: Millis
    workflows: frozenset[str]
    steps: frozenset[str]
    rings: bool = False
    stuck: int = 0
    whole: bool = True

    def packed(self) -> str:
        lists = {"workflows": sorted(self.workflows), "steps": sorted(self.steps)}
        return json.dumps({"at": self.at, **lists, "rings": self.rings, "stuck": self.stuck, "whole": self.whole})


@record
class Member:
    """A worker of RQ's. *presence*: what it says of itself; None: it is a stock one."""

    name: str
    queues: tuple[str, ...]
    place: str  # host and pid
    presence: Presence | None
    born: Millis | None = None
    heard: Millis | None = None  # of it, by RQ

    def heard_of(self, now: Millis) -> bool:
        return self.presence is None or now - self.presence.at < SILENT


@record
class Backlog:
    """*hints* that lie in a queue; *since*: the oldest of them."""

    queue: str
    hints: int
    since: Millis | None


@record
class Failures:
    """Jobs of a queue that failed: *hints* are ours. *reason*: the last line of the newest of them."""

    queue: str
    hints: int
    others: int
    reason: str


def presence(at: Millis, workflows: Iterable[str], steps: Iterable[str], *, rings: bool, stuck: int) -> Presence:
    known = [_bounded(names) for names in (workflows, steps)]
    whole = all(complete for _, complete in known)
    return Presence(at, known[0][0], known[1][0], rings, stuck, whole)


def unpacked(text: str | bytes) -> Presence | None:
    """None: no worker of ours wrote that."""
    try:
        told = json.loads(text)
    except ValueError:
        return None
    match told:
        case {"at": int(at), "workflows": list(workflows), "steps": list(steps), "rings": bool(rings), **rest}:
            names = [frozenset(map(str, some)) for some in (workflows, steps)]
            stuck = rest.get("stuck")
            counted = stuck if isinstance(stuck, int) else 0
            return Presence(at, names[0], names[1], rings, counted, rest.get("whole") is True)
        case _:
            return None


def _bounded(names: Iterable[str]) -> tuple[frozenset[str], bool]:
    listed = sorted(names)
    kept = [name for name in listed if len(name) <= LONGEST_NAME][:MOST_NAMES]
    return frozenset(kept), len(kept) == len(listed)
