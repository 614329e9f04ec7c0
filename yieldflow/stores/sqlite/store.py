"""The store's verbs as transactions: what must be one moment is one transaction, and no more is in it.

Who waits in the process that writes is woken by a bell; other processes look at the head every 50 ms.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from sqlite3 import Connection
from typing import assert_never

from attrs import evolve

from yieldflow.core.chain import chain_of, is_first
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.ports import (
    CLAIMS_A_CALL,
    Beat,
    Claim,
    Claimed,
    Commit,
    Done,
    Due,
    Entry,
    Filter,
    Free,
    Grant,
    Granted,
    Head,
    Heard,
    Holding,
    Log,
    Look,
    Mark,
    Open,
    Page,
    Reply,
)
from yieldflow.stores import conditions, rules
from yieldflow.stores.bell import Bell
from yieldflow.stores.sqlite import listing, pages
from yieldflow.stores.sqlite import run as runs
from yieldflow.stores.sqlite.connections import Connections, Mode
from yieldflow.stores.sqlite.run import Run

_LOOK_EVERY = 0.05  # seconds; for what other processes write
_PATIENCE = 60.0  # seconds; transactions take milliseconds, so only a stuck process keeps a file for so long


class SqliteStore:
    """Safe to share between threads, and between processes, also forked ones. *clock* answers milliseconds since the
    epoch; *patience*: seconds that a file locked by another process is waited for; *mode*: "ro" only reads;
    *fsync*: what is written survives a loss of power. Raises `StoreUnsuitable` for a file that cannot be used,
    `StoreUnreachable` for one that stays locked.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        clock: rules.Clock | None = None,
        *,
        patience: float = _PATIENCE,
        mode: Mode = "rw",
        fsync: bool = False,
    ) -> None:
        self._clock = clock or rules.wall_clock()
        self._connections = Connections(path, patience, mode, fsync=fsync)
        self._bells: dict[int, Bell] = {}  # by process: a bell's lock must not cross a fork

    def read(self, run_id: str, after: Mark | None = None, *, replaying: Sequence[str] | None = ()) -> Log | None:
        (log,) = self.read_each((Look(run_id, after, None if replaying is None else tuple(replaying)),))
        return log

    def read_each(self, looks: Sequence[Look]) -> tuple[Log | None, ...]:
        def query(db: Connection) -> tuple[Log | None, ...]:
            now = self._clock()
            return tuple(_read(db, look, now) for look in looks)

        leaves_notes = any(look.replaying != () for look in looks)
        return self._connections.write(query) if leaves_notes else self._connections.read(query)

    def newest(self, chain: str) -> str:
        return self._connections.read(lambda db: listing.newest(db, chain))

    def work(self, run_id: str) -> tuple[Entry, ...]:
        def query(db: Connection) -> tuple[Entry, ...]:
            run = runs.find(db, run_id)
            return () if run is None else run.work.entries()

        return self._connections.read(query)

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        for commit in commits:
            rules.check(commit)

        def change(db: Connection) -> tuple[Reply, ...]:
            now = self._clock()
            return tuple([_commit(db, commit, now) for commit in commits])

        replies = self._connections.write(change)
        self._bell().ring(commit.run_id for commit in commits)
        return replies

    def begin(self, commits: Sequence[Commit], looks: Sequence[Look]) -> Callable[[], Heard]:
        heard = self.commit(commits) if commits else (), self.read_each(looks) if looks else ()
        return lambda: heard

    def claim(self, run_id: str, queues: Sequence[str], worker: str, tokens: Sequence[str]) -> Granted:
        def change(db: Connection) -> Granted:
            now, run = self._clock(), runs.find(db, run_id)
            if run is None or run.summary.status == "paused":
                return Granted(now)
            return Granted(now, _claim(run, queues, worker, tokens[:CLAIMS_A_CALL], now))

        return self._connections.write(change)

    def renew(self, beats: Sequence[Beat]) -> tuple[Mark | None, ...]:
        return self._connections.write(lambda db: _renew(db, beats, self._clock()))

    def release(self, run_id: str, path: Path, token: str, not_before: Millis = 0) -> None:
        def change(db: Connection) -> None:
            run = runs.find(db, run_id)
            claim = None if run is None else run.held(path, token)
            if run is not None and claim is not None:
                _release(run, claim, not_before, self._clock())

        self._connections.write(change)

    def due(self, limit: int) -> tuple[Due, ...]:
        return self._connections.write(lambda db: listing.ring(db, limit, self._clock()))

    def next_alarm(self) -> tuple[Millis | None, Millis]:
        return self._connections.read(listing.next_alarm), self._clock()

    def find(self, wanted: Filter, cursor: str | None = None) -> Page:
        return self._connections.read(lambda db: pages.page(db, wanted, cursor))

    def resolve(self, token_hash: str) -> tuple[str, str] | None:
        return self._connections.read(lambda db: listing.resolve(db, token_hash))

    def wait(self, run_id: str, head: Mark | None, seconds: float, *, end: bool = False) -> bool:
        def moved() -> bool:
            return self._has_ended(run_id) if end else self._head(run_id) != head

        return self._bell().wait(run_id, moved, seconds, look_every=_LOOK_EVERY)

    def delete(self, run_id: str) -> None:
        def change(db: Connection) -> None:
            run = runs.find(db, run_id)
            if run is not None:
                run.delete()
            if is_first(run_id):
                runs.close_hooks(db, run_id)

        self._connections.write(change)
        self._bell().ring([run_id])

    def close(self) -> None:
        self._connections.close()

    def _head(self, run_id: str) -> Mark | None:
        run = self._connections.read(lambda db: runs.find(db, run_id))
        return None if run is None else run.head

    def _has_ended(self, run_id: str) -> bool:
        run = self._connections.read(lambda db: runs.find(db, run_id))
        return run is None or run.summary.finished_at is not None

    def _bell(self) -> Bell:
        number = os.getpid()
        return self._bells.get(number) or self._bells.setdefault(number, Bell())


