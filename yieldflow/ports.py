"""What the engine needs of a store and of a queue; nothing else talks to either.

A store keeps bytes and understands none of them. It holds, for each run, a log, a table of open work, an
alarm and a summary, and changes them in one atomic call. Every answer carries the store's time in
milliseconds; there is no other clock. `ReplyLost` from any call means: it may or may not have been applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from attrs import field

from yieldflow.core.path import Path
from yieldflow.core.record import record
from yieldflow.core.times import Millis

TAIL_EVENTS = 1_000
TAIL_BYTES = 1 << 20
CLAIMS_A_CALL = 64
HINT_AFTER: Millis = 2_000  # whoever appends but cannot decide sets the alarm at most this far off
LONGEST_PUT_OFF: Millis = 600_000
NEVER: Millis = 1 << 52  # an entry that nobody may claim: its end is reported by others
KEYS_CARRIED = 1_000  # of deliveries, from the generations before
REPLAYS_KEPT = 10


@record
class Mark:
    """The head of a log: its length, and the id that the committer chose. Length alone is not identity."""

    length: int
    commit: str


NO_EVENTS = Mark(1 << 40, "")  # nothing comes after it: to read how a run stands, and none of its log
LAST_EVENT = Mark(-1, "")  # the last event comes after it


# --- conditions ------------------------------------------------------------------------------------------


@record
class Head:
    """The log ends where the decision assumed; `Head(None)`: there is no log yet."""

    at: Mark | None


@record
class Holding:
    """The work at *path* is still claimed with this token, or accepts it, and the run has not ended."""

    path: Path
    token: str


@record
class Open:
    """The run lives, and no delivery with the key *once* was accepted before, in any generation of its chain."""

    once: str


On: TypeAlias = Head | Holding | Open


# --- open work ------------------------------------------------------------------------------------------


@record
class Free:
    """An attempt that somebody may claim from *not_before* on."""

    path: Path
    queue: str
    event: int  # the position of its CommandIssued, so that a worker need not read the log
    attempt: int
    lease: Millis
    not_before: Millis = 0
    timeout: Millis | None = None
    losses: int = 0  # of the attempts so far: how many lost their worker
    accepts: str | None = None  # a report under this token is as good as one of the claim: a child run's
    details: bytes | None = None  # the last heartbeat of the attempts so far

    def claimed(self, token: str, worker: str, now: Millis) -> Claimed:
        """The claim as a store gives it at *now*."""
        deadline = None if self.timeout is None else now + self.timeout
        return Claimed(self, token, worker, now, self.lease_end(deadline, now), deadline)

    def lease_end(self, deadline: Millis | None, now: Millis) -> Millis:
        """Of a lease that begins, or is renewed, at *now*."""
        return now + self.lease if deadline is None else min(now + self.lease, deadline)


@record
class Claimed:
    """An attempt that a worker holds until *until*, renewed by its heartbeat but never past *deadline*."""

    work: Free
    token: str
    worker: str
    since: Millis
    until: Millis
    deadline: Millis | None = None

    @property
    def path(self) -> Path:
        return self.work.path


Entry: TypeAlias = Free | Claimed


@record
class Claim:
    """Take the free entry at *path* under this token, which the worker chose at random."""

    path: Path
    token: str


@record
class Revoke:
    """Take a claim away: its lease is over by the store's time, or (*gone*) its process is known to be dead."""

    path: Path
    token: str
    gone: bool = False


# --- the summary ------------------------------------------------------------------------------------------

Status: TypeAlias = Literal["running", "paused", "blocked", "completed", "failed", "cancelled", "continued"]
LIVE: tuple[Status, ...] = ("running", "paused", "blocked")  # what has not ended


@record
class Note:
    """Why a run is blocked; cleared by any commit that has events."""

    reason: str
    length: int  # of the log that the code could not continue
    version: str | None = None


@record
class Summary:
    """What can be listed of a run without reading its log."""

    run_id: str
    workflow: str
    queue: str
    status: Status
    started_at: Millis
    finished_at: Millis | None = None
    tags: Mapping[str, str] = field(factory=dict)
    note: Note | None = None
    parent: str | None = None
    anew: tuple[int, ...] = ()  # the places up to which it is a copy of a generation that failed


# --- commit ------------------------------------------------------------------------------------------


