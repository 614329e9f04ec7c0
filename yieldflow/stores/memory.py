"""A store in the memory of one process: for tests, scripts and trying things out. It keeps nothing on disk.

It is also the model that the other stores are compared with: a dataclass for each run and straight code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice
from threading import RLock
from typing import assert_never

from attrs import evolve

from yieldflow.core.chain import chain_of, generation, is_first, predecessor
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.ports import (
    CLAIMS_A_CALL,
    KEYS_CARRIED,
    NEVER,
    Beat,
    Claim,
    Claimed,
    Commit,
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
    Summary,
)
from yieldflow.stores import conditions, rules
from yieldflow.stores.bell import Bell

_LOOK_EVERY = 60.0  # seconds; every change of this store rings the bell


@dataclass
class _Run:
    summary: Summary
    events: list[bytes] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)  # of each event: the commit that wrote it
    free: dict[Path, Free] = field(default_factory=dict)
    claimed: dict[Path, Claimed] = field(default_factory=dict)
    once: dict[str, int] = field(default_factory=dict)  # key -> position of the delivery; 0: in an earlier generation
    replays: tuple[Millis, ...] = ()
    payloads: int = 0
    base: Millis | None = None  # the alarm without the ends of leases
    alarm: Millis | None = None
    rings: int = 0
    done: bool = False

    @property
    def head(self) -> Mark:
        return Mark(len(self.commits), self.commits[-1])

    def has(self, mark: Mark) -> bool:
        if not mark.commit:
            return rules.is_place(mark.length, len(self.commits))
        return 0 < mark.length <= len(self.commits) and self.commits[mark.length - 1] == mark.commit

    def tail(self, length: int) -> tuple[bytes, ...]:
        return rules.tail(islice(self.events, rules.tail_begins(length, len(self.events)), None))

    def claim_at(self, path: Path) -> Claimed | None:
        return self.claimed.get(path)

    def accepts(self, path: Path) -> str | None:
        work = self.free.get(path) or (self.claimed[path].work if path in self.claimed else None)
        return None if work is None else work.accepts

    def delivered(self, once: str) -> int | None:
        return self.once.get(once)

    def held(self, path: Path, token: str) -> Claimed | None:
        claim = self.claimed.get(path)
        return claim if claim is not None and claim.token == token else None

    def put(self, entry: Entry) -> None:
        self.drop(entry.path)
        match entry:
            case Free():
                self.free[entry.path] = entry
            case Claimed():
                self.claimed[entry.path] = entry
            case _:
                assert_never(entry)

    def drop(self, path: Path) -> None:
        self.free.pop(path, None)
        self.claimed.pop(path, None)

    def end(self) -> None:
        self.done = True
        self.free.clear()
        self.claimed.clear()

    def size(self) -> int:
        return len(self.free) + len(self.claimed)

    def due_from(self) -> Millis | None:
        return min((entry.not_before for entry in self.free.values() if entry.not_before < NEVER), default=None)

    def lease_end(self, now: Millis) -> Millis | None:
        return min((claim.until for claim in self.claimed.values() if claim.until > now), default=None)

    def move_alarm(self, now: Millis, beaten: Millis | None = None) -> None:
        self.alarm = rules.moved(self.alarm, self.base, rules.earliest(self.lease_end(now), beaten), now)

    def set_alarm(self) -> None:
        self.alarm = rules.earliest(self.base, *(claim.until for claim in self.claimed.values()))


class MemoryStore:
    """Safe to share between threads. *clock* answers the time in milliseconds since the epoch."""

    def __init__(self, clock: rules.Clock | None = None) -> None:
        self._clock = clock or rules.wall_clock()
        self._runs: dict[str, _Run] = {}
        self._hooks: dict[str, tuple[str, str]] = {}  # token hash -> run id and name
        self._lock = RLock()
        self._bell = Bell()

    def read(self, run_id: str, after: Mark | None = None, *, replaying: Sequence[str] | None = ()) -> Log | None:
        with self._lock:
            now, run = self._clock(), self._runs.get(run_id)
            if run is None:
                return None
            gap = after is not None and not run.has(after)
            free: dict[str, int] = {}
            for entry in run.free.values():
                if entry.not_before <= now:
                    free[entry.queue] = free.get(entry.queue, 0) + 1
            replays = run.replays
            if rules.replays(run.summary, replaying):
                run.replays = rules.replays_after(replays, now)
            return Log(
                head=run.head,
                events=run.tail(0 if gap or after is None else after.length),
                claimed=tuple(run.claimed[path] for path in sorted(run.claimed)),
                free=free,
                entries=run.size(),
                summary=run.summary,
                alarm=run.alarm,
                now=now,
                gap=gap,
                rings=run.rings,
                replays=replays,
            )

    def read_each(self, looks: Sequence[Look]) -> tuple[Log | None, ...]:
        return tuple(self.read(look.run_id, look.after, replaying=look.replaying) for look in looks)

    def newest(self, chain: str) -> str:
        with self._lock:
            numbers = [number for named, number in map(chain_of, self._runs) if named == chain]
            return generation(chain, max(numbers, default=1))

    def work(self, run_id: str) -> tuple[Entry, ...]:
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                return ()
            entries: list[Entry] = [*run.free.values(), *run.claimed.values()]
            return tuple(sorted(entries, key=lambda entry: entry.path))

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        for commit in commits:
            rules.check(commit)
        with self._lock:
            now = self._clock()
            replies = tuple([self._commit(commit, now) for commit in commits])
        self._bell.ring(commit.run_id for commit in commits)
        return replies

    def begin(self, commits: Sequence[Commit], looks: Sequence[Look]) -> Callable[[], Heard]:
        heard = self.commit(commits) if commits else (), self.read_each(looks) if looks else ()
        return lambda: heard

    def claim(self, run_id: str, queues: Sequence[str], worker: str, tokens: Sequence[str]) -> Granted:
        with self._lock:
            now, run = self._clock(), self._runs.get(run_id)
            if run is None or run.summary.status == "paused":
                return Granted(now)
            due = [entry for entry in run.free.values() if entry.queue in queues and entry.not_before <= now]
            first = nsmallest(CLAIMS_A_CALL, due, key=lambda entry: (entry.not_before, entry.path))
            claims = [entry.claimed(token, worker, now) for entry, token in zip(first, tokens, strict=False)]
            for claim in claims:
                run.put(claim)
            if claims:
                run.move_alarm(now)
            return Granted(now, tuple(Grant(claim, run.events[claim.work.event - 1], run.head) for claim in claims))

    def renew(self, beats: Sequence[Beat]) -> tuple[Mark | None, ...]:
        with self._lock:
            return tuple(self._renew(beat) for beat in beats)

    def release(self, run_id: str, path: Path, token: str, not_before: Millis = 0) -> None:
        with self._lock:
            run = self._runs.get(run_id)
            claim = run.held(path, token) if run else None
            if run is not None and claim is not None:
                run.put(evolve(claim.work, not_before=not_before))
                run.base = rules.hinted(run.base, self._clock(), not_before)
                run.set_alarm()

    def due(self, limit: int) -> tuple[Due, ...]:
        with self._lock:
            now = self._clock()
            ringing = sorted((run.alarm, run_id) for run_id, run in self._runs.items() if run.alarm is not None)
            due = [run_id for alarm, run_id in ringing[:limit] if alarm <= now]
            for run in (self._runs[run_id] for run_id in due):
                run.base, run.alarm = rules.put_off(run.base, run.lease_end(now), run.rings, now)
                run.rings += 1
            return tuple(Due(run_id, self._runs[run_id].summary.queue) for run_id in due)

    def next_alarm(self) -> tuple[Millis | None, Millis]:
        with self._lock:
            return rules.earliest(*(run.alarm for run in self._runs.values())), self._clock()

    def find(self, wanted: Filter, cursor: str | None = None) -> Page:
        with self._lock:
            listed = [run.summary for run in self._runs.values() if rules.fits(run.summary, wanted)]
        listed.sort(key=rules.place, reverse=not wanted.oldest_first)
        if cursor is not None:
            after, back = rules.place_of(cursor), wanted.oldest_first
            listed = [one for one in listed if (rules.place(one) > after if back else rules.place(one) < after)]
        return rules.page(listed, wanted)

    def resolve(self, token_hash: str) -> tuple[str, str] | None:
        with self._lock:
            return self._hooks.get(token_hash)

    def wait(self, run_id: str, head: Mark | None, seconds: float, *, end: bool = False) -> bool:
        def moved() -> bool:
            return self._has_ended(run_id) if end else self._head(run_id) != head

        return self._bell.wait(run_id, moved, seconds, look_every=_LOOK_EVERY)

    def delete(self, run_id: str) -> None:
        with self._lock:
            self._runs.pop(run_id, None)
            if is_first(run_id):
                self._close_hooks(run_id)
        self._bell.ring([run_id])

    def close(self) -> None:
        """Nothing to close."""

    # --- one commit ----------------------------------------------------------------------------------------------

    def _commit(self, commit: Commit, now: Millis) -> Reply:
        run = self._runs.get(commit.run_id)
        refusal = conditions.against(commit, run, now, self._hooks.get)
        if refusal is not None:
            return refusal
        if run is None:
            assert commit.summary is not None  # as `check` saw to
            run = self._runs[commit.run_id] = _Run(commit.summary, once=self._carried(commit.run_id))
        run.once.update(commit.keys)
        given = _apply(commit, run, now)
        if commit.hooks or commit.done:
            self._keep_hooks(commit, run.summary)
        return conditions.applied(commit, run, now, given)

    def _renew(self, beat: Beat) -> Mark | None:
        run = self._runs.get(beat.run_id)
        claim = run.held(beat.path, beat.token) if run else None
        if run is None or claim is None:
            return None
        now = self._clock()
        renewed = rules.renewed(claim, beat, now)
        run.put(renewed)
        run.move_alarm(now, renewed.until)
        return run.head

    def _carried(self, run_id: str) -> dict[str, int]:
        """The keys of payloads that a new generation starts with: the last ones of those before."""
        former = self._runs.get(predecessor(run_id))
        kept = [] if former is None else [key for key in former.once if rules.is_carried(key)]
        return dict.fromkeys(kept[-KEYS_CARRIED:], 0)

    def _keep_hooks(self, commit: Commit, summary: Summary) -> None:
        chain, _ = chain_of(commit.run_id)
        self._hooks |= {token_hash: (chain, name) for token_hash, name in commit.hooks.items()}
        if commit.done and not rules.keeps_hooks(summary):
            self._close_hooks(chain)

    def _close_hooks(self, chain: str) -> None:
        self._hooks = {token_hash: hook for token_hash, hook in self._hooks.items() if hook[0] != chain}

    def _head(self, run_id: str) -> Mark | None:
        with self._lock:
            run = self._runs.get(run_id)
            return None if run is None else run.head

    def _has_ended(self, run_id: str) -> bool:
        with self._lock:
            run = self._runs.get(run_id)
            return run is None or run.summary.finished_at is not None


def _apply(commit: Commit, run: _Run, now: Millis) -> tuple[Path, ...]:
    """Everything but the end; answers which work was claimed."""
    before = len(run.events)
    run.events += commit.events
    run.commits += [commit.commit] * len(commit.events)
    for path in (*(revoke.path for revoke in commit.revoke), *commit.drop):
        run.drop(path)
    for entry in commit.put:
        run.put(entry)
    run.summary = rules.summary_after(commit, run.summary)
    given = tuple(claim.path for claim in commit.claim if _take(claim, commit.worker, run, now))
    run.rings = run.rings if rules.keeps_rings(commit) else 0
    if commit.done:
        run.end()
    match commit.on:
        case Head():
            run.replays = run.replays if commit.keeps_replays else ()
            run.base = rules.looked_at(commit, run.summary, run.size(), run.due_from(), now)
            run.payloads = run.payloads if commit.payloads is None else commit.payloads
        case Holding():
            run.base = rules.hinted(run.base, now)
        case Open(once):
            run.base = rules.hinted(run.base, now, alarm=commit.alarm)
            run.payloads += commit.payloads or 0
            run.once[once] = before + 1
        case _:
            assert_never(commit.on)
    run.set_alarm()
    return given


def _take(claim: Claim, worker: str, run: _Run, now: Millis) -> bool:
    entry = run.free.get(claim.path)
    if entry is None or entry.not_before > now or run.summary.status == "paused":
        return False
    run.put(entry.claimed(claim.token, worker, now))
    return True