def _read(db: Connection, look: Look, now: Millis) -> Log | None:
    run = runs.find(db, look.run_id)
    if run is None:
        return None
    log = _log(run, look.after, now)
    if rules.replays(run.summary, look.replaying):
        run.replays = rules.replays_after(run.replays, now)
        run.save()
    return log


def _log(run: Run, after: Mark | None, now: Millis) -> Log:
    gap = after is not None and not run.has(after)
    return Log(
        head=run.head,
        events=run.tail(0 if gap or after is None else after.length),
        claimed=run.work.claims(),
        free=run.work.free(now),
        entries=run.work.size,
        summary=run.summary,
        alarm=run.alarm,
        now=now,
        gap=gap,
        rings=run.rings,
        replays=run.replays,
    )


# --- one commit ------------------------------------------------------------------------------------------------


def _commit(db: Connection, commit: Commit, now: Millis) -> Reply:
    run = runs.find(db, commit.run_id)
    refusal = conditions.against(commit, run, now, partial(listing.resolve, db))
    if refusal is not None:
        return refusal
    if run is None:
        assert commit.summary is not None  # as `check` saw to
        run = runs.create(db, commit.summary)
    return _apply(commit, run, now)


def _apply(commit: Commit, run: Run, now: Millis) -> Done:
    before, work = run.length, run.work
    run.append(commit.commit, commit.events)
    work.drop((*[revoke.path for revoke in commit.revoke], *commit.drop))
    work.put(commit.put)
    run.list_as(rules.summary_after(commit, run.summary))
    given = tuple([claim.path for claim in commit.claim if _take(claim, commit.worker, run, now)])
    run.open_hooks(commit.hooks)
    run.know(commit.keys)
    run.rings = run.rings if rules.keeps_rings(commit) else 0
    if commit.done:
        run.end()
    match commit.on:
        case Head():
            run.replays = run.replays if commit.keeps_replays else ()
            run.base = rules.looked_at(commit, run.summary, work.size, work.due_from(), now)
            run.payloads = run.payloads if commit.payloads is None else commit.payloads
        case Holding():
            run.base = rules.hinted(run.base, now)
        case Open(once):
            run.base = rules.hinted(run.base, now, alarm=commit.alarm)
            run.payloads += commit.payloads or 0
            run.deliver(once, before + 1)
        case _:
            assert_never(commit.on)
    run.set_alarm()
    if commit.done and not rules.keeps_hooks(run.summary):
        runs.close_hooks(run.db, chain_of(commit.run_id)[0])
    run.save()
    return conditions.applied(commit, run, now, given)


def _take(claim: Claim, worker: str, run: Run, now: Millis) -> bool:
    work = None if run.summary.status == "paused" else run.work.due_at(claim.path, now)
    if work is not None:
        run.work.put([work.claimed(claim.token, worker, now)])
    return work is not None


# --- claims ----------------------------------------------------------------------------------------------------


def _claim(run: Run, queues: Sequence[str], worker: str, tokens: Sequence[str], now: Millis) -> tuple[Grant, ...]:
    due = merge(*(run.work.due(queue, now, len(tokens)) for queue in dict.fromkeys(queues)), key=_order)
    claims = [work.claimed(token, worker, now) for work, token in zip(islice(due, len(tokens)), tokens, strict=False)]
    if claims:
        run.work.put(claims)
        run.move_alarm(now)
        run.save()
    return tuple(Grant(claim, run.event(claim.work.event), run.head) for claim in claims)


def _order(work: Free) -> tuple[Millis, Path]:
    return work.not_before, work.path


def _renew(db: Connection, beats: Sequence[Beat], now: Millis) -> tuple[Mark | None, ...]:
    """The alarm of a run moves once, to where it would stand if it moved with each beat."""
    found = {run_id: runs.find(db, run_id) for run_id in {beat.run_id for beat in beats}}
    over: dict[str, Millis | None] = {}  # the first lease, if any, that is put off to what is over
    heads = []
    for beat in beats:
        run = found[beat.run_id]
        claim = None if run is None else run.held(beat.path, beat.token)
        heads.append(None if run is None or claim is None else run.head)
        if run is not None and claim is not None:
            renewed = rules.renewed(claim, beat, now)
            run.work.renew(renewed)
            if over.setdefault(beat.run_id) is None and renewed.until <= now:
                over[beat.run_id] = renewed.until
    for run_id, run in found.items():
        if run is not None and run_id in over:
            run.move_alarm(now, over[run_id])
            run.save()
    return tuple(heads)


def _release(run: Run, claim: Claimed, not_before: Millis, now: Millis) -> None:
    run.work.put([evolve(claim.work, not_before=not_before)])
    run.base = rules.hinted(run.base, now, not_before)
    run.set_alarm()
    run.save()