@record
class Commit:
    """One atomic change of one run. The store checks everything before it writes anything.

    In this order: the condition; *revoke* (all or nothing); whether *hooks* are free or its own; the events; *drop*;
    *put*; *claim* (of entries that are free and due after the puts; those that are not are left out); alarm; summary;
    *hooks*.
    A commit without events does not move the head. Any commit sets the rings of the run's alarm to 0, but for
    one whose summary carries a note. A commit with events clears the note: blocked becomes running.
    `Head` is checked first: a repeated commit is known by the id of the head.
    """

    run_id: str
    commit: str  # the id of the new head; chosen by the committer
    on: On
    events: tuple[bytes, ...] = ()
    after: Mark | None = None  # what the committer knows: the answer's tail starts here; None: no tail is wanted
    revoke: tuple[Revoke, ...] = ()
    drop: tuple[Path, ...] = ()
    put: tuple[Free, ...] = ()
    claim: tuple[Claim, ...] = ()
    worker: str = ""
    alarm: Millis | None = None
    """On `Head`: when to look again but for open work (None: no need). The store adds what it alone knows at that
    moment: the ends of leases, and free entries, which are looked at when they are due, `HINT_AFTER` from now at the
    earliest. On `Open`: it is set to at most this, and to at most `HINT_AFTER` from now; on `Holding` to that."""
    entries: int = 0
    """On `Head`: the work table has so many entries after it, or it was lost, and is looked at soon."""
    summary: Summary | None = None  # on `Head` only: replaces what is listed
    hooks: Mapping[str, str] = field(factory=dict)  # token hash -> hook name; refused as "taken" if it is another's
    keys: Mapping[str, int] = field(factory=dict)  # on `Head(None)`: deliveries that the copied events are, by position
    payloads: int | None = None  # on `Open`: so many unread payloads more; on `Head`: so many are left; None: as before
    inbox: int = 1_000  # on `Open`: refused as "inbox" when there would be more
    keeps_rings: bool = False  # on `Head`: nothing was done for the run
    keeps_replays: bool = False  # on `Head`: it says nothing of whether the run can be replayed
    done: bool = False
    """The run has ended: all work goes, and waiters wake; so do the hooks of its chain, unless it is continued. The
    alarm is what the commit says: a run that owes something to another one keeps it."""


@record
class Done:
    """It was applied. *tail* starts after what the committer knew (`Commit.after`) and holds its own events in
    their true place; on `Head` it is empty. *gap*: what the committer knew is not of this log.
    """

    head: Mark
    now: Millis
    tail: tuple[bytes, ...] = ()
    claimed: tuple[Path, ...] = ()
    gap: bool = False
    entries: int = 0  # of the work table, after it


@record
class Conflict:
    """The log does not end at the expected head; nothing was written. *tail* is what comes after it (from the start,
    where none was expected). *gap*: the expected head is not of this log, and the tail is empty.
    """

    head: Mark | None
    now: Millis
    tail: tuple[bytes, ...] = ()
    gap: bool = False


Refusal: TypeAlias = Literal["unknown", "ended", "resolved", "twice", "revoked", "inbox", "taken"]
"""unknown: no such run · ended: it has finished · resolved: the claim is gone · twice: that key was accepted before
(*position*: where; 0: in an earlier generation) · revoked: a claim to be revoked is not there or still valid · inbox:
too many unread payloads · taken: the token of one of *hooks* is that of another hook."""


@record
class Refused:
    reason: Refusal
    now: Millis
    position: int | None = None


Reply: TypeAlias = Done | Conflict | Refused


@record
class Log:
    """What a read answers, all of one moment. *gap*: the mark that was given is not of this log, so the events are
    all from its start. A tail that was cut ends before `head.length`: read on from its end.
    """

    head: Mark
    events: tuple[bytes, ...]
    claimed: tuple[Claimed, ...]
    free: Mapping[str, int]  # queue -> how many entries are free and due
    entries: int  # of the work table in all; fewer than the log has open: the table was lost
    summary: Summary
    alarm: Millis | None
    now: Millis
    gap: bool = False
    rings: int = 0  # of the alarm since the last commit: so often has nobody done anything
    replays: tuple[Millis, ...] = ()  # when replays began since the last commit on the head, this one's not among them


@record
class Grant:
    """A claim that was given, with the event that issued the work and how the run's log stands."""

    claim: Claimed
    event: bytes
    head: Mark


@record
class Granted:
    now: Millis
    grants: tuple[Grant, ...] = ()


@record
class Beat:
    """One claim to renew. *details* are kept for the next attempt; *deadline* is brought forward, never put off."""

    run_id: str
    path: Path
    token: str
    details: bytes | None = None
    deadline: Millis | None = None


@record
class Due:
    run_id: str
    queue: str


@record
class Filter:
    """Which runs to list, by when they started; *status*: one, or any of several; *tags*: all of them."""

    status: Status | tuple[Status, ...] | None = None
    workflow: str | None = None
    tags: Mapping[str, str] = field(factory=dict)
    since: Millis | None = None
    until: Millis | None = None
    limit: int = 100
    oldest_first: bool = False


@record
class Page:
    runs: tuple[Summary, ...]
    cursor: str | None = None  # give it back for the next page; None: that was the last


@record
class Look:
    """What `read` is asked."""

    run_id: str
    after: Mark | None = None
    replaying: tuple[str, ...] | None = ()


Heard: TypeAlias = tuple[tuple[Reply, ...], tuple[Log | None, ...]]


class Store(Protocol):
    """Safe to share between threads."""

    def read(self, run_id: str, after: Mark | None = None, *, replaying: Sequence[str] | None = ()) -> Log | None:
        """The log after *after*, at most `TAIL_EVENTS` events or `TAIL_BYTES` (but one event at least), and how the
        run stands; None: no such run. A mark with an empty commit id is taken at its length, a negative one from the
        end. *replaying*: the reader is about to replay it, if it is of one of these queues (None: of any); that leaves
        a note of the moment, which any commit on the head takes back: so the death of who replays it is known.
        """

    def read_each(self, looks: Sequence[Look]) -> tuple[Log | None, ...]:
        """`read`, of several runs in one call."""

    def newest(self, chain: str) -> str:
        """The id of the newest generation of a chain; the chain's own, if there is no other."""

    def work(self, run_id: str) -> tuple[Entry, ...]:
        """The whole work table; only for repairs and for people."""

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        """Each by itself: one that is refused does not keep the others from being applied."""

    def begin(self, commits: Sequence[Commit], looks: Sequence[Look]) -> Callable[[], Heard]:
        """`commit` and `read_each` in one call; the caller may do something else until it calls what this answers."""

    def claim(self, run_id: str, queues: Sequence[str], worker: str, tokens: Sequence[str]) -> Granted:
        """Claim free entries of these queues that are due, at most one a token and `CLAIMS_A_CALL` in all.

        There is no other way to hold a claim than this and `Commit.claim`; neither gives one while the run is paused.
        """

    def renew(self, beats: Sequence[Beat]) -> tuple[Mark | None, ...]:
        """Put off leases, at most to their deadlines, and alarms; answers each run's head, None: the claim is gone."""

    def release(self, run_id: str, path: Path, token: str, not_before: Millis = 0) -> None:
        """Make a claim free again, if it is still there, and have somebody look at it: the alarm is then at most
        `HINT_AFTER` after *not_before* or now. Its body must not be running.
        """

    def due(self, limit: int) -> tuple[Due, ...]:
        """Runs whose alarm is due, earliest first; puts each off by 2 s x 2^rings, at most `LONGEST_PUT_OFF`, or to
        the end of a lease that is still to come.
        """

    def next_alarm(self) -> tuple[Millis | None, Millis]:
        """The earliest alarm of all runs, and the store's time."""

    def find(self, wanted: Filter, cursor: str | None = None) -> Page: ...

    def resolve(self, token_hash: str) -> tuple[str, str] | None:
        """(chain, hook name) of an open hook."""

    def wait(self, run_id: str, head: Mark | None, seconds: float, *, end: bool = False) -> bool:
        """Block until its head is not *head*, or with *end* until it has ended or is gone; False: the time is over."""

    def delete(self, run_id: str) -> None:
        """One generation; with the first one what the chain kept for all goes, too."""

    def close(self) -> None: ...


class Queue(Protocol):
    """Carries hints; may lose, double and delay them."""

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        """Say "look at this run" to whoever serves *queue*, at most *count* of them."""

    def offer_each(self, runs: Sequence[Due]) -> None:
        """Say it of several runs."""
